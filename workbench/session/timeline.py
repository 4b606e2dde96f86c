"""Timeline. States that a session keeps as it goes, to which it can return."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from ...engine import Solver
from ...engine.checkpoint import Checkpoint, arrays_of, key_of

IN_MEMORY = 64 << 20
"""Bytes of states that stay in memory; older ones lie in files."""
ON_DISK = 4 << 30
"""Bytes of states in files, at most; a quarter of what is free there, at most."""
MOST = 400
"""States that are kept, at most."""
SHARE = 0.01
"""Of the time of a run, what keeping states may take."""


@dataclass(eq=False)
class State:
    """A state of a solver; its arrays lie in memory or in a file."""

    checkpoint: Checkpoint
    arrays: list[np.ndarray] | None
    lengths: tuple[int, ...]
    dtype: np.dtype
    path: Path | None = None

    @property
    def iteration(self) -> int:
        """The number of updates made before it."""
        return self.checkpoint.iteration

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(self.lengths) * self.dtype.itemsize

    def load(self) -> Sequence[np.ndarray]:
        """Its arrays. Raises OSError."""
        if self.arrays is not None:
            return self.arrays
        assert self.path is not None
        whole = np.fromfile(self.path, self.dtype)
        if whole.size != sum(self.lengths):
            raise OSError(f"{self.path}: the file of a kept state was cut off")
        return np.split(whole, np.cumsum(self.lengths)[:-1])

    def is_finite(self) -> bool:
        """Whether every weight and every value of the history is a finite number. Raises OSError."""
        return all(bool(np.isfinite(array).all()) for array in self.load())


class Timeline:
    """Keeps states of a solver, in the order of their iterations, the first and the last always.

    A state is kept when that takes no more than SHARE of the time since the one before. Beyond MOST, or the room on
    disk, those are dropped that lie closest to their neighbours. `changed(iterations)` is called after each change.
    """

    def __init__(self, changed: Callable[[list[int]], object] = lambda iterations: None):
        self.is_on = True
        self.share = SHARE
        self._changed = changed
        self._states: list[State] = []
        self._cost = 0.0  # seconds that keeping the last state took
        self._kept_at = -float("inf")
        self._folder: Path | None = None
        self._room = ON_DISK

    def __len__(self) -> int:
        return len(self._states)

    @property
    def iterations(self) -> list[int]:
        """Those at which states are kept, in their order."""
        return [state.iteration for state in list(self._states)]

    @property
    def nbytes(self) -> tuple[int, int]:
        """Bytes of the states in memory, and of those in files."""
        states = list(self._states)
        memory = sum(state.nbytes for state in states if state.arrays is not None)
        return memory, sum(state.nbytes for state in states) - memory

    def tick(self, solver: Solver) -> None:
        """An iteration is about to begin: keep this state, if it is time."""
        now = perf_counter()
        if self.is_on and (not self._states or (now - self._kept_at) * self.share >= self._cost):
            self.keep(solver)

    def keep(self, solver: Solver) -> None:
        """Keep the state of a solver between two iterations; those from there on are dropped."""
        begun = perf_counter()
        self._drop_from(solver.iter)
        if self._states and self._states[0].checkpoint.key != key_of(solver):
            self.clear()
        arrays = arrays_of(solver)
        lengths = tuple(len(array) for array in arrays)
        self._states.append(State(Checkpoint.of(solver), arrays, lengths, arrays[0].dtype))
        self._spill()
        self._thin()
        self._kept_at = perf_counter()
        self._cost = self._kept_at - begun
        self._changed(self.iterations)

    def before(self, iteration: int) -> State | None:
        """The last state that is kept at an iteration or before it."""
        at = bisect_right(self.iterations, iteration)
        return self._states[at - 1] if at else None

    def last_finite(self, iteration: int) -> State | None:
        """The last state at an iteration or before it that holds finite numbers alone. Raises OSError."""
        at = bisect_right(self.iterations, iteration)
        return next((state for state in reversed(self._states[:at]) if state.is_finite()), None)

    def cut(self, iteration: int) -> None:
        """Drop what lies beyond an iteration: the session goes another way from there."""
        if self._states and self._states[-1].iteration > iteration:
            self._drop_from(iteration + 1)
            self._changed(self.iterations)

    def fit(self, solver: Solver) -> None:
        """Drop all states where a solver with other parameters took the place of theirs."""
        if self._states and self._states[0].checkpoint.key != key_of(solver):
            self.clear()

    def clear(self) -> None:
        """Drop all states."""
        self._drop_from(-1)
        self._kept_at, self._cost = -float("inf"), 0.0
        self._changed([])

    def close(self) -> None:
        """Drop all states, and remove their folder."""
        self._states.clear()
        if self._folder is not None:
            _remove(self._folder, os.getpid())

    def _drop_from(self, iteration: int) -> None:
        while self._states and self._states[-1].iteration >= iteration:
            self._drop(len(self._states) - 1)

    def _drop(self, index: int) -> None:
        path = self._states.pop(index).path
        if path is not None:
            path.unlink(missing_ok=True)

    def _spill(self) -> None:
        """Bring the oldest states in memory into files; those that a full disk does not take are dropped."""
        in_memory = [state for state in self._states if state.arrays is not None]
        excess = sum(state.nbytes for state in in_memory) - IN_MEMORY
        for state in in_memory:
            if excess <= 0:
                return
            excess -= state.nbytes
            try:
                state.path = self._write(state)
                state.arrays = None
            except OSError:
                self._room = self.nbytes[1]
                self._states.remove(state)

    def _write(self, state: State) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="brewbench-states-"))
            weakref.finalize(self, _remove, self._folder, os.getpid())
            self._room = min(ON_DISK, shutil.disk_usage(self._folder).free // 4)
        path = self._folder / f"{state.iteration}.state"
        with path.open("wb") as file:
            for array in state.arrays or ():
                array.tofile(file)
        return path

    def _thin(self) -> None:
        """Drop states until there are no more than may be, evenly over the iterations."""
        while len(self._states) > MOST or (len(self._states) > 2 and self.nbytes[1] > self._room):
            iterations = self.iterations
            gaps = np.subtract(iterations[2:], iterations[:-2])
            self._drop(int(gaps.argmin()) + 1 if len(gaps) else 0)


def _remove(folder: Path, process: int) -> None:
    """Remove the folder of the states; not in a forked child, whose parent still needs it."""
    if process == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)
