"""Walkthrough. A net without a solver, run layer by layer."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from ..engine import Net
from ..engine.backend import Backend
from .events import Channel
from .livenet import LiveNet
from .walk import Cursor


class Walkthrough:
    """Steps the net of a LiveNet forward and backward; the smaller sibling of Session.

    Methods do their work before they return. `state` is "idle", "paused" (halfway) or "failed", with the traceback in
    `error`. Events: `on_state(state)`, `on_cursor(cursor)`, `on_error(traceback)`, `on_making(making)` as a Session's.
    """

    iteration = 0

    def __init__(self, live: LiveNet):
        self.live = live
        self.state = "idle"
        self.error: str | None = None
        self.cursor: Cursor | None = None
        self.on_state = Channel("state")
        self.on_cursor = Channel("cursor")
        self.on_error = Channel("error")
        self.on_making = Channel("making")
        self._lock = threading.RLock()
        self._unsubscribe = [
            live.rebuilt.subscribe(lambda _plan: self.rewind()),
            live.on_making(self.on_making.publish),
        ]

    def forward(self) -> None:
        """Run the whole net forward."""
        self._attempt(lambda net: (net.forward(), self._move(net, len(net.layers) - 1, "forward")))

    def step_forward(self, layers: int = 1) -> None:
        """Run some layers forward, from the first again after the last."""
        self._attempt(lambda net: [self._one(net, "forward") for _ in range(layers)])

    def step_backward(self, layers: int = 1) -> None:
        """Run some layers backward, from the last layer that ran; parameter gradients begin at zero."""
        self._attempt(lambda net: [self._one(net, "backward") for _ in range(layers)])

    def move_to(self, backend: Backend | str) -> None:
        """Compute there from now on, with the weights taken along. Raises RuntimeError for a GPU that is not there."""
        with self._lock:
            self.live.move_to(backend)

    def rewind(self) -> None:
        """Begin before the first layer again."""
        self.cursor, self.error = None, None
        self._become("idle")

    def close(self) -> None:
        """Stop following the net."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()

    def _one(self, net: Net, direction: str) -> None:
        at = self.cursor.index if self.cursor is not None else None
        if direction == "forward":
            index = 0 if at is None or at + 1 >= len(net.layers) else at + 1
            net.forward_layer(index)
        elif self.cursor is not None and self.cursor.direction == "backward" and at:
            index = at - 1
            net.backward_layer(index)
        else:
            index = len(net.layers) - 1 if at is None else at
            net.clear_param_diffs()
            net.backward_layer(index)
        self._move(net, index, direction)

    def _move(self, net: Net, index: int, direction: str) -> None:
        self.cursor = Cursor(0, direction, index, net.layer_names[index], net.nodes[index].entry.origin)
        self._become("paused")
        self.on_cursor.publish(self.cursor)

    def _attempt(self, work: Callable[[Net], object]) -> None:
        with self._lock:
            try:
                self.error = None
                work(self.live.net or self.live.build())
            except Exception:
                self.error = traceback.format_exc()
                self._become("failed")
                self.on_error.publish(self.error)

    def _become(self, state: str) -> None:
        changed, self.state = self.state != state, state
        if changed:
            self.on_state.publish(state)
