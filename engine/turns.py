"""Turns. A solver's iterations, and the threads that read its blobs between two of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from threading import get_ident
from time import monotonic, sleep
from typing import Any
from weakref import WeakSet, ref

import numpy as np

from .forks import in_child

POLL = 0.02  # seconds between two looks of a waiting thread at whether it has to wait any longer
PATIENCE = 0.5  # seconds for which an iteration waits for a thread that uses an array it has just got
BYTES_PER_SECOND = 100e6  # what a thread on a busy machine goes through at least; it has more time for more than that
HASTE = 0.005  # seconds for a thread that kept the array it got before
MANY = 32  # arrays after which those are forgotten that nobody has any more

_all: WeakSet[Turns] = WeakSet()


@dataclass(eq=False)
class Lease:
    """An array that a thread got between two iterations, and until when the next one waits for it to be let go."""

    thread: int
    array: ref[np.ndarray]
    until: float


class Turns:
    """Who may use a solver's blobs: its iteration, or a thread that looks at them between two iterations.

    In ``with turns:`` a thread has them to itself; it may enter again. The thread that plays enters by `begin`. Both
    are let in as they come: after an iteration the threads that wait come before the next one.

    Arrays are used after they were handed out: `net.params["ip"][0].data.copy()` copies when `data` has returned. So
    the next iteration waits, for a while, until the array, and all that was cut from it, is let go. A thread that keeps
    what it gets costs one such wait; from then on its arrays are waited for no longer than HASTE.
    """

    def __init__(self) -> None:
        self.exempt: Callable[[Any], bool] | None = None  # memories that other threads may have in an iteration
        self._iteration = _Iteration(self)
        self._renew()
        _all.add(self)

    def _renew(self) -> None:
        self._entry = threading.Lock()  # held by the thread that is next
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._depth = 0
        self._waiting: set[int] = set()  # threads that want to read
        self._players: list[int] = []  # the thread that makes iterations now, once for each block of `playing`
        self._last: int | None = None  # the thread that made the last iteration
        self._leases: list[Lease] = []
        self._keeping: set[int] = set()  # threads that kept an array beyond its time

    @property
    def mine(self) -> bool:
        """Whether this thread has its turn."""
        return self._owner == get_ident()

    # Readers

    def __enter__(self) -> Turns:
        self._take(None)
        return self

    def __exit__(self, *exception: object) -> None:
        self._leave()

    def visit(self, memory: Any) -> bool:
        """Wait for the end of the iteration, to hand out an array of a memory; whether `leave` is to follow.

        The thread of the iteration does not wait, and none for a memory that is exempt.
        """
        if self.mine:
            return False
        return self._take(lambda: self.exempt is not None and self.exempt(memory))

    def leave(self) -> None:
        """End a visit."""
        self._leave()

    @property
    def played(self) -> bool:
        """Whether it is this thread that makes the iterations."""
        return (self._players[-1] if self._players else self._last) == get_ident()

    def lease(self, array: np.ndarray) -> None:
        """Let the next iteration wait until an array is let go that this thread gets in its turn."""
        me = get_ident()
        if len(self._leases) >= MANY:
            self._in_use(me)
        patience = HASTE if me in self._keeping else max(PATIENCE, array.nbytes / BYTES_PER_SECOND)
        self._leases.append(Lease(me, ref(array), monotonic() + patience))

    def let_go(self) -> None:
        """Let no iteration wait for the arrays that this thread got: it does something else by now."""
        self._forget(lease for lease in list(self._leases) if lease.thread == get_ident())

    def _forget(self, leases: Iterable[Lease]) -> None:
        for lease in leases:
            with suppress(ValueError):  # another thread has found it, too
                self._leases.remove(lease)

    def _take(self, excused: Callable[[], bool] | None) -> bool:
        """Wait for this thread's turn; False where it is excused from it meanwhile."""
        me = get_ident()
        if self._owner == me:
            self._depth += 1
            return True
        self._waiting.add(me)
        try:
            if not _acquire(self._entry, excused):
                return False
            try:
                if not _acquire(self._lock, excused):
                    return False
            finally:
                self._entry.release()
        finally:
            self._waiting.discard(me)
        self._owner, self._depth = me, 1
        return True

    def _leave(self) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None
            self._lock.release()

    # The thread that plays

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Within it this thread makes one iteration after the other: arrays that others get are waited for."""
        self._players.append(get_ident())
        try:
            yield
        finally:
            self._players.remove(get_ident())

    def iteration(self) -> AbstractContextManager[None]:
        """A context in which this thread has the blobs for an iteration, or a part of one."""
        return self._iteration

    def begin(self, excused: Callable[[], bool] | None = None) -> bool:
        """Wait until nobody reads; False, and it is not this thread's turn, where it is excused meanwhile."""
        me = get_ident()
        if self._owner == me:
            self._depth += 1
            return True
        if not _acquire(self._entry, excused):
            return False
        try:
            while _acquire(self._lock, excused):
                if not self._in_use(me, begins=True):
                    self._owner, self._depth = me, 1
                    return True
                self._lock.release()
                if not self._await_readers(me, excused):
                    break
            return False
        finally:
            self._entry.release()

    def end(self) -> None:
        """End what `begin` began."""
        self._last = get_ident()
        self._leave()

    def _await_readers(self, me: int, excused: Callable[[], bool] | None) -> bool:
        """Wait until the arrays that were handed out are let go; not for those of threads that wait themselves."""
        pause = 2e-5
        while self._in_use(me, begins=True):
            if excused is not None and excused():
                return False
            sleep(pause)
            pause = min(2 * pause, 1e-3)
        return True

    def _in_use(self, me: int, begins: bool = False) -> bool:
        """Whether threads that do not wait have an array, and have had it for no longer than they may.

        The others are forgotten; where an iteration `begins`, the threads are marked that keep theirs.
        """
        in_use, over, now = False, [], monotonic()
        for lease in list(self._leases):
            if lease.array() is None:
                self._keeping.discard(lease.thread)
                over.append(lease)
            elif lease.thread == me or now >= lease.until:
                if begins and lease.thread != me:
                    self._keeping.add(lease.thread)
                over.append(lease)
            elif lease.thread not in self._waiting:
                in_use = True
        self._forget(over)
        return in_use

    def breathe(self) -> None:
        """Let threads in that wait, in the midst of something long during which the blobs keep their values."""
        if self._waiting and self.mine:
            with self.released():
                pass

    @contextmanager
    def released(self) -> Iterator[None]:
        """Within it others may have their turn, if it was this thread's."""
        if not self.mine:
            yield
            return
        depth, self._depth = self._depth, 1
        self._leave()
        try:
            yield
        finally:
            self.begin()
            self._depth = depth

    @contextmanager
    def exempting(self, exempt: Callable[[Any], bool]) -> Iterator[None]:
        """Within it code of the user's runs, whose own threads may have memories for which `exempt(memory)` holds."""
        before, self.exempt = self.exempt, exempt
        try:
            yield
        finally:
            self.exempt = before


