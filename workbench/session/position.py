"""Position. Where in an iteration a session stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...engine import Solver
from ...engine.solver import data_positions, seek_data
from ..livenet import LiveNet
from ..walk import Cursor, Walk, steps
from .changes import multipliers, spell_changes, stop_frozen
from .events import Events
from .recorder import Recorder
from .timeline import Timeline


class Position:
    """Makes iterations of a LiveNet's solver, whole or a layer at a time.

    `cursor` is the step that ran last of an iteration that is halfway done, or None. All methods run on the session's
    thread, or while its floor is held. `is_sound(solver)` is asked after every iteration whether to go on.
    """

    def __init__(
        self, live: LiveNet, events: Events, recorder: Recorder, timeline: Timeline, is_sound: Callable[[Solver], bool]
    ):
        self._live, self._events, self._recorder, self._timeline = live, events, recorder, timeline
        self._is_sound = is_sound
        self.cursor: Cursor | None = None
        self._walk: Walk | None = None
        self._begun: tuple[int, dict[str, Any]] | None = None  # the iteration under way, and the rows it began at
        self._test_begun: list[tuple[int, dict[str, Any]]] = []  # passes and rows of the test nets at that time

    @property
    def is_halfway(self) -> bool:
        """Whether an iteration has begun and is not over."""
        return self._walk is not None

    def solver(self) -> Solver:
        """The solver, built if it is not yet. Raises what building raises."""
        if self._live.solver is None:
            self._live.build()
        assert self._live.solver is not None
        return self._live.solver

    def iterate(self, solver: Solver) -> bool:
        """Make one iteration, or the rest of the one that is halfway done; False when it is to end here."""
        going_on, before = True, solver.iter
        if self._walk is not None:
            while self._walk.advance() is not None:
                pass
            self._walk = None
        else:
            self._begin(solver)
            going_on = solver.iterate()
            if solver.iter == before:
                self._break_off(solver)
        if solver.iter != before:
            going_on &= self._is_sound(solver)
        if self.cursor is not None:
            self._move(None)
        self.land()
        return going_on

    @property
    def coming(self) -> list[Cursor]:
        """The steps that come next in the iteration under way, or in the coming one; none where there is no net."""
        walk, solver = self._walk, self._live.solver
        if walk is not None and walk.coming:
            return walk.coming
        return steps(solver) if solver is not None else []

    @property
    def next(self) -> Cursor | None:
        """The step that comes next; None where there is no net yet."""
        return next(iter(self.coming), None)

    def steps_before(self, direction: str) -> int:
        """How many steps lie before the next one of a direction, in this iteration or the one after it."""
        coming = [*self.coming, *steps(self.solver())]
        return next(count for count, step in enumerate(coming) if step.direction == direction)

    def advance(self) -> Cursor | None:
        """Run the next step and return it; None where the session is to halt after it."""
        solver = self.solver()
        if self._walk is None:
            self._begin(solver)
            self._walk = Walk(solver)
        cursor = self._walk.advance()
        if cursor is None or cursor.direction == "update":
            self._walk = None
        if cursor is None:
            self._break_off(solver)
        self._move(cursor)
        going_on = cursor is not None and (cursor.direction != "update" or self._is_sound(solver))
        if self._walk is None:
            self.land()
        return cursor if going_on else None

    def conclude(self, solver: Solver) -> bool:
        """Do what follows the last iteration; False when it was broken off."""
        self._begin(solver)
        solver.conclude()
        if solver.request != "stop":
            return True
        self._break_off(solver)
        return False

    def land(self) -> None:
        """Bring the net up to its text.

        A net that is built again begins an iteration that is halfway done anew, from the same rows; a number of the
        solver waits until it is over.
        """
        if not self._live.pending:
            return
        with self._live.turns.iteration():
            pending = self._live.pending
            if pending == "build":
                self.abandon()
            if pending and self._walk is None:
                self._apply()

    def _apply(self) -> None:
        """Bring the net up to its text, and mark on the curves what that changed."""
        live = self._live
        before, lr_mults = live.built, multipliers(live.net)
        live.apply()
        text = spell_changes(before, live.built)
        if live.solver is not None and text:
            stop_frozen(live.solver, lr_mults)
            if live.solver.iter:
                self._recorder.mark(live.solver.iter, text)

    def abandon(self) -> None:
        """Forget an iteration that is halfway done, and put its rows back."""
        self._walk = None
        solver = self._live.solver
        if solver is not None and self._begun and self._begun[0] == solver.iter:
            solver.close()  # a reader that failed begins afresh
            seek_data(solver.net, self._begun[1])
        if self.cursor is not None:
            self._move(None)

    def forget(self) -> None:
        """Stand at the start of an iteration of a net that was restored."""
        self._begun = None

    def leave_walk(self) -> None:
        """Forget an iteration that is halfway done in a net that is no more."""
        self._walk = None
        if self.cursor is not None:
            self._move(None)

    def _begin(self, solver: Solver) -> None:
        self._timeline.cut(solver.iter)
        self._timeline.tick(solver)
        self._begun = solver.iter, data_positions(solver.net)
        self._test_begun = [(net.context.passes, data_positions(net)) for net in solver.test_nets]

    def _break_off(self, solver: Solver) -> None:
        """Put all nets where they were before a test that was not brought to its end: it will begin anew."""
        if self._begun:
            seek_data(solver.net, self._begun[1])
        for net, (passes, positions) in zip(solver.test_nets, self._test_begun, strict=False):
            net.context.passes = passes
            seek_data(net, positions)
        self._recorder.history.truncate(solver.iter)

    def _move(self, cursor: Cursor | None) -> None:
        self.cursor = cursor
        self._events.tell_latest(self._events.cursor, cursor)
