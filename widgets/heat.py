"""Pictures of explanations: maps over an image, with the colour scale that they are read by."""

from __future__ import annotations

from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

Array = np.ndarray

AGAINST, FOR = np.array([33, 102, 172.0]), np.array([178, 24, 43.0])  # blue and red, told apart by all eyes
LEAST = 160  # pixels of the longer side: smaller pictures are enlarged, every pixel a square
MEAN = (104.0, 117.0, 123.0)


class Picture(NamedTuple):
    """An image as PNG, its title, and what its colours mean: `low` and `high` are the ends of the scale, in words.

    `kind` is "photo" (no scale), "signed" (blue, clear, red), "heat" (clear to red) or "colour" (grey is 0).
    """

    title: str
    png: bytes
    kind: str
    low: str = ""
    high: str = ""
    width: int = 0
    height: int = 0


def photo(title: str, image: Array) -> Picture:
    """An input (C, H, W) as a net has it: blue, green, red less the mean where there are 3 channels, else grey.

    Values within -1 and 1, and those of other numbers of channels, are stretched from the least to the largest.
    """
    return _encoded(title, shown(image), "photo")


def shown(image: Array) -> Array:
    """An input (C, H, W) as pixels (H, W, 3), uint8."""
    values = np.nan_to_num(np.asarray(image, np.float64))
    if len(values) == 3 and np.abs(values).max(initial=0) > 8:
        values = values + (np.reshape(MEAN, (3, 1, 1)) if values.min() < 0 else 0)
    else:
        low, high = values.min(initial=0), values.max(initial=0)
        values = (values - low) / ((high - low) or 1) * 255
    values = values[::-1] if len(values) == 3 else np.repeat(values[:1], 3, 0)
    return values.transpose(1, 2, 0).clip(0, 255).astype(np.uint8)


def over(title: str, image: Array, heat: Array, signed: bool) -> Picture:
    """A map (H', W') over the image (C, H, W) in grey: red speaks for, blue, where it is `signed`, against.

    The map is stretched to the image's size. Colours are full at the largest absolute value, which is written at the
    end of the scale, and clear at 0.
    """
    grey = shown(image).mean(2, keepdims=True) * 0.6 + 90
    heat = np.nan_to_num(np.asarray(heat, np.float64))
    most = float(np.abs(heat).max(initial=0))
    full = np.asarray(Image.fromarray(heat.astype(np.float32)).resize(grey.shape[1::-1], Image.Resampling.BILINEAR))
    share = (full / (most or 1))[..., None].clip(-1, 1)
    strength = np.abs(share) ** 0.7
    pixels = grey * (1 - strength) + np.where(share > 0, FOR, AGAINST) * strength
    low = f"{-most:.3g}" if signed else "0"
    return _encoded(title, pixels.clip(0, 255).astype(np.uint8), "signed" if signed else "heat", low, f"{most:.3g}")


def coloured(title: str, signal: Array) -> Picture:
    """A signal (C, H, W) as a picture around grey, which is 0; full colour at the largest absolute value."""
    signal = np.nan_to_num(np.asarray(signal, np.float64))
    most = float(np.abs(signal).max(initial=0))
    values = signal / (most or 1) * 127.5 + 127.5
    values = values[::-1] if len(values) == 3 else np.repeat(values.mean(0, keepdims=True), 3, 0)
    pixels = values.transpose(1, 2, 0).clip(0, 255).astype(np.uint8)
    return _encoded(title, pixels, "colour", f"{-most:.3g}", f"{most:.3g}")


def _encoded(title: str, pixels: Array, kind: str, low: str = "", high: str = "") -> Picture:
    picture = Image.fromarray(pixels)
    factor = -(-LEAST // max(picture.size))
    if factor > 1:
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    file = BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return Picture(title, file.getvalue(), kind, low, high, picture.width, picture.height)


def summed(signal: Any) -> Array:
    """An attribution (C, H, W) as a map (H, W): the sum over the channels."""
    return np.asarray(signal, np.float64).sum(0)
