"""The arrays of a bench: a look into the parameters and blobs of the selected layer."""

from __future__ import annotations

from typing import Any

import ipywidgets

from ...engine import Blob
from ...proto.printable import printable
from ...workbench import Cursor, Session
from ...workbench.events import Courier
from ..arrays import PARTS, ArrayView, look_at
from ..leaves import leaf
from ..pane import Throttle
from .choices import choices_of, chosen_blob, title_of
from .state import State

VIEWS_HZ = 4  # how often the arrays follow a running session, at the most
TRAINED = {"data": "data", "diff": "gradient", "update": "update"}  # the parts of a parameter in training
NOTHING = ("select a layer to look into", ())


class Looks:
    """Offers the arrays of what is selected and shows the one that is chosen. `box` is what a bench shows."""

    def __init__(self, state: State):
        self.state = state
        self._courier = Courier(0, "looks")  # a look waits for the layer that runs, or its kernels: events must not
        self.view = ArrayView(on_select=lambda unit: self.view.say(f"unit {unit}"))
        self.choice = ipywidgets.Dropdown(options=[NOTHING], description="Array", layout={"width": "auto"})
        self.choice.add_class("bb-array-choice")
        self.choice.observe(lambda _change: self._show(), "value")
        self.box = leaf(ipywidgets.VBox, [self.choice, self.view])
        self.box.add_class("bb-array-column")
        self.follow(VIEWS_HZ)

    def follow(self, hz: float) -> None:
        """Say how often the arrays follow a running session; 0: not before it pauses."""
        self._throttle = Throttle(lambda _changes: self.look(), hz) if hz else lambda **_changes: None

    def follow_step(self, cursor: Cursor | None) -> None:
        """A step was run by itself: look at data on the way forward, at gradients on the way back."""
        if cursor is not None and cursor.direction != "update":
            self.view.turn("diff" if cursor.direction == "backward" else "data")
        self.look()

    def open(self, is_open: bool) -> None:
        """The pane is in sight, or not any more: then nobody looks at gradients."""
        if not is_open:
            self._keep_gradients(False)

    def _keep_gradients(self, wanted: bool) -> None:
        if isinstance(self.state.session, Session):
            self.state.session.keeps_gradients = wanted

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
        layers = [*self.state.live.report().layers, *self.state.report.layers]
        chosen = [layer for layer in layers if layer.index == selected[0]]
        return choices_of(net, next((layer for layer in chosen if layer.included), chosen[0])) if chosen else []

    def _show(self) -> None:
        choice: Any = self.choice.value
        if not choice:
            self.view.show("", None)
            return

        session = self.state.session
        trained = choice[0] == "params" and isinstance(session, Session)

        def read(part: Any) -> Any:
            blob = chosen_blob(self.state.live.net, choice)
            if not trained or blob is None:
                return None if blob is None else look_at(blob, part)
            self._keep_gradients(part == "diff")
            return look_at(blob, "data") if part == "data" else _learned(session, blob, part)

        kind = "parameters" if choice[0] == "params" else "activations"
        self.view.show(title_of(choice), read, kind, parts=TRAINED if trained else PARTS)

    def close(self) -> None:
        """Look no longer."""
        self._courier.close()


def _learned(session: Session, blob: Blob, part: str) -> Any:
    """Gradient or update of a parameter, or why it is not there: `diff` has room for one of them."""
    with session.still():
        found = session.gradient(blob) if part == "diff" else session.last_update(blob)
    if found is not None:
        return found
    if part == "update":
        return "No update has been made yet; what diff holds is the gradient."
    return "The update was written over this gradient. From the next iteration on it is kept while you look here."
