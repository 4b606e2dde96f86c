"""Blob. An N-dimensional array and its gradient."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from . import shapes
from .memory import HOST, MODIFY, READ, WRITE, Memory, Place, computing, moved

MAX_AXES = 32
MOST_VALUES = 2**31 - 1  # INT_MAX: Caffe counts values in 32 bits


class TooLarge(ValueError):
    """A shape of more values than a blob can have."""


class Blob:
    """Values (`data`) and their gradient (`diff`), both of shape `shape`, in memory that appears on first touch.

    People use `data` and `diff`: NumPy arrays that may be read and written, as in pycaffe. Layers say what they
    mean to do, `read`, `write` (every element) or `modify`, and get an array where their net computes, with
    nothing copied that need not be. Source: Caffe's `Blob` and `SyncedMemory`.
    """

    def __init__(self, shape: tuple[int, ...] = (), dtype: Any = np.float32, place: Place = HOST):
        self.place = place
        self.data_memory = Memory(0, dtype, place)
        self.diff_memory = Memory(0, dtype, place)
        self.shape: tuple[int, ...] = ()
        self.reshape(*shape)

    def __repr__(self) -> str:
        return f"<Blob {self.shape_string}>"

    # Shape

    def reshape(self, *shape: int) -> None:
        """Take a new shape. Values survive, in order, while the count does not outgrow the memory.

        Raises ValueError on a negative length, more than 32 axes, and, as TooLarge, more than INT_MAX values.
        """
        shape = tuple(int(length) for length in shape)
        if len(shape) > MAX_AXES:
            raise ValueError(f"a blob has at most {MAX_AXES} axes; got {len(shape)}")
        if any(length < 0 for length in shape):
            raise ValueError(f"a blob's lengths cannot be negative; got {shape}")
        count = prod(shape)
        if shape == self.shape and self.data_memory.count == count:
            return
        if max(count, *shape, 0) > MOST_VALUES:
            raise TooLarge(f"a blob of shape {shape} has more than INT_MAX ({MOST_VALUES:,}) values")
        shapes.changes += 1
        self.shape = shape
        self.data_memory.resize(count)
        self.diff_memory.resize(count)

    @property
    def count(self) -> int:
        """Number of elements."""
        return self.data_memory.count

    @property
    def num_axes(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        return self.data_memory.dtype

    @property
    def shape_string(self) -> str:
        """The shape as Caffe logs it: ``64 20 24 24 (737280)``."""
        return " ".join(str(length) for length in (*self.shape, f"({self.count})"))

    def legacy_shape(self, axis: int) -> int:
        """Length of one of the four axes num, channels, height, width; 1 where the blob has fewer.

        Raises ValueError when the blob has more than four axes.
        """
        if self.num_axes > 4:
            raise ValueError(f"num, channels, height and width need at most 4 axes; the shape is {self.shape}")
        return self.shape[axis] if axis < self.num_axes else 1

    num = property(lambda self: self.legacy_shape(0))
    channels = property(lambda self: self.legacy_shape(1))
    height = property(lambda self: self.legacy_shape(2))
    width = property(lambda self: self.legacy_shape(3))

    # For people: NumPy

    @property
    def data(self) -> np.ndarray:
        """The values as a NumPy array; writing into it changes the blob, for as long as somebody has it.

        It follows the blob: after each pass of the net it shows the new values. It is a stranger to the blob once the
        blob is given a longer shape.
        """
        return self.data_memory.lend(self.shape)

    @data.setter
    def data(self, values: Any) -> None:
        self.data[...] = values

    @property
    def diff(self) -> np.ndarray:
        """The gradient as a NumPy array; writing into it changes the blob."""
        return self.diff_memory.lend(self.shape)

    @diff.setter
    def diff(self, values: Any) -> None:
        self.diff[...] = values

    def look(self, part: str = "data") -> np.ndarray:
        """`data` or `diff` as an array that nobody may write: the net need not reckon with changes, as after `data`."""
        memory = self.diff_memory if part == "diff" else self.data_memory
        with computing:
            array = memory.on(HOST, READ).reshape(self.shape)
        array.flags.writeable = False
        return array

    # For layers: an array of `place.xp`, of the blob's shape

    def read(self) -> Any:
        """The values, not to be written."""
        return self.data_memory.on(self.place, READ).reshape(self.shape)

    def write(self) -> Any:
        """Room for new values; the caller overwrites all of it."""
        return self.data_memory.on(self.place, WRITE).reshape(self.shape)

    def modify(self) -> Any:
        """The values, to be changed in place."""
        return self.data_memory.on(self.place, MODIFY).reshape(self.shape)

    def read_diff(self) -> Any:
        """The gradient, not to be written."""
        return self.diff_memory.on(self.place, READ).reshape(self.shape)

    def write_diff(self) -> Any:
        """Room for a new gradient; the caller overwrites all of it."""
        return self.diff_memory.on(self.place, WRITE).reshape(self.shape)

    def modify_diff(self) -> Any:
        """The gradient, to be changed in place (parameter gradients accumulate so)."""
        return self.diff_memory.on(self.place, MODIFY).reshape(self.shape)

    # Sharing

    def share_data(self, other: Blob) -> None:
        """Let both blobs have the values of `other`. Raises ValueError when the counts differ."""
        self._same_count(other)
        if self.data_memory is not other.data_memory:
            self.data_memory = other.data_memory
            moved()

    def share_diff(self, other: Blob) -> None:
        """Let both blobs have the gradient of `other`. Raises ValueError when the counts differ."""
        self._same_count(other)
        if self.diff_memory is not other.diff_memory:
            self.diff_memory = other.diff_memory
            moved()

    def seen_from(self, place: Place) -> Blob:
        """Another blob of the same memories and shape, whose `read`, `write` and `modify` give arrays at `place`."""
        other = Blob((), self.dtype, place)
        other.shape, other.data_memory, other.diff_memory = self.shape, self.data_memory, self.diff_memory
        return other

    def _same_count(self, other: Blob) -> None:
        if self.count != other.count:
            raise ValueError(f"cannot share {other.shape_string} with {self.shape_string}: the counts differ")
