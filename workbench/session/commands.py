"""Commands of a session that put the solver elsewhere; they run on the session's thread."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from ...engine import Solver
from .timeline import State

if TYPE_CHECKING:
    from .session import Session


class Commands:
    """Rewinds, restores and returns on behalf of a session."""

    def __init__(self, session: Session):
        self._session = session
        self._position, self._timeline = session._position, session.timeline
        self._first: dict[str, Any] = {}  # the values of the solver's fields that were set in this run
        self._lr_mults: dict[str, list[float | None]] = {}  # those written for a layer before it was frozen

    def set(self, param: str, value: Any) -> None:
        """Change a field of the solver's text. Raises ValueError where it cannot be."""
        document = self._session.live.solver_document
        assert document is not None
        before = document.get((param,)) if document.has((param,)) else None
        document.set((param,), value)
        if self._session.iteration or self._position.is_halfway:
            self._first.setdefault(param, before)

    def freeze(self, layer: str, is_frozen: bool) -> None:
        """Write lr_mult 0 for all parameters of a layer, or what was written before. Raises ValueError, KeyError."""
        session = self._session
        document, net = session.live.document, session.live.net
        if net is None or layer not in net.params:
            raise KeyError(f"there is no layer {layer!r} with parameters")
        message: Any = document.message
        if message.layers:
            raise ValueError("this net has the old form of layers; write lr_mult for it as blobs_lr")
        indices = [index for index, each in enumerate(message.layer) if each.name == layer]
        count = len(net.params[layer])
        written: list[float | None] = [
            spec.lr_mult if spec.HasField("lr_mult") else None for spec in message.layer[indices[0]].param
        ]
        if is_frozen:
            self._lr_mults.setdefault(layer, [*written, *[None] * (count - len(written))])
        values = [0.0] * count if is_frozen else self._lr_mults.pop(layer, [None] * count)
        with document.transaction(f"{'freeze' if is_frozen else 'unfreeze'} {layer}"):
            for index in indices:
                for number, value in enumerate(values):
                    document.set(("layer", index, "param", number, "lr_mult"), 1.0 if value is None else value)

    def _set_back(self) -> None:
        """Give the fields that were set in this run their values of before, and say so."""
        document, first = self._session.live.solver_document, self._first
        assert document is not None
        self._first = {}
        said = []
        for param, value in first.items():
            now = document.get((param,))
            if value is None:
                document.clear((param,))
            elif value != now:
                document.set((param,), value)
            said.append(f"{param} is {_spell(getattr(document.message, param))} again (it was {now})")
        if said:
            self._session._events.tell(self._session.on_notice, "; ".join(said) + ".")

    def rewind(self) -> None:
        """Build the net anew, as it was at the start."""
        self._session._recorder.collect()
        self._session.runs.end()
        self._position.forget()
        self._set_back()
        if self._session.live.pending == "change":
            self._session.live.apply()
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
        self._session._recorder.collect()
        solver.restore(path)
        self._stand()
        self._timeline.cut(solver.iter)
        self._session.runs.branch(self._session.history, solver.iter)
        self._session._recorder.forget(solver.iter)

    def resume(self, which: str | int | None) -> None:
        """Go on with an earlier run. Raises KeyError, ValueError, OSError."""
        runs = self._session.runs
        if which is None:
            run = next((one for one in reversed(list(runs)) if one.can_resume), None)
            if run is None:
                raise ValueError("there is no run to go on with: none was saved with its state")
        else:
            run = runs[which]
        solver = self._position.solver()
        self._position.abandon()
        history = runs.resume(run, solver)
        self._timeline.clear()
        self._session._recorder.replace(history)
        self._stand()

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


def _spell(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