class _Iteration(AbstractContextManager[None]):
    """`begin` and `end` as a context, which may be entered again."""

    def __init__(self, turns: Turns):
        self.turns = turns

    def __enter__(self) -> None:
        self.turns.begin()

    def __exit__(self, *exception: object) -> None:
        self.turns.end()


def _acquire(lock: threading.Lock, excused: Callable[[], bool] | None) -> bool:
    """Take a lock; False where the thread is excused before it is free."""
    if excused is None or lock.acquire(blocking=False):
        return excused is not None or lock.acquire()
    while not excused():
        if lock.acquire(timeout=POLL):
            return True
    return False


def give(turns: Turns, nets: Iterable[Any]) -> None:
    """Let all blobs of some nets be had in turns."""
    for net in nets:
        net.turns = turns
        for node, layer in zip(net.nodes, net.layers, strict=True):
            for memory in _memories(node, layer):
                memory.turns = turns


def _memories(node: Any, layer: Any) -> list[Any]:
    """Those of a layer's bottoms, tops and parameters."""
    blobs = (*node.bottoms, *node.tops, *layer.blobs)
    return [memory for blob in blobs for memory in (blob.data_memory, blob.diff_memory)]


def of_the_user(turns: Turns | None, node: Any = None, layer: Any = None) -> AbstractContextManager[None]:
    """A context for code of the user's that runs within an iteration, and may wait for threads of its own.

    Other threads may have the blobs of the layer it is the code of; all blobs, where it is called between two layers.
    """
    if turns is None:
        return nullcontext()
    if node is None:
        return turns.exempting(lambda memory: True)
    own = {id(memory) for memory in _memories(node, layer)}
    return turns.exempting(lambda memory: id(memory) in own)


@in_child
def _renew_all() -> None:
    """In a forked child, let nobody wait for threads of the parent. What the thread that forked holds, it holds on."""
    for turns in _all:
        mine, depth = turns.mine, turns._depth
        turns._renew()
        if not mine:
            turns.exempt = None
        else:
            turns._lock.acquire()
            turns._owner, turns._depth = get_ident(), depth
