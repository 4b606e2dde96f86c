"""Names that several layers have: allowed, and marked where a user gives one."""

from __future__ import annotations

from collections.abc import Iterable

from ..engine import Report


def is_taken(reports: Iterable[Report], index: int, name: str) -> bool:
    """Whether a layer that is in one net with the layer `index` of the text has this name, in any of the reports."""
    for report in reports:
        included = {layer.index for layer in report.layers if layer.included}
        if index in included and any(
            layer.name == name and layer.index != index for layer in report.layers if layer.index in included
        ):
            return True
    return False


def said_of(name: str) -> str:
    """What a user is told who gives a layer the name of another one."""
    return f"Another layer is named {name!r}, too: what goes by name finds one of them."
