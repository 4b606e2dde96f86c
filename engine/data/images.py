"""Image files: lists of them, reading, resizing and encoding as Caffe does through OpenCV."""

from __future__ import annotations

from io import BytesIO
from os import PathLike
from pathlib import Path

import numpy as np

from .datum import decode_image
from .kinds import refuse_binary

_ONE = 1 << 11  # the weights of OpenCV's bilinear interpolation are multiples of 1 / _ONE
_JPEG_QUALITY = 95


def read_list(path: str | PathLike, most: int | None = None) -> list[tuple[str, int]]:
    """The lines of a list of images, each a name and, behind the last blank, a whole number: the label.

    Empty lines are left out. With `most` no more than about that many characters are read, whole lines of them.
    Raises ValueError that names the line for anything else, or says what the file is if it is no text, OSError when it
    cannot be read.
    """
    refuse_binary(path)
    found, room = [], most
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, 1):
            words = line.rsplit(None, 1)
            if room is not None:
                room -= len(line)
                if room < 0 and found:
                    break
            if not words:
                continue
            try:
                name, label = words
                found.append((name, int(label)))
            except ValueError:
                shown = line.strip()[:60]
                raise ValueError(
                    f"{path}:{number}: expected an image's name and a whole number; got {shown!r}"
                ) from None
    return found


def read_image(path: str | PathLike, color: bool = True, size: tuple[int, int] | None = None) -> np.ndarray:
    """An image file as an array (C, H, W), uint8: blue, green and red, or grey; resized to `size` (H, W).

    Raises OSError when the file cannot be read, ValueError with its name when it is no image.
    """
    try:
        image = decode_image(Path(path).read_bytes(), color)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return image if size is None else resize(image, *size)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image (C, H, W), uint8, in another size: each pixel from the four nearest to it, as OpenCV does it.

    Neither enlarging nor reducing smoothes more than that.
    """
    left, right, share = _neighbours(image.shape[2], width)
    share[(right == left) & (share > 0)] = 0  # beyond the border; OpenCV does so sideways, not up and down
    rows = image[:, :, left] * (_ONE - share) + image[:, :, right] * share  # (C, H, width)
    rows >>= 4
    upper, lower, share = _neighbours(image.shape[1], height)
    share = share[:, np.newaxis]
    out = ((rows[:, upper] * (_ONE - share)) >> 16) + ((rows[:, lower] * share) >> 16)  # (C, height, width)
    return ((out + 2) >> 2).astype(np.uint8)


def _neighbours(length: int, wanted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of `wanted` places along an axis: the two pixels around it, and the share of the second, of _ONE."""
    place = ((np.arange(wanted) + 0.5) * (length / wanted) - 0.5).astype(np.float32)
    first = np.floor(place)
    share = np.rint((place - first) * np.float32(_ONE)).astype(np.int32)
    first = first.astype(np.intp)
    return first.clip(0, length - 1), (first + 1).clip(0, length - 1), share


def file_format(ending: str) -> str:
    """Pillow's name for the format of files with an ending (png, jpg, ...).

    Raises ValueError when it cannot be written.
    """
    from PIL import Image

    name = Image.registered_extensions().get(f".{ending.lower()}")
    if name not in Image.SAVE:
        raise ValueError(f"images cannot be encoded as {ending!r}")
    return name


def encode_image(image: np.ndarray, ending: str) -> bytes:
    """An image (C, H, W), uint8, grey or blue, green, red, as a file of the format that has an ending.

    Raises ValueError when that cannot be written.
    """
    from PIL import Image

    pixels = image[0] if len(image) == 1 else image[::-1].transpose(1, 2, 0)  # (H, W) or (H, W, RGB)
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, file_format(ending), quality=_JPEG_QUALITY)
    return file.getvalue()
