"""Datum. A row of a database: an image with its label, raw, as floats, or as a compressed file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from os import PathLike
from typing import Any

import numpy as np

from ...proto.messages import Datum
from .. import wire

# How red, green and blue become grey, in units of 2**-15, and what is added before the rest is cut off: libpng
# does it for PNG files, OpenCV for others.
_GREY_PNG = np.array([9797, 19234, 3737], np.int32), 0
_GREY = np.array([9798, 19235, 3735], np.int32), 1 << 14
_DATA, _FLOAT_DATA, _ENCODED, *_SIZES = (
    Datum.DESCRIPTOR.fields_by_name[name].number
    for name in ("data", "float_data", "encoded", "channels", "height", "width")
)
_ORIENTATION = 0x0112  # EXIF's tag for how the camera was held


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
    _check_size(values.size, shape)
    return values.reshape(shape)  # (C, H, W)


def _check_size(count: int, shape: tuple[int, int, int]) -> None:
    if not count or count != shape[0] * shape[1] * shape[2]:
        raise ValueError(f"{count} values do not make an image of {' x '.join(map(str, shape))}")


def datum_shape(row: bytes | memoryview, color: bool | None = None) -> tuple[int, int, int]:
    """The shape (C, H, W) of the array that `from_datum` makes of a serialised Datum; no pixel is decoded.

    Raises ValueError as `from_datum` does, as far as the header tells, and for what is no Datum.
    """
    sizes: dict[int, int] = {}
    data: Any = b""
    for number, kind, value in wire.fields(memoryview(row)):
        if kind == wire.VARINT:
            sizes[number] = value
        elif number == _DATA and kind == wire.BYTES:
            data = value
        elif number == _FLOAT_DATA:  # each number may be a field of its own
            return from_datum(Datum.FromString(bytes(row)), color).shape
    if sizes.get(_ENCODED):
        return image_shape(BytesIO(data), color)
    channels, height, width = (sizes.get(number, 0) for number in _SIZES)
    _check_size(len(data), (channels, height, width))
    return channels, height, width


def open_image(file: Any) -> Any:
    """Pillow's image of a file, its pixels not yet decoded.

    Raises ValueError for EPS, which is a program: Pillow would have Ghostscript run it.
    """
    from PIL import Image

    image = Image.open(file)
    if image.format == "EPS":
        raise ValueError("the image is EPS, a program in PostScript, which is not run; convert it to PNG or JPEG")
    return image


def decode_image(data: bytes, color: bool | None = None) -> np.ndarray:
    """An image file as an array (C, H, W), uint8, in blue, green, red; grey ones have one channel.

    `color` True gives three channels and False one, both upright where a camera noted how it was held; None gives
    as many as the file has (with alpha, four), as they are. Raises ValueError for what is no image, and for one of
    more than 8 bits that cannot be brought to 8.
    """
    from PIL import Image, ImageOps

    with _said_plainly():
        image = open_image(BytesIO(data))
        kind = image.format
        if color is not None and image.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        elif image.mode.startswith(("I", "F")):
            raise _too_deep(image)
        if color is False:
            image.draft("L", image.size)  # a JPEG then hands out its luminance, as libjpeg does for OpenCV
        if color is not None:
            ImageOps.exif_transpose(image, in_place=True)
        pixels = np.asarray(image.convert(_mode_for(image.mode, color)))
    if pixels.ndim == 2:
        return pixels[np.newaxis]
    if color is False:
        shares, half = _GREY_PNG if kind == "PNG" else _GREY
        grey = (pixels.astype(np.int32) @ shares + half) >> 15
        return grey.astype(np.uint8)[np.newaxis]
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return np.ascontiguousarray(pixels[:, :, order].transpose(2, 0, 1))  # (C, H, W)


def image_shape(file: str | PathLike | BytesIO, color: bool | None = None) -> tuple[int, int, int]:
    """The shape (C, H, W) that `decode_image` gives an image file, told from its header alone: no pixel is decoded.

    Raises ValueError as `decode_image` does, as far as the header tells, and OSError where there is no such file.
    """
    with open(file, "rb") if not isinstance(file, BytesIO) else file as opened, _said_plainly():
        image = open_image(opened)
        width, height = image.size
        deep = image.mode.startswith("I;16")
        if image.mode.startswith(("I", "F")) and not (deep and color is not None):
            raise _too_deep(image)
        if color is not None and not deep and _lies_on_its_side(image):
            width, height = height, width
        channels = 1 if color is False else len(_mode_for("L" if deep else image.mode, color))
        return channels, height, width


def _lies_on_its_side(image: Any) -> bool:
    """Whether a camera noted a turn by 90 degrees that the size does not count yet, as that of a TIFF file does.

    A PNG file that says so behind its pixels is not asked.
    """
    if image.format == "TIFF" or image.format == "PNG" and not {"exif", "Raw profile type exif"} & set(image.info):
        return False
    return image.getexif().get(_ORIENTATION, 1) >= 5


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Make every error of Pillow's a ValueError: each of its formats has its own for what is damaged, or too large."""
    from PIL import UnidentifiedImageError

    try:
        yield
    except UnidentifiedImageError:
        raise ValueError("the data is not an image in a known format") from None
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"the image cannot be decoded: {error or type(error).__name__}") from error


def _too_deep(image: Any) -> ValueError:
    return ValueError(f"the image has more than 8 bits a channel (mode {image.mode})")


def _mode_for(mode: str, color: bool | None) -> str:
    """The mode to bring an image to, of L, RGB and RGBA."""
    if mode in ("1", "L"):
        return "RGB" if color else "L"
    if color is None and mode in ("RGBA", "LA", "PA"):
        return "RGBA"
    return "RGB"
