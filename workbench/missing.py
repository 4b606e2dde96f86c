"""Data layers of a text whose source is not there: which they are, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterable

from ..engine import LayerReport, Report


def missing_data(reports: Iterable[Report]) -> tuple[LayerReport, ...]:
    """The layers that have nothing to read, and no stand-in data."""
    return tuple(
        layer for report in reports for layer in report.layers if layer.included and layer.name in report.missing
    )


def lack_of(layer: LayerReport, report: Report) -> str:
    """What a layer lacks: "there is no database 'train_lmdb'"."""
    found = (one.message for one in report.diagnostics if one.layer_index == layer.index)
    return next((one for one in found if "there is no" in one), "there is nothing to read").partition(";")[0]
