"""Crop, mirror, mean and scale, against one pixel at a time, and reproducibly random."""

from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import files
from brewbench.engine.context import Context
from brewbench.engine.data.transform import Transformer
from brewbench.engine.errors import DefinitionError
from brewbench.proto.messages import TransformationParameter

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 3, 9, 8), np.uint8)


def transformer(training=False, seed=5, layer="data", root: Path | None = None, **settings) -> Transformer:
    context = Context(phase=0 if training else 1, seed=seed, root=root)
    return Transformer(TransformationParameter(**settings), context, training, layer)


def applied(made: Transformer, images=IMAGES, first: int = 0) -> np.ndarray:
    out = np.empty((len(images), *made.shape(images[0].shape)), np.float32)
    made.apply(list(images), range(first, first + len(images)), out)
    return out


def test_scale_comes_after_the_mean():
    expected = (IMAGES.astype(np.float32) - np.float32([1, 2, 3])[:, None, None]) * np.float32(0.5)
    np.testing.assert_array_equal(applied(transformer(mean_value=[1, 2, 3], scale=0.5)), expected)
    np.testing.assert_array_equal(applied(transformer(mean_value=[7])), IMAGES - np.float32(7))
    np.testing.assert_array_equal(applied(transformer(scale=0.25)), IMAGES * np.float32(0.25))


def test_the_mean_image_is_cropped_where_the_image_is(tmp_path):
    mean = np.random.default_rng(1).normal(100, 20, (1, 3, 9, 8)).astype(np.float32)
    files.write_blob(tmp_path / "mean.binaryproto", mean)
    made = transformer(root=tmp_path, mean_file="mean.binaryproto", crop_size=4)
    np.testing.assert_array_equal(applied(made), (IMAGES - mean)[:, :, 2:6, 2:6])
    random = transformer(True, root=tmp_path, mean_file="mean.binaryproto", crop_size=4, mirror=True)
    whole = IMAGES - mean
    for image, found in zip(whole, applied(random), strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(image, (4, 4), (1, 2)).transpose(1, 2, 0, 3, 4)
        same = (windows == found).all((2, 3, 4)) | (windows == found[:, :, ::-1]).all((2, 3, 4))
        assert same.any()


def test_every_corner_and_both_sides_turn_up_in_training():
    ramp = np.arange(9 * 8, dtype=np.uint8).reshape(1, 9, 8)
    out = applied(transformer(True, crop_size=6, mirror=True), [ramp] * 400)
    corners = out[:, 0, 0].min(1)
    assert {divmod(int(corner), 8) for corner in corners} == {(y, x) for y in range(4) for x in range(3)}
    turned = (out[:, 0, 0, 0] > out[:, 0, 0, -1]).mean()
    assert 0.4 < turned < 0.6


def test_the_middle_is_taken_in_test_and_mirror_still_holds():
    out = applied(transformer(crop_size=6, mirror=True))
    middle = IMAGES[:, :, 1:7, 1:7]
    straight = (out == middle).all((1, 2, 3))
    turned = (out == middle[:, :, :, ::-1]).all((1, 2, 3))
    assert (straight | turned).all() and straight.any() and turned.any()


def test_chance_depends_on_seed_layer_and_position_alone():
    settings = {"crop_size": 4, "mirror": True}
    whole = applied(transformer(True, **settings))
    np.testing.assert_array_equal(applied(transformer(True, **settings), IMAGES[10:], 10), whole[10:])
    assert not np.array_equal(applied(transformer(True, **settings), IMAGES, 40), whole)
    assert not np.array_equal(applied(transformer(True, seed=6, **settings)), whole)
    assert not np.array_equal(applied(transformer(True, layer="other", **settings)), whole)


def test_images_of_different_sizes_meet_in_a_crop():
    images = [IMAGES[0], IMAGES[1][:, :6, :7]]
    out = np.empty((2, 3, 5, 5), np.float32)
    transformer(crop_size=5).apply(images, range(2), out)
    np.testing.assert_array_equal(out[0], IMAGES[0][:, 2:7, 1:6])
    np.testing.assert_array_equal(out[1], IMAGES[1][:, 0:5, 1:6])


@pytest.mark.parametrize(
    ("settings", "field", "message"),
    [
        ({"crop_size": 9}, "crop_size", "crop_size 9 is larger than the image, which is 9 x 8"),
        ({"mean_value": [1, 2]}, "mean_value", "given 2 times; the images have 3 channels"),
        ({"mean_file": "mean.binaryproto"}, "mean_file", r"has the shape \(3, 4, 4\), the images \(3, 9, 8\)"),
        ({"mean_file": "mean.binaryproto", "mean_value": [1]}, "mean_value", "mean_file or mean_value, not both"),
        ({"mean_file": "nowhere"}, "mean_file", "there is no mean file 'nowhere'"),
        ({"mean_file": "no_mean"}, "mean_file", "no_mean: is not a blob"),
        ({"mean_file": "many.binaryproto"}, "mean_file", "must hold one image"),
        ({"force_color": True, "force_gray": True}, "force_gray", "exclude each other"),
    ],
)
def test_settings_that_cannot_be_are_errors_on_their_field(tmp_path, settings, field, message):
    files.write_blob(tmp_path / "mean.binaryproto", np.zeros((1, 3, 4, 4)))
    files.write_blob(tmp_path / "many.binaryproto", np.zeros((2, 3, 9, 8)))
    (tmp_path / "no_mean").write_text("not a mean")
    with pytest.raises(DefinitionError, match=message) as caught:
        transformer(root=tmp_path, **settings).shape((3, 9, 8))
    assert caught.value.field == f"transform_param.{field}"


def test_a_batch_of_different_sizes_is_an_error():
    with pytest.raises(DefinitionError, match="need batch_size 1"):
        applied(transformer(), [IMAGES[0], IMAGES[1][:, :6]])
