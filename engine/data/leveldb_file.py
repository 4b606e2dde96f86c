"""LevelDB's files: its logs, its tables, and the manifest that says which of them count. They are only read.

Source: "leveldb Log format", "leveldb File format" and "Files" in google/leveldb.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .leveldb_bytes import decompress, intact

Entry = tuple[bytes, int, memoryview]  # key; number of the write, whose lowest bit says that there is a value; value

_LOG_BLOCK, _LOG_HEADER = 1 << 15, 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_MAGIC, _FOOTER, _TRAILER = 0xDB4775248B80FB57, 48, 5
_PLAIN, _SNAPPY = 0, 1
_COMPARATOR = b"leveldb.BytewiseComparator"
_NAMES, _NUMBERS, _KEYS, _DELETED, _NEW = (1,), (2, 3, 4, 9), (5,), (6,), (7,)  # what a manifest tells, by its tags


class Reader:
    """Numbers and byte strings, one after the other, of some bytes. Raises ValueError where they end too soon."""

    def __init__(self, data: bytes | memoryview):
        self.data, self.at = memoryview(data), 0

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def number(self) -> int:
        """A number of up to 64 bits, seven in a byte."""
        value = 0
        for shift in range(0, 70, 7):
            if self.at >= len(self.data):
                break
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number is cut short")

    def string(self) -> memoryview:
        """Bytes behind their length."""
        size = self.number()
        if size > len(self.data) - self.at:
            raise ValueError("a text is cut short")
        self.at += size
        return self.data[self.at - size : self.at]


def log_records(content: bytes) -> Iterator[bytes]:
    """The records of a log. What a writer did not finish at its end is left out; ValueError for other damage."""
    parts: list[bytes] = []
    at, size = 0, len(content)
    while at + _LOG_HEADER <= size:
        left = _LOG_BLOCK - at % _LOG_BLOCK
        if left < _LOG_HEADER:
            at += left
            continue
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        end = at + _LOG_HEADER + length
        if kind == 0 and length == 0:  # room that was reserved
            at += left
            continue
        if end > size:
            return
        if _LOG_HEADER + length > left or kind not in (_FULL, _FIRST, _MIDDLE, _LAST):
            raise ValueError(f"a record at byte {at:,} makes no sense")
        if not intact(content[at + 6 : end], int.from_bytes(content[at : at + 4], "little")):
            raise ValueError(f"the record at byte {at:,} is damaged: its checksum does not fit")
        if (kind in (_FULL, _FIRST)) == bool(parts):
            raise ValueError(f"the record at byte {at:,} lacks a part")
        parts.append(content[at + _LOG_HEADER : end])
        if kind in (_FULL, _LAST):
            yield parts[0] if len(parts) == 1 else b"".join(parts)
            parts = []
        at = end


def log_entries(content: bytes) -> Iterator[Entry]:
    """The entries that a log of writes adds, in the order in which they were written."""
    for record in log_records(content):
        if len(record) < 12:
            raise ValueError("a batch of writes is cut short")
        number, batch = int.from_bytes(record[:8], "little"), Reader(record)
        batch.at = 12
        while batch:
            kind = batch.number()
            if kind > 1:
                raise ValueError("a batch of writes makes no sense")
            key = bytes(batch.string())
            yield key, number << 8 | kind, batch.string() if kind else memoryview(b"")
            number += 1


@dataclass
class Manifest:
    """Which files count: the tables of each level by number, each with its least key; the first log and another."""

    tables: dict[tuple[int, int], bytes] = field(default_factory=dict)
    log: int = 0
    other_log: int = 0


def read_manifest(content: bytes) -> Manifest:
    """What a manifest tells. Raises ValueError where it is damaged, or keys are sorted in an order of its own."""
    found = Manifest()
    for record in log_records(content):
        edit = Reader(record)
        while edit:
            tag = edit.number()
            if tag in _NAMES:
                if (name := bytes(edit.string())) != _COMPARATOR:
                    raise ValueError(f"its keys are sorted by {name.decode(errors='replace')!r}, not byte by byte")
            elif tag in _NUMBERS:
                number = edit.number()
                found.log = number if tag == 2 else found.log
                found.other_log = number if tag == 9 else found.other_log
            elif tag in _KEYS:
                edit.number()
                edit.string()
            elif tag in _DELETED:
                found.tables.pop((edit.number(), edit.number()), None)
            elif tag in _NEW:
                level, number, _ = edit.number(), edit.number(), edit.number()
                found.tables[level, number] = bytes(edit.string())[:-8]
                edit.string()
            else:
                raise ValueError(f"it holds something unknown, of the kind {tag}")
    return found


def table_entries(path: Path) -> Iterator[Entry]:
    """The entries of a table in the order of their keys, what was written last first. The file is open meanwhile."""
    with open(path, "rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size < _FOOTER:
            raise ValueError("it is cut short")
        footer = _read(file, size - _FOOTER, _FOOTER)
        if int.from_bytes(footer[-8:], "little") != _MAGIC:
            raise ValueError("it is no table, or is cut short")
        places = Reader(footer)
        for _ in range(2):
            places.number()  # the place of what is known beside the entries
        for _, value in _entries(_block(file, places)):
            for key, content in _entries(_block(file, Reader(value))):
                if len(key) < 8:
                    raise ValueError("a key is cut short")
                yield key[:-8], int.from_bytes(key[-8:], "little"), content


def _read(file: Any, offset: int, size: int) -> bytes:
    if offset + size > file.seek(0, os.SEEK_END):
        raise ValueError(f"it is cut short: it has no {size:,} bytes from byte {offset:,} on")
    file.seek(offset)
    return file.read(size)


def _block(file: Any, place: Reader) -> bytes:
    """The block that lies where the next two numbers say."""
    offset, size = place.number(), place.number()
    content = _read(file, offset, size + _TRAILER)
    if not intact(content[: size + 1], int.from_bytes(content[size + 1 :], "little")):
        raise ValueError(f"the block at byte {offset:,} is damaged: its checksum does not fit")
    if content[size] == _PLAIN:
        return content[:size]
    if content[size] == _SNAPPY:
        return decompress(content[:size])
    raise ValueError(f"the block at byte {offset:,} is compressed in an unknown way, {content[size]}")


def _entries(block: bytes) -> Iterator[tuple[bytes, Any]]:
    """Key and value of each entry of a block; a key shares its beginning with the one before."""
    if len(block) < 4:
        raise ValueError("a block is cut short")
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")
    if end < 0:
        raise ValueError("a block is cut short")
    reader = Reader(memoryview(block)[:end])
    key = b""
    while reader:
        shared, own, size = reader.number(), reader.number(), reader.number()
        start = reader.at + own
        if shared > len(key) or start + size > end:
            raise ValueError("an entry is cut short")
        key = key[:shared] + block[reader.at : start]
        reader.at = start + size
        yield key, reader.data[start : start + size]
