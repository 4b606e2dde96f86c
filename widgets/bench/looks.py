"""The arrays of a bench: a look into the parameters and blobs of the selected layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets

from ...proto.printable import printable
from ...workbench.events import Courier
from ..arrays import ArrayView, look_at
from ..pane import Throttle
from .state import State

VIEWS_HZ = 10  # how often the arrays follow a running session, at the most
NOTHING = ("select a layer to look into", ())


class Looks:
    """Offers the arrays of what is selected and shows the one that is chosen. `box` is what a bench shows."""

    def __init__(self, state: State):
        self.state = state
        self._courier = Courier(0, "looks")  # a look waits for the layer that runs, or its kernels: events must not
        self.view = ArrayView(on_select=lambda unit: self.view.say(f"unit {unit}"))
        self.choice = ipywidgets.Dropdown(options=[NOTHING], layout={"width": "auto"})
        self.choice.add_class("bb-array-choice")
        self.choice.observe(lambda _change: self._show(), "value")
        self.box = ipywidgets.VBox([self.choice, self.view])
        self.box.add_class("bb-array-column")
        self.follow(VIEWS_HZ)

    def follow(self, hz: float) -> None:
        """Say how often the arrays follow a running session; 0: not before it pauses."""
        self._throttle = Throttle(lambda _changes: self.look(), hz) if hz else lambda **_changes: None

    def tick(self) -> None:
        """The session went on: look again, unless that was a moment ago."""
        self._throttle(tick=True)

    def look(self) -> None:
        """Have the array drawn anew, without waiting for it."""
        self._courier.post_latest("array", lambda: self.view.refresh())

    def refresh(self) -> None:
        """Offer the parameters, tops and bottoms of the selected layer; the array that was shown stays if it can."""
        options = [(printable(label), value) for label, value in self._options()] or [NOTHING]
        before = self.choice.value
        values = [value for _, value in options]
        self.choice.options = options
        self.choice.value = before if before in values else values[0]
        self._show()

    def _options(self) -> list[tuple[str, Any]]:
        net, selected = self.state.live.net, self.state.selected
        if net is None or not selected:
            return []
        options: list[tuple[str, Any]] = []
        for layer in self.state.report.layers:
            if layer.index != selected[0]:
                continue
            for index, blob in enumerate(net.params.get(layer.name, [])):
                what = ("weights", "bias")[index] if index < 2 else f"parameter {index}"
                options.append((f"{layer.name}: {what} {spell_shape(blob.shape)}", ("params", layer.name, index)))
            options += [
                (f"{name} {spell_shape(net.blobs[name].shape)}", ("blobs", name, 0))
                for name in dict.fromkeys((*layer.tops, *layer.bottoms))
                if name in net.blobs
            ]
        return options

    def _show(self) -> None:
        choice: Any = self.choice.value
        if not choice:
            self.view.show("", None)
            return
        kind, name, index = choice

        def read(part: Any) -> Any:
            net = self.state.live.net
            blobs = net.params.get(name, []) if net and kind == "params" else []
            if net and kind == "blobs" and name in net.blobs:
                blobs = [net.blobs[name]]
            return look_at(blobs[index], part) if index < len(blobs) else None

        label = f"{name} {index}" if kind == "params" else name
        self.view.show(label, read, "parameters" if kind == "params" else "activations")

    def close(self) -> None:
        """Look no longer."""
        self._courier.close()


def spell_shape(shape: Sequence[int] | Mapping[Any, Any]) -> str:
    """A shape in a few characters: 64×1×28×28."""
    return "×".join(str(length) for length in shape) or "scalar"
