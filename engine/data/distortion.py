"""What `distort_param` and `expand_param` of transform_param do to images. Source: SSD's im_transforms.

Images are bytes (C, H, W), their channels blue, green and red.
"""

from __future__ import annotations

from math import floor
from typing import Any

import numpy as np

from .draws import Draws

_SHIFT = 12  # OpenCV's tables of reciprocals are multiples of 2 ** -_SHIFT


def distort(image: np.ndarray, settings: Any, draws: Draws) -> np.ndarray:
    """An image whose brightness, contrast, saturation and hue were changed by chance, as a DistortionParameter says."""
    contrast_first = draws.happens(0.5)
    image = _brightness(image, settings, draws)
    if contrast_first:
        image = _contrast(image, settings, draws)
    image = _saturation(image, settings, draws)
    image = _hue(image, settings, draws)
    if not contrast_first:
        image = _contrast(image, settings, draws)
    if draws.happens(settings.random_order_prob):
        order = list(range(len(image)))
        for k in range(len(order) - 1, 0, -1):
            other = draws.integer(k + 1)
            order[k], order[other] = order[other], order[k]
        image = image[order]
    return image


def _brightness(image: np.ndarray, settings: Any, draws: Draws) -> np.ndarray:
    if not draws.happens(settings.brightness_prob):
        return image
    return _scaled(image, 1, draws.uniform(-settings.brightness_delta, settings.brightness_delta))


def _contrast(image: np.ndarray, settings: Any, draws: Draws) -> np.ndarray:
    if not draws.happens(settings.contrast_prob):
        return image
    return _scaled(image, draws.uniform(settings.contrast_lower, settings.contrast_upper), 0)


def _saturation(image: np.ndarray, settings: Any, draws: Draws) -> np.ndarray:
    if not draws.happens(settings.saturation_prob):
        return image
    factor = draws.uniform(settings.saturation_lower, settings.saturation_upper)
    return _in_hsv(image, 1, factor, 0)


def _hue(image: np.ndarray, settings: Any, draws: Draws) -> np.ndarray:
    if not draws.happens(settings.hue_prob):
        return image
    return _in_hsv(image, 0, 1, draws.uniform(-settings.hue_delta, settings.hue_delta))


def _scaled(values: np.ndarray, factor: float, offset: float) -> np.ndarray:
    """Bytes times a factor, plus an offset, rounded and kept within what a byte holds."""
    return np.rint(values * np.float32(factor) + np.float32(offset)).clip(0, 255).astype(np.uint8)


def _in_hsv(image: np.ndarray, channel: int, factor: float, offset: float) -> np.ndarray:
    """An image of which hue (0) or saturation (1) was changed; one without colours is left as it is."""
    if len(image) != 3:
        return image
    hsv = to_hsv(image)
    hsv[channel] = _scaled(hsv[channel], factor, offset)
    return from_hsv(hsv)


def to_hsv(image: np.ndarray) -> np.ndarray:
    """Hue from 0 to 179, saturation and value, as OpenCV computes them."""
    blue, green, red = image.astype(np.int32)
    value = image.max(axis=0).astype(np.int32)
    range_ = value - image.min(axis=0)
    with np.errstate(divide="ignore"):
        parts = np.arange(256, dtype=np.float64)
        by_value = np.where(parts > 0, np.rint((255 << _SHIFT) / parts), 0).astype(np.int64)
        by_range = np.where(parts > 0, np.rint((180 << _SHIFT) / (6 * parts)), 0).astype(np.int64)
    half = 1 << _SHIFT - 1
    saturation = (range_ * by_value[value] + half) >> _SHIFT
    sextant = np.where(
        value == red, green - blue, np.where(value == green, blue - red + 2 * range_, red - green + 4 * range_)
    )
    hue = (sextant * by_range[range_] + half) >> _SHIFT
    return np.stack([hue + np.where(hue < 0, 180, 0), saturation, value]).astype(np.uint8)


def from_hsv(image: np.ndarray) -> np.ndarray:
    """Blue, green and red of hue, saturation and value, as OpenCV computes them; hues go round at 180."""
    hue, saturation, value = image.astype(np.float32)
    saturation, value = saturation * np.float32(1 / 255), value * np.float32(1 / 255)
    hue = (hue * np.float32(6 / 180)) % np.float32(6)
    sector = np.floor(hue).astype(np.intp)
    part = hue - sector.astype(np.float32)
    sector %= 6
    table = np.stack(
        [value, value * (1 - saturation), value * (1 - saturation * part), value * (1 - saturation * (1 - part))]
    )
    order = np.array([[1, 3, 0], [1, 0, 2], [3, 0, 1], [0, 2, 1], [0, 1, 3], [2, 1, 0]])
    channels = [np.take_along_axis(table, order[sector, k][None], axis=0)[0] for k in range(3)]
    return np.rint(np.stack(channels) * 255).clip(0, 255).astype(np.uint8)


def expand(image: np.ndarray, settings: Any, mean: np.ndarray, draws: Draws) -> tuple[np.ndarray, np.ndarray] | None:
    """An image somewhere in a larger canvas of the mean's colour, as an ExpansionParameter says; None to leave it.

    With it come the edges of the canvas as parts of the image (4,).
    """
    if not draws.happens(settings.prob) or abs(settings.max_expand_ratio - 1) < 1e-2:
        return None
    ratio = draws.uniform(1, settings.max_expand_ratio)
    size = np.array(image.shape[1:])
    wanted = (size * ratio).astype(int)
    top, left = (floor(draws.uniform(0, float(room))) for room in wanted - size)
    out = np.empty((len(image), *wanted), np.uint8)
    out[...] = np.rint(mean).clip(0, 255)
    out[:, top : top + size[0], left : left + size[1]] = image
    edges = [-left / size[1], -top / size[0], (wanted[1] - left) / size[1], (wanted[0] - top) / size[0]]
    return out, np.array(edges, np.float32)
