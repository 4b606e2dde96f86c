"""Drivers: loops over kernels and vectors, compiled by numba, each over a record of addresses and sizes.

A driver does the items `begin` to `end` of its work; `Driver.run` shares the items out over the threads (`team.py`). It
is called by address, without Python in between, so that a table of calls is a program (`replay.py`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types

from ... import witness
from ...forks import in_child, reentrant_lock
from ...making import telling
from ...numpy_names import numpys_own_names
from ...stamps import kept_on_disk
from ...threads import threads
from .vectors import call, read_int

ENTRY = types.void(types.int64, types.int64, types.int64)
# Arithmetic may be contracted and reordered; infinities and what is no number stay what they are.
MATH = {"contract", "reassoc", "nsz", "arcp"}

_lock = reentrant_lock()


class Record:
    """One record of a driver's, at an address of its own."""

    def __init__(self, layout: np.dtype, **values: Any):
        self.values = np.zeros(1, layout)
        self.address: int = self.values.__array_interface__["data"][0]
        self.known: dict[str, Any] = {}
        self.set(**values)

    def set(self, **values: Any) -> Record:
        """Change fields; what they hold already costs nothing."""
        known, row = self.known, self.values
        for name, value in values.items():
            if known.get(name) != value:
                row[name] = known[name] = value
        return self


class Driver:
    """A function (address of a record, begin, end), compiled when first run."""

    def __init__(self, function: Callable[[int, int, int], None]):
        self.function = function
        self._compiled: Any = None
        self._call: Any = None

    @property
    def address(self) -> int:
        """Where its code is."""
        if self._compiled is None:
            with _lock:
                if self._compiled is None:
                    with numpys_own_names(), telling():
                        compiled = kept_on_disk(numba.cfunc, self.function, ENTRY, fastmath=MATH, error_model="numpy")
                    self._call = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(compiled.address)
                    self._compiled = compiled
        return self._compiled.address

    def run(self, record: Record, items: int) -> None:
        """Do all items, on as many threads as are allowed."""
        address = self.address
        told = witness.now
        if told is not None:
            told.called(address, record, items)
        count = min(threads(), items)
        team = _team() if count > 1 else None
        if team is not None:
            row = np.array((address, record.address, items, 0), np.int64)
            team.run(row.__array_interface__["data"][0], 1, count)
        elif items:
            self._call(record.address, 0, items)


def run_all(calls: np.ndarray, alone: bool = False) -> None:
    """Run drivers one after the other: rows of (address, address of a record, items, address of a flag, or 0).

    A flag that is not 0 after its call ends the run. With `alone` no work is shared out.
    """
    address = calls.__array_interface__["data"][0]
    team = _team() if not alone and threads() > 1 else None
    if team is not None:
        team.run(address, len(calls), threads())
    else:
        _ = in_turn.address
        in_turn._call(address, 0, len(calls))


def driver(function: Callable[[int, int, int], None]) -> Driver:
    """Make a driver of a function that numba can compile."""
    return Driver(function)


@cache
def _team() -> Any:
    """The threads that share the work; None where the system has not got what they need."""
    from .team import Team

    try:
        return Team()
    except (OSError, AttributeError):  # no library of the system, or not these functions in it
        return None


in_child(_team.cache_clear)  # it has none of the threads


@driver
def in_turn(address, begin, end):
    for c in range(begin, end):
        at = address + 32 * c
        call(read_int(at), read_int(at + 8), 0, read_int(at + 16))
        flag = read_int(at + 24)
        if flag != 0 and read_int(flag) != 0:
            break


@driver
def nothing(address, begin, end):
    pass
