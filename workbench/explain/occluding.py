"""Occlusion: how much a unit loses where a window of the image is covered."""

from __future__ import annotations

from typing import Any

import numpy as np

from .attributions import image_like
from .running import Progress, counted, whole_number
from .targets import net_of, output_of
from .twin import twin_of

Pair = tuple[int, int]


def occlusion(
    net: Any,
    unit: Any,
    size: int | Pair,
    stride: int | Pair,
    value: Any = 0,
    output: str | None = None,
    *,
    input: str | None = None,
    progress: Progress | None = None,
    stop: Any = None,
) -> np.ndarray:
    r"""A unit's value less its value with one window covered, for every window: (rows, columns), in the unit of y.

    `size` and `stride` are in pixels of the input, one number or (height, width). Windows lie wholly inside the image:
    entry (i, j) covers rows i * stride to i * stride + size, exclusive, and columns likewise, so that there are
    (H - size) // stride + 1 rows. All channels of the window take `value`: a number, one for each channel (C,), or an
    image (C, H, W), in the values of the input blob.
    Raises ValueError as `gradient` does, for a window larger than the image, a size or stride below 1 and a value that
    does not fit; Stopped.
    Reference: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
    """
    net = net_of(net)
    (h, w), (down, right) = _pair(size, "size"), _pair(stride, "stride")
    with twin_of(net, output_of(net, output), input) as twin:
        image, index = twin.image, twin.index(unit)
        if image.ndim != 3:
            raise ValueError(f"needs an input of images, (N, C, H, W); its items are {image.shape}")
        if h > image.shape[1] or w > image.shape[2]:
            raise ValueError(f"a window of {h} x {w} is larger than the image, {image.shape[1]} x {image.shape[2]}")
        cover = image_like(value, image, "value")
        rows, columns = range(0, image.shape[1] - h + 1, down), range(0, image.shape[2] - w + 1, right)
        twin.forward()
        whole = twin.value(index)
        lost = np.empty((len(rows), len(columns)))
        for number in counted(lost.size, progress, stop):
            i, j = divmod(number, len(columns))
            window = np.s_[:, rows[i] : rows[i] + h, columns[j] : columns[j] + w]
            covered = image.copy()
            covered[window] = cover[window]
            twin.forward(covered)
            lost[i, j] = whole - twin.value(index)
        return lost.astype(image.dtype)


def _pair(given: Any, name: str) -> Pair:
    """(height, width). Raises ValueError for anything but one or two whole numbers from 1 up."""
    both = tuple(given) if isinstance(given, tuple | list) else (given, given)
    if len(both) != 2:
        raise ValueError(f"{name} is a whole number, or (height, width); got {given!r}")
    return whole_number(both[0], name), whole_number(both[1], name)
