"""The bar that offers stand-in data where what a net reads is not there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import ipywidgets

from ..engine import LayerReport
from ..engine.stand_in import VALUES, spell_shape
from .leaves import leaf
from .pane import as_html


class StandInBar(ipywidgets.HBox):
    """Says what is missing, beside a shape, a kind of values and a button that calls `use` with both; else hidden.

    The shape is the one that the layer's settings tell; it may be typed. Unchanged, `use` is called with the values
    alone, so that each phase has its own.
    """

    def __init__(self, use: Callable[[Any], object]):
        self._use = use
        self._told = ""
        super().__init__(layout={"display": "none"})
        self.add_class("bb-stand-in")

    @cached_property
    def _text(self) -> ipywidgets.HTML:
        return leaf(ipywidgets.HTML)

    @cached_property
    def shape(self) -> ipywidgets.Text:
        """Where the shape is typed; made, as all that is in the bar, when there is something to offer."""
        return leaf(ipywidgets.Text, placeholder="32x3x224x224", continuous_update=False)

    @cached_property
    def values(self) -> ipywidgets.Dropdown:
        """The kind of values."""
        return leaf(ipywidgets.Dropdown, options=VALUES)

    @cached_property
    def button(self) -> ipywidgets.Button:
        """What is pressed to use both."""
        tooltip = "Run the net on made-up data of this shape; the text stays as it is"
        traits = {"icon": "random", "button_style": "warning", "tooltip": tooltip}
        button = leaf(ipywidgets.Button, description="Use stand-in data", **traits)
        button.on_click(lambda _button: self._clicked())
        return button

    def offer(self, layers: Sequence[LayerReport], lack: str) -> None:
        """Offer data for layers that have nothing to read; `lack` says what the first of them lacks."""
        if not layers:
            self.layout.display = "none"
            return
        shapes = [layer.top_shapes[0] if layer.top_shapes else None for layer in layers]
        known = next((spell_shape(shape) for shape in shapes if shape is not None), "")
        with self.hold_sync():
            names = ", ".join(f"<code>{as_html(name)}</code>" for name in dict.fromkeys(layer.name for layer in layers))
            self._text.value = f"{names}: {as_html(lack)}. Stand-in data lets the net run; its shape is"
            if known != self._told:
                self._told = self.shape.value = known
            self.children = [self._text, self.shape, self.values, self.button]
            self.layout.display = None

    def _clicked(self) -> None:
        typed = self.shape.value.strip()
        self._use(self.values.value if typed == self._told else f"{typed} {self.values.value}")
