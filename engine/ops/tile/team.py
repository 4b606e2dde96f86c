"""The threads that share the work of drivers: a pool of our own, whose threads sleep when there is nothing to do.

A call of a driver is cut into chunks of items. The thread that makes the call and the workers of the team claim them
one by one, so a worker that the system does not let run (on a machine that is busy with other things) holds nobody up:
the others have done its chunks. Whoever waits looks for some microseconds whether there is work again, giving way to
threads of other processes all the while, and then sleeps until it is woken.

Everything that the threads share lies in one array of whole numbers, a cache line or two for what is written together.
The claim is one number: the number of the call, how many chunks it has, and the next of them. So a worker that was held
up cannot claim a chunk of a call it has not read, and a chunk is claimed once.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types

from ...forks import lock
from ...making import telling
from ...numpy_names import numpys_own_names
from ...stamps import kept_on_disk
from .atomic import add_atomic, call_system, load_atomic, pause, store_atomic, swap_if
from .vectors import call, read_int

MOST = 1024  # workers
PATIENCE = 200  # rounds of waiting before sleep; each takes about a microsecond where nobody else wants the core
HINTS = 8  # pauses in a round

LINE = 128  # bytes: two cache lines, which processors fetch together
CLAIM, DONE, BUSY, WAITING, STOPPED, LIMIT, MUTEX, FINISHED = (LINE * k for k in range(8))
CALL = 8 * LINE  # address of the driver, of its record, items
LOCK, UNLOCK, WAIT, WAKE, GIVE_WAY = (9 * LINE + 8 * k for k in range(5))  # addresses of functions of the system
SEATS = 10 * LINE  # for each worker a line with whether it sleeps, and one with what wakes it
SEAT = 2 * LINE
FOREVER = 0xFFFFFFFF

_kept: list[Any] = []  # what has been compiled, whose code must stay


def _compiled(signature: Any) -> Any:
    """A decorator that gives a C function, kept on disk where it can be."""

    def decorate(function: Any) -> Any:
        with numpys_own_names(), telling():
            return kept_on_disk(numba.cfunc, function, signature, error_model="numpy")

    return decorate


_inlined = numba.njit(inline="always", error_model="numpy")


@_inlined
def _system(team, name, a, b):
    call_system(read_int(team + name), a, b, FOREVER, 0)


@_inlined
def _is_open(word):
    """Whether a claim has chunks that nobody has taken."""
    return (word & 0xFFFF) < ((word >> 16) & 0xFFFF)


@_inlined
def _take(team):
    """Do a chunk of the present call; False where all are taken."""
    word = load_atomic(team + CLAIM)
    if not _is_open(word):
        return False
    address, record, items = load_atomic(team + CALL), load_atomic(team + CALL + 8), load_atomic(team + CALL + 16)
    if swap_if(team + CLAIM, word, word + 1):  # then the three numbers are those of this call
        chunk, count = word & 0xFFFF, (word >> 16) & 0xFFFF
        call(address, record, items * chunk // count, items * (chunk + 1) // count)
        if add_atomic(team + DONE, 1) + 1 == count and load_atomic(team + WAITING) != 0:
            _system(team, LOCK, team + MUTEX, 0)
            _system(team, WAKE, team + FINISHED, 0)
            _system(team, UNLOCK, team + MUTEX, 0)
    return True


@_inlined
def _linger(team):
    for _ in range(HINTS):
        pause()
    _system(team, GIVE_WAY, 0, 0)


def _work(team, seat):
    """What a worker does until the team is stopped."""
    sleeping = team + SEATS + SEAT * seat
    rounds = 0
    while load_atomic(team + STOPPED) == 0:
        wanted = seat < load_atomic(team + LIMIT)
        if wanted and _take(team):
            rounds = 0
        elif wanted and rounds < PATIENCE:
            rounds += 1
            _linger(team)
        else:
            _system(team, LOCK, team + MUTEX, 0)
            store_atomic(sleeping, 1)
            while load_atomic(team + STOPPED) == 0 and not (
                seat < load_atomic(team + LIMIT) and _is_open(load_atomic(team + CLAIM))
            ):
                _system(team, WAIT, sleeping + LINE, team + MUTEX)
            store_atomic(sleeping, 0)
            _system(team, UNLOCK, team + MUTEX, 0)
            rounds = 0


@_inlined
def _wake(team, count):
    """Wake those of the first workers that sleep."""
    for seat in range(count):
        sleeping = team + SEATS + SEAT * seat
        if load_atomic(sleeping) != 0:
            _system(team, LOCK, team + MUTEX, 0)
            _system(team, WAKE, sleeping + LINE, 0)
            _system(team, UNLOCK, team + MUTEX, 0)


@_inlined
def _share(team, address, record, items, count):
    """Make one call in so many chunks, together with the workers."""
    store_atomic(team + CALL, address)
    store_atomic(team + CALL + 8, record)
    store_atomic(team + CALL + 16, items)
    store_atomic(team + DONE, 0)
    number = ((load_atomic(team + CLAIM) >> 32) + 1) & 0x7FFFFFFF
    store_atomic(team + CLAIM, (number << 32) | (count << 16))
    _wake(team, count - 1)
    while _take(team):
        pass
    rounds = 0
    while load_atomic(team + DONE) < count:
        if rounds < PATIENCE:
            rounds += 1
            _linger(team)
        else:
            _system(team, LOCK, team + MUTEX, 0)
            store_atomic(team + WAITING, 1)
            while load_atomic(team + DONE) < count:
                _system(team, WAIT, team + FINISHED, team + MUTEX)
            store_atomic(team + WAITING, 0)
            _system(team, UNLOCK, team + MUTEX, 0)


def _run(team, calls, length, threads):
    """Make calls of drivers one after the other: rows as in `drive.run_all`."""
    together = threads > 1 and swap_if(team + BUSY, 0, 1)
    if together:
        store_atomic(team + LIMIT, threads - 1)
    for c in range(length):
        at = calls + 32 * c
        address, record, items = read_int(at), read_int(at + 8), read_int(at + 16)
        count = min(items, threads)
        if together and count > 1:
            _share(team, address, record, items, count)
        elif items > 0:
            call(address, record, 0, items)
        flag = read_int(at + 24)
        if flag != 0 and read_int(flag) != 0:
            break
    if together:
        store_atomic(team + BUSY, 0)


def _end(team, workers):
    """Let the workers end."""
    store_atomic(team + STOPPED, 1)
    _wake(team, workers)


@cache
def _functions() -> tuple[Any, ...]:
    """`_run`, `_work` and `_end`, compiled, for Python; while they run, other threads have the interpreter."""
    found = []
    for function, count in ((_run, 4), (_work, 2), (_end, 2)):
        compiled = _compiled(types.void(*[types.int64] * count))(function)
        _kept.append(compiled)
        found.append(ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * count)(compiled.address))
    return tuple(found)


def _prepare(room: np.ndarray, team: int) -> None:
    """Enter the functions of the system, and make the lock and what threads wait for."""
    if sys.platform == "win32":
        library: Any = ctypes.WinDLL("kernel32")
        names = (
            "AcquireSRWLockExclusive", "ReleaseSRWLockExclusive", "SleepConditionVariableSRW", "WakeConditionVariable",
            "SwitchToThread",
        )  # fmt: skip
    else:
        library = ctypes.CDLL(None)
        names = "pthread_mutex_lock", "pthread_mutex_unlock", "pthread_cond_wait", "pthread_cond_signal", "sched_yield"
        library.pthread_mutex_init(ctypes.c_void_p(team + MUTEX), None)
        for address in (FINISHED, *(SEATS + SEAT * seat + LINE for seat in range(MOST))):
            library.pthread_cond_init(ctypes.c_void_p(team + address), None)
    start = (team + LOCK - room.__array_interface__["data"][0]) // 8
    room[start : start + len(names)] = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in names]


class Team:
    """A thread that calls, and workers that are started when they are first wanted. `stop` ends them.

    Any thread may call `run`; where one is at it already, the other does its work alone.
    """

    def __init__(self) -> None:
        self._room = np.zeros((SEATS + SEAT * MOST + LINE) // 8, np.int64)
        start = self._room.__array_interface__["data"][0]
        self.address: int = start + -start % LINE
        self._workers: list[threading.Thread] = []
        self._lock = lock()
        self._process = os.getpid()
        self._run, self._work, self._end = _functions()
        _prepare(self._room, self.address)
        atexit.register(self.stop)  # before the code that they run is unloaded

    def run(self, calls: int, length: int, threads: int) -> None:
        """Make the calls that are in a table at an address, each by so many threads at most."""
        if threads - 1 > len(self._workers):
            self._hire(min(threads - 1, MOST))
        self._run(self.address, calls, length, min(threads, len(self._workers) + 1))

    def _hire(self, count: int) -> None:
        with self._lock:
            while len(self._workers) < count:
                seat = len(self._workers)
                worker = threading.Thread(
                    target=self._work, args=(self.address, seat), name=f"kernels {seat + 1}", daemon=True
                )
                try:
                    worker.start()
                except RuntimeError:  # the system has no room for another thread
                    break
                self._workers.append(worker)

    def stop(self) -> None:
        """End the workers. What runs meanwhile, or later, is done by the thread that calls alone."""
        if self._process != os.getpid():  # a forked child, which has no workers, ends
            return
        self._end(self.address, len(self._workers))
        for worker in self._workers:
            worker.join(1)
