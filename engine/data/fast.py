"""From rows of a database to transformed images in one pass, compiled, without Python's lock.

Importing this compiles it, or reads from numba's cache what was compiled before: `transform` does so when the first
rows come. It knows plain Datums of bytes alone; whatever else a row may be, or be wrong with, is left to `datum` and
`transform`, whose results these are, bit for bit. Of an LMDB it reads the pages as well; where anything about them is
not as it should be, that is left to `lmdb_file`, which tells.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from ..addresses import array_address, keep_alive
from ..stamps import kept_on_disk
from .lmdb_file import AHEAD, LMDB

_SMALL = 1 << 13  # bytes of a row up to which rows are put together first

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_ROOM = types.Array(types.uint8, 1, "C")
_PAGES = types.Array(types.uint8, 2, "C")
_PLACES = types.Array(types.int64, 1, "C")
_WORDS = types.Array(types.uint32, 2, "C")
_FLOATS = [types.Array(types.float32, axes, "C") for axes in range(5)]
_SETTINGS = (types.int64, types.boolean, types.boolean, _FLOATS[3], types.boolean, types.float32)
_ROW = types.boolean(_BYTES, *[types.int64] * 3, _WORDS, types.Tuple(_SETTINGS), _FLOATS[1], _FLOATS[4])
_FILL = types.int64(_BYTES, _PLACES, _WORDS, *_SETTINGS, _FLOATS[1], _FLOATS[4])
_TREE = types.Tuple([*[_PLACES] * 3, _PAGES, _ROOM, types.int64])
_WALK = types.int64(
    *[_PLACES] * 3, _PAGES, _ROOM, *[types.int64] * 4, _WORDS, *_SETTINGS, _FLOATS[1], _FLOATS[4]
)  # fmt: skip

# What a walk is told of its file, and what it remembers
_READ, _SIZE, _PAGE_SIZE, _LAST, _ROOT, _ROWS = range(6)
_POSITION, _LEAF_START, _AT, _HELD, _NEEDED = range(5)


def fill(
    rows: Sequence[bytes | memoryview],
    words: np.ndarray,
    crop: int,
    anywhere: bool,
    mirror: bool,
    mean: np.ndarray,
    has_image: bool,
    scale: np.float32,
    labels: np.ndarray,
    out: np.ndarray,
) -> bool:
    """Fill `out` (N, C, h, w) and `labels` (N,) from N serialised Datums; False when one of them is not plain.

    `words` are four random words for each row (N, 4), of which `mirror` and `anywhere`, for a crop that may lie
    anywhere, take theirs. `mean` is an image (C, H, W) where `has_image`, else one value for each channel (C, 1, 1).
    A row is plain when its image is of bytes, not encoded, and gives one of the shape of `out`.
    """
    settings = (crop, anywhere, mirror, mean, has_image, scale)
    ends = np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)))
    if ends[-1] <= _SMALL * len(rows):
        return _fill(_bytes_of(b"".join(rows)), ends, words, *settings, labels, out) == len(rows)
    for k, row in enumerate(rows):
        one = slice(k, k + 1)
        if not _fill(_bytes_of(row), np.array([len(row)]), words[one], *settings, labels[one], out[one]):
            return False
    return True


class Walk:
    """The rows of an LMDB for those who fill batches: it reads pages as `lmdb_file` does, and checks what that checks.

    It has a position of its own, and ends with the database. One thread at a time may use it. Raises ValueError where
    pages cannot be read without Python.
    """

    def __init__(self, database: LMDB):
        self._database = database
        size, page_size, last, root, depth, rows = database.layout
        last = min(last, size // page_size)  # one more than there may be: what lies there will be found missing
        self._file = np.array([_address_of_pread(), size, page_size, last, root, rows], np.int64)
        self._state = np.array([-1, 0, 0, 0, 0], np.int64)
        self._turns = np.zeros(2 * depth, np.int64)  # the node of each page we are at; then how many there are
        self._pages = np.empty((depth, page_size), np.uint8)  # on the way from the root; the last is the leaf
        self._window = np.empty(AHEAD, np.uint8)

    def fill(
        self,
        positions: range,
        words: np.ndarray,
        crop: int,
        anywhere: bool,
        mirror: bool,
        mean: np.ndarray,
        has_image: bool,
        scale: np.float32,
        labels: np.ndarray,
        out: np.ndarray,
    ) -> bool:
        """What `fill` does, with the rows at these positions; False also where one of them cannot be read."""
        settings = (words, crop, anywhere, mirror, mean, has_image, scale, labels, out)
        done, count, state = 0, len(positions), self._state
        number = self._database.fileno()
        while done < count:
            held = (self._turns, self._pages, self._window)
            done = _walk(self._file, state, *held, number, done, positions.start, positions.step, *settings)
            if done < count:
                if not state[_NEEDED]:
                    return False
                self._window = np.empty(state[_NEEDED], np.uint8)
                state[_AT] = state[_HELD] = state[_NEEDED] = 0
        return True


def _address_of_pread() -> int:
    """Where C's pread is. Raises ValueError where there is none, or numbers are laid out in another way."""
    if sys.byteorder != "little" or sys.maxsize < 1 << 32:
        raise ValueError("pages are read by compiled code on machines of 64 bits, the lowest byte first, alone")
    try:
        return ctypes.cast(ctypes.CDLL(None).pread, ctypes.c_void_p).value or 0
    except (AttributeError, OSError, TypeError) as error:  # TypeError on Windows
        raise ValueError(f"there is no pread: {error}") from error


