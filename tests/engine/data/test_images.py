"""Lists of images, and images in other sizes and formats, as Caffe gets them through OpenCV."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brewbench.engine.data.datum import decode_image
from brewbench.engine.data.images import encode_image, file_format, read_image, read_list, resize

FILES = Path(__file__).parents[2] / "golden" / "files"
COLOURS = np.random.default_rng(1).integers(0, 256, (3, 5, 4), np.uint8)


def test_a_line_is_a_name_and_a_label(tmp_path):
    (tmp_path / "list").write_bytes("a b.png 3\r\n\nπ.jpg\t-1\nend.png   12".encode())
    assert read_list(tmp_path / "list") == [("a b.png", 3), ("π.jpg", -1), ("end.png", 12)]
    for line in ("a.png", "a.png 1.5", "7"):
        (tmp_path / "list").write_text(f"a.png 1\n{line}\n")
        with pytest.raises(ValueError, match=f"list:2: expected an image's name and a whole number; got '{line}'"):
            read_list(tmp_path / "list")


def test_resizing_takes_the_four_nearest():
    image = np.uint8([[[0, 100], [200, 40]]])
    np.testing.assert_array_equal(resize(image, 2, 2), image)
    wide = resize(image, 2, 4)  # at -0.25, 0.25, 0.75, 1.25 of the way
    np.testing.assert_array_equal(wide, [[[0, 25, 75, 100], [200, 160, 80, 40]]])
    np.testing.assert_array_equal(resize(image, 1, 1), [[[85]]])
    reduced = resize(np.arange(100, dtype=np.uint8).reshape(1, 10, 10), 2, 2)  # at 2 and 7: no mean of others
    np.testing.assert_array_equal(reduced, [[[22, 27], [72, 77]]])


def test_images_are_read_in_blue_green_red_or_grey():
    raw = np.load(FILES / "db_contents.npz")["imageset_raw16_lmdb/data"]
    for index in range(16):
        np.testing.assert_array_equal(read_image(FILES / "images" / f"im{index:02}.png"), raw[index])
    assert read_image(FILES / "images" / "im00.png", color=False, size=(7, 9)).shape == (1, 7, 9)
    with pytest.raises(OSError, match="nothing.png"):
        read_image(FILES / "nothing.png")
    with pytest.raises(ValueError, match="images_all.txt: the data is not an image"):
        read_image(FILES / "images_all.txt")


@pytest.mark.parametrize("ending", ["png", "PNG", "bmp"])
def test_encoding_keeps_the_pixels(ending):
    for image in (COLOURS, COLOURS[:1]):
        np.testing.assert_array_equal(decode_image(encode_image(image, ending)), image)


def test_jpeg_is_near():
    smooth = resize(COLOURS, 40, 32)
    for image in (smooth, smooth[:1]):
        data = encode_image(image, "jpg")
        assert data.startswith(b"\xff\xd8") and data == encode_image(image, "jpeg")
        assert np.abs(decode_image(data).astype(int) - image).mean() < 3


def test_what_cannot_be_written_is_told():
    for ending in ("xyz", ""):
        with pytest.raises(ValueError, match=f"cannot be encoded as '{ending}'"):
            file_format(ending)


def test_sixteen_bits_are_brought_to_eight_where_the_kind_is_asked_for():
    file = BytesIO()
    Image.fromarray((COLOURS[0].astype(np.uint16) << 8) + 77).save(file, "PNG")
    np.testing.assert_array_equal(decode_image(file.getvalue(), False), COLOURS[:1])
    np.testing.assert_array_equal(decode_image(file.getvalue(), True), COLOURS[[0, 0, 0]])


def test_cameras_held_sideways_are_turned_where_the_kind_is_asked_for():
    file = BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(COLOURS[::-1].transpose(1, 2, 0)))
    orientation = picture.getexif()
    orientation[0x0112] = 6  # the top is to the right
    picture.save(file, "PNG", exif=orientation)
    np.testing.assert_array_equal(decode_image(file.getvalue()), COLOURS)
    np.testing.assert_array_equal(decode_image(file.getvalue(), True), np.rot90(COLOURS, -1, (1, 2)))
