"""Session. What may be asked of a solver that runs on a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from os import PathLike
from typing import Any

import numpy as np

from ...engine import Blob, Solver
from ...engine.backend import Backend
from ...engine.making import Making
from ..livenet import LiveNet
from ..plan import Plan
from ..walk import Cursor
from . import watch
from .commands import Commands
from .events import Events
from .gradients import Gradients
from .jobs import Jobs
from .moves import Moves
from .position import Position
from .recorder import Recorder
from .runs import Runs
from .timeline import Timeline
from .watch import NotFinite, Watch
from .worker import Command, Worker


class Session(Moves):
    """Plays the solver of a LiveNet.

    Every method returns at once. What it asks for happens on the session's thread, in the order in which it was
    asked for; but `pause` comes before all that waits, and whatever comes after `play` ends it, a snapshot apart.
    Edits of the documents land between two iterations. The net is built when it is first needed.

    Blobs may be read from any thread meanwhile: `data` and `diff` come with the values between two iterations. For
    several that belong to the same moment there is `still`. An array that was got earlier shows what is there now.

    `state` is "idle" (at the start), "running", "paused", "finished" (max_iter is reached) or "failed": then
    `error` is the traceback, and whatever is asked for next tries again. `cursor` is the step of an iteration that ran
    last, `next` the one that comes next; `history` holds the curves.

    Events, each told on a thread of their own, so that listening costs the solver nothing but its share of the
    interpreter: `on_state(state)`, `on_progress(points)` and `on_cursor(cursor)` (the latest, at most every
    `interval` seconds), `on_test(result)`, `on_error(traceback)`, `on_snapshot(weights, state)`,
    `on_rebuilt(plan)`, `on_making(making)`: a kernel is being made, once on every machine (None: it is done),
    `on_testing(batches)`: a test net begins to run so many (0: it is over), `on_notice(text)`: why what was asked for
    did not happen, or how it ended, `on_not_finite(finding)`: the loss is NaN or infinite, `on_kept(iterations)`: those
    at which states are kept, `on_mark(mark)`: an edit landed in the run,
    `on_runs()`: there are other runs, or other names.

    `runs` are those of now and before, saved beside the solver's file: see `Runs`. A run halts at the first loss that
    is NaN or infinite, unless `watches` is False; `not_finite` is what was found.
    """

    def __init__(self, live: LiveNet, *, interval: float = 0.1):
        if live.solver_document is None:
            raise ValueError("a session plays a solver: give the LiveNet a solver document")
        self.live = live
        self._events = events = Events(interval)
        self.on_state, self.on_progress, self.on_test = events.state, events.progress, events.test
        self.on_cursor, self.on_error, self.on_snapshot = events.cursor, events.error, events.snapshot
        self.on_rebuilt, self.on_making, self.on_testing = events.rebuilt, events.making, events.testing
        self.on_notice, self.on_not_finite, self.on_kept = events.notice, events.not_finite, events.kept
        self.on_mark, self.on_runs = events.mark, events.runs
        self._recorder = Recorder(events, interval)
        self.timeline = Timeline(partial(events.tell_latest, events.kept))
        self._watch = Watch(events, self._recorder)
        self._position = Position(live, events, self._recorder, self.timeline, self._go_on)
        self._gradients = Gradients(lambda: self._position.is_halfway)
        self._worker = Worker(self, live.turns)
        self._jobs = Jobs(self._position, self._worker, partial(events.tell, events.notice))
        self.runs = Runs(live, lambda: self.history, lambda: not self._position.is_halfway)
        self.runs.changed = partial(events.tell_latest, events.runs)
        self._recorder.leaving = self.runs.branch
        self._commands = Commands(self)
        live.scheduler = self._schedule
        self._ears = (self._recorder, self._gradients)
        live.listeners.extend(self._ears)
        self._unsubscribe = [live.rebuilt.subscribe(self._follow), live.on_making(self._tell_making)]
        self._worker.start()

    def __repr__(self) -> str:
        return f"<Session, {self.state} at iteration {self.iteration}>"

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    state = property(lambda self: self._worker.state)
    error = property(lambda self: self._worker.error)
    history = property(lambda self: self._recorder.history)

    @property
    def cursor(self) -> Cursor | None:
        """The step that ran last, if an iteration was run step by step; None after whole iterations."""
        return self._position.cursor

    @property
    def next(self) -> Cursor | None:
        """The step that comes next, such as "conv2, backward"; None where there is no net yet."""
        return self._position.next

    @property
    def solver(self) -> Solver | None:
        return self.live.solver

    @property
    def iteration(self) -> int:
        """The number of updates made."""
        return self.live.solver.iter if self.live.solver else 0

    @property
    def not_finite(self) -> NotFinite | None:
        """The first NaN or infinity at which the session has halted; None once it went back or on."""
        return self._watch.found

    @property
    def watches(self) -> bool:
        """Whether a run halts at the first loss that is NaN or infinite."""
        return self._watch.is_on

    @watches.setter
    def watches(self, is_on: bool) -> None:
        self._watch.is_on = is_on

    # Gradient and update

    @property
    def keeps_gradients(self) -> bool:
        """Whether the gradients of every iteration are copied before the update writes over them.

        Those of an iteration that is run step by step always are.
        """
        return self._gradients.wanted

    @keeps_gradients.setter
    def keeps_gradients(self, wanted: bool) -> None:
        self._gradients.wanted = wanted

    def gradient(self, of: str | Blob, index: int = 0) -> np.ndarray | None:
        """A copy of the latest gradient of a learnable parameter, as accumulated; None where it was not kept.

        `of` is the layer's name, `index` the parameter's number in it; or `of` is the blob. Before the update it is
        what `diff` holds. Raises KeyError or IndexError for a parameter that there is not.
        """
        return self._gradients.gradient(self.solver, self._parameter(of, index))

    def last_update(self, of: str | Blob, index: int = 0) -> np.ndarray | None:
        """A copy of what the update just made subtracted from a parameter; None once the next iteration has begun.

        It is what `diff` holds then. Raises KeyError or IndexError for a parameter that there is not.
        """
        return self._gradients.update(self.solver, self._parameter(of, index))

    def _parameter(self, of: str | Blob, index: int) -> Blob:
        if isinstance(of, Blob):
            return of
        net = self.live.net
        if net is None or of not in net.params:
            raise KeyError(f"there is no layer {of!r} with parameters")
        return net.params[of][index]

    # What may be asked for

    def rewind(self) -> None:
        """Go back to the first weights, the first rows and iteration 0; what follows repeats bit for bit."""
        self._in_turn(self._commands.rewind)

    def go_back(self, iteration: int) -> None:
        """Return to the last state that is kept at an iteration or before it (see `timeline`), and rest there.

        What follows repeats bit for bit on the CPU, as long as nothing is changed. The states and curves beyond it stay
        until another iteration begins.
        """
        self._in_turn(partial(self._commands.go_back, iteration))

    def go_back_to_finite(self) -> None:
        """Return to the last state that is kept before the loss was NaN or infinite, of finite numbers alone."""
        self._in_turn(self._commands.go_back_to_finite)

    def find_not_finite(self) -> list[NotFinite]:
        """All blobs, gradients and weights of the training net that hold a NaN or an infinity, in the order they run.
        """
        net = self.live.net
        with self.still():
            return list(watch.everything(net, max(0, self.iteration - 1))) if net is not None else []

    def resume(self, run: str | int | None = None) -> None:
        """Go on with an earlier run, by name or number in `runs`: from its last state, with its curves.

        By default with the last that has a state. It continues bit for bit where nothing was changed since. The session
        fails where there is none, or its state is that of another net.
        """
        self._in_turn(partial(self._commands.resume, run))

    def snapshot(self, path: str | PathLike | None = None) -> None:
        """Write a snapshot, by the solver's snapshot_prefix or with `path` for it; ends an iteration halfway done."""
        self._in_turn(partial(self._commands.snapshot, path), while_playing=True)

    def restore(self, path: str | PathLike) -> None:
        """Go on from a `.solverstate`."""
        self._in_turn(partial(self._commands.restore, path))

    def set(self, param: str, value: Any) -> None:
        """Change a field of the solver's document (base_lr, momentum, ...); it lands between two iterations.

        What is set while a run is under way is marked on its curves, and `rewind` takes it back, and says so.
        Raises ValueError for a field that there is not, or a value that does not fit.
        """
        self._commands.set(param, value)

    def freeze(self, layer: str, is_frozen: bool = True) -> None:
        """Let a layer's parameters stand still, or learn again, by their lr_mult in the net's text.

        It lands between two iterations; the momentum of what stands still is forgotten. Raises KeyError for a layer
        without parameters, ValueError for a net of the old form.
        """
        self._commands.freeze(layer, is_frozen)

    def move_to(self, backend: Backend | str) -> None:
        """Compute there from now on, with all numbers taken along; an iteration that is halfway done begins anew.

        It is done when this returns. Raises RuntimeError while the session is running, or for a GPU that is not there.
        """
        if self._worker.is_busy or not self._worker.floor.acquire(blocking=False):
            raise RuntimeError("the session is running: pause it before it moves to another device")
        try:
            with self.live.turns.iteration():
                self._position.abandon()
                self.live.move_to(backend)
        finally:
            self._worker.floor.release()

    @contextmanager
    def still(self) -> Iterator[None]:
        """Within it the session makes no iteration, so that several blobs are read, or written, as they are together.

        It waits for the end of the iteration under way; the session goes on after it. On the session's own thread, as
        in a method of a listener, it is the state in which the iteration is. What is asked of the session meanwhile
        waits, but for `pause`; `wait` and `close` end the stillness until they return.
        """
        with self.live.turns:
            yield

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all that was asked for is done and told; False when time runs out. For scripts."""
        if self._worker.is_own_thread:
            raise RuntimeError("the session's own thread cannot wait for the session")
        done = self._worker.wait(timeout)
        if done:
            self._events.courier.drain(timeout)
        return done

    def close(self) -> None:
        """Stop, and end the threads. The net lives on."""
        if self._worker.is_closed:
            return
        self.pause()
        self._worker.close()
        with self.live.turns.released():
            self.runs.close()
        self._events.courier.drain(1)
        self._events.courier.close()

    def _in_turn(self, command: Command, while_playing: bool = False) -> None:
        self._worker.post(partial(self._worker.in_turn, command, while_playing))

    # What the worker and the live net tell

    def _schedule(self, work: Command) -> None:
        """Let an edit land: at once if the session rests, else when its thread comes to a safe point."""
        if not self._worker.floor.acquire(blocking=False):
            self._worker.post(self._position.land)
            return
        try:
            self._position.land()
        finally:
            self._worker.floor.release()

    def rested(self) -> None:
        """Nothing is left to do: show all that was done. Raises what a device has to say of its losses."""
        self._recorder.collect()
        self.runs.rested()

    def _go_on(self, solver: Solver) -> bool:
        """Whether to go on after an iteration."""
        self.runs.went_on()
        return self._watch.is_sound(solver)

    def failed(self, error: str) -> None:
        """A command or job raised."""
        with suppress(Exception):  # what failed once may fail again; the first failure is the one to tell
            self._position.abandon()
        self._events.tell(self.on_error, error)

    def state_changed(self, state: str) -> None:
        """The session has another state."""
        self._events.tell(self.on_state, state)

    def stopped(self) -> None:
        """The jobs were dropped."""
        if self.live.solver is not None and self.live.solver.request == "stop":
            self.live.solver.request = None

    def closed(self) -> None:
        """The thread ends: follow the net no longer."""
        self.live.scheduler = lambda work: work()
        self.live.listeners[:] = [one for one in self.live.listeners if one not in self._ears]
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self.timeline.close()

    def _follow(self, plan: Plan) -> None:
        """The net gave way to another: the iteration that was halfway done is no more."""
        self._position.leave_walk()
        if self.live.solver is not None:
            self.timeline.fit(self.live.solver)
        self._events.tell(self.on_rebuilt, plan)

    def _tell_making(self, making: Making | None) -> None:
        self._events.tell_latest(self.on_making, making)
