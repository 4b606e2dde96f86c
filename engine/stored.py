"""Arrays that stay in their file until somebody wants their values."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from math import prod
from os import PathLike
from typing import Any

import numpy as np

from .forks import lock

_BLOCK = 1 << 14  # bytes that are read together where single ones are asked for


class Stored:
    """An array in a file: its shape and type are known, its values are read whenever somebody asks for them.

    NumPy takes it for an array: `np.asarray(stored)`, or `array[...] = stored`. `read(out)` fills a flat array of
    its type. Reading raises OSError, with the file's name, when the file cannot be read any more.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, read: Callable[[np.ndarray], None]):
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.read = read

    def __repr__(self) -> str:
        return f"<array of shape {self.shape}, {self.dtype}, in a file>"

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def reshape(self, shape: tuple[int, ...], order: str = "C") -> Stored:
        """The same values in another shape, still in the file. Raises ValueError when their number differs."""
        if prod(shape) != self.size or any(length < 0 for length in shape):
            raise ValueError(f"cannot reshape array of size {self.size} into shape {shape}")
        return Stored(tuple(shape), self.dtype, self.read)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("the values are in a file: they cannot be had without a copy")
        out = np.empty(self.size, self.dtype)
        self.read(out)
        return out.reshape(self.shape) if dtype is None else out.reshape(self.shape).astype(dtype, copy=False)


class FileBytes:
    """The bytes of a file, or a part of them, that stay where they are: what a memoryview is to bytes in memory.

    Indexing gives a byte's value, slicing another part, `bytes()` the bytes, `array(dtype)` a `Stored`. The file is
    open as long as one of its parts is in use. Raises OSError when it cannot be opened, or read, or has become shorter.
    """

    def __init__(self, path: str | PathLike):
        self._file = _File(path)
        self._start, self._stop = 0, self._file.size

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            start, stop, _ = key.indices(len(self))
            part = object.__new__(FileBytes)
            part._file, part._start, part._stop = self._file, self._start + start, self._start + max(start, stop)
            return part
        if not 0 <= key < len(self):
            raise IndexError(f"there is no byte {key} among {len(self)}")
        return self._file.byte(self._start + key)

    def __bytes__(self) -> bytes:
        out = bytearray(len(self))
        self._file.read(self._start, memoryview(out))
        return bytes(out)

    def array(self, dtype: Any) -> Stored:
        """All of them as a flat array. Raises ValueError when they are no whole number of elements."""
        dtype = np.dtype(dtype)
        count, rest = divmod(len(self), dtype.itemsize)
        if rest:
            raise ValueError(f"{len(self):,} bytes are no whole number of values of {dtype.itemsize} bytes")
        return Stored((count,), dtype, partial(self._file.fill, self._start))


class _File:
    """An open file, from which any thread may read anywhere."""

    def __init__(self, path: str | PathLike):
        self._path = path
        self._opened = open(path, "rb", buffering=0)
        self.size = self._opened.seek(0, 2)
        self._lock = lock()
        self._block: tuple[int, bytes] = (0, b"")  # the bytes last read one by one, and where they begin

    def __del__(self) -> None:
        opened = getattr(self, "_opened", None)
        if opened is not None:
            opened.close()

    def read(self, start: int, out: memoryview) -> None:
        """Fill `out` with the bytes from `start` on."""
        done = 0
        while done < len(out):
            count = self._read(start + done, out[done:])
            if not count:
                raise OSError(f"{self._path}: has become shorter while it was being read")
            done += count

    def _read(self, start: int, out: memoryview) -> int:
        """Fill `out` as far as one access goes; how far."""
        if hasattr(os, "preadv"):  # a forked child has the same place in the file to seek from
            return os.preadv(self._opened.fileno(), [out], start)
        with self._lock:
            self._opened.seek(start)
            return self._opened.readinto(out)

    def fill(self, start: int, out: np.ndarray) -> None:
        """Fill a flat array with what begins at `start`."""
        if out.size:
            self.read(start, out.data.cast("B"))

    def byte(self, at: int) -> int:
        """The value of one byte."""
        start, block = self._block
        if not 0 <= at - start < len(block):
            fresh = bytearray(min(_BLOCK, self.size - at))
            self.read(at, memoryview(fresh))
            start, block = self._block = at, bytes(fresh)
        return block[at - start]
