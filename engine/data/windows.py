"""Window files: images with labelled boxes, as R-CNN trains on them; and how a box becomes a square image."""

from __future__ import annotations

import re
from math import floor
from os import PathLike
from typing import NamedTuple

import numpy as np

from .images import resize
from .kinds import refuse_binary

_COLUMNS = 6  # of a box: label, overlap, x1, y1, x2, y2
_MOST_WORDS = 100  # of a name


class Windows(NamedTuple):
    """The boxes of a window file, one row each."""

    names: list[str]  # of the images
    images: np.ndarray  # (M,), number of the image that the box lies in
    labels: np.ndarray  # (M,)
    overlaps: np.ndarray  # (M,), how much of it is an object of that class
    boxes: np.ndarray  # (M, 4): x1, y1, x2, y2, the last ones counted in


def read_windows(path: str | PathLike, most: int | None = None) -> Windows:
    """Read a window file; with `most` no more than that many characters of it, the images that are whole in them.

    For each image it has the words ``# number name channels height width count``, and then, for each of `count`
    boxes, ``label overlap x1 y1 x2 y2``. A name that has blanks in it, which Caffe cannot read, stands on one line.
    As in Caffe it is the number, counted from 0, that says which of the images the boxes lie in. Raises ValueError
    where it is not so, or says what the file is if it is no text; OSError when it cannot be read.
    """
    refuse_binary(path)
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        text, cut = file.read(most), bool(file.read(1))
    words = text.split()
    names: list[str] = []
    tables = [np.empty((0, 1 + _COLUMNS))]
    start = at = 0  # the word at which an image begins, and a place in the text at or before it
    while start < len(words):
        try:
            name, end, table, at = _described(words, start, text, at)
        except ValueError as error:
            if cut and "#" not in words[start + 1 :]:  # the last image, which is not all there
                if names:
                    break
                return read_windows(path)
            raise ValueError(f"{path}: image {len(names)} is not described as it should be: {error}") from error
        tables.append(table)
        names.append(name)
        start = end
    whole = np.concatenate(tables)
    images, labels = whole[:, :2].astype(np.int64).T
    beyond = images[(images < 0) | ((images >= len(names)) & (not cut))]
    if beyond.size:
        raise ValueError(f"{path}: boxes lie in image {beyond[0]}; there are {len(names)} images, counted from 0")
    return Windows(names, images, labels, whole[:, 2].astype(np.float32), whole[:, 3:].astype(np.int64))


def _described(words: list[str], start: int, text: str, at: int) -> tuple[str, int, np.ndarray, int]:
    """What `_image_at` finds with the fewest words for a name that fit; and a place in the text behind the name.

    `at` is one before it.
    """
    for count in range(1, _MOST_WORDS + 1):
        found = None
        if count > 1:
            blank = re.compile(r"[^\S\n]+".join(map(re.escape, words[start + 2 : start + 2 + count])))
            found = blank.search(text, at)
            if not found:
                break  # it is not on one line
        try:
            name, end, table = _image_at(words, start, count)
        except ValueError:
            continue
        if end == len(words) or words[end] == "#":
            return (found[0], end, table, found.end()) if found else (name, end, table, at)
    return *_image_at(words, start, 1), at


def _image_at(words: list[str], start: int, count: int) -> tuple[str, int, np.ndarray]:
    """The image that words from `start` on describe, whose name is of `count` words.

    Returns its name, the word behind, and the boxes: number of the image, label, overlap, x1, y1, x2, y2. Raises
    ValueError where they describe none.
    """
    head = words[start : start + count + 6]
    if head[0] != "#":
        raise ValueError(f"expected '#', found {head[0]!r}")
    if len(head) < count + 6:
        raise ValueError("the file ends too early")
    *_, boxes = (int(word) for word in head[2 + count :])
    end = start + len(head) + _COLUMNS * boxes
    if boxes < 0 or end > len(words):
        raise ValueError("the file ends too early")
    table = np.array(words[start + len(head) : end], np.float64).reshape(-1, _COLUMNS)
    return " ".join(head[2 : 2 + count]), end, np.insert(table, 0, int(head[1]), axis=1)


def cut_window(
    image: np.ndarray, box: np.ndarray, size: int, context_pad: int = 0, square: bool = False, mirror: bool = False
) -> tuple[np.ndarray, int, int]:
    """A box of an image (C, H, W), warped so that it fits a square of `size` pixels.

    `context_pad` pixels of the square on each side are for what lies around the box; `square` widens the shorter
    side of the box instead of stretching it. Where that leads beyond the image, nothing is there: returns the part
    that is, (C, h, w), and the row and column of the square at which it begins. Raises ValueError for a box that
    lies, without context partly and with it wholly, outside the image. Source: Girshick et al., "Rich feature
    hierarchies for accurate object detection and semantic segmentation", CVPR 2014, appendix A.
    """
    _, height, width = image.shape
    x1, y1, x2, y2 = (int(value) for value in box)
    across, down = (x1, x2 + 1, 0, size), (y1, y2 + 1, 0, size)  # start, end, place in the square, extent there
    if context_pad or square:
        scale = np.float32(size) / np.float32(size - 2 * context_pad)
        longer = max(y2 - y1, x2 - x1) + 1 if square else None
        across = _fitted(_widened((x1, x2), scale, longer), width, size, mirror)
        down = _fitted(_widened((y1, y2), scale, longer), height, size)
    (left, right, column, wide), (top, bottom, row, high) = across, down
    if not (0 <= left < right <= width and 0 <= top < bottom <= height and wide > 0 and high > 0):
        raise ValueError(f"the box {x1} {y1} {x2} {y2} does not lie in an image of {height} x {width}")
    part = resize(image[:, top:bottom, left:right], high, wide)
    return part[:, :, ::-1] if mirror else part, row, column


# Caffe reckons in single precision, which decides where halves are rounded.


def _widened(span: tuple[int, int], scale: np.float32, length: int | None) -> tuple[int, int]:
    """A span, or one of another length with the same centre, scaled about its centre; both ends counted in."""
    half = np.float32(span[1] - span[0] + 1) / np.float32(2)
    centre = np.float32(span[0]) + half
    if length is not None:
        half = np.float32(length) / np.float32(2)
    return _rounded(centre - half * scale), _rounded(centre + half * scale)


def _fitted(span: tuple[int, int], length: int, size: int, mirror: bool = False) -> tuple[int, int, int, int]:
    """A span of an axis of some length, to be brought to `size`, cut to what is there.

    Returns where it begins and ends on the axis, where among the `size` (counted from the other side, if mirrored),
    and how many of them it takes.
    """
    before, after = max(0, -span[0]), max(0, span[1] - length + 1)
    start, end = span[0] + before, span[1] - after + 1
    scale = np.float32(size) / np.float32(max(1, span[1] - span[0] + 1))
    place = _rounded(np.float32(after if mirror else before) * scale)
    return start, end, place, min(_rounded(np.float32(end - start) * scale), size - place)


def _rounded(value: np.float32) -> int:
    """To the nearest whole number, halves away from zero."""
    exact = float(value)
    return floor(abs(exact) + 0.5) * (1 if exact >= 0 else -1)
