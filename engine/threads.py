"""How many threads compute: one number for the kernels of this project and for BLAS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from .cores import available

VARIABLES = ("BREWBENCH_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

_threads: int | None = None
_reason = ""  # for that number


def cores() -> int:
    """The cores this process may use."""
    return available().number


def threads() -> int:
    """How many threads an operation may use: what was set, else what one of VARIABLES says, else one for each core.

    Where a CPU quota makes that fewer than the cores that BLAS sees, BLAS is limited to the same number.
    """
    global _threads, _reason
    if _threads is None:
        for name in VARIABLES:
            value = os.environ.get(name, "")
            if value.isdigit() and int(value):
                _threads, _reason = int(value), f"{name} is {value}"
                break
        else:
            found = available()
            _threads, _reason = found
            if hasattr(os, "sched_getaffinity") and found.number < len(os.sched_getaffinity(0)):
                _limit_blas(found.number)
    return _threads


def reason() -> str:
    """What sets the number of threads, in words."""
    threads()
    return _reason


def set_threads(count: int) -> None:
    """Let every operation use that many threads, those of BLAS included. Raises ValueError below 1."""
    global _threads, _reason
    if count < 1:
        raise ValueError(f"at least one thread has to compute; got {count}")
    _threads, _reason = count, "set by the program"
    _limit_blas(count)


def _limit_blas(count: int) -> None:
    from threadpoolctl import ThreadpoolController

    ThreadpoolController().select(user_api="blas").limit(limits=count)


@contextmanager
def using(count: int | None, at_most: bool = False) -> Iterator[None]:
    """Within it `count` threads compute; with `at_most` a number that is lower already stays. None changes nothing."""
    from threadpoolctl import ThreadpoolController

    global _threads
    if count is None:
        yield
        return
    blas = ThreadpoolController().select(user_api="blas")  # anew each time: libraries are loaded as they are used
    present = min((library["num_threads"] for library in blas.info()), default=count)
    before = threads()
    _threads = min(before, count) if at_most else count
    try:
        with blas.limit(limits=min(present, count) if at_most else count):
            yield
    finally:
        _threads = before
