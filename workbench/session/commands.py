"""Commands of a session that put the solver elsewhere; they run on the session's thread."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from ...engine import Solver
from .timeline import State

if TYPE_CHECKING:
    from .session import Session


class Commands:
    """Rewinds, restores and returns on behalf of a session."""

    def __init__(self, session: Session):
        self._session = session
        self._position, self._timeline = session._position, session.timeline

    def rewind(self) -> None:
        """Build the net anew, as it was at the start."""
        self._position.forget()
        self._session.live.restart()
        self._timeline.clear()
        self._stand()
        self._session._recorder.forget(0)

    def snapshot(self, path: str | PathLike | None) -> None:
        """End an iteration that is halfway done, and write a snapshot."""
        solver = self._position.solver()
        if self._position.is_halfway:
            self._position.iterate(solver)
        self._position.solver().snapshot(path)

    def restore(self, path: str | PathLike) -> None:
        """Go on from a `.solverstate`."""
        solver = self._position.solver()
        self._position.abandon()
        solver.restore(path)
        self._stand()
        self._timeline.cut(solver.iter)
        self._session._recorder.forget(solver.iter)

    def go_back(self, iteration: int) -> None:
        """Return to the last state kept at an iteration or before it. Raises ValueError where there is none."""
        solver = self._position.solver()
        self._position.abandon()
        if solver.iter not in self._timeline.iterations:
            self._timeline.keep(solver)  # so that the way forward is open, too
        self._return_to(solver, self._timeline.before(iteration), f"at iteration {iteration:,} or before it")

    def go_back_to_finite(self) -> None:
        """Return to the last state before a loss that is not finite. Raises ValueError where there is none."""
        solver = self._position.solver()
        self._position.abandon()
        found = self._session.not_finite
        state = self._timeline.last_finite(found.iteration if found else solver.iter)
        self._return_to(solver, state, "of finite numbers alone")

    def _return_to(self, solver: Solver, state: State | None, which: str) -> None:
        if state is None:
            raise ValueError(f"no state {which} is kept")
        state.checkpoint.put_back(solver, state.load())
        self._stand()

    def _stand(self) -> None:
        """Stand between two iterations, with another state of the solver than before."""
        session = self._session
        session._worker.error = None
        session._worker.rest = "paused" if session.iteration else "idle"
        session._jobs.forget()
        session._gradients.forget()
        session._watch.forget()
        self._position.forget()
        session._events.tell_latest(session.on_cursor, None)
