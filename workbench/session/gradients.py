"""Gradients. The parameters' gradients, kept where the update writes over them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...engine import Blob, Listener, Solver
from ...engine.memory import HOST


class Gradients(Listener):
    """Tells gradient from update: the `diff` of a parameter holds one until the update, and the other after it.

    The gradient is as accumulated over the passes of an iteration, not yet clipped, decayed or divided by iter_size. It
    is copied before the update where `wanted` is set, and in an iteration that is run step by step, of which
    `is_stepped` tells.
    """

    def __init__(self, is_stepped: Callable[[], bool]):
        self.wanted = False
        self._is_stepped = is_stepped
        self._updated: Solver | None = None  # the solver whose diffs hold an update
        self._kept: tuple[Solver, np.ndarray] | None = None

    @property
    def needs_gradients(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether a device has to halt before the update."""
        return self.wanted

    def on_start(self, solver: Solver) -> None:
        self._updated = None

    def on_gradients_ready(self, solver: Solver) -> None:
        if self.wanted or self._is_stepped():
            self._kept = solver, solver.net.arenas[1].on(HOST).copy()
        else:
            self._kept = None

    def on_advance(self, solver: Solver) -> None:
        self._updated = solver

    def forget(self) -> None:
        """The solver stands elsewhere: the diffs hold neither its gradient nor its update."""
        self._kept = None

    def gradient(self, solver: Solver | None, blob: Blob) -> np.ndarray | None:
        """The latest gradient of a learnable parameter, as an array of its shape; None where it was not kept."""
        if solver is None:
            return None
        if self._updated is not solver:
            return blob.diff.copy()
        if self._kept is None or self._kept[0] is not solver:
            return None
        start, stop = solver.net.arenas[1].span_of(blob.diff_memory)
        return self._kept[1][start:stop].reshape(blob.shape).copy()

    def update(self, solver: Solver | None, blob: Blob) -> np.ndarray | None:
        """What the last update subtracted from a learnable parameter; None once another iteration has begun."""
        return blob.diff.copy() if solver is not None and self._updated is solver else None
