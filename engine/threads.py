"""How many threads compute: one number for the kernels of this project and for BLAS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLES = ("BREWBENCH_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

_threads: int | None = None


def cores() -> int:
    """The cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """How many threads an operation may use: what was set, else what one of VARIABLES says, else one for each core."""
    global _threads
    if _threads is None:
        given = (os.environ.get(name, "") for name in VARIABLES)
        _threads = next((int(value) for value in given if value.isdigit() and int(value)), cores())
    return _threads


def set_threads(count: int) -> None:
    """Let every operation use that many threads, those of BLAS included. Raises ValueError below 1."""
    from threadpoolctl import ThreadpoolController

    global _threads
    if count < 1:
        raise ValueError(f"at least one thread has to compute; got {count}")
    _threads = count
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
