"""What LevelDB does to bytes: CRC-32C checksums, and Snappy's compression. Compiled where that is possible."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..making import telling
from ..numpy_names import numpys_own_names
from ..stamps import kept_on_disk

_POLYNOMIAL = 0x82F63B78  # of CRC-32C, its bits reversed


def _table() -> np.ndarray:
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, values >> 1 ^ np.uint32(_POLYNOMIAL), values >> 1)
    return values.astype(np.uint32)


_CRC = _table()


def _checksum(data: Any, table: Any) -> Any:
    """The CRC-32C of bytes, uint8 (N,)."""
    crc = np.uint32(0xFFFFFFFF)
    for k in range(len(data)):
        crc = table[(crc ^ data[k]) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return crc ^ np.uint32(0xFFFFFFFF)


def _unpack(data: Any, at: Any, out: Any) -> Any:
    """Fill `out` from Snappy's elements in `data` from `at` on; the bytes filled, -1 for elements that make no sense.

    Reference: "Snappy compressed format description", google/snappy.
    """
    length: Any
    size, end, filled = len(data), len(out), 0
    while at < size:
        tag = np.int64(data[at])
        at += 1
        if tag & 3 == 0:  # so many bytes, as they stand
            length = tag >> 2
            if length >= 60:
                extra = length - 59
                if at + extra > size:
                    return -1
                length = np.int64(0)
                for k in range(extra):
                    length |= np.int64(data[at + k]) << (8 * k)
                at += extra
            length += 1
            if length > size - at or length > end - filled:
                return -1
            for k in range(length):
                out[filled + k] = data[at + k]
            at += length
        else:  # so many bytes from so far back
            kind = tag & 3
            width = 1 if kind == 1 else 2 if kind == 2 else 4
            if at + width > size:
                return -1
            back = (tag >> 5) << 8 if kind == 1 else np.int64(0)
            for k in range(width):
                back |= np.int64(data[at + k]) << (8 * k)
            at += width
            length = 4 + ((tag >> 2) & 7) if kind == 1 else 1 + (tag >> 2)
            if back == 0 or back > filled or length > end - filled:
                return -1
            for k in range(length):  # one by one: what is copied may have been written just now
                out[filled + k] = out[filled - back + k]
        filled += length
    return filled


class Code(NamedTuple):
    """The two functions; `quick` where they are compiled."""

    checksum: Any
    unpack: Any
    quick: bool


@cache
def code() -> Code:
    """The functions, compiled unless that is impossible."""
    try:
        with numpys_own_names(), telling():
            from numba import njit, types

            data = types.Array(types.uint8, 1, "C", readonly=True)
            table, room = types.Array(types.uint32, 1, "C"), types.Array(types.uint8, 1, "C")
            signatures = types.uint32(data, table), types.int64(data, types.int64, room)
            functions = zip((_checksum, _unpack), signatures, strict=True)
            made = [kept_on_disk(njit, function, signature, nogil=True) for function, signature in functions]
    except Exception:  # numba is not there, or cannot compile here
        return Code(_checksum, _unpack, False)
    return Code(made[0], made[1], True)


def intact(data: bytes, stored: int) -> bool:
    """Whether bytes have the checksum that LevelDB stored for them; taken for granted where nothing compiles."""
    functions = code()
    if not functions.quick:
        return True
    crc = int(functions.checksum(_array(data), _CRC))
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF == stored


def decompress(data: bytes) -> bytes:
    """The bytes that Snappy made `data` of. Raises ValueError for what Snappy does not make."""
    size, at = 0, 0
    for shift in range(0, 35, 7):
        if at == len(data):
            raise ValueError("the compressed data are cut short")
        size |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            break
    if size > 64 * len(data):  # an element of three bytes makes 64 at most
        raise ValueError("the compressed data are damaged")
    out = np.empty(size, np.uint8)
    if code().unpack(_array(data), at, out) != size:
        raise ValueError("the compressed data are damaged")
    return out.tobytes()


def _array(data: bytes) -> np.ndarray:
    values = np.frombuffer(data, np.uint8)
    values.flags.writeable = False
    return values
