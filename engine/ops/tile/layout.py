"""Private layouts: where a memory's values lie while only tile kernels touch them.

A layout belongs to one memory and is kept by it. It grows with demand: the first reader that needs a wider halo
has the memory laid out anew, and from then on whoever writes it writes it that way.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ...memory import READ, Memory, Place
from .target import lanes

Shape = tuple[int, ...]


class Layout(Place):
    """A place for one memory. `address` is where its values begin, once there are any."""

    xp = None
    private = by_drivers = True
    size: int  # floats, with all that is around the values

    def __init__(self) -> None:
        self.address = 0

    def allocate(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Zeros, beginning at a whole cache line; a vector past the end may be read."""
        room = np.zeros(self.size + 16 + 2 * lanes(), dtype)
        start = -(room.__array_interface__["data"][0] // 4) % 16
        buffer = room[start:]
        self.address = buffer.__array_interface__["data"][0]
        return buffer


class Blocked(Layout):
    """Images (N, C, H, W) in blocks of V channels, channels innermost: (N, C / V, H, W, V), with a halo of zeros.

    The last block is filled up with channels that nobody has; what they hold is finite. Strides count floats.
    """

    name = "blocked"

    def __init__(self, shape: Shape, halo: int = 0):
        super().__init__()
        self.shape, self.halo = shape, halo
        images, channels, height, width = shape
        self.blocks = -(-channels // lanes())
        self.row = (width + 2 * halo) * lanes()
        self.block = (height + 2 * halo) * self.row
        self.image = self.blocks * self.block
        self.start = halo * self.row + halo * lanes()
        self.size = images * self.image
        self.record: Any = None  # of what converts it
        self.inside: list[tuple[Memory, Blocked]] = []  # memories that lie within it

    @property
    def first(self) -> int:
        """The address of the first value inside the halo."""
        return self.address + 4 * self.start

    def to_host(self, array: np.ndarray, host: np.ndarray) -> None:
        from .convert import blocked_to_plain

        blocked_to_plain(self, host)

    def from_host(self, host: np.ndarray, array: np.ndarray) -> None:
        from .convert import plain_to_blocked

        for memory, place in self.inside:
            memory.keep_off(place)
        plain_to_blocked(host, self)


class Inside(Blocked):
    """One image in some of the blocks of another's that it is a part of."""

    name = "inside"

    def __init__(self, shape: Shape, outer: Blocked, whole: np.ndarray, block: int):
        super().__init__(shape, outer.halo)
        self.outer, self.start_block = outer, block
        self.room = whole[block * outer.block :][: self.size]

    def allocate(self, count: int, dtype: np.dtype) -> np.ndarray:
        self.address = self.room.__array_interface__["data"][0]
        return self.room


class Planar(Layout):
    """Images (N, C, H, W) as they are, with a halo of zeros around each plane."""

    name = "planar"
    by_drivers = False

    def __init__(self, shape: Shape, halo: int = 0):
        super().__init__()
        self.shape, self.halo = shape, halo
        images, channels, height, width = shape
        self.row = width + 2 * halo
        self.plane = (height + 2 * halo) * self.row
        self.image = channels * self.plane
        self.start = halo * self.row + halo
        self.size = images * self.image

    def planes(self, array: np.ndarray) -> np.ndarray:
        images, channels, height, width = self.shape
        whole = array[: self.size].reshape(images, channels, height + 2 * self.halo, self.row)
        inside = slice(self.halo, self.halo + height), slice(self.halo, self.halo + width)
        return whole[:, :, inside[0], inside[1]]

    def to_host(self, array: np.ndarray, host: np.ndarray) -> None:
        host.reshape(self.shape)[...] = self.planes(array)

    def from_host(self, host: np.ndarray, array: np.ndarray) -> None:
        self.planes(array)[...] = host.reshape(self.shape)


class Features(Layout):
    """Rows (N, K) turned: (K, N), each feature's values side by side and filled up to whole vectors."""

    name = "features"

    def __init__(self, shape: Shape, halo: int = 0):
        super().__init__()
        self.shape, self.halo = shape, 0
        self.rows, self.features = shape
        self.row = -(-self.rows // lanes()) * lanes()  # from one feature to the next
        self.size = self.features * self.row

    def to_host(self, array: np.ndarray, host: np.ndarray) -> None:
        from .convert import transpose

        transpose(self.address, self.features, self.rows, self.row, host, self.features)

    def from_host(self, host: np.ndarray, array: np.ndarray) -> None:
        from .convert import transpose

        transpose(host, self.rows, self.features, self.features, self.address, self.row)


AnyLayout = TypeVar("AnyLayout", Blocked, Planar, Features)


def laid_out(memory: Memory, kind: type[AnyLayout], shape: Shape, halo: int = 0) -> AnyLayout:
    """The memory's own place of that kind, for that shape, with at least that halo."""
    place: Any = memory.layouts.get(kind)
    if place is None or place.shape != shape or place.halo < halo:
        if place is not None:
            halo = max(halo, place.halo) if place.shape == shape else halo
            memory.leave(place)
        place = memory.layouts[kind] = kind(shape, halo)
    return place


def current(memory: Memory) -> Layout | None:
    """The private place that holds the values now; None when they are on the host, or nowhere."""
    for place in memory.valid:
        if isinstance(place, Layout):
            return place
    return None


def touch(memory: Memory, place: AnyLayout, access: str = READ) -> AnyLayout:
    """The place, with what `access` asks for: its address is good until the memory is laid out anew."""
    memory.on(place, access)
    return place
