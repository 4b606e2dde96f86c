"""Recorder. Writes the curves of a session, and tells of them."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import SupportsFloat

from ...engine import Listener, Solver, TestResult
from ...engine.solver import mean_of
from ..history import History
from .events import Events


class Recorder(Listener):
    """Hears a solver: its losses and tests go into `history`, and all is told by `events`.

    `interval` is the time in seconds after which losses that are on a device are read. `in_test` says whether a test
    net runs. `spoiled` is the iteration at which the loss became NaN or infinite and that loss, until somebody resets
    it.

    The curves may reach beyond the iteration where the solver stands, after a return to an earlier state; they are cut
    off there when another point comes.
    """

    needs_gradients = False

    def __init__(self, events: Events, interval: float):
        self.history = History()
        self.interval = interval
        self.in_test = False
        self.spoiled: tuple[int, float] | None = None
        self.leaving: Callable[[History, int], object] = lambda history, at: None  # before curves are cut off
        self._events = events
        self._rate = 0.0
        self._collected = 0.0
        self._coming: list[tuple[int, tuple[SupportsFloat, ...], float]] = []  # points whose losses are not read yet
        self._told = 0  # points of the history that were published

    def on_gradients_ready(self, solver: Solver) -> None:
        self._rate = solver.rate

    def on_advance(self, solver: Solver) -> None:
        self._coming.append((solver.iter - 1, solver.losses, self._rate))
        if solver.backend.name == "cpu" or perf_counter() - self._collected >= self.interval:
            self.collect()

    def on_test_start(self, solver: Solver, net: int) -> None:
        self._tell_testing(solver.param.test_iter[net])

    def on_test_interrupted(self, solver: Solver, net: int) -> None:
        self._tell_testing(0)

    def on_test(self, solver: Solver, result: TestResult) -> None:
        self._tell_testing(0)
        self._cut(result.iteration)
        self.history.add_test(result.net, result.iteration, result.values)
        self._events.tell(self._events.test, result)

    def on_snapshot(self, solver: Solver, weights: Path, state: Path) -> None:
        self._events.tell(self._events.snapshot, weights, state)

    def collect(self) -> None:
        """Bring the iterations that were heard of into the history; waits for a device that computes their losses."""
        coming, self._coming = self._coming, []
        if not coming:
            return
        for iteration, losses, rate in coming:
            self._add(iteration, float(losses[-1]), mean_of(losses), rate)
        self._collected = perf_counter()
        self._events.call_latest("progress", self.tell_progress)

    def _add(self, iteration: int, loss: float, smoothed: float, rate: float) -> None:
        train = self.history.train
        if len(train) and train.rows["iteration"][-1] >= iteration:
            self._cut(iteration)
        if not isfinite(loss) and (not len(train) or isfinite(train.rows["loss"][-1])):
            self.spoiled = iteration, loss
        train.append(iteration, loss, smoothed, rate)

    def _cut(self, iteration: int) -> None:
        """Cut off what an earlier way made at an iteration and after it."""
        tables = (self.history.train, *self.history.tests.values())
        if not any(len(table) and table.rows["iteration"][-1] >= iteration for table in tables):
            return
        self.leaving(self.history, iteration)
        later = [mark.text for mark in self.history.marks if mark.iteration > iteration]
        self.forget(iteration, collect=False)
        if later:
            self.mark(iteration, "; ".join(later))  # what was changed stays so on the new way

    def forget(self, iteration: int, collect: bool = True) -> None:
        """Cut the curves off at an iteration, and tell that what lies behind it is no more."""
        if collect:
            self.collect()
        self.history.truncate(iteration)
        count = len(self.history)

        def tell() -> None:
            self._told = count
            self._events.progress.publish(self.history.since(count))

        self._events.call(tell)

    def replace(self, history: History) -> None:
        """Go on from other curves."""
        self.collect()
        mine = self.history
        mine.train, mine.tests, mine.marks = history.train, history.tests, history.marks

        def tell() -> None:
            self._told = 0
            self.tell_progress()

        self._events.call(tell)

    def mark(self, iteration: int, text: str) -> None:
        """Note a change before an iteration, and tell of it."""
        self.history.mark(iteration, text)
        self._events.tell(self._events.mark, self.history.marks[-1])

    def tell_progress(self) -> None:
        """Publish the points that were not published yet, on this thread; nothing where there are none."""
        points = self.history.since(self._told)
        self._told = points.start + len(points.rows)
        if len(points.rows):
            self._events.progress.publish(points)

    def _tell_testing(self, batches: int) -> None:
        self.in_test = bool(batches)
        self._events.tell(self._events.testing, batches)


