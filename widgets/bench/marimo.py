"""A bench in a marimo notebook, which shows no boxes of ipywidgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bench import Bench

HEIGHT = "600px"  # of drawing and text


def arranged(bench: Bench) -> Any:
    """The panes of a bench as marimo lays them out: stepper, drawing beside text, arrays and table, curves."""
    import marimo

    pane = marimo.ui.anywidget
    bench.editor.height = HEIGHT
    tabs = marimo.ui.tabs({"Text": pane(bench.text), "Look": pane(bench.array), "Table": pane(bench.figures.table)})
    side = marimo.style(tabs, {"max-height": HEIGHT, "overflow": "auto"})
    rows = [pane(bench.stepper), marimo.hstack([pane(bench.editor), side], widths="equal", align="start")]
    if bench.state.live.solver_document is not None:
        rows.append(pane(bench.curves))
    return marimo.vstack(rows)
