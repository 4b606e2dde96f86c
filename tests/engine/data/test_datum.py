"""Datum to array and back, and images decoded as OpenCV decodes them."""

import re
import subprocess
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFile

from brewbench import caffe
from brewbench.engine.data.datum import datum_shape, decode_image, from_datum, image_shape, to_datum
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


def pictures():
    """Image files of many formats and modes, some of them noted as lying on their side."""
    base = Image.fromarray(COLOURS)
    for format in ("PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP", "PPM"):
        for turn in (1, 6):
            exif = Image.Exif()
            exif[0x0112] = turn
            file = BytesIO()
            base.save(file, format, **({"exif": exif} if format in ("PNG", "JPEG", "WEBP", "TIFF") else {}))
            yield pytest.param(file.getvalue(), id=f"{format} {turn}")
    for mode in ("1", "L", "P", "RGBA", "LA", "I;16"):
        image = Image.fromarray(COLOURS[:, :, 0]).convert("L" if mode in ("1", "LA", "I;16") else "RGB")
        yield pytest.param(encoded(image.convert(mode)), id=f"PNG {mode}")
    yield pytest.param(encoded(base.convert("CMYK"), "JPEG"), id="JPEG CMYK")
    yield pytest.param(encoded(base.convert("L").convert("F"), "TIFF"), id="TIFF F")
    yield pytest.param(b"nothing of the kind", id="no image")


@pytest.mark.parametrize("file", list(pictures()))
@pytest.mark.parametrize("color", [None, True, False])
def test_the_header_tells_the_shape(file, color, monkeypatch, tmp_path):
    datum = Datum(encoded=True, data=file).SerializeToString()
    (tmp_path / "image").write_bytes(file)
    try:
        shape = decode_image(file, color).shape
    except ValueError as error:
        for tell in (lambda: image_shape(BytesIO(file), color), lambda: datum_shape(datum, color)):
            with pytest.raises(ValueError, match=re.escape(str(error))):
                tell()
        return
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)  # nothing is decoded
    assert image_shape(BytesIO(file), color) == image_shape(tmp_path / "image", color) == shape
    assert datum_shape(memoryview(datum), color) == shape


def test_the_shape_of_a_datum_is_told_as_its_array_would_have_it():
    for array in (COLOURS.transpose(2, 0, 1), COLOURS.transpose(2, 0, 1).astype(np.float32)):
        assert datum_shape(to_datum(array).SerializeToString()) == (3, 5, 4)
    for wrong in (Datum(), Datum(channels=3, height=2, width=2, data=b"x" * 11)):
        with pytest.raises(ValueError, match="values do not make an image"):
            datum_shape(wrong.SerializeToString())
    with pytest.raises(ValueError):
        datum_shape(b"\x12\xff no Datum")


def test_a_program_that_draws_is_not_run(monkeypatch):
    """Pillow has Ghostscript run an EPS file to decode it."""
    file = BytesIO()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(file, "EPS")
    monkeypatch.setattr(subprocess, "Popen", None)
    for color in (None, True, False):
        with pytest.raises(ValueError, match="EPS, a program in PostScript, which is not run"):
            decode_image(file.getvalue(), color)
        with pytest.raises(ValueError, match="EPS"):
            image_shape(BytesIO(file.getvalue()), color)
    with pytest.raises(ValueError, match="EPS"):
        caffe.io.load_image(BytesIO(file.getvalue()))
