"""What `noise_param` of transform_param does to images. Source: SSD's im_transforms, and OpenCV where that calls it.

Images are bytes (C, H, W), their channels blue, green and red, or grey.
"""

from __future__ import annotations

from io import BytesIO
from math import floor
from typing import Any

import numpy as np

from ..errors import DefinitionError
from .datum import decode_image
from .distortion import to_hsv
from .draws import Draws

_MISSING = ("clahe", "convert_to_lab")
# How blue, green and red become grey, and how they become luma: OpenCV rounds the two differently.
_GREY, _LUMA = (np.array([3735, 19235, 9798]), 15), (np.array([1868, 9617, 4899]), 14)
_DEVIATION, _REACH = 1.5, 3  # of the blur, in pixels
_STEP = 64  # of brightness, where an image is posterized


def check_noise(settings: Any) -> None:
    """Raise DefinitionError, on a field of ``transform_param.noise_param``, for what cannot be done here."""
    for name in _MISSING:
        if getattr(settings, name):
            raise DefinitionError(f"{name} cannot be done here; leave it out.", f"transform_param.noise_param.{name}")
    if not settings.jpeg <= 100:
        message = f"jpeg is a quality up to 100; got {settings.jpeg:g}."
        raise DefinitionError(message, "transform_param.noise_param.jpeg")


def disturb(image: np.ndarray, settings: Any, draws: Draws) -> np.ndarray:
    """An image to which has been done what a NoiseParameter says, in SSD's order."""
    colours = len(image)
    if settings.decolorize and colours == 3:
        image = np.repeat(_weighed(image, *_GREY)[None], 3, axis=0)
    if settings.gauss_blur:
        image = _blurred(image)
    if settings.hist_eq:
        image = _equalized(image)
    if settings.jpeg > 0:
        image = _through_jpeg(image, int(settings.jpeg))
    if settings.erode:
        image = _eroded(image)
    if settings.posterize:
        image = image // _STEP * _STEP + _STEP // 2
    if settings.inverse:
        image = ~image
    if settings.saltpepper:
        image = _salted(image, settings.saltpepper_param, draws)
    if settings.convert_to_hsv and colours == 3:
        image = to_hsv(image)
    return image


def _weighed(image: np.ndarray, shares: np.ndarray, bits: int) -> np.ndarray:
    """One plane (H, W) of blue, green and red, by shares in units of 2 ** -bits."""
    return ((np.tensordot(shares, image.astype(np.int64), 1) + (1 << bits - 1)) >> bits).astype(np.uint8)


def _blurred(image: np.ndarray) -> np.ndarray:
    offsets = np.arange(-_REACH, _REACH + 1)
    weights = np.exp(-(offsets**2) / (2 * _DEVIATION**2))
    weights /= weights.sum()
    spread = np.pad(image.astype(np.float64), ((0, 0), (_REACH, _REACH), (_REACH, _REACH)), "reflect")
    height, width = image.shape[1:]
    wide = np.zeros((*spread.shape[:2], width))
    out = np.zeros(image.shape)
    for k, weight in enumerate(weights):
        wide += weight * spread[:, :, k : k + width]
    for k, weight in enumerate(weights):
        out += weight * wide[:, k : k + height]
    return np.rint(out).clip(0, 255).astype(np.uint8)


def _equalized(image: np.ndarray) -> np.ndarray:
    """The brightness spread over the whole range; the colours move along."""
    if len(image) != 3:
        return _spread(image[0])[None]
    luma = _weighed(image, *_LUMA)
    blue, red = (image[k].astype(np.int64) - luma for k in (0, 2))
    cr, cb = ((part * by + (128 << 14) + (1 << 13)) >> 14 for part, by in ((red, 11682), (blue, 9241)))
    luma = _spread(luma).astype(np.int64)
    cr, cb = cr.clip(0, 255) - 128, cb.clip(0, 255) - 128
    half = 1 << 13
    channels = (
        luma + ((cb * 29049 + half) >> 14),
        luma + ((cb * -5636 + cr * -11698 + half) >> 14),
        luma + ((cr * 22987 + half) >> 14),
    )
    return np.stack(channels).clip(0, 255).astype(np.uint8)


def _spread(plane: np.ndarray) -> np.ndarray:
    counts = np.bincount(plane.ravel(), minlength=256)
    first = int(np.flatnonzero(counts)[0])
    if counts[first] == plane.size:
        return plane
    scale = np.float32(255) / np.float32(plane.size - counts[first])
    below = np.cumsum(counts) - counts[: first + 1].sum()
    return np.rint(below.clip(0).astype(np.float32) * scale).clip(0, 255).astype(np.uint8)[plane]


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    pixels = image[0] if len(image) == 1 else image[::-1].transpose(1, 2, 0)
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality)
    return decode_image(file.getvalue(), True)  # SSD reads it in colour


def _eroded(image: np.ndarray) -> np.ndarray:
    """Each pixel the darkest of itself and its four neighbours."""
    spread = np.pad(image, ((0, 0), (1, 1), (1, 1)), constant_values=255)
    down, across = spread[:, :, 1:-1], spread[:, 1:-1]
    return np.minimum.reduce([image, down[:, :-2], down[:, 2:], across[:, :, :-2], across[:, :, 2:]])


def _salted(image: np.ndarray, settings: Any, draws: Draws) -> np.ndarray:
    values = list(settings.value)
    if len(values) not in (1, len(image)):
        raise DefinitionError(
            f"value is given {len(values)} times; the images have {len(image)} channels.",
            "transform_param.noise_param.saltpepper_param.value",
        )
    image = image.copy()
    height, width = image.shape[1:]
    for _ in range(floor(settings.fraction * width * height)):
        column = draws.integer(width)
        image[:, draws.integer(height), column] = np.array(values).astype(np.int64) % 256
    return image
