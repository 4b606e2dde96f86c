"""Worker. The thread of a session, which obeys commands and advances jobs."""

from __future__ import annotations

import os
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from typing import Protocol

from ...engine.turns import Turns
from ..threads import leave_room

Command = Callable[[], object]
Job = Iterator[None]


class Owner(Protocol):
    """The session to which a worker belongs; its methods run on the worker's thread."""

    def rested(self) -> None:
        """There are no more jobs. May raise: then the worker has failed."""

    def failed(self, error: str) -> None:
        """A command or job raised; `error` is the traceback."""

    def state_changed(self, state: str) -> None:
        """The worker has another state."""

    def stopped(self) -> None:
        """Forget what was asked of the solver: the jobs are dropped."""

    def closed(self) -> None:
        """The thread ends."""


class Worker:
    """Obeys commands in the order of their posting; between two of them it advances the first job to its next yield.

    `state` is "running" while there are jobs, else `rest`; `error` is the traceback of a failure.
    """

    def __init__(self, owner: Owner, turns: Turns):
        self._owner, self._turns = owner, turns
        self.state = self.rest = "idle"
        self.error: str | None = None
        self._inbox: SimpleQueue[Command | None] = SimpleQueue()
        self.floor = threading.Lock()  # held while the net may be touched
        self._settled = threading.Condition()
        self._unhandled = 0  # commands that were posted and not yet obeyed
        self._jobs: deque[Job] = deque()
        self._playing = False
        self._room = ExitStack()
        self._closed = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._serve, name="session", daemon=True)

    def start(self) -> None:
        """Begin to obey."""
        self._thread.start()

    @property
    def is_own_thread(self) -> bool:
        """Whether the caller is the worker's thread."""
        return threading.current_thread() is self._thread

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def is_busy(self) -> bool:
        """Whether a job runs or a command waits."""
        return bool(self._unhandled) or self.state == "running"

    # For other threads

    def post(self, command: Command) -> None:
        """Have a command obeyed after those before it. Raises RuntimeError in a closed session or a forked child."""
        if self._closed:
            raise RuntimeError("the session is closed")
        self.check_process()
        self._turns.let_go()
        with self._settled:
            self._unhandled += 1
        self._inbox.put(command)

    def wait(self, timeout: float | None) -> bool:
        """Wait until nothing is left to do; False when time runs out."""
        self.check_process()
        self._turns.let_go()
        with self._turns.released(), self._settled:
            return self._settled.wait_for(lambda: not self.is_busy, timeout)

    @property
    def is_closed(self) -> bool:
        """Whether the thread was told to end, or stayed in the parent of this process."""
        return self._closed or self._process != os.getpid()

    def close(self) -> None:
        """End the thread after the commands that were posted."""
        self._closed = True
        self._inbox.put(None)
        if not self.is_own_thread:
            with self._turns.released():
                self._thread.join()

    def check_process(self) -> None:
        """Raise RuntimeError in a forked child, where the thread is missing."""
        if self._process != os.getpid():
            raise RuntimeError("the session runs in the process that made it; a forked child makes one of its own")

    # For commands

    def enqueue(self, job: Job, playing: bool = False) -> None:
        """Add a job. One that plays replaces all others, and ends when another comes."""
        if self._playing or playing:
            self._jobs.clear()
        self._playing = playing
        self._jobs.append(job)

    def in_turn(self, command: Command, while_playing: bool = False) -> None:
        """Obey a command after the jobs before it; playing is ended by it, or goes on after it if `while_playing`."""
        if self._playing and not while_playing:
            self.stop()
        if self._jobs and not self._playing:
            self._jobs.append(_once(command))
        else:
            with self._turns.iteration():
                command()

    def stop(self) -> None:
        """Drop all jobs."""
        self._jobs.clear()
        self._playing = False
        self._owner.stopped()

    # The thread

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
        self._owner.closed()
        self._room.close()

    def _do(self, command: Command) -> None:
        with self.floor:
            self._attempt(command)
            if self.rest == "failed":
                with suppress(Exception):  # the first failure is the one to tell
                    self._owner.rested()
            elif not self._jobs:
                self._attempt(self._owner.rested)

    def _attempt(self, command: Command) -> None:
        try:
            command()
        except BaseException:  # a layer of the user's may even call sys.exit
            self._jobs.clear()
            self._playing, self.rest = False, "failed"
            self.error = traceback.format_exc()
            self._owner.failed(self.error)

    def _settle(self, handled: int) -> None:
        """Take the state that follows from the jobs, and tell those who wait or watch."""
        state = "running" if self._jobs else self.rest
        if state == "running" and self.state != "running":
            self._room.enter_context(leave_room())
            self._room.enter_context(self._turns.playing())
        elif state != "running" and self.state == "running":
            self._room.close()
        with self._settled:
            changed, self.state = self.state != state, state
            self._unhandled -= handled
            self._settled.notify_all()
        if changed:
            self._owner.state_changed(state)

    def _advance(self) -> None:
        """Run the first job up to its next yield; not at all where a command comes while others read."""
        if not self._turns.begin(lambda: not self._inbox.empty()):
            return
        try:
            if not self._inbox.empty():  # it came while the turn was being given
                return
            self.rest, self.error = "paused", None
            next(self._jobs[0])
        except StopIteration:
            self._jobs.popleft()
            self._playing = False
        finally:
            self._turns.end()


def _once(command: Command) -> Job:
    command()
    yield from ()
