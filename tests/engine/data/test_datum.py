"""Datum to array and back, and images decoded as OpenCV decodes them."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from brewbench.engine.data.datum import decode_image, from_datum, to_datum
from brewbench.proto.messages import Datum

COLOURS = np.random.default_rng(1).integers(0, 256, (5, 4, 3), np.uint8)  # (H, W, RGB)


def encoded(image: Image.Image, format: str = "PNG") -> bytes:
    file = BytesIO()
    image.save(file, format)
    return file.getvalue()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_there_and_back(dtype):
    image = (COLOURS.transpose(2, 0, 1) / (1 if dtype == np.uint8 else 7)).astype(dtype)
    datum = to_datum(image, 3)
    assert (datum.channels, datum.height, datum.width, datum.label) == (3, 5, 4, 3)
    back = from_datum(Datum.FromString(datum.SerializeToString()))
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, image)


def test_colour_images_come_in_blue_green_red():
    for format in ("PNG", "BMP"):
        image = from_datum(Datum(encoded=True, data=encoded(Image.fromarray(COLOURS), format)))
        np.testing.assert_array_equal(image, COLOURS[:, :, ::-1].transpose(2, 0, 1))


def test_channels_are_those_of_the_file_or_as_asked():
    grey = Image.fromarray(COLOURS[:, :, 0])
    alpha = Image.fromarray(np.dstack([COLOURS, COLOURS[:, :, 0]]))
    assert decode_image(encoded(grey)).shape == (1, 5, 4)
    np.testing.assert_array_equal(decode_image(encoded(grey), True), [COLOURS[:, :, 0]] * 3)
    assert decode_image(encoded(alpha)).shape == (4, 5, 4)
    assert decode_image(encoded(alpha), True).shape == (3, 5, 4)
    assert decode_image(encoded(alpha), False).shape == (1, 5, 4)
    assert decode_image(encoded(Image.fromarray(COLOURS).quantize(4))).shape == (3, 5, 4)


def test_what_contradicts_itself_or_is_no_image_is_an_error():
    with pytest.raises(ValueError, match="11 values do not make an image of 3 x 2 x 2"):
        from_datum(Datum(channels=3, height=2, width=2, data=b"x" * 11))
    with pytest.raises(ValueError, match="0 values"):
        from_datum(Datum())
    with pytest.raises(ValueError, match="not an image in a known format"):
        decode_image(b"nothing of the kind")
    with pytest.raises(ValueError, match="cannot be decoded"):
        decode_image(encoded(Image.fromarray(np.repeat(COLOURS, 50, 0)))[:-100])
    huge = bytearray(encoded(Image.fromarray(COLOURS), "BMP"))
    huge[18:26] = (1 << 17).to_bytes(4, "little") * 2  # width and height
    with pytest.raises(ValueError, match="cannot be decoded: .*exceeds limit"):
        decode_image(bytes(huge))
    with pytest.raises(ValueError, match="more than 8 bits"):
        decode_image(encoded(Image.fromarray(COLOURS[:, :, 0].astype(np.uint16))))
    with pytest.raises(ValueError, match="channels, height, width"):
        to_datum(np.zeros((2, 2)))
