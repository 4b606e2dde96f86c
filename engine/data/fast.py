"""From rows of a database to transformed images in one pass, compiled, without Python's lock.

Importing this compiles it, or reads from numba's cache what was compiled before: `transform` does so when the first
rows come. It knows plain Datums of bytes alone; whatever else a row may be, or be wrong with, is left to `datum` and
`transform`, whose results these are, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit, types

_SMALL = 1 << 13  # bytes of a row up to which rows are put together first

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_PLACES = types.Array(types.int64, 1, "C")
_WORDS = types.Array(types.uint32, 2, "C")
_FLOATS = [types.Array(types.float32, axes, "C") for axes in range(5)]
_SETTINGS = (types.int64, types.boolean, types.boolean, _FLOATS[3], types.boolean, types.float32)
_FILL = types.int64(_BYTES, _PLACES, _WORDS, *_SETTINGS, _FLOATS[1], _FLOATS[4])


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


def _bytes_of(row: bytes | memoryview) -> np.ndarray:
    values = np.frombuffer(row, np.uint8)
    values.flags.writeable = False
    return values


def _compiled(signature: Any) -> Any:
    def decorate(function: Any) -> Any:
        try:
            return njit(signature, nogil=True, cache=True, error_model="numpy")(function)
        except RuntimeError:  # there is no place to keep what was compiled
            return njit(signature, nogil=True, error_model="numpy")(function)

    return decorate


@_compiled(_FILL)
def _fill(data, ends, words, crop, anywhere, mirror, mean, has_image, scale, labels, out):
    """Fill rows from the serialised Datums that end at `ends`; returns how many came before one that is not plain."""
    channels, rows, columns = out.shape[1:]
    at = 0
    for k in range(len(ends)):
        end = ends[k]
        depth = height = width = label = first = count = 0
        while at < end:
            key = data[at]
            # channels, height, width, data, label, encoded; of a number only 31 bits are taken
            if key != 0x08 and key != 0x10 and key != 0x18 and key != 0x22 and key != 0x28 and key != 0x38:
                return k
            at += 1
            value = shift = 0
            while True:
                if at >= end or shift > 28:
                    return k
                byte = np.int64(data[at])
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            if value > 0x7FFFFFFF:
                return k
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
                    return k
            else:
                if value > end - at:
                    return k
                first, count = at, value
                at += value
        if count == 0 or depth != channels or count % depth != 0 or height * width != count // depth:
            return k
        if has_image and (height != mean.shape[1] or width != mean.shape[2]):
            return k
        top = left = 0
        if crop:
            if crop > height or crop > width:
                return k
            if anywhere:
                top = np.int64(words[k, 1]) % (height - crop + 1)
                left = np.int64(words[k, 2]) % (width - crop + 1)
            else:
                top, left = (height - crop) // 2, (width - crop) // 2
        elif height != rows or width != columns:
            return k
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
    return len(ends)
