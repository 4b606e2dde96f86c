"""Detection by windows: scores of many windows of a picture, and of those that overlap the best alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..explain.running import Progress, Stopped, asked, whole_number
from .pictures import MEAN, pixels_of, scores

Array = np.ndarray


class Found(NamedTuple):
    """An object: its box in pixels (y0, x0, y1, x1), ends exclusive, its class, and the class's probability."""

    box: tuple[int, int, int, int]
    unit: int
    score: float


def windows(
    shape: Sequence[int], sizes: Iterable[int | tuple[int, int]], stride: float = 0.25
) -> list[tuple[int, int, int, int]]:
    """The windows of a picture of `shape` (height, width, ...): (y0, x0, y1, x1), ends exclusive, all wholly inside.

    Each of `sizes`, in pixels (one number or (height, width)), is laid at every `stride` of its own length, and once at
    the lower and right edge. Raises ValueError for a size below 1 and a stride that is not above 0.
    """
    if not stride > 0:
        raise ValueError(f"stride must be a number above 0; got {stride!r}")
    found = []
    for size in sizes:
        lengths = tuple(size) if isinstance(size, tuple | list) else (size, size)
        h, w = (whole_number(length, "a window's size") for length in lengths)
        rows, columns = _starts(shape[0], h, stride), _starts(shape[1], w, stride)
        found += [(y, x, y + h, x + w) for y in rows for x in columns]
    return found


def _starts(length: int, size: int, stride: float) -> list[int]:
    if size > length:
        return []
    starts = list(range(0, length - size + 1, max(1, round(stride * size))))
    return starts if starts[-1] == length - size else [*starts, length - size]


def score_windows(
    net: Any,
    picture: Any,
    boxes: Sequence[Sequence[int]],
    mean: Sequence[float] = MEAN,
    *,
    progress: Progress | None = None,
    stop: Any = None,
) -> Array:
    """The probabilities (boxes, classes) of what is in each box (y0, x0, y1, x1), stretched to the net's input.

    Raises ValueError for a box that is not wholly inside, and as `scores` does; Stopped.
    """
    pixels, wants_stop = pixels_of(picture), asked(stop)
    found = []
    for number, (y0, x0, y1, x1) in enumerate(boxes):
        if wants_stop():
            raise Stopped(f"stopped after {number} of {len(boxes)} windows")
        if not (0 <= y0 < y1 <= pixels.shape[0] and 0 <= x0 < x1 <= pixels.shape[1]):
            raise ValueError(f"box {(y0, x0, y1, x1)} is not inside a picture of {pixels.shape[0]} x {pixels.shape[1]}")
        found.append(scores(net, pixels[y0:y1, x0:x1], mean, None))
        if progress is not None:
            progress(number + 1, len(boxes))
    return np.array(found)


def suppressed(boxes: Sequence[Sequence[int]], values: Sequence[float], overlap: float = 0.3) -> list[int]:
    """Non-maximum suppression: the numbers of the boxes that are kept, the best first.

    A box falls away where its intersection over union with a better one that is kept is above `overlap`; of equal
    values the earlier is the better. Boxes are (y0, x0, y1, x1), ends exclusive.
    Reference: Felzenszwalb, Girshick, McAllester and Ramanan, PAMI 2010.
    """
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    order, kept = list(np.argsort(-np.asarray(values, np.float64), kind="stable")), []
    while order:
        best, rest = order[0], np.array(order[1:], int)
        kept.append(int(best))
        low, high = np.maximum(corners[rest, :2], corners[best, :2]), np.minimum(corners[rest, 2:], corners[best, 2:])
        common = np.prod(np.maximum(high - low, 0), axis=1)
        share = common / np.maximum(areas[rest] + areas[best] - common, 1e-12)
        order = list(rest[share <= overlap])
    return kept


def detect(
    net: Any,
    picture: Any,
    boxes: Sequence[Sequence[int]],
    threshold: float = 0.5,
    overlap: float = 0.3,
    mean: Sequence[float] = MEAN,
    *,
    progress: Progress | None = None,
    stop: Any = None,
) -> list[Found]:
    """Objects in the given boxes, or in those that `windows` makes, the best first.

    A box counts with its likeliest class where that has a probability of `threshold` or more; of one class, boxes that
    overlap are suppressed. Raises ValueError as `score_windows` does; Stopped.
    """
    found = score_windows(net, picture, boxes, mean, progress=progress, stop=stop)
    if not len(found):
        return []
    units, best = found.argmax(1), found.max(1)
    kept = []
    for unit in dict.fromkeys(units[best >= threshold]):
        numbers = np.flatnonzero((units == unit) & (best >= threshold))
        chosen = suppressed([boxes[int(n)] for n in numbers], best[numbers], overlap)
        kept += [int(numbers[one]) for one in chosen]
    return sorted((_found(boxes[n], units[n], best[n]) for n in kept), key=lambda one: -one.score)


def _found(box: Sequence[int], unit: Any, score: Any) -> Found:
    y0, x0, y1, x1 = (int(edge) for edge in box)
    return Found((y0, x0, y1, x1), int(unit), float(score))
