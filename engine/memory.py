"""Memory that appears on first touch and follows its readers from place to place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

READ, WRITE, MODIFY = "read", "write", "modify"

_first_touch = threading.RLock()  # held while memory is made or filled: a page may look while a solver computes
ALIGNMENT = 64  # bytes between the starts of two memories in an arena are a multiple of this


class Place:
    """Somewhere the elements of a memory can be: the host, a device, or a private layout of a library.

    `xp` is the array module whose functions work on what `allocate` returns.
    """

    name: str
    xp: Any

    def allocate(self, count: int, dtype: np.dtype) -> Any:
        """A flat array of zeros."""
        raise NotImplementedError

    def to_host(self, array: Any, host: np.ndarray) -> None:
        """Copy from here into a host array of the same count."""
        raise NotImplementedError

    def from_host(self, host: np.ndarray, array: Any) -> None:
        """Copy a host array of the same count to here. May return while the host array is still being read."""
        raise NotImplementedError

    def host_array(self, count: int, dtype: np.dtype) -> np.ndarray:
        """A flat host array of zeros, of the kind that is copied to here fastest."""
        return np.zeros(count, dtype)

    def settle(self, host: np.ndarray) -> None:
        """Return when `host` may be overwritten: no copy from it to here is under way."""


class Host(Place):
    """Main memory, as NumPy arrays. The operating system hands the pages out when they are first written."""

    name = "host"
    xp = np

    def allocate(self, count: int, dtype: np.dtype) -> np.ndarray:
        return np.zeros(count, dtype)

    def to_host(self, array: np.ndarray, host: np.ndarray) -> None:
        host[:] = array

    def from_host(self, host: np.ndarray, array: np.ndarray) -> None:
        array[:] = host


HOST = Host()


class Memory:
    """`count` elements of one type, in whichever places hold them now.

    This is Caffe's SyncedMemory with the number of places left open. `valid` is the set of places that hold
    the current values: empty before the first touch, one place after a write, several after a read elsewhere.
    A `fill` given before the first touch makes the first values, on the host. `home` is the place that will want
    the values most.
    """

    def __init__(self, count: int = 0, dtype: Any = np.float32, home: Place = HOST):
        self.home = home
        self.count = self.capacity = int(count)
        self.dtype = np.dtype(dtype)
        self.valid: set[Place] = set()
        self._buffers: dict[Place, Any] = {}
        self._fill: Callable[[np.ndarray], None] | None = None
        self._arena: Arena | None = None

    def fill_with(self, fill: Callable[[np.ndarray], None]) -> None:
        """Let `fill(out)` write the first values when somebody first looks; what was here is forgotten."""
        self.valid.clear()
        self._fill = fill

    @property
    def pending(self) -> bool:
        """Whether a fill is still waiting for the first touch."""
        return self._fill is not None

    @property
    def touched(self) -> bool:
        """Whether any place holds values."""
        return bool(self.valid)

    @property
    def state(self) -> str:
        """Caffe's four states: uninitialised, at host, at device, synced. A private layout counts as device."""
        if not self.valid:
            return "uninitialised"
        if self.valid == {HOST}:
            return "at host"
        return "synced" if HOST in self.valid else "at device"

    @property
    def allocated(self) -> int:
        """Bytes this memory holds over all places."""
        return sum(self.capacity * self.dtype.itemsize for _ in self._buffers)

    def resize(self, count: int) -> None:
        """Change the number of elements. Values survive while the capacity suffices, as in Caffe's Blob."""
        if count > self.capacity:
            if self._arena is not None:
                raise ValueError("a memory inside an arena cannot grow")
            self.capacity = count
            self._buffers.clear()
            self.valid.clear()
        self.count = count

    def on(self, place: Place, access: str = READ) -> Any:
        """The elements as a flat array at `place`.

        `access` is READ (the array must not be written), WRITE (every element will be overwritten, so nothing
        is copied) or MODIFY. After WRITE and MODIFY this place alone is valid.
        """
        if access == WRITE:
            self._fill = None
        elif self._fill is not None or place not in self.valid:
            with _first_touch:
                if self._fill is not None:
                    host = self._buffer(HOST)
                    self.home.settle(host)
                    self._fill(host)
                    self.valid, self._fill = {HOST}, None
                if place not in self.valid:
                    self._bring_to(place)
        buffer = self._buffer(place)
        if access != READ:
            if place is HOST and len(self._buffers) > 1:
                self.home.settle(buffer)
            self.valid = {place}
        return buffer

    def held(self, place: Place) -> Any:
        """The array at `place` as it is, current or not; None where there is none yet."""
        return self._buffers.get(place)

    def _bring_to(self, place: Place) -> None:
        here = self._buffer(place)
        if self.valid:
            if HOST not in self.valid:
                source = next(iter(self.valid))
                source.to_host(self._buffer(source), self._buffer(HOST))
                self.valid.add(HOST)
            if place is not HOST:
                place.from_host(self._buffer(HOST), here)
        self.valid.add(place)

    def _buffer(self, place: Place) -> Any:
        buffer = self._buffers.get(place)
        if buffer is None:
            with _first_touch:
                buffer = self._buffers.get(place)
                if buffer is None:
                    if self._arena is not None:
                        buffer = self._arena.slice_of(self, place)
                    else:
                        allocate = self.home.host_array if place is HOST else place.allocate
                        buffer = allocate(self.capacity, self.dtype)
                    self._buffers[place] = buffer
        return buffer if self.count == self.capacity else buffer[: self.count]

    def _move_into(self, arena: Arena) -> None:
        kept = self.on(HOST).copy() if self.touched else None
        self._buffers.clear()
        self._arena, self.capacity = arena, self.count
        if kept is not None:
            self.valid = {HOST}
            self._buffer(HOST)[:] = kept


class Arena:
    """Many memories side by side in one flat buffer per place, so that one pass reaches them all.

    The gaps between them are zero and stay zero under every update that maps zero to zero.
    """

    def __init__(self, memories: Sequence[Memory]):
        self.memories = tuple(memories)
        self.dtype = self.memories[0].dtype if self.memories else np.dtype(np.float32)
        step = ALIGNMENT // self.dtype.itemsize
        self._start: dict[int, int] = {}
        self._buffers: dict[Place, Any] = {}
        self.count = 0
        for memory in self.memories:
            self._start[id(memory)] = self.count
            self.count += -(-memory.count // step) * step
        for memory in self.memories:
            memory._move_into(self)

    def span_of(self, memory: Memory) -> tuple[int, int]:
        """Where a member lies: its first element and the one after its last."""
        start = self._start[id(memory)]
        return start, start + memory.count

    def slice_of(self, memory: Memory, place: Place) -> Any:
        start, stop = self.span_of(memory)
        return self._buffer(place)[start:stop]

    def on(self, place: Place, access: str = READ) -> Any:
        """All members at once, as one flat array at `place`; `access` as in `Memory.on`."""
        for memory in self.memories:
            memory.on(place, access)
        return self._buffer(place)

    def _buffer(self, place: Place) -> Any:
        with _first_touch:
            if place not in self._buffers:
                self._buffers[place] = place.allocate(self.count, self.dtype)
            return self._buffers[place]
