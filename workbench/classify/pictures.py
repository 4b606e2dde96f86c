"""From a picture to a net's input, and from the net to probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
from PIL import Image

from ...engine import Net
from ..explain.targets import SCORES, blob_of, net_of, output_of

MEAN = (104.0, 117.0, 123.0)  # of ImageNet's images: blue, green, red
SIZE = 256  # height and width to which images were brought in training

Array = np.ndarray


def scores(net: Any, picture: Any, mean: Sequence[float] = MEAN, size: int | None = SIZE) -> Array:
    """The probabilities (classes,) that a net gives to a picture, which is its first image afterwards.

    `picture`, `mean` and `size` are as `prepared` takes them. They are the top of the net's last Softmax; where it has
    none, the softmax of its scores. Raises ValueError for a net without an input of 3 channels, and as `prepared` does.
    """
    net = net_of(net)
    name = next((name for name in net.inputs if net.blobs[name].num_axes == 4), None)
    if name is None or net.blobs[name].shape[1] != 3:
        raise ValueError(f"net {net.name!r} has no input of colour images, (N, 3, H, W)")
    blob = net.blobs[name]
    blob.data[0] = prepared(picture, blob.shape[2:], mean, size)
    net.forward()
    return probabilities(net)


def probabilities(net: Net) -> Array:
    """Those of the first image, (classes,), after a pass."""
    softmax = next((node for node in reversed(net.nodes) if node.entry.param.type == SCORES[0]), None)
    at, top = blob_of(net, softmax.entry.param.top[0]) if softmax is not None else output_of(net, None)
    values = net.nodes[at].tops[top].look()[0].astype(np.float64)
    values = values.reshape(len(values), -1).mean(1)
    if softmax is not None:
        return values
    values = np.exp(values - values.max())
    return values / values.sum()


def prepared(picture: Any, shape: Sequence[int], mean: Sequence[float] = MEAN, size: int | None = SIZE) -> Array:
    """A picture as nets for ImageNet take it: (3, height, width) of `shape`, blue, green, red less `mean`, float32.

    `picture` is a file, a PIL image, or an array (H, W, 3) of red, green and blue from 0 to 255. It is brought to
    `size` x `size` by bilinear interpolation, its aspect not kept, and the centre of `shape` is cut out; with `size`
    None, or below that shape, it is brought to the shape itself. Raises ValueError for another array, OSError for a
    file that cannot be read.
    """
    pixels = pixels_of(picture)
    height, width = (int(length) for length in shape)
    full = (height, width) if size is None or size < max(height, width) else (size, size)
    values = stretched(pixels, full)
    top, left = (full[0] - height) // 2, (full[1] - width) // 2
    values = values[top : top + height, left : left + width, ::-1] - np.asarray(mean, np.float64)
    return np.ascontiguousarray(values.transpose(2, 0, 1), np.float32)


def pixels_of(picture: Any) -> Array:
    """A picture as an array (H, W, 3) of red, green, blue from 0 to 255. Raises ValueError, OSError."""
    if isinstance(picture, str | PathLike):
        with Image.open(picture) as opened:
            return np.asarray(opened.convert("RGB"))
    if isinstance(picture, Image.Image):
        return np.asarray(picture.convert("RGB"))
    pixels = np.asarray(picture)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"a picture is a file, a PIL image or an array (H, W, 3); got an array of {pixels.shape}")
    return pixels


def stretched(pixels: Array, size: Sequence[int]) -> Array:
    """Pixels (H, W, C) in another height and width, linearly between the old ones, rounded as bytes are."""
    from scipy import ndimage  # a fifth of a second, which opening a bench should not take

    factors = [new / old for new, old in zip(size, pixels.shape[:2], strict=True)]
    values = ndimage.zoom(pixels.astype(np.float64), (*factors, 1), order=1, mode="nearest", grid_mode=True)
    return np.rint(np.asarray(values))