def _bytes_of(row: bytes | memoryview) -> np.ndarray:
    values = np.frombuffer(row, np.uint8)
    values.flags.writeable = False
    return values


def _compiled(signature: Any) -> Any:
    def decorate(function: Any) -> Any:
        return kept_on_disk(njit, function, signature, nogil=True, error_model="numpy")

    return decorate


@_compiled(types.UniTuple(types.int64, 2)(_BYTES, types.int64, types.int64))
def _varint(data, at, end):
    """The number of up to 35 bits that begins at a byte, and where the next thing begins; negative where none does."""
    value = np.int64(0)
    for shift in range(0, 35, 7):
        if at >= end:
            return np.int64(-1), at
        byte = np.int64(data[at])
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    return np.int64(-1), at


@_compiled(types.int64(_BYTES, *[types.int64] * 3))
def _behind(data, kind, at, end):
    """Where the value of an unknown field of a wire type ends; negative for a group, and where it has no end."""
    if kind == 0:
        for behind in range(at + 1, min(end, at + 9) + 1):
            if data[behind - 1] < 128:
                return behind
        return -1
    length = np.int64(8 if kind == 1 else 4 if kind == 5 else -1)
    if kind == 2:
        length, at = _varint(data, at, end)
    return at + length if 0 <= length <= end - at else -1


@_compiled(types.UniTuple(types.int64, 6)(_BYTES, *[types.int64] * 2))
def _parse(data, at, end):
    """Channels, height, width, label, and where the bytes of the image begin and how many; zeros if not plain.

    As in protobuf, unknown fields are skipped, and so are those with another wire type than the schema's.
    """
    nothing = np.int64(0), np.int64(0), np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    depth = height = width = label = first = count = np.int64(0)
    while at < end:
        key, at = _varint(data, at, end)
        # channels, height, width, data, label, encoded; float_data (6), which is not plain, of any wire type
        if key < 8 or key > 0xFFFFFFFF or key >> 3 == 6:
            return nothing
        if key != 0x08 and key != 0x10 and key != 0x18 and key != 0x22 and key != 0x28 and key != 0x38:
            at = _behind(data, key & 7, at, end)
            if at < 0:
                return nothing
            continue
        value, at = _varint(data, at, end)
        if value < 0 or value > 0x7FFFFFFF:  # of a number only 31 bits are taken
            return nothing
        if key == 0x08:
            depth = value
        elif key == 0x10:
            height = value
        elif key == 0x18:
            width = value
        elif key == 0x28:
            label = value
        elif key == 0x38:
            if value != 0:
                return nothing
        else:
            if value > end - at:
                return nothing
            first, count = at, value
            at += value
    return depth, height, width, label, first, count


