"""The wire format of protocol buffers, as far as arrays too large for message objects need it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_LENGTH = {FIXED64: 8, FIXED32: 4}



def fields(message: Any) -> Iterator[tuple[int, int, Any]]:
    """The fields of a serialised message: number, wire type, value (an int for VARINT, else a part of the message).

    A message is a memoryview, or what can be indexed and sliced as one. Raises ValueError where the bytes are no
    message, or end too early.
    """
    at = 0
    while at < len(message):
        key, at = read_varint(message, at)
        number, kind = key >> 3, key & 7
        if not number:
            raise ValueError(f"byte {at}: there is no field 0")
        if kind == VARINT:
            value, at = read_varint(message, at)
            yield number, kind, value
            continue
        if kind == BYTES:
            length, at = read_varint(message, at)
        elif kind in _LENGTH:
            length = _LENGTH[kind]
        else:
            raise ValueError(f"byte {at}: there is no wire type {kind}")
        if at + length > len(message):
            raise ValueError(f"field {number} ends {at + length - len(message):,} bytes behind the end")
        yield number, kind, message[at : at + length]
        at += length


def read_varint(message: Any, at: int) -> tuple[int, int]:
    """The number that begins at a byte, and where the next thing begins. Raises ValueError at the end of the bytes."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("the bytes end inside a number")
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number has more than 64 bits")


def read_varints(packed: bytes) -> np.ndarray:
    """The numbers written one after the other, each below 2**63. Raises ValueError for what they are not."""
    octets = np.frombuffer(packed, np.uint8)
    last = np.flatnonzero(octets < 128)
    if octets.size and (not last.size or last[-1] != octets.size - 1):
        raise ValueError("the bytes end inside a number")
    first = np.concatenate([[0], last[:-1] + 1]) if last.size else last
    lengths = last - first + 1
    if lengths.size and lengths.max() > 9:
        raise ValueError("a number has more than 63 bits")
    values = np.zeros(last.size, np.int64)
    for place in range(int(lengths.max(initial=0))):
        there = lengths > place
        values[there] |= (octets[first[there] + place].astype(np.int64) & 127) << (7 * place)
    return values


def varint(value: int) -> bytes:
    """A number from zero up, written."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def header(number: int, length: int) -> bytes:
    """What stands before `length` bytes that are the value of a field."""
    return varint(number << 3 | BYTES) + varint(length)
