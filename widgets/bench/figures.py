"""The figures of a bench: the table of what each layer costs and sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...workbench.costs import costs
from ..table import LayerTable
from .state import State


class Figures:
    """Fills the table while it is open. `on_select(indices)` is told what the user selects; `table` is the widget."""

    def __init__(self, state: State, on_select: Callable[[Sequence[int]], None]):
        self.state = state
        self._open = False
        self.table = LayerTable(lambda index: on_select([index]))
        self.table.add_class("bb-table-column")

    def open(self, wanted: bool) -> None:
        """Say whether the table is in sight: it costs nothing while it is not."""
        if wanted and not self._open:
            self._open = True
            self.refresh()
        self._open = wanted

    def refresh(self) -> None:
        """Show the net as its text is now."""
        if self._open:
            self.table.show(costs(self.state.report, self.state.live.document.message))
            self.show_selection()

    def show_selection(self) -> None:
        """Mark the selected layers."""
        if self._open:
            self.table.select(self.state.selected)
