"""Jobs of a session: generators that yield where a command may come between."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from ...engine import Solver
from ..walk import Cursor
from .position import Position
from .worker import Job, Worker

WANTED = {"forward": "A forward step", "backward": "A backward step", "update": "The update"}


class Jobs:
    """Makes the jobs that move a position; `worker` rests as they say. `tell(text)` is called with what they have to
    say.
    """

    def __init__(self, position: Position, worker: Worker, tell: Callable[[str], object]):
        self._position, self._worker, self._tell = position, worker, tell
        self._concluded: int | None = None  # the iteration at which the end of the training was concluded
        self._asked: tuple[str, Cursor | None] | None = None  # the direction that was refused, and where

    def forget(self) -> None:
        """The net was restored: the end of the training is concluded anew."""
        self._concluded = None

    def play(self) -> Job:
        """Train up to max_iter."""
        position = self._position
        solver = position.solver()
        while solver.iter < solver.param.max_iter:
            if not position.iterate(solver):
                return
            yield
            solver = position.solver()
        if self._concluded != solver.iter:
            if not position.conclude(solver):
                return
            self._concluded = solver.iter
        self._worker.rest = "finished"

    def steps(self, iterations: int) -> Job:
        """Make so many iterations."""
        for _ in range(iterations):
            if not self._position.iterate(self._position.solver()):
                return
            yield

    def epoch(self) -> Job:
        """Go once through the training data."""
        yield from self.steps(epoch_length(self._position.solver()))

    def to(self, iteration: int, back: Callable[[int], object]) -> Job:
        """Make iterations up to one; `back(iteration)` goes to one that is behind, or before it."""
        solver = self._position.solver()
        if iteration < solver.iter or (iteration == solver.iter and self._position.is_halfway):
            back(iteration)
            yield
        yield from self.steps(iteration - self._position.solver().iter)

    def until(self, name: str, holds: Callable[[], object], limit: int | None) -> Job:
        """Make iterations until `holds()`, at most `limit`, or up to max_iter where that lies ahead."""
        solver = self._position.solver()
        end = solver.iter + limit if limit is not None else solver.param.max_iter
        unlimited = limit is None and end <= solver.iter
        while unlimited or solver.iter < end:
            if not self._position.iterate(solver):
                return
            solver = self._position.solver()
            if holds():
                self._tell(f"{name}: so it is at iteration {solver.iter:,}.")
                return
            yield
        self._tell(f"{name}: not so up to iteration {solver.iter:,}.")

    def layers(self, count: int) -> Job:
        """Run so many steps in the order of the iteration."""
        for _ in range(count):
            if self._position.advance() is None:
                return
            yield

    def go(self, direction: str, count: int | None = None) -> Job:
        """Run so many steps of a direction, at most the rest of the pass; None: all of it.

        Where other steps come before, it says so and runs none; asked again, it runs those, too.
        """
        position = self._position
        position.solver()
        if self._is_ahead(direction) and not self._agreed(direction):
            return
        while self._is_ahead(direction):
            if position.advance() is None:
                return
            yield
        while count is None or count > 0:
            if position.advance() is None or self._is_ahead(direction):
                return
            count = None if count is None else count - 1
            yield

    def _is_ahead(self, direction: str) -> bool:
        """Whether the next step is of another direction."""
        coming = self._position.next
        return coming is None or coming.direction != direction

    def _agreed(self, direction: str) -> bool:
        """Whether the same was asked for here before; else say what has to run first."""
        coming = self._position.next
        asked, self._asked = self._asked, (direction, coming)
        if asked == self._asked:
            self._asked = None
            return True
        count = self._position.steps_before(direction)
        if direction == "backward" and coming is not None and coming.direction == "forward":
            layers = "1 layer is" if count == 1 else f"{count} layers are"
            need = f"A backward step needs the forward pass, of which {layers} left (next: {coming})."
        else:
            need = f"{WANTED[direction]} comes after {count} more step{'s' if count > 1 else ''} (next: {coming})."
        self._tell(f"{need} Once more runs {'them' if count > 1 else 'it'}.")
        return False


def epoch_length(solver: Solver) -> int:
    """The iterations that take all rows of the data layer that has most; test_interval where none tells its rows."""
    lengths = [
        ceil(rows / (node.tops[0].shape[0] * max(1, solver.param.iter_size)))
        for node, layer in zip(solver.net.nodes, solver.net.layers, strict=True)
        if (rows := layer.rows)
    ]
    length = max(lengths, default=solver.param.test_interval)
    if not length:
        raise ValueError("no data layer tells how many rows it has, and the solver has no test_interval")
    return length
