"""What the ops of the tile engine share: the reference beside them, and scratch memory with an address."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from ... import witness
from ...blob import Blob
from ...context import Context
from ...memory import HOST, MODIFY, WRITE
from ...numpy_names import numpys_own_names
from .. import TABLE, Op
from ..scratch import scratch

Shape = tuple[int, ...]

_held: WeakValueDictionary[int, np.ndarray] = WeakValueDictionary()  # what ops prepared, by where it begins


class TileOp(Op):
    """An op with the plain one of the same name in reserve, for what it cannot do, and where nothing compiles.

    `rectify` and `affine` are what the net lets it take along of the layers that follow (see `engine/fusion.py`).
    """

    takes_affine = False
    rectify = False
    affine: Any = None

    def __init__(self, context: Context, **spec: Any):
        super().__init__(context)
        self.spec = spec
        self._plain: Any = None

    @classmethod
    def supports(cls, context: Context, **spec: Any) -> bool:
        return np.dtype(context.dtype) == np.float32

    @property
    def absorbs(self) -> bool:
        """Whether it can take them along now."""
        return False

    @property
    def plain(self) -> Any:
        """The reference op for the same work."""
        witness.unsteady()
        if self._plain is None:
            self._plain = TABLE[self.name]["reference"](self.context, **self.spec)
        return self._plain


@cache
def ready() -> bool:
    """Whether kernels can be made and run here. Where not, it says so once."""
    try:
        with numpys_own_names():
            from . import convert  # noqa: F401 - compiles nothing yet, but needs all that compiling needs
            from .drive import nothing
            from .tiles import Tile, address_of

            address_of(Tile(1, 1))
            _ = nothing.address
    except Exception as error:
        warnings.warn(
            f"the fast CPU engine cannot be used here ({type(error).__name__}: {error}); plain NumPy computes instead",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True


def floats(context: Context, slot: str, count: int) -> int:
    """The address of shared scratch memory for that many floats, and a vector more; 64 bytes and up aligned."""
    array = scratch(context, f"tile {slot}", (count + 48,))
    address = host_address(array)
    address += -address % 64
    _held[address] = array.base if isinstance(array.base, np.ndarray) else array
    return address


def own_floats(count: int) -> tuple[np.ndarray, int]:
    """Memory of an op's own, zero, and its aligned address."""
    array = np.zeros(count + 48, np.float32)
    address = host_address(array)
    address += -address % 64
    _held[address] = array
    return array, address


def own_address(array: np.ndarray) -> int:
    """Where an array of an op's own begins. Calls that were written down keep it, though the op may give it up."""
    address = host_address(array)
    _held[address] = array
    return address


def host_address(array: np.ndarray) -> int:
    """Where a contiguous array begins."""
    return array.__array_interface__["data"][0]


def table(values: Any, dtype: Any = np.int64) -> tuple[np.ndarray, int]:
    """Offsets, or other numbers, as a kernel reads them, and their address."""
    array = np.ascontiguousarray(values, dtype)
    return array, own_address(array)


def held_at(address: Any) -> np.ndarray | None:
    """The array that an op prepared at an address, for who wants it to stay."""
    return _held.get(address)


def adding(parameter: Blob) -> tuple[int, np.ndarray]:
    """Where the sums of a kernel that adds to a gradient begin, and the gradient: at 0 where it was only cleared."""
    memory = parameter.diff_memory
    fresh = memory.cleared
    told = witness.now
    if told is not None and not told.has_written(memory):
        witness.provided(lambda: memory.cleared == fresh)
    return int(not fresh), memory.on(HOST, WRITE if fresh else MODIFY)
