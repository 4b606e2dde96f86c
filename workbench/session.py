"""Session. A solver that is played, paused, stepped and rewound, on a thread of its own."""

from __future__ import annotations

import os
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from math import ceil
from os import PathLike
from pathlib import Path
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any, SupportsFloat

from ..engine import Listener, Solver, TestResult
from ..engine.backend import Backend
from ..engine.making import Making
from ..engine.solver import data_positions, mean_of, seek_data
from .events import Channel, Courier
from .history import History
from .livenet import LiveNet
from .plan import Plan
from .threads import leave_room
from .walk import Cursor, walk

Command = Callable[[], object]
Job = Iterator[None]


class Session:
    """Plays the solver of a LiveNet.

    Every method returns at once. What it asks for happens on the session's thread, in the order in which it was
    asked for; but `pause` comes before all that waits, and whatever comes after `play` ends it, a snapshot apart.
    Edits of the documents land between two iterations. The net is built when it is first needed.

    Blobs may be read from any thread meanwhile: `data` and `diff` come with the values between two iterations. For
    several that belong to the same moment there is `still`. An array that was got earlier shows what is there now.

    `state` is "idle" (at the start), "running", "paused", "finished" (max_iter is reached) or "failed": then
    `error` is the traceback, and whatever is asked for next tries again. `cursor` is what ran last of an iteration
    that is halfway done; `history` holds the curves.

    Events, each told on a thread of their own, so that listening costs the solver nothing but its share of the
    interpreter: `on_state(state)`, `on_progress(points)` and `on_cursor(cursor)` (the latest, at most every
    `interval` seconds), `on_test(result)`, `on_error(traceback)`, `on_snapshot(weights, state)`,
    `on_rebuilt(plan)`, `on_making(making)`: a kernel is being made, once on every machine (None: it is done),
    `on_testing(batches)`: a test net begins to run so many (0: it is over).
    """

    def __init__(self, live: LiveNet, *, interval: float = 0.1):
        if live.solver_document is None:
            raise ValueError("a session plays a solver: give the LiveNet a solver document")
        self.live = live
        self.state = "idle"
        self.error: str | None = None
        self.cursor: Cursor | None = None
        self.history = History()
        self.on_state = Channel("state")
        self.on_progress = Channel("progress")
        self.on_test = Channel("test")
        self.on_cursor = Channel("cursor")
        self.on_error = Channel("error")
        self.on_snapshot = Channel("snapshot")
        self.on_rebuilt = Channel("rebuilt")
        self.on_making = Channel("making")
        self.on_testing = Channel("testing")
        self._courier = Courier(interval, "session events")
        self._interval, self._collected = interval, 0.0
        self._coming: list[tuple[int, tuple[SupportsFloat, ...], float]] = []  # points whose losses nobody has read
        self._told = 0  # points of the history that `on_progress` has told
        self._inbox: SimpleQueue[Command | None] = SimpleQueue()
        self._floor = threading.Lock()  # whoever holds it may touch the net
        self._settled = threading.Condition()
        self._unhandled = 0  # commands that were posted and not yet obeyed
        self._jobs: deque[Job] = deque()
        self._playing = False
        self._rest = "idle"  # the state to be in when there are no jobs
        self._concluded: int | None = None  # the iteration at which the end of the training was celebrated
        self._walk: Iterator[Cursor] | None = None
        self._begun: tuple[int, dict[str, Any]] | None = None  # the iteration under way, and the rows it began at
        self._in_test = False
        self._test_begun: list[tuple[int, dict[str, Any]]] = []  # where the test nets stood then: passes and rows
        self._room = ExitStack()
        live.scheduler = self._schedule
        live.listeners.append(_Ear(self))
        self._closed = False
        self._process = os.getpid()
        self._unsubscribe = [live.rebuilt.subscribe(self._follow), live.on_making(self._tell_making)]
        self._thread = threading.Thread(target=self._serve, name="session", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Session, {self.state} at iteration {self.iteration}>"

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def solver(self) -> Solver | None:
        return self.live.solver

    @property
    def iteration(self) -> int:
        """The number of updates made."""
        return self.live.solver.iter if self.live.solver else 0

    # What may be asked for

    def play(self) -> None:
        """Train up to max_iter."""
        self._post(partial(self._enqueue, self._play(), playing=True))

    def pause(self) -> None:
        """Stop after the present iteration or layer, and forget what else was asked for.

        A test that is under way, which may take minutes, is broken off; it begins anew when the session goes on.
        """
        solver = self.live.solver
        if self._in_test and solver is not None:
            solver.request = "stop"  # heard between two batches; `_stop`, which comes later, withdraws it
        self._post(self._stop)

    def step(self, iterations: int = 1) -> None:
        """Make some iterations; one that is halfway done counts as the first."""
        self._post(partial(self._enqueue, self._steps(iterations)))

    def epoch(self) -> None:
        """Go once through the training data; through test_interval iterations where nobody knows its length."""
        self._post(partial(self._enqueue, self._epoch()))

    def step_forward(self, layers: int = 1) -> None:
        """Run some layers: forward up to the last, then backward down to the first, then the update, and on."""
        self._post(partial(self._enqueue, self._layers(layers, backward=False)))

    def step_backward(self, layers: int = 1) -> None:
        """Run some layers backward, after finishing the way forward; below the first of them is the update."""
        self._post(partial(self._enqueue, self._layers(layers, backward=True)))

    def rewind(self) -> None:
        """Go back to the first weights, the first rows and iteration 0; what follows repeats bit for bit."""
        self._post(partial(self._in_turn, self._rewind))

    def snapshot(self, path: str | PathLike | None = None) -> None:
        """Write a snapshot, by the solver's snapshot_prefix or with `path` for it; ends an iteration halfway done."""
        self._post(partial(self._in_turn, partial(self._snapshot, path), while_playing=True))

    def restore(self, path: str | PathLike) -> None:
        """Go on from a `.solverstate`."""
        self._post(partial(self._in_turn, partial(self._restore, path)))

    def set(self, param: str, value: Any) -> None:
        """Change a field of the solver's document (base_lr, momentum, ...); it lands between two iterations.

        Raises ValueError for a field that there is not, or a value that does not fit.
        """
        assert self.live.solver_document is not None
        self.live.solver_document.set((param,), value)

    def move_to(self, backend: Backend | str) -> None:
        """Compute there from now on, with all numbers taken along; an iteration that is halfway done begins anew.

        It is done when this returns. Raises RuntimeError while the session is running, or for a GPU that is not there.
        """
        if self._unhandled or self.state == "running" or not self._floor.acquire(blocking=False):
            raise RuntimeError("the session is running: pause it before it moves to another device")
        try:
            with self.live.turns.iteration():
                self._abandon()
                self.live.move_to(backend)
        finally:
            self._floor.release()

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
        if threading.current_thread() is self._thread:
            raise RuntimeError("the session's own thread cannot wait for the session")
        self._check_process()
        self.live.turns.let_go()
        with self.live.turns.released(), self._settled:
            done = self._settled.wait_for(lambda: not self._unhandled and self.state != "running", timeout)
        if done:
            self._courier.drain(timeout)
        return done

    def close(self) -> None:
        """Stop, and end the threads. The net lives on."""
        if self._closed or self._process != os.getpid():
            return
        self.pause()
        self._closed = True
        self._inbox.put(None)
        if threading.current_thread() is not self._thread:
            with self.live.turns.released():
                self._thread.join()
        self._courier.drain(1)
        self._courier.close()

    # The thread

    def _check_process(self) -> None:
        """Raise RuntimeError in a forked child: the thread did not come along."""
        if self._process != os.getpid():
            raise RuntimeError("the session runs in the process that made it; a forked child makes one of its own")

    def _post(self, command: Command) -> None:
        if self._closed:
            raise RuntimeError("the session is closed")
        self._check_process()
        self.live.turns.let_go()
        with self._settled:
            self._unhandled += 1
        self._inbox.put(command)

    def _serve(self) -> None:
        while True:
            try:
                command = self._inbox.get(block=not self._jobs)
            except Empty:
                self._do(self._advance)
                if not self._jobs:
                    self._settle(0)
                continue
            if command is None:
                break
            self._do(command)
            self._settle(1)
        self.live.scheduler = lambda work: work()
        self.live.listeners[:] = [one for one in self.live.listeners if not _belongs_to(one, self)]
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._room.close()

    def _do(self, command: Command) -> None:
        with self._floor:
            self._attempt(command)
            if self._rest == "failed":
                with suppress(Exception):  # the first failure is the one to tell
                    self._collect()
            elif not self._jobs:
                self._attempt(self._collect)

    def _attempt(self, command: Command) -> None:
        try:
            command()
        except BaseException:  # a layer of somebody's own may even call sys.exit
            self._jobs.clear()
            self._playing, self._rest = False, "failed"
            self.error = traceback.format_exc()
            with suppress(Exception):  # what failed once may fail again; the first failure is the one to tell
                self._abandon()
            self._courier.post(partial(self.on_error.publish, self.error))

    def _settle(self, handled: int) -> None:
        """Take the state that follows from the jobs, and tell whoever waits or watches."""
        state = "running" if self._jobs else self._rest
        if state == "running" and self.state != "running":
            self._room.enter_context(leave_room())
            self._room.enter_context(self.live.turns.playing())
        elif state != "running" and self.state == "running":
            self._room.close()
        with self._settled:
            changed, self.state = self.state != state, state
            self._unhandled -= handled
            self._settled.notify_all()
        if changed:
            self._courier.post(partial(self.on_state.publish, state))

    def _advance(self) -> None:
        """Do the first job up to its next safe point; nothing, where a command comes while others read."""
        if not self.live.turns.begin(lambda: not self._inbox.empty()):
            return
        self._rest, self.error = "paused", None
        try:
            next(self._jobs[0])
        except StopIteration:
            self._jobs.popleft()
            self._playing = False
        finally:
            self.live.turns.end()

    def _enqueue(self, job: Job, playing: bool = False) -> None:
        if self._playing or playing:
            self._jobs.clear()
        self._playing = playing
        self._jobs.append(job)

    def _in_turn(self, command: Command, while_playing: bool = False) -> None:
        """Obey a command when the jobs before it are done; play is ended by it, or goes on after it."""
        if self._playing and not while_playing:
            self._stop()
        if self._jobs and not self._playing:
            self._jobs.append(_once(command))
        else:
            with self.live.turns.iteration():
                command()

    def _stop(self) -> None:
        self._jobs.clear()
        self._playing = False
        if self.live.solver is not None and self.live.solver.request == "stop":
            self.live.solver.request = None

    # Jobs: each yields where others may come between

    def _play(self) -> Job:
        solver = self._ready()
        while solver.iter < solver.param.max_iter:
            if not self._iterate(solver):
                return
            yield
            solver = self._ready()
        if self._concluded != solver.iter:
            self._begin(solver)
            solver.conclude()
            if solver.request == "stop":
                self._break_off(solver)
                return
            self._concluded = solver.iter
        self._rest = "finished"

    def _steps(self, iterations: int) -> Job:
        for _ in range(iterations):
            if not self._iterate(self._ready()):
                return
            yield

    def _epoch(self) -> Job:
        solver = self._ready()
        yield from self._steps(_epoch_length(solver))

    def _layers(self, layers: int, backward: bool) -> Job:
        for _ in range(layers):
            solver = self._ready()
            if self._walk is None:
                self._begin(solver)
                self._walk = walk(solver)
            cursor = next(self._walk, None)
            while backward and cursor is not None and cursor.direction == "forward":
                cursor = next(self._walk, None)
            if cursor is None or cursor.direction == "update":
                self._walk = None
            if cursor is None:
                self._break_off(solver)
            self._move(cursor)
            if self._walk is None:
                self._land()
            if cursor is None:
                return
            yield

    def _ready(self) -> Solver:
        """The solver, built if it is not yet."""
        if self.live.solver is None:
            self.live.build()
        assert self.live.solver is not None
        return self.live.solver

    def _iterate(self, solver: Solver) -> bool:
        """Make one iteration, or the rest of the one that is halfway done; False when somebody asked to stop."""
        going_on = True
        if self._walk is not None:
            for _ in self._walk:
                pass
            self._walk = None
        else:
            self._begin(solver)
            before = solver.iter
            going_on = solver.iterate()
            if solver.iter == before:
                self._break_off(solver)
        if self.cursor is not None:
            self._move(None)
        self._land()
        return going_on

    def _begin(self, solver: Solver) -> None:
        self._begun = solver.iter, data_positions(solver.net)
        self._test_begun = [(net.context.passes, data_positions(net)) for net in solver.test_nets]

    def _break_off(self, solver: Solver) -> None:
        """Have all nets where they were before a test that was not brought to its end: it will begin anew."""
        if self._begun:
            seek_data(solver.net, self._begun[1])
        for net, (passes, positions) in zip(solver.test_nets, self._test_begun, strict=False):
            net.context.passes = passes
            seek_data(net, positions)
        self.history.truncate(solver.iter)

    def _move(self, cursor: Cursor | None) -> None:
        self.cursor = cursor
        self._courier.post_latest("cursor", partial(self.on_cursor.publish, cursor))

    # Between iterations

    def _schedule(self, work: Command) -> None:
        """Let an edit land: here and now if the session rests, else when its thread comes to a safe point."""
        if not self._floor.acquire(blocking=False):
            self._post(self._land)
            return
        try:
            self._land()
        finally:
            self._floor.release()

    def _land(self) -> None:
        """Bring the net up to its text.

        A net that is built again begins an iteration that is halfway done anew, from the same rows; a number of the
        solver waits until it is over.
        """
        if self.live.pending:
            with self.live.turns.iteration():
                self._apply()

    def _apply(self) -> None:
        pending = self.live.pending
        if pending == "build":
            self._abandon()
        if pending and self._walk is None:
            self.live.apply()

    def _abandon(self) -> None:
        """Forget an iteration that is halfway done, and put its rows back."""
        self._walk = None
        solver = self.live.solver
        if solver is not None and self._begun and self._begun[0] == solver.iter:
            solver.close()  # a reader that failed begins afresh
            seek_data(solver.net, self._begun[1])
        if self.cursor is not None:
            self._move(None)

    def _rewind(self) -> None:
        self._begun = self._concluded = self.error = None
        self.live.restart()
        self._rest = "idle"
        self._forget(0)

    def _snapshot(self, path: str | PathLike | None) -> None:
        solver = self._ready()
        if self._walk is not None:
            self._iterate(solver)
        self._ready().snapshot(path)

    def _restore(self, path: str | PathLike) -> None:
        solver = self._ready()
        self._abandon()
        solver.restore(path)
        self._begun = self._concluded = self.error = None
        self._rest = "paused"
        self._forget(solver.iter)

    # Telling

    def _record(self, solver: Solver, rate: float) -> None:
        """Take note of an iteration; what may still be on its way from a device is read when it is time to show it."""
        self._coming.append((solver.iter - 1, solver.losses, rate))
        if solver.backend.name == "cpu" or perf_counter() - self._collected >= self._interval:
            self._collect()

    def _collect(self) -> None:
        """Bring the noted iterations into the history, and have them told of."""
        coming, self._coming = self._coming, []
        if not coming:
            return
        for iteration, losses, rate in coming:
            self.history.train.append(iteration, float(losses[-1]), mean_of(losses), rate)
        self._collected = perf_counter()
        self._courier.post_latest("progress", self._tell_progress)

    def _tell_progress(self) -> None:
        points = self.history.since(self._told)
        self._told = points.start + len(points.rows)
        if len(points.rows):  # else the telling before this one came late enough to tell these too
            self.on_progress.publish(points)

    def _tell_making(self, making: Making | None) -> None:
        self._courier.post_latest("making", partial(self.on_making.publish, making))

    def _tell_testing(self, batches: int) -> None:
        self._in_test = bool(batches)
        self._courier.post(partial(self.on_testing.publish, batches))

    def _forget(self, iteration: int) -> None:
        self._collect()
        self.history.truncate(iteration)
        count = len(self.history)

        def tell() -> None:
            self._told = count
            self.on_progress.publish(self.history.since(count))

        self._courier.post(tell)

    def _follow(self, plan: Plan) -> None:
        """The net gave way to another: the iteration that was halfway done is no more."""
        self._walk = None
        if self.cursor is not None:
            self._move(None)
        self._courier.post(partial(self.on_rebuilt.publish, plan))


class _Ear(Listener):
    """Hears the solver on behalf of a session."""

    needs_gradients = False

    def __init__(self, session: Session):
        self.session = session
        self._rate = 0.0

    def on_gradients_ready(self, solver: Solver) -> None:
        self._rate = solver.rate

    def on_advance(self, solver: Solver) -> None:
        self.session._record(solver, self._rate)

    def on_test_start(self, solver: Solver, net: int) -> None:
        self.session._tell_testing(solver.param.test_iter[net])

    def on_test_interrupted(self, solver: Solver, net: int) -> None:
        self.session._tell_testing(0)

    def on_test(self, solver: Solver, result: TestResult) -> None:
        self.session._tell_testing(0)
        self.session.history.add_test(result.net, result.iteration, result.values)
        self.session._courier.post(partial(self.session.on_test.publish, result))

    def on_snapshot(self, solver: Solver, weights: Path, state: Path) -> None:
        self.session._courier.post(partial(self.session.on_snapshot.publish, weights, state))


def _once(command: Command) -> Job:
    command()
    yield from ()


def _belongs_to(listener: Listener, session: Session) -> bool:
    return isinstance(listener, _Ear) and listener.session is session


def _epoch_length(solver: Solver) -> int:
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
