"""Datum. A row of a database: an image with its label, raw, as floats, or as a compressed file."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np

from ...proto.messages import Datum

# How red, green and blue become grey, in units of 2**-15, and what is added before the rest is cut off: libpng
# does it for PNG files, OpenCV for others.
_GREY_PNG = np.array([9797, 19234, 3737], np.int32), 0
_GREY = np.array([9798, 19235, 3735], np.int32), 1 << 14


def to_datum(image: np.ndarray, label: int = 0) -> Any:
    """A Datum of an array (C, H, W): bytes for uint8, `float_data` for every other type.

    Raises ValueError for other than three axes.
    """
    if image.ndim != 3:
        raise ValueError(f"a Datum holds an array (channels, height, width); the shape is {image.shape}")
    channels, height, width = image.shape
    datum = Datum(channels=channels, height=height, width=width, label=label)
    if image.dtype == np.uint8:
        datum.data = image.tobytes()
    else:
        datum.float_data.extend(image.astype(np.float32).ravel().tolist())
    return datum


def from_datum(datum: Any, color: bool | None = None) -> np.ndarray:
    """The array (C, H, W) of a Datum: uint8, or float32 where it carries floats.

    An encoded image comes in blue, green, red, as Caffe has it; `color` (of an encoded one only) makes it so
    or grey whatever it is. Raises ValueError when the Datum contradicts itself or cannot be decoded.
    """
    if datum.encoded:
        return decode_image(datum.data, color)
    shape = (datum.channels, datum.height, datum.width)
    raw = datum.data
    values = np.frombuffer(raw, np.uint8) if raw else np.array(datum.float_data, np.float32)
    if not values.size or values.size != shape[0] * shape[1] * shape[2]:
        raise ValueError(f"{values.size} values do not make an image of {' x '.join(map(str, shape))}")
    return values.reshape(shape)  # (C, H, W)


def decode_image(data: bytes, color: bool | None = None) -> np.ndarray:
    """An image file as an array (C, H, W), uint8, in blue, green, red; grey ones have one channel.

    `color` True gives three channels and False one, both upright where a camera noted how it was held; None gives
    as many as the file has (with alpha, four), as they are. Raises ValueError for what is no image, and for one of
    more than 8 bits that cannot be brought to 8.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        image = Image.open(BytesIO(data))
        kind = image.format
        if color is not None and image.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        elif image.mode.startswith(("I", "F")):
            raise ValueError(f"the image has more than 8 bits a channel (mode {image.mode})")
        if color is False:
            image.draft("L", image.size)  # a JPEG then hands out its luminance, as libjpeg does for OpenCV
        if color is not None:
            ImageOps.exif_transpose(image, in_place=True)
        pixels = np.asarray(image.convert(_mode_for(image.mode, color)))
    except UnidentifiedImageError:
        raise ValueError("the data is not an image in a known format") from None
    except ValueError:
        raise
    except Exception as error:  # each of Pillow's formats has its own for what is damaged, or too large
        raise ValueError(f"the image cannot be decoded: {error or type(error).__name__}") from error
    if pixels.ndim == 2:
        return pixels[np.newaxis]
    if color is False:
        shares, half = _GREY_PNG if kind == "PNG" else _GREY
        grey = (pixels.astype(np.int32) @ shares + half) >> 15
        return grey.astype(np.uint8)[np.newaxis]
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return np.ascontiguousarray(pixels[:, :, order].transpose(2, 0, 1))  # (C, H, W)


def _mode_for(mode: str, color: bool | None) -> str:
    """The mode to bring an image to, of L, RGB and RGBA."""
    if mode in ("1", "L"):
        return "RGB" if color else "L"
    if color is None and mode in ("RGBA", "LA", "PA"):
        return "RGBA"
    return "RGB"
