"""The table of a net: a row a layer, with what it costs and sees, sorted by any column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isinf
from typing import Any

from ..engine.stand_in import spell_shape
from ..workbench.costs import Cost, Pair
from .pane import Pane


class LayerTable(Pane, script="table"):
    """Shows the layers of a net as rows; a click on one calls `on_select` with its place in the text."""

    def __init__(self, on_select: Callable[[int], Any] | None = None, **kwargs: Any):
        self.on_select = on_select
        self._rows: list[list[Any]] = []
        self._selected: list[int] = []
        self._overlay: dict[str, Any] | None = None
        super().__init__(**kwargs)

    def show(self, costs: Sequence[Cost]) -> None:
        """Show these layers."""
        rows = [row_of(cost) for cost in costs]
        if rows != self._rows:
            self._rows = rows
            self.send({"type": "rows", "rows": rows})

    def select(self, indices: Sequence[int]) -> None:
        """Mark the rows of layers, by their places in the text."""
        if list(indices) != self._selected:
            self._selected = list(indices)
            self.send({"type": "select", "indices": self._selected})

    def show_overlay(self, overlay: Mapping[str, Any] | None) -> None:
        """Show an overlay (see `page/overlay.js`) as a column more, or not any more."""
        self._overlay = None if overlay is None else dict(overlay)
        self.send({"type": "overlay", "overlay": self._overlay})

    def _greeting(self) -> list[dict[str, Any]]:
        return [
            {"type": "rows", "rows": self._rows},
            *([{"type": "overlay", "overlay": self._overlay}] if self._overlay else []),
            {"type": "select", "indices": self._selected},
        ]

    def _page_select(self, content: dict, _buffers: Any) -> None:
        self._selected = [content["index"]]
        self.run_callback(self.on_select, content["index"])


def row_of(cost: Cost) -> list[Any]:
    """A layer as the page has it: index, name, type, shape, parameters, macs, activations, field, stride."""
    shape = None if cost.shape is None else spell_shape(cost.shape)
    figures = [cost.parameters, cost.multiply_adds, cost.activations]
    pairs = [spell_pair(cost.receptive_field), spell_pair(cost.stride)]
    return [cost.index, cost.name, cost.type, shape, *figures, *pairs]


def spell_pair(pair: Pair | None) -> str | None:
    """Height and width in a few characters: one number where both are the same."""
    if pair is None:
        return None
    if all(map(isinf, pair)):
        return "all"
    height, width = (f"{one:g}" for one in pair)
    return height if height == width else f"{height}x{width}"
