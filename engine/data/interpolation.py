"""Other ways to resize images than `images.resize`: those that OpenCV has, on whole images (C, H, W) of bytes."""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import numpy as np

from .images import resize

_BITS = 11  # OpenCV's weights of pixels are multiples of 2 ** -_BITS
_CUBIC = -0.75  # the slope of OpenCV's cubic curve


def resize_by(mode: str, image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image in another size; `mode` is LINEAR, AREA, NEAREST, CUBIC or LANCZOS4."""
    return {"LINEAR": resize, "AREA": _area, "NEAREST": _nearest, "CUBIC": _cubic, "LANCZOS4": _lanczos}[mode](
        image, height, width
    )


def _nearest(image: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = (
        np.minimum(np.floor(np.arange(wanted) * (length / wanted)).astype(np.intp), length - 1)
        for length, wanted in ((image.shape[1], height), (image.shape[2], width))
    )
    return image[:, rows[:, None], columns]


def _area(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Each pixel is the mean of the area that becomes it; where either side grows, a mean of its neighbours."""
    shrinks = height <= image.shape[1] and width <= image.shape[2]
    shares = _shares_of_area if shrinks else _shares_of_growth
    down, across = shares(image.shape[1], height), shares(image.shape[2], width)  # (new, old)
    return np.rint(down @ image.astype(np.float32) @ across.T).clip(0, 255).astype(np.uint8)


def _shares_of_area(length: int, wanted: int) -> np.ndarray:
    """How much of each new pixel each old one makes: (wanted, length)."""
    edges = np.arange(wanted + 1) * (length / wanted)
    old = np.arange(length)
    part = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return (part.clip(0) / (length / wanted)).astype(np.float32)


def _shares_of_growth(length: int, wanted: int) -> np.ndarray:
    scale = length / wanted
    new = np.arange(wanted)
    first = np.floor(new * scale).astype(np.intp)
    share = (new + 1) - (first + 1) / scale
    share = np.where(share <= 0, 0, share - np.floor(share))
    out = np.zeros((wanted, length), np.float32)
    np.add.at(out, (new, first.clip(0, length - 1)), 1 - share)
    np.add.at(out, (new, (first + 1).clip(0, length - 1)), share)
    return out


def _cubic(image: np.ndarray, height: int, width: int) -> np.ndarray:
    return _by_taps(image, height, width, 4, _cubic_weights)


def _lanczos(image: np.ndarray, height: int, width: int) -> np.ndarray:
    return _by_taps(image, height, width, 8, _lanczos_weights)


def _by_taps(
    image: np.ndarray, height: int, width: int, taps: int, weights: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Each pixel from `taps` x `taps` old ones around it, in whole numbers as OpenCV computes it."""
    rows, down = _taps(image.shape[1], height, taps, weights)
    columns, across = _taps(image.shape[2], width, taps, weights)
    wide = np.zeros((*image.shape[:2], width), np.int64)
    out = np.zeros((len(image), height, width), np.int64)
    for k in range(taps):
        wide += image[:, :, columns[:, k]] * across[:, k]
    for k in range(taps):
        out += wide[:, rows[:, k]] * down[:, k, None]
    return ((out + (1 << 2 * _BITS - 1)) >> 2 * _BITS).clip(0, 255).astype(np.uint8)


def _taps(
    length: int, wanted: int, taps: int, weights: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """For each new place the old pixels around it, the border's repeated, and their weights: (wanted, taps) both."""
    place = ((np.arange(wanted) + 0.5) * (length / wanted) - 0.5).astype(np.float32)
    first = np.floor(place)
    pixels = first.astype(np.intp)[:, None] + np.arange(taps) - (taps // 2 - 1)
    return pixels.clip(0, length - 1), np.rint(weights(place - first) * (1 << _BITS)).astype(np.int64)


def _cubic_weights(share: np.ndarray) -> np.ndarray:
    """The weights of the four pixels around places that lie `share` behind the second."""
    a, x = np.float32(_CUBIC), share[:, None]
    outer, inner = x + 1, 1 - x
    first = ((a * outer - 5 * a) * outer + 8 * a) * outer - 4 * a
    second = ((a + 2) * x - (a + 3)) * x * x + 1
    third = ((a + 2) * inner - (a + 3)) * inner * inner + 1
    return np.concatenate([first, second, third, 1 - first - second - third], axis=1)


def _lanczos_weights(share: np.ndarray) -> np.ndarray:
    """The weights of the eight pixels around places that lie `share` behind the fourth."""
    distance = share[:, None].astype(np.float64) + 3 - np.arange(8)
    with np.errstate(invalid="ignore", divide="ignore"):
        kernel = 4 * np.sin(pi * distance) * np.sin(pi * distance / 4) / (pi * distance) ** 2
    kernel = np.where(np.abs(distance) < np.finfo(np.float32).eps, 1, kernel)
    kernel[share < np.finfo(np.float32).eps] = np.arange(8) == 3
    return (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)
