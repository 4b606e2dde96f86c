"""LMDB's file, read page by page: nothing is mapped into memory, so that no damage to it can end the process."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from struct import Struct
from typing import Any
from weakref import finalize

from ..errors import DefinitionError
from .rows import Rows

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_BRANCH, _LEAF, _OVERFLOW, _META = 1, 2, 4, 8  # kinds of pages
_BIG, _SUB, _MANY = 1, 2, 4  # flags of nodes: a value on pages of its own; a database in a value; several values
_HEADER = 16
_DEEPEST = 32
AHEAD = 1 << 18  # bytes that are read together where one page follows the other

_page_header = Struct("=QHHHH")  # number, pad, kind, where free room begins, where it ends
_meta = Struct("=IIQQ" + 2 * "IHHQQQQQ" + "QQ")  # magic, version, address, size, the free pages, the rows, last page
_node = Struct("=HHHH")  # size of the value (low, high) or number of a page, flags, size of the key
_number = Struct("=Q")


class LMDB(Rows):
    """The rows of an LMDB: of its main database, in the order of their keys.

    Pages are read as they are needed and checked before they are believed. Works on folders that may not be written;
    whoever writes at the same time is not waited for. Raises DefinitionError on ``source`` when the file is no LMDB,
    is cut short, holds no rows, or, as rows are read, turns out to be damaged. Source: LMDB's format, version 1.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._page_size = self._last = 0
        self._block: tuple[int, memoryview] = (0, memoryview(b""))
        try:
            self._file = open(folder / "data.mdb", "rb", buffering=0)
            self._close = finalize(self, self._file.close)
            self._size = self._file.seek(0, 2)
            self._read_meta()
        except OSError as error:
            raise DefinitionError(f"{str(folder)!r} cannot be read as an LMDB: {error}.", "source") from error
        except DefinitionError:
            self.close()
            raise

    def close(self) -> None:
        self._close()

    def fileno(self) -> int:
        """The number by which the system knows the open file. Raises ValueError when it is closed."""
        return self._file.fileno()

    @property
    def layout(self) -> tuple[int, ...]:
        """What to know for reading its pages: bytes, bytes of a page, the last page, the root, levels, rows."""
        return self._size, self._page_size, self._last, self._root, self._depth, self._entries

    def take(self, rows: range) -> tuple[list[int], list[bytes | memoryview]]:
        if rows.step != 1 or not rows:
            return super().take(rows)
        self.seek(rows.start)
        indices: list[int] = []
        values: list[bytes | memoryview] = []
        while len(values) < len(rows):  # as far as the leaf goes at a time
            index = self._position - self._leaf_start
            nodes = self._leaf[index : index + min(len(rows) - len(values), self._entries - self._position)]
            indices.extend(range(self._position, self._position + len(nodes)))
            values.extend([node if type(node) is memoryview else self._big(node) for node in nodes])
            self._position += len(nodes) - 1
            self._advance()
        return indices, values

    def seek(self, position: int) -> None:
        position %= self._entries
        if position < self._position:
            self._position = 0
            self._first()
        while position >= self._leaf_start + len(self._leaf):
            self._next_leaf()
        self._position = position

    # What Rows asks for

    def _first(self) -> None:
        self._branches: list[tuple[list[int], int]] = []  # on the way from the root: children, the one we are in
        self._leaf: list[Any] = []  # values, or where they are
        self._leaf_start = 0
        self._descend(self._root)

    def _step(self) -> bool:  # `_position` is already that of the row to go to
        if self._position == self._entries:
            return False
        if self._position == self._leaf_start + len(self._leaf):
            self._next_leaf()
        return True

    def _value(self) -> bytes | memoryview:
        node = self._leaf[self._position - self._leaf_start]
        return node if type(node) is memoryview else self._big(node)

    # The tree

    def _next_leaf(self) -> None:
        self._leaf_start += len(self._leaf)
        while self._branches:
            children, index = self._branches.pop()
            if index + 1 < len(children):
                self._branches.append((children, index + 1))
                self._descend(children[index + 1])
                return
        raise self._damaged(f"it holds {self._leaf_start:,} rows, and says that it holds {self._entries:,}")

    def _descend(self, number: int) -> None:
        """Go to the first leaf under a page."""
        while len(self._branches) < self._depth - 1:
            children = self._children(number)
            self._branches.append((children, 0))
            number = children[0]
        self._leaf = self._nodes(number)

    def _children(self, number: int) -> list[int]:
        page, places = self._page(number, _BRANCH)
        found = []
        for place in places:
            low, high, more, _ = _node.unpack_from(page, place)
            found.append(low | high << 16 | more << 32)
        return found

    def _nodes(self, number: int) -> list[Any]:
        """The values of a leaf; for one that lies on pages of its own, the first of them and its size."""
        page, places = self._page(number, _LEAF)
        unpack, room = _node.unpack_from, self._page_size
        nodes: list[Any] = []
        for place in places:
            low, high, flags, key = unpack(page, place)
            start = place + 8 + key
            end = start + (low | high << 16)
            if not flags and end <= room:
                nodes.append(page[start:end])
            elif flags == _BIG and start + _number.size <= room:
                nodes.append((_number.unpack_from(page, start)[0], end - start))
            else:
                what = "goes beyond it" if not flags & ~_BIG else "is no plain value"
                raise self._damaged(f"a row on page {number} {what}")
        return nodes

    def _big(self, node: tuple[int, int]) -> memoryview:
        """A value that lies on pages of its own."""
        number, size = node
        pages = ceil((_HEADER + size) / self._page_size)
        if not 1 < number <= self._last - pages + 1:
            raise self._damaged(f"a row lies on page {number}, which is not there")
        whole = self._bytes(number * self._page_size, _HEADER + size)
        _, _, kind, low, high = _page_header.unpack_from(whole)
        if kind != _OVERFLOW or (low | high << 16) < pages:
            raise self._damaged(f"page {number} is not one of a long row")
        return whole[_HEADER:]

    def _page(self, number: int, kind: int) -> tuple[memoryview, list[int]]:
        """A page, and where its nodes are."""
        if not 1 < number <= self._last:
            raise self._damaged(f"there is no page {number}")
        page = self._bytes(number * self._page_size, self._page_size)
        named, _, found, lower, upper = _page_header.unpack_from(page)
        if named != number or found & 15 != kind:
            raise self._damaged(f"page {number} is not what it should be")
        if lower <= _HEADER or lower & 1 or not lower <= upper <= self._page_size:
            raise self._damaged(f"page {number} has no sound list of rows")
        places = page[_HEADER:lower].cast("H").tolist()
        if min(places) < lower or max(places) > self._page_size - _node.size:
            raise self._damaged(f"page {number} has rows outside it")
        return page, places

    # The file

    def _read_meta(self) -> None:
        """Read how large pages are and where the tree begins, from the newer of the first two pages."""
        first = self._meta_at(0)
        size = first[4]
        if not 256 <= size <= 1 << 16 or size & (size - 1):
            raise self._damaged(f"its pages would be {size:,} bytes")
        second = self._meta_at(size)
        newest = max(first, second, key=lambda meta: meta[-1])
        self._page_size, self._last = size, newest[-2]
        _, flags, self._depth, _, _, _, self._entries, self._root = newest[12:20]
        self._count = self._entries
        if not self._entries:
            raise DefinitionError(f"{str(self._folder)!r} holds no rows.", "source")
        if flags & _MANY or not 0 < self._depth <= _DEEPEST or self._entries > self._size:
            raise self._damaged("what it says about its rows cannot be")
        self._first()
        if self._size < (self._last + 1) * size:  # so it may be, where the last pages are not in use
            self._read_everything()

    def _read_everything(self) -> None:
        """Raise DefinitionError where anything is missing."""
        while True:
            for node in self._leaf:
                if type(node) is tuple:
                    self._big(node)
            if self._leaf_start + len(self._leaf) >= self._entries:
                break
            self._next_leaf()
        self._first()

    def _meta_at(self, start: int) -> tuple[int, ...]:
        if self._size < start + _HEADER + _meta.size:
            raise DefinitionError(f"{str(self._folder)!r} cannot be read as an LMDB: it ends too early.", "source")
        meta = _meta.unpack(self._bytes(start + _HEADER, _meta.size))
        if meta[0] != _MAGIC:
            raise DefinitionError(
                f"{str(self._folder)!r} cannot be read as an LMDB: File is not an LMDB file.", "source"
            )
        if meta[1] != _VERSION:
            raise DefinitionError(
                f"{str(self._folder)!r} is an LMDB of version {meta[1]}; version {_VERSION} can be read.", "source"
            )
        return meta

    def _bytes(self, start: int, count: int) -> memoryview:
        """Bytes of the file, and those that follow where they go on from those read before."""
        at, block = self._block
        if at <= start and start + count <= at + len(block):
            return block[start - at : start - at + count]
        follows = 0 <= start - at - len(block) < AHEAD or start - at in range(len(block))
        length = max(count, min(AHEAD, self._size - start)) if follows else count
        parts = []
        missing = length
        try:
            self._file.seek(start)
            while missing > 0 and (part := self._file.read(missing)):
                parts.append(part)
                missing -= len(part)
        except OSError as error:
            raise DefinitionError(f"{str(self._folder)!r} cannot be read: {error}.", "source") from error
        block = memoryview(parts[0] if len(parts) == 1 else b"".join(parts))
        if len(block) < count:
            needed, found = (self._last + 1) * self._page_size, start + len(block)
            raise DefinitionError(
                f"{str(self._folder)!r} is cut short: data.mdb has {found:,} of {needed:,} bytes.", "source"
            )
        self._block = (start, block)
        return block[:count]

    def _damaged(self, what: str) -> DefinitionError:
        return DefinitionError(f"the LMDB {str(self._folder)!r} is damaged: {what}.", "source")
