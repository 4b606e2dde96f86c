"""What SSD's settings of transform_param do to images: against OpenCV 5, and against a pixel at a time.

`opencv.npz` holds an image, and what cv2.resize, cv2.cvtColor, cv2.GaussianBlur, cv2.equalizeHist and cv2.erode make
of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brewbench.engine.context import Context
from brewbench.engine.data.distortion import distort, expand, from_hsv, to_hsv
from brewbench.engine.data.draws import Draws
from brewbench.engine.data.interpolation import resize_by
from brewbench.engine.data.noise import disturb
from brewbench.engine.data.resizing import Resizing
from brewbench.engine.data.transform import Transformer
from brewbench.engine.errors import DefinitionError
from brewbench.proto.messages import (
    DistortionParameter,
    ExpansionParameter,
    NoiseParameter,
    ResizeParameter,
    TransformationParameter,
)

with np.load(Path(__file__).parent / "opencv.npz") as stored:
    OPENCV = {name: stored[name] for name in stored.files}
IMAGE = OPENCV["image"]  # (3, 13, 17)
EXACT = ("LINEAR", "NEAREST", "LANCZOS4")  # of the others OpenCV computes some in single precision


def draws(position=0):
    return Draws((1, 2), position)


@pytest.mark.parametrize("name", [name for name in OPENCV if "/" in name])
def test_resizing_is_opencvs(name):
    mode, height, width = name.split("/")
    found = resize_by(mode, IMAGE, int(height), int(width))
    difference = np.abs(found.astype(int) - OPENCV[name])
    assert found.dtype == np.uint8
    assert difference.max() <= (mode not in EXACT)
    assert (difference > 0).mean() < 0.2


@pytest.mark.parametrize("name", ["decolorize", "gauss_blur", "hist_eq", "erode"])
def test_noise_is_opencvs(name):
    found = disturb(IMAGE, NoiseParameter(**{name: True}), draws())
    assert np.abs(found.astype(int) - OPENCV[name]).max() <= (name == "gauss_blur")


def test_hue_saturation_and_value_are_opencvs():
    np.testing.assert_array_equal(to_hsv(IMAGE), OPENCV["to_hsv"])
    turned = OPENCV["to_hsv"].copy()
    turned[0] += 40  # beyond a whole turn for some
    assert turned[0].max() > 180
    assert np.abs(from_hsv(turned).astype(int) - OPENCV["turned"]).max() <= 1


def test_other_noise():
    np.testing.assert_array_equal(disturb(IMAGE, NoiseParameter(inverse=True), draws()), 255 - IMAGE)
    assert set(np.unique(disturb(IMAGE, NoiseParameter(posterize=True), draws()))) <= {32, 96, 160, 224}
    assert 0 < np.abs(disturb(IMAGE, NoiseParameter(jpeg=30), draws()).astype(int) - IMAGE).mean() < 40
    salted = disturb(
        IMAGE, NoiseParameter(saltpepper=True, saltpepper_param={"fraction": 0.1, "value": [9, 8, 7]}), draws()
    )
    changed = (salted != IMAGE).any(axis=0)
    assert 10 < changed.sum() <= 22 and (salted[:, changed] == [[9], [8], [7]]).all()
    with pytest.raises(DefinitionError, match="value is given 2 times"):
        disturb(IMAGE, NoiseParameter(saltpepper=True, saltpepper_param={"value": [9, 8]}), draws())


@pytest.mark.parametrize(
    ("mode", "size", "fitted", "corner"),
    [
        ("WARP", (10, 12), (10, 12), (0, 0)),
        ("FIT_LARGE_SIZE_AND_PAD", (20, 20), (15, 20), (2, 0)),
        ("FIT_LARGE_SIZE_AND_PAD", (13, 40), (13, 17), (0, 11)),
    ],
)
def test_images_are_brought_to_a_size(mode, size, fitted, corner):
    settings = {"resize_mode": mode, "height": size[0], "width": size[1]}
    found = Resizing(ResizeParameter(**settings, pad_value=[1, 2, 3])).apply(IMAGE, draws())
    inside = (slice(None), *(slice(c, c + f) for c, f in zip(corner, fitted, strict=True)))
    expected = np.empty((3, *size), np.uint8)
    expected[...] = np.reshape([1, 2, 3], (3, 1, 1))
    expected[inside] = resize_by("LINEAR", IMAGE, *fitted)
    np.testing.assert_array_equal(found, expected)
    for pad, numpys in (("MIRRORED", "reflect"), ("REPEAT_NEAREST", "edge")):
        found = Resizing(ResizeParameter(**settings, pad_mode=pad)).apply(IMAGE, draws())
        rim = [(0, 0), *((c, n - c - f) for c, n, f in zip(corner, size, fitted, strict=True))]
        np.testing.assert_array_equal(found, np.pad(expected[inside], rim, numpys))


def test_images_are_brought_to_the_smaller_side():
    made = Resizing(ResizeParameter(resize_mode="FIT_SMALL_SIZE", height=26, width=20))
    assert made.size(13, 17) == (26, 34) and made.size(40, 10) == (80, 20)
    assert made.apply(IMAGE, draws()).shape == (3, 26, 34)


def test_one_way_to_compute_pixels_is_drawn():
    made = Resizing(ResizeParameter(height=20, width=31, interp_mode=["NEAREST", "LANCZOS4"]))
    found = {made.apply(IMAGE, draws(position)).tobytes() for position in range(20)}
    assert found == {OPENCV[f"{name}/20/31"].tobytes() for name in ("NEAREST", "LANCZOS4")}


BOXES = np.array([[0.1, 0.2, 0.5, 0.6], [-0.1, 0, 1, 1]], np.float32)


@pytest.mark.parametrize(
    ("mode", "size", "scale", "corner"),
    [
        ("WARP", (10, 12), (1, 1), (0, 0)),
        ("FIT_SMALL_SIZE", (10, 12), (1, 1), (0, 0)),
        ("FIT_LARGE_SIZE_AND_PAD", (20, 20), (1, 13 / 17), (0, 2 / 17)),  # wide: a rim of 2 / 17 above and below
        ("FIT_LARGE_SIZE_AND_PAD", (13, 34), (0.5, 1), (0.25, 0)),
    ],
)
def test_boxes_go_where_the_image_goes(mode, size, scale, corner):
    made = Resizing(ResizeParameter(resize_mode=mode, height=size[0], width=size[1]))
    expected = BOXES.clip(0, 1).reshape(2, 2, 2) * scale + corner
    np.testing.assert_allclose(made.move(BOXES, 13, 17), expected.reshape(2, 4), atol=1e-6)


def test_a_larger_canvas_keeps_the_image_and_says_where_it_is():
    settings = ExpansionParameter(max_expand_ratio=3)
    sizes = set()
    for position in range(30):
        out, edges = expand(IMAGE, settings, np.reshape([7, 8, 9], (3, 1, 1)), draws(position))
        left, top, right, bottom = edges * [17, 13, 17, 13]
        assert out.shape == (3, round(bottom - top), round(right - left))
        rows, columns = slice(round(-top), round(-top) + 13), slice(round(-left), round(-left) + 17)
        np.testing.assert_array_equal(out[:, rows, columns], IMAGE)
        out[:, rows, columns] = np.reshape([7, 8, 9], (3, 1, 1))
        assert (out == np.reshape([7, 8, 9], (3, 1, 1))).all()
        sizes.add(out.shape[1])
    assert 13 <= min(sizes) < 20 and 30 < max(sizes) <= 39
    assert expand(IMAGE, ExpansionParameter(max_expand_ratio=3, prob=0), np.zeros(1), draws()) is None
    assert expand(IMAGE, ExpansionParameter(), np.zeros(1), draws()) is None


def test_colours_are_changed_as_far_as_asked():
    brighter = DistortionParameter(brightness_prob=1, brightness_delta=20)
    offsets = {int(np.median(distort(IMAGE, brighter, draws(k)).astype(int) - IMAGE)) for k in range(60)}
    assert -20 <= min(offsets) < -10 and 10 < max(offsets) <= 20
    contrast = DistortionParameter(contrast_prob=1, contrast_lower=0.5, contrast_upper=0.5)
    np.testing.assert_array_equal(distort(IMAGE, contrast, draws()), np.rint(IMAGE * 0.5))
    pale = DistortionParameter(saturation_prob=1)  # by the factor 0
    assert np.ptp(distort(IMAGE, pale, draws()).astype(int), axis=0).max() <= 1
    hue = to_hsv(distort(IMAGE, DistortionParameter(hue_prob=1, hue_delta=30), draws(3)))
    np.testing.assert_allclose(hue[2], to_hsv(IMAGE)[2], atol=1)
    orders = {distort(IMAGE, DistortionParameter(random_order_prob=1), draws(k)).tobytes() for k in range(60)}
    assert len(orders) == 6
    np.testing.assert_array_equal(distort(IMAGE, DistortionParameter(), draws()), IMAGE)


def transformer(training=False, **settings):
    context = Context(phase=0 if training else 1, seed=5)
    return Transformer(TransformationParameter(**settings), context, training, "data")


def test_images_are_resized_before_they_are_cropped():
    size = {"height": 10, "width": 25, "interp_mode": ["NEAREST"]}
    made = transformer(resize_param=size, crop_h=4, crop_w=6, scale=2)
    assert made.shape((3, 50, 60)) == (3, 4, 6)
    out = np.empty((2, 3, 4, 6), np.float32)
    made.apply([IMAGE, IMAGE[:, :, ::-1]], range(2), out)
    resized = OPENCV["NEAREST/10/25"].astype(np.float32) * 2
    np.testing.assert_array_equal(out[0], resized[:, 3:7, 9:15])
    random = transformer(True, crop_h=4, crop_w=6)
    random.apply([IMAGE] * 2, range(2), out)
    windows = np.lib.stride_tricks.sliding_window_view(IMAGE, (4, 6), (1, 2)).transpose(1, 2, 0, 3, 4)
    assert all((windows == one).all((2, 3, 4)).any() for one in out)
    inverted = transformer(noise_param={"inverse": True})
    out = np.empty((1, *IMAGE.shape), np.float32)
    inverted.apply([IMAGE], range(1), out)
    np.testing.assert_array_equal(out[0], 255 - IMAGE)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"resize_param": {"height": 3}}, "transform_param.resize_param.width"),
        ({"crop_h": 3}, "transform_param.crop_w"),
        ({"crop_w": 3, "crop_size": 3, "crop_h": 2}, "transform_param.crop_h"),
        ({"noise_param": {"clahe": True}}, "transform_param.noise_param.clahe"),
    ],
)
def test_what_cannot_be_done_is_refused(settings, field):
    with pytest.raises(DefinitionError) as caught:
        transformer(**settings)
    assert caught.value.field == field


def test_only_bytes_can_be_resized_and_crops_must_fit():
    made = transformer(resize_param={"height": 4, "width": 4}, crop_h=5, crop_w=4)
    with pytest.raises(DefinitionError, match="crop_h 5 x 4 is larger than the image, which is 4 x 4"):
        made.shape((3, 9, 9))
    made = transformer(resize_param={"height": 4, "width": 4})
    with pytest.raises(DefinitionError, match="only images of bytes"):
        made.apply([IMAGE.astype(np.float32)], range(1), np.empty((1, 3, 4, 4), np.float32))