@_compiled(_ROW)
def _fill_row(data, at, end, k, words, how, labels, out):
    """Fill row `k` from the serialised Datum that lies from `at` to `end`; false when it is not plain."""
    crop, anywhere, mirror, mean, has_image, scale = how
    channels, rows, columns = out.shape[1:]
    depth, height, width, label, first, count = _parse(data, at, end)
    if count == 0 or depth != channels or count % depth != 0 or height * width != count // depth:
        return False
    if has_image and (height != mean.shape[1] or width != mean.shape[2]):
        return False
    top = left = 0
    if crop:
        if crop > height or crop > width:
            return False
        if anywhere:
            top = np.int64(words[k, 1]) % (height - crop + 1)
            left = np.int64(words[k, 2]) % (width - crop + 1)
        else:
            top, left = (height - crop) // 2, (width - crop) // 2
    elif height != rows or width != columns:
        return False
    turned = mirror and words[k, 0] % 2 == 1
    lines, length = rows, columns
    if not turned and columns == width:  # the lines follow one another: one long line
        lines, length = 1, rows * columns
    last = np.uint64(length - 1)  # an index without sign cannot count from the end, which lets loops be vectors
    for c in range(channels):
        for h in range(lines):
            place = (top + h) * width + left
            begin = first + c * height * width + place
            source = data[begin : begin + length]
            target = out[k, c].reshape(-1)[h * length : (h + 1) * length]
            if has_image:
                centre = mean[c].reshape(-1)[place : place + length]
                if turned:
                    for w in range(length):
                        x = last - np.uint64(w)
                        target[w] = (np.float32(source[x]) - centre[x]) * scale
                else:
                    for w in range(length):
                        target[w] = (np.float32(source[w]) - centre[w]) * scale
            else:
                level = mean[c, 0, 0]
                if turned:
                    for w in range(length):
                        target[w] = (np.float32(source[last - np.uint64(w)]) - level) * scale
                else:
                    for w in range(length):
                        target[w] = (np.float32(source[w]) - level) * scale
    labels[k] = np.float32(label)
    return True


@_compiled(_FILL)
def _fill(data, ends, words, crop, anywhere, mirror, mean, has_image, scale, labels, out):
    """Fill rows from the serialised Datums that end at `ends`; returns how many came before one that is not plain."""
    how = crop, anywhere, mirror, mean, has_image, scale
    at = 0
    for k in range(len(ends)):
        if not _fill_row(data, at, ends[k], k, words, how, labels, out):
            return k
        at = ends[k]
    return len(ends)


# The tree of an LMDB: what follows takes it as (file, state, turns, pages, window, number of the open file)


@intrinsic
def _pread(typing: Any, address: Any, number: Any, target: Any, count: Any, start: Any) -> Any:
    """C's pread, by its address."""
    given = [ir.IntType(width) for width in (32, 64, 64, 64)]

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        function = builder.inttoptr(args[0], ir.FunctionType(given[1], given).as_pointer())
        return builder.call(function, [builder.trunc(args[1], given[0]), *args[2:]])

    return types.int64(*[types.int64] * 5), emit


@_compiled(types.int64(_ROOM, types.int64, types.int64))
def _number(data, at, size):
    """A number of `size` bytes; one of eight that is too large is negative."""
    value = 0
    for k in range(size):
        value |= np.int64(data[at + k]) << (8 * k)
    return value


@_compiled(types.int64(_TREE, types.int64, types.int64))
def _read(tree, start, count):
    """Where in the window these bytes of the file are; negative when they cannot be had, or need a larger window."""
    file, state, _, _, window, number = tree
    at, held, size = state[_AT], state[_HELD], file[_SIZE]
    if at <= start and start + count <= at + held:
        return start - at
    if start + count > size:
        return -1
    if count > len(window):
        state[_NEEDED] = count
        return -1
    length = count
    if count <= AHEAD // 4 and at <= start < at + held + AHEAD:  # it goes on from what was read before
        length = max(count, min(AHEAD, size - start))
    state[_AT], held = start, 0
    while held < length:
        got = _pread(file[_READ], number, array_address(window) + held, length - held, start + held)  # pyright: ignore[reportCallIssue]
        if got <= 0:
            break
        held += got
    keep_alive(window)
    state[_HELD] = held
    return 0 if held >= count else -1


