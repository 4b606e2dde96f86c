"""How many cores this process may use: by CPU affinity, and by the CPU quota of its control groups (Linux)."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path
from typing import NamedTuple

from .cgroups import SYSTEM, folders


class Cores(NamedTuple):
    """How many cores, and what sets the number, in words."""

    number: int
    reason: str


def available(system: Path = SYSTEM) -> Cores:
    """The cores this process may use: those of its CPU affinity, or fewer where a CPU quota gives it less time.

    A quota of 1.5 cores is 2: two threads do more in its time than one. `system` is the root of the file system.
    """
    present = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else present
    limit = quota(system)
    if limit is not None and ceil(limit) < allowed:
        return Cores(max(1, ceil(limit)), f"the CPU quota of its control group is {limit:g} of {allowed} cores")
    if allowed < present:
        return Cores(allowed, f"its CPU affinity is {allowed} of {present} cores")
    return Cores(allowed, "one for each core")


def quota(system: Path = SYSTEM) -> float | None:
    """The CPU time that control groups, of version 1 or 2, allow this process in a second, in seconds; None: no limit.

    Source: the kernel's documents on cgroup v2 (`cpu.max`) and on CFS bandwidth control (`cpu.cfs_quota_us`).
    """
    limits = (_limit_in(folder, unified) for folder, unified in folders("cpu", system))
    return min(filter(None, limits), default=None)


def _limit_in(folder: Path, unified: bool) -> float | None:
    """The limit that is set for one control group."""
    try:
        if unified:
            given, period = (folder / "cpu.max").read_text().split()
        else:
            given, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        return int(given) / int(period) if given not in ("max", "-1") else None
    except (OSError, ValueError, ZeroDivisionError):  # the root has none, and another process may take one away
        return None
