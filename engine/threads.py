"""How many threads compute: one number for all engines."""

from __future__ import annotations

import os

_threads: int | None = None


def cores() -> int:
    """The cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """How many threads an operation may use: what was set, else OMP_NUM_THREADS, else one for each core."""
    if _threads is None:
        set_threads(_from_environment())
    assert _threads is not None
    return _threads


def set_threads(count: int | None) -> None:
    """Let operations use `count` threads; None for the usual number. Raises ValueError below 1."""
    global _threads
    if count is not None and count < 1:
        raise ValueError(f"at least 1 thread has to compute; got {count}")
    _threads = count or cores()


def _from_environment() -> int | None:
    for name in ("BREWBENCH_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value):
            return int(value)
    return None
