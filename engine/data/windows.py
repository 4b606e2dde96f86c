"""Window files: images with labelled boxes, as R-CNN trains on them; and how a box becomes a square image."""

from __future__ import annotations

from math import floor
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .images import resize

_COLUMNS = 6  # of a box: label, overlap, x1, y1, x2, y2


class Windows(NamedTuple):
    """The boxes of a window file, one row each."""

    names: list[str]  # of the images
    images: np.ndarray  # (M,), number of the image that the box lies in
    labels: np.ndarray  # (M,)
    overlaps: np.ndarray  # (M,), how much of it is an object of that class
    boxes: np.ndarray  # (M, 4): x1, y1, x2, y2, the last ones counted in


def read_windows(path: str | PathLike) -> Windows:
    """Read a window file.

    For each image it has the words ``# number name channels height width count``, and then, for each of `count`
    boxes, ``label overlap x1 y1 x2 y2``. Raises ValueError where it is not so, OSError when it cannot be read.
    """
    words = Path(path).read_text(encoding="utf-8", errors="surrogateescape").split()
    names: list[str] = []
    tables = [np.empty((0, 1 + _COLUMNS))]
    start = 0
    while start < len(words):
        try:
            sign, _, name, _, _, _, count = words[start : start + 7]
            if sign != "#":
                raise ValueError(f"expected '#', found {sign!r}")
            start += 7
            end = start + _COLUMNS * int(count)
            if end > len(words):
                raise ValueError("the file ends too early")
            table = np.array(words[start:end], np.float64).reshape(-1, _COLUMNS)
        except ValueError as error:
            raise ValueError(f"{path}: image {len(names)} is not described as it should be: {error}") from error
        tables.append(np.insert(table, 0, len(names), axis=1))
        names.append(name)
        start = end
    whole = np.concatenate(tables)
    images, labels = whole[:, :2].astype(np.int64).T
    return Windows(names, images, labels, whole[:, 2].astype(np.float32), whole[:, 3:].astype(np.int64))


def cut_window(
    image: np.ndarray, box: np.ndarray, size: int, context_pad: int = 0, square: bool = False, mirror: bool = False
) -> tuple[np.ndarray, int, int]:
    """A box of an image (C, H, W), warped so that it fits a square of `size` pixels.

    `context_pad` pixels of the square on each side are for what lies around the box; `square` widens the shorter
    side of the box instead of stretching it. Where that leads beyond the image, nothing is there: returns the part
    that is, (C, h, w), and the row and column of the square at which it begins. Raises ValueError for a box that
    does not lie in the image. Source: Girshick et al., "Rich feature hierarchies for accurate object detection and
    semantic segmentation", CVPR 2014, appendix A.
    """
    _, height, width = image.shape
    x1, y1, x2, y2 = (int(value) for value in box)
    if not (0 <= x1 <= x2 < width and 0 <= y1 <= y2 < height):
        raise ValueError(f"the box {x1} {y1} {x2} {y2} does not lie in an image of {height} x {width}")
    rows, columns = (y1, y2), (x1, x2)
    if context_pad or square:
        longer = max(y2 - y1, x2 - x1) + 1 if square else None
        scale = size / (size - 2 * context_pad)
        rows, columns = _widened(rows, scale, longer), _widened(columns, scale, longer)
    row, top, bottom, high = _fitted(rows, height, size)
    column, left, right, wide = _fitted(columns, width, size, mirror)
    part = resize(image[:, top:bottom, left:right], high, wide)
    return part[:, :, ::-1] if mirror else part, row, column


def _widened(span: tuple[int, int], scale: float, length: int | None) -> tuple[int, int]:
    """A span, or one of another length with the same centre, scaled about its centre."""
    half = (span[1] - span[0] + 1) / 2
    centre = span[0] + half
    if length is not None:
        half = length / 2
    return _rounded(centre - half * scale), _rounded(centre + half * scale)


def _fitted(span: tuple[int, int], length: int, size: int, mirror: bool = False) -> tuple[int, int, int, int]:
    """A span of an axis of some length, to be brought to `size`, cut to what is there.

    Returns where that begins among the `size` (counted from the other side, if mirrored), where it begins and ends
    on the axis, and how many of the `size` it takes.
    """
    before, after = max(0, -span[0]), max(0, span[1] - length + 1)
    start, end = span[0] + before, span[1] - after + 1
    scale = size / (span[1] - span[0] + 1)
    place = _rounded((after if mirror else before) * scale)
    return place, start, end, min(_rounded((end - start) * scale), size - place)


def _rounded(value: float) -> int:
    """To the nearest whole number, halves away from zero."""
    return floor(abs(value) + 0.5) * (1 if value >= 0 else -1)
