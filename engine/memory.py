"""Memory that appears on first touch and follows its readers from place to place."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from . import witness
from .forks import reentrant_lock
from .turns import Turns

READ, WRITE, MODIFY = "read", "write", "modify"

touching = reentrant_lock()  # held while memory is made or filled: a page may look while a solver computes
computing = reentrant_lock()  # held while a layer or an update runs: it finds its memories where it has put them
moves = 0  # how often a buffer of any memory was made or given up, or a blob got another memory
ALIGNMENT = 64  # bytes between the starts of two memories in an arena are a multiple of this


class Place:
    """Somewhere the elements of a memory can be: the host, a device, or a private layout of a library.

    `xp` is the array module whose functions work on what `allocate` returns.
    """

    name: str
    xp: Any
    private: bool = False  # a layout of one memory's own, which only ops that know it can read
    by_drivers: bool = False  # whether drivers alone bring values to it, and from it

    def allocate(self, count: int, dtype: np.dtype) -> Any:
        """A flat array of zeros."""
        raise NotImplementedError

    def to_host(self, array: Any, host: np.ndarray) -> None:
        """Copy from here into a host array of the same count."""
        raise NotImplementedError

    def from_host(self, host: np.ndarray, array: Any) -> None:
        """Copy a host array of the same count to here. May return while the host array is still being read."""
        raise NotImplementedError

    def reaches(self, source: Place) -> bool:
        """Whether values come to here from another place without the host."""
        return False

    def copy_from(self, source: Place, array: Any, here: Any) -> None:
        """Bring them from an array of that place into one of here."""
        raise NotImplementedError

    def host_array(self, count: int, dtype: np.dtype) -> np.ndarray:
        """A flat host array of zeros, of the kind that is copied to here fastest."""
        return np.zeros(count, dtype)

    def settle(self, host: np.ndarray) -> None:
        """Return when `host` may be overwritten: no copy from it to here is under way."""


class Host(Place):
    """Main memory, as NumPy arrays. The operating system hands the pages out when they are first written.

    Of big arrays NumPy asks it for huge pages, so that passes over weights do not wait for address translation.
    """

    name = "host"
    xp = np

    def allocate(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Zeros that begin at a whole cache line; the cache line past the end may be read."""
        dtype = np.dtype(dtype)
        room = np.zeros(count + 2 * ALIGNMENT // dtype.itemsize, dtype)
        start = -room.__array_interface__["data"][0] % ALIGNMENT // dtype.itemsize
        return room[start : start + count]

    def host_array(self, count: int, dtype: np.dtype) -> np.ndarray:
        return self.allocate(count, dtype)

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
    the values most. `version` counts the writes. `layouts` are the private places that ops have made for it.

    An array that was lent to somebody is written when nobody looks. So as long as it lives the host is where the
    values are: whoever wants them elsewhere has them copied anew, and what is written elsewhere is brought back by
    `refresh_lent` when a pass ends.
    """

    def __init__(self, count: int = 0, dtype: Any = np.float32, home: Place = HOST):
        self.home = home
        self.count = self.capacity = int(count)
        self.dtype = np.dtype(dtype)
        self.valid: set[Place] = set()
        self._buffers: dict[Place, Any] = {}
        self._fill: Callable[[np.ndarray], None] | None = None
        self._arena: Arena | None = None
        self._lent: weakref.ref[np.ndarray] | None = None
        self.version = 0
        self.turns: Turns | None = None  # those of the solver to which the values belong
        self.layouts: dict[Any, Place] = {}
        self.watchers: list[weakref.ref[Any]] = []

    def watch(self, watcher: Any) -> None:
        """Call `watcher.changing(memory, resized)` before the values change, for as long as somebody has the watcher.

        Of changes through an array that was lent before nothing is told, nor of those that a `Stretch` makes.
        """
        if not any(reference() is watcher for reference in self.watchers):
            self.watchers = [one for one in self.watchers if one() is not None] + [weakref.ref(watcher)]

    def tell_watchers(self, resized: bool = False) -> None:
        """Say that the values are about to change."""
        for reference in self.watchers:
            watcher = reference()
            if watcher is not None:
                watcher.changing(self, resized)

    def fill_with(self, fill: Callable[[np.ndarray], None]) -> None:
        """Let `fill(out)` write the first values when somebody first looks; what was here is forgotten."""
        if self.watchers:
            self.tell_watchers()
        self.valid.clear()
        self._fill = fill
        self.version += 1

    def clear(self) -> None:
        """Let every element be zero, without writing it before somebody looks."""
        if self.lent:
            self.on(HOST, WRITE)[:] = 0
        else:
            self.fill_with(_zero)

    @property
    def cleared(self) -> bool:
        """Whether every element is zero, and none written yet: who adds to it may write instead."""
        return self._fill is _zero

    @property
    def pending(self) -> bool:
        """Whether a fill is still waiting for the first touch."""
        return self._fill is not None

    def waits_for(self, fill: Callable[[np.ndarray], None]) -> bool:
        """Whether that fill is waiting."""
        return self._fill is fill

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
        return sum(int(buffer.nbytes) for buffer in self._buffers.values())

    def resize(self, count: int) -> None:
        """Change the number of elements. Values survive while the capacity suffices, as in Caffe's Blob.

        Beyond it all are zero, those that a `fill` was to make too: so the weights of a loss whose top grows are gone.
        """
        if count != self.count and self.watchers:
            self.tell_watchers(resized=True)
        for place in list(self.layouts.values()) if count != self.count else ():
            self.leave(place)
        if count > self.capacity:
            if self._arena is not None:
                raise ValueError("a memory inside an arena cannot grow")
            self.capacity = count
            self._buffers.clear()
            moved()
            self.valid.clear()
            self._fill = None
        self.count = count

    def on(self, place: Place, access: str = READ) -> Any:
        """The elements as a flat array at `place`.

        `access` is READ (the array must not be written), WRITE (every element will be overwritten, so nothing
        is copied) or MODIFY. After WRITE and MODIFY this place alone is valid.
        """
        told = witness.now
        if told is not None:
            told.accessed(self, place, access)
        if access != READ and self.watchers:
            self.tell_watchers()
        if access == WRITE:
            self._fill = None
        elif self._fill is not None or place not in self.valid:
            with touching:
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
            self.version += 1
        return buffer

    def lend(self, shape: tuple[int, ...]) -> np.ndarray:
        """The elements as an array that may be read and written for as long as somebody has it, or a part of it.

        While a solver makes an iteration on another thread, it comes after the iteration, and with whole values: the
        next iteration waits for a while (see `Turns`) until the array is let go.
        """
        turns = self.turns
        visiting = turns is not None and not computing._is_owned() and turns.visit(self)
        try:
            with computing:
                array = self._lend()
            if turns is not None and visiting and not turns.played:
                array = np.asarray(_Loan(array))
                turns.lease(array)
            return array.reshape(shape)
        finally:
            if turns is not None and visiting:
                turns.leave()

    def _lend(self) -> np.ndarray:
        """The flat array that all share who have one."""
        buffer = self.on(HOST, MODIFY)
        array = self._lent() if self._lent is not None else None
        if array is None or array.size != buffer.size or array.ctypes.data != buffer.ctypes.data:
            array = np.asarray(_Loan(buffer))
            self._lent = weakref.ref(array)
            _loans.append(weakref.ref(self))
        return array

    @property
    def lent(self) -> bool:
        """Whether somebody has an array of this memory, and may be writing into it."""
        return self._lent is not None and self._lent() is not None

    def leave(self, place: Place) -> None:
        """Give up a private place, its values saved to the host if they are nowhere else."""
        with touching:
            self.keep_off(place)
            self._buffers.pop(place, None)
            moved()
            for kind in [kind for kind, each in self.layouts.items() if each is place]:
                del self.layouts[kind]

    def moves_to(self, place: Place, instead: Place) -> None:
        """Give up a private place for another that has the same values by now."""
        with touching:
            self.valid.discard(instead)
            self.valid.add(place)
            self._buffers.pop(instead, None)
            for kind in [kind for kind, each in self.layouts.items() if each is instead]:
                self.layouts[kind] = place
            self._buffer(place)
            moved()

    def keep_off(self, place: Place) -> None:
        """Let a place count no longer, because something else is about to be written there."""
        with touching:
            if place in self.valid and HOST not in self.valid:
                self._bring_to(HOST)
            self.valid.discard(place)

    def was_written(self, places: Iterable[Place]) -> None:
        """Take note that new values have come to these places, and are nowhere else."""
        self._fill = None
        self.version += 1
        self.valid = {HOST} if self._lent is not None and HOST in places and self.lent else set(places)

    def modified_on_host(self) -> bool:
        """Take note that the values change on the host; False where anything else is to be done for that."""
        if self._fill is not None or len(self.valid) != 1 or HOST not in self.valid or witness.now is not None:
            return False
        if len(self._buffers) != 1:
            return False
        self.version += 1
        return True

    def held(self, place: Place) -> Any:
        """The array at `place` as it is, current or not; None where there is none yet."""
        return self._buffers.get(place)

    def _bring_to(self, place: Place) -> None:
        here, told = self._buffer(place), witness.now
        near = next((source for source in self.valid if place.reaches(source)), None)
        if near is not None:
            place.copy_from(near, self._buffer(near), here)
        elif self.valid:
            if HOST not in self.valid:
                source = next(iter(self.valid))
                if told is not None:
                    told.converted(self, source)
                source.to_host(self._buffer(source), self._buffer(HOST))
                self.valid.add(HOST)
            if place is not HOST:
                if told is not None:
                    told.converted(self, place)
                place.from_host(self._buffer(HOST), here)
                if self._lent is not None:
                    if self._lent() is not None:
                        self.valid = {HOST}
                        return
                    self._lent = None
        self.valid.add(place)

    def _buffer(self, place: Place) -> Any:
        buffer = self._buffers.get(place)
        if buffer is None:
            with touching:
                buffer = self._buffers.get(place)
                if buffer is None:
                    if self._arena is not None and not place.private:
                        buffer = self._arena.slice_of(self, place)
                    else:
                        allocate = self.home.host_array if place is HOST else place.allocate
                        buffer = allocate(self.capacity, self.dtype)
                    self._buffers[place] = buffer
                    moved()
        return buffer if self.count == self.capacity or place.private else buffer[: self.count]

    def _move_into(self, arena: Arena) -> None:
        kept = self.on(HOST).copy() if self.touched else None
        self._buffers.clear()
        moved()
        self._arena, self.capacity = arena, self.count
        if kept is not None:
            self.valid = {HOST}
            self._buffer(HOST)[:] = kept


def moved() -> None:
    """Count that something lies elsewhere now: who remembers addresses has to look."""
    global moves
    moves += 1


def _zero(out: np.ndarray) -> None:
    out[:] = 0


class _Loan:
    """What makes an array of a buffer whose every part keeps the whole array alive."""

    def __init__(self, buffer: np.ndarray):
        self.buffer = buffer
        self.__array_interface__ = buffer.__array_interface__


_loans: list[weakref.ref[Memory]] = []


def any_lent() -> bool:
    """Whether somebody may have an array of any memory."""
    return bool(_loans)


def refresh_lent() -> None:
    """Bring up to date every array that somebody still has of a memory whose values are elsewhere by now.

    Of the others, copies that are under way to a device are waited for: they may be written from here on.
    """
    if not _loans:
        return
    with computing:
        kept = []
        for reference in _loans:
            memory = reference()
            if memory is None or not memory.lent:
                continue
            kept.append(reference)
            host = memory.held(HOST)
            if memory.valid and HOST not in memory.valid:
                memory.on(HOST, MODIFY)
            elif host is not None:
                memory.home.settle(host)
        _loans[:] = kept


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
            if not (access == MODIFY and place is HOST and memory.modified_on_host()):
                memory.on(place, access)
        return self._buffer(place)

    def _buffer(self, place: Place) -> Any:
        buffer = self._buffers.get(place)
        if buffer is not None:
            return buffer
        with touching:
            if place not in self._buffers:
                self._buffers[place] = place.allocate(self.count, self.dtype)
            return self._buffers[place]