@_compiled(types.boolean(_TREE, types.int64, types.int64))
def _open(tree, level, number):
    """Read the page of a level; false when it cannot be read or is not sound."""
    file, _, turns, pages, window, _ = tree
    page_size, depth = file[_PAGE_SIZE], len(pages)
    if not 1 < number <= file[_LAST]:
        return False
    where = _read(tree, number * page_size, page_size)
    if where < 0:
        return False
    page = pages[level]
    for k in range(page_size):
        page[k] = window[where + k]
    is_leaf = level == depth - 1
    lower, upper = _number(page, 12, 2), _number(page, 14, 2)
    if _number(page, 0, 8) != number or page[10] & 15 != (2 if is_leaf else 1):
        return False
    if lower <= 16 or lower & 1 or not lower <= upper <= page_size:
        return False
    for at in range(16, lower, 2):
        place = _number(page, at, 2)
        if not lower <= place <= page_size - 8:
            return False
        if is_leaf:
            value, flags = place + 8 + _number(page, place + 6, 2), _number(page, place + 4, 2)
            if flags > 1 or value + (8 if flags else _number(page, place, 4)) > page_size:
                return False
    turns[level], turns[depth + level] = 0, (lower - 16) // 2
    return True


@_compiled(types.int64(_ROOM, types.int64))
def _child(page, turn):
    return _number(page, _number(page, 16 + 2 * turn, 2), 6)


@_compiled(types.boolean(_TREE, types.int64, types.int64))
def _descend(tree, level, page):
    """Go to the first leaf under a page, which is of this level."""
    _, _, _, pages, _, _ = tree
    if not _open(tree, level, page):
        return False
    for below in range(level + 1, len(pages)):
        if not _open(tree, below, _child(pages[below - 1], 0)):
            return False
    return True


@_compiled(types.boolean(_TREE))
def _next_leaf(tree):
    _, state, turns, pages, _, _ = tree
    depth = len(pages)
    state[_LEAF_START] += turns[2 * depth - 1]
    for level in range(depth - 2, -1, -1):
        if turns[level] + 1 < turns[depth + level]:
            turns[level] += 1
            return _descend(tree, level + 1, _child(pages[level], turns[level]))
    return False


@_compiled(types.boolean(_TREE, types.int64))
def _seek(tree, position):
    """Go to the leaf with a row."""
    file, state, turns, pages, _, _ = tree
    if state[_POSITION] < 0 or position < state[_POSITION]:
        state[_LEAF_START] = 0
        if not _descend(tree, 0, file[_ROOT]):
            return False
    while position >= state[_LEAF_START] + turns[2 * len(pages) - 1]:
        if not _next_leaf(tree):
            return False
    state[_POSITION] = position
    return True


@_compiled(_WALK)
def _walk(
    file, state, turns, pages, window, number, done, first, step,
    words, crop, anywhere, mirror, mean, has_image, scale, labels, out,
):  # fmt: skip
    """Fill rows from `done` on; returns how many are filled then. Where the tree is unsound, no place in it is kept."""
    tree = file, state, turns, pages, window, number
    how = crop, anywhere, mirror, mean, has_image, scale
    leaf, page_size = pages[len(pages) - 1], file[_PAGE_SIZE]
    for k in range(done, len(out)):
        position = (first + k * step) % file[_ROWS]
        if not _seek(tree, position):
            state[_POSITION] = -1
            return k
        place = _number(leaf, 16 + 2 * (position - state[_LEAF_START]), 2)
        size, at = _number(leaf, place, 4), place + 8 + _number(leaf, place + 6, 2)
        if _number(leaf, place + 4, 2):  # the row lies on pages of its own
            page, count = _number(leaf, at, 8), (16 + size + page_size - 1) // page_size
            at = -1
            if 1 < page <= file[_LAST] - count + 1:
                at = _read(tree, page * page_size, 16 + size)
            if at >= 0 and (_number(window, at + 10, 2) != 4 or _number(window, at + 12, 4) < count):
                at = -1
            if at < 0:
                if not state[_NEEDED]:
                    state[_POSITION] = -1
                return k
            at += 16
            plain = _fill_row(window, at, at + size, k, words, how, labels, out)
        else:
            plain = _fill_row(leaf, at, at + size, k, words, how, labels, out)
        if not plain:
            return k
        if not _seek(tree, (position + 1) % file[_ROWS]):
            state[_POSITION] = -1
            return k
    return len(out)
