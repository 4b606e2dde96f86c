"""The wire format of protocol buffers, as far as arrays too large for message objects need it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor

VARINT, FIXED64, BYTES, GROUP, GROUP_END, FIXED32 = range(6)
_LENGTH = {FIXED64: 8, FIXED32: 4}
_DEEPEST = 100  # groups within groups, as protobuf has it
_KINDS = dict.fromkeys((FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_MESSAGE), BYTES)
_KINDS |= dict.fromkeys(
    (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64), FIXED64
)
_KINDS |= dict.fromkeys(
    (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_SFIXED32), FIXED32
)  # of any other type: VARINT


def named_fields(
    cls: Any, message: Any, others: Mapping[tuple[int, int], str] | None = None
) -> Iterator[tuple[str, Any]]:
    """The fields of a serialised message of a class by name, and those among `others`, which names them.

    `others` are keyed by number and wire type. A repeated field of numbers may come packed (a part of the message) or
    one by one. As in protobuf, a field that the class does not have, or has with another wire type, is unknown, and
    skipped. Raises ValueError as `fields` does.
    """
    others = others or {}
    for number, kind, value in fields(message):
        field = cls.DESCRIPTOR.fields_by_number.get(number)
        wanted = _KINDS.get(field.type, VARINT) if field is not None else None
        packed = field is not None and kind == BYTES and field.is_repeated
        if field is not None and (kind == wanted or packed):
            signed = kind == VARINT and field.type == FieldDescriptor.TYPE_INT32
            yield field.name, ((value + (1 << 31)) % (1 << 32) - (1 << 31)) if signed else value
        elif (number, kind) in others:
            yield others[number, kind], value


def fields(message: Any) -> Iterator[tuple[int, int, Any]]:
    """The fields of a serialised message: number, wire type, value (an int for VARINT, else a part of the message).

    A message is a memoryview, or what can be indexed and sliced as one. Groups, which Caffe's schema does not have,
    are skipped. Raises ValueError where the bytes are no message, or end too early.
    """
    at = 0
    groups: list[int] = []  # the numbers of those that have begun, and not ended
    while at < len(message):
        key, at = read_varint(message, at)
        number, kind = key >> 3, key & 7
        if not number:
            raise ValueError(f"byte {at}: there is no field 0")
        if kind == VARINT:
            value, at = read_varint(message, at)
            if not groups:
                yield number, kind, value
            continue
        if kind == GROUP:
            groups.append(number)
            if len(groups) > _DEEPEST:
                raise ValueError(f"byte {at}: the groups go deeper than {_DEEPEST} levels")
            continue
        if kind == GROUP_END:
            if not groups or groups.pop() != number:
                raise ValueError(f"byte {at}: a group {number} ends that has not begun")
            continue
        if kind == BYTES:
            length, at = read_varint(message, at)
        elif kind in _LENGTH:
            length = _LENGTH[kind]
        else:
            raise ValueError(f"byte {at}: there is no wire type {kind}")
        if at + length > len(message):
            raise ValueError(f"field {number} ends {at + length - len(message):,} bytes behind the end")
        if not groups:
            yield number, kind, message[at : at + length]
        at += length
    if groups:
        raise ValueError(f"the group {groups[-1]} does not end")


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
