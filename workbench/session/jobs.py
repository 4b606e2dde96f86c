"""Jobs of a session: generators that yield where a command may come between."""

from __future__ import annotations

from math import ceil

from ...engine import Solver
from .position import Position
from .worker import Job, Worker


class Jobs:
    """Makes the jobs that move a position; `worker` rests as they say."""

    def __init__(self, position: Position, worker: Worker):
        self._position, self._worker = position, worker
        self._concluded: int | None = None  # the iteration at which the end of the training was concluded

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

    def layers(self, layers: int, backward: bool) -> Job:
        """Run so many layers."""
        for _ in range(layers):
            if not self._position.step(backward):
                return
            yield


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
