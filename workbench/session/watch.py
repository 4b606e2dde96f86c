"""Watch. Finds the first NaN or infinity of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...engine import Blob, Net, Solver
from ...engine.memory import HOST
from .events import Events
from .recorder import Recorder


@dataclass(frozen=True)
class NotFinite:
    """A NaN or an infinity: in which part of which blob, and which layer made it; of the loss alone without a layer.

    `iteration` counts as the curves do: that of the loss before the update of that number. `part` is "data" or "diff".
    `origin` is the layer's place in the text, None for layers that the net put in itself.
    """

    iteration: int
    value: float
    layer: str | None = None
    blob: str | None = None
    part: str = "data"
    origin: int | None = None

    def __str__(self) -> str:
        what = "NaN" if np.isnan(self.value) else "infinity"
        if self.layer is None:
            return f"The loss is {self.value} at iteration {self.iteration:,}; no blob tells where that comes from."
        place = f"layer {self.layer}, blob {self.blob} ({self.part})"
        return f"{what} at iteration {self.iteration:,}: {place} is the first."


class Watch:
    """Halts a run at the first loss that is NaN or infinite, while `is_on`; `found` is where it comes from.

    An iteration costs it one look at what the recorder has noted; blobs are searched when that is not finite.
    """

    def __init__(self, events: Events, recorder: Recorder):
        self._events, self._recorder = events, recorder
        self.is_on = True
        self.found: NotFinite | None = None

    def is_sound(self, solver: Solver) -> bool:
        """Whether to go on after an iteration."""
        spoiled, self._recorder.spoiled = self._recorder.spoiled, None
        if spoiled is None or not self.is_on:
            return True
        self.found = first_in(solver, *spoiled)
        self._events.tell(self._events.not_finite, self.found)
        self._events.tell(self._events.notice, str(self.found))
        return False

    def forget(self) -> None:
        """The solver stands elsewhere."""
        if self.found is not None:
            self.found = None
            self._events.tell(self._events.not_finite, None)


def first_in(solver: Solver, iteration: int, loss: float) -> NotFinite:
    """Where a loss that is not finite comes from: the first blob of the last forward pass, else the first gradient."""
    return next(everything(solver.net, iteration), NotFinite(iteration, loss))


def everything(net: Net, iteration: int) -> Iterator[NotFinite]:
    """All blobs that hold a NaN or an infinity: tops forward, then gradients of parameters and bottoms backward,
    then weights.
    """
    for index, node in enumerate(net.nodes):
        for blob_id, top in zip(node.top_ids, node.tops, strict=True):
            yield from _look(net, iteration, index, net.blob_names[blob_id], top, "data")
    for index in reversed(range(len(net.nodes))):
        for number, blob in enumerate(net.layers[index].blobs):
            yield from _look(net, iteration, index, f"{net.layer_names[index]}[{number}]", blob, "diff")
    for index, layer in enumerate(net.layers):
        for number, blob in enumerate(layer.blobs):
            yield from _look(net, iteration, index, f"{net.layer_names[index]}[{number}]", blob, "data")


def _look(net: Net, iteration: int, index: int, name: str, blob: Blob, part: str) -> Iterator[NotFinite]:
    memory = blob.data_memory if part == "data" else blob.diff_memory
    if not memory.touched:
        return
    values = memory.on(HOST)
    finite = np.isfinite(values)
    if not finite.all():
        value = float(values[int(finite.argmin())])
        yield NotFinite(iteration, value, net.layer_names[index], name, part, net.nodes[index].entry.origin)
