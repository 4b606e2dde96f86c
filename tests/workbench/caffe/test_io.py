"""The Transformer against what pycaffe's made, and messages that are not whole."""

from pathlib import Path

import numpy as np
import pytest

from brewbench.caffe import io

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "pycaffe" / "io.npz")


@pytest.fixture
def transformer():
    made = io.Transformer({"data": (1, 3, 10, 12)})
    made.set_transpose("data", (2, 0, 1))
    return made


def test_all_rules_together_are_pycaffes(transformer):
    transformer.set_channel_swap("data", (2, 1, 0))
    transformer.set_raw_scale("data", 255)
    transformer.set_mean("data", np.array([104.0, 117.0, 123.0]))
    transformer.set_input_scale("data", 0.017)
    made = transformer.preprocess("data", GOLDEN["img"])
    np.testing.assert_allclose(made, GOLDEN["transformer/preprocess"], rtol=1e-5, atol=1e-5)
    assert made.dtype == np.float32
    back = transformer.deprocess("data", GOLDEN["transformer/preprocess"])
    np.testing.assert_allclose(back, GOLDEN["transformer/deprocess"], atol=1e-6)


def test_a_mean_image_is_resized_as_by_pycaffe(transformer):
    transformer.set_mean("data", GOLDEN["transformer/mean_in"])
    np.testing.assert_allclose(transformer.mean["data"], GOLDEN["transformer/mean_resized"], rtol=1e-6)
    made = transformer.preprocess("data", GOLDEN["img"])
    np.testing.assert_allclose(made, GOLDEN["transformer/preprocess2"], atol=2e-5)


def test_the_image_given_is_left_as_it_is(transformer):
    transformer.set_raw_scale("data", 255)
    image = np.ones((10, 12, 3), np.float32)
    assert transformer.preprocess("data", image).max() == 255
    assert image.max() == 1


def test_a_diff_that_is_not_there_is_not_made_up():
    blob = io.array_to_blobproto(np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match="has no diff"):
        io.blobproto_to_array(blob, return_diff=True)
    blob.shape.dim.append(2)
    with pytest.raises(ValueError):
        io.blobproto_to_array(blob)


def test_arrays_of_messages_are_of_double_precision_as_in_pycaffe():
    blob = io.array_to_blobproto(np.full((2, 3), 0.1), np.ones((2, 3)))
    for array in (io.blobproto_to_array(blob), io.blobproto_to_array(blob, return_diff=True)):
        assert array.dtype == np.float64 and array.shape == (2, 3)
    assert io.blobproto_to_array(blob)[0, 0] == np.float32(0.1)


def test_deprocess_keeps_the_type_of_the_data(transformer):
    transformer.set_input_scale("data", 0.1)
    for kind, expected in ((np.float64, np.float64), (np.float32, np.float32), (np.uint8, np.float32)):
        assert transformer.deprocess("data", np.ones((1, 3, 10, 12), kind)).dtype == expected
    assert transformer.deprocess("data", np.ones((3, 10, 12)))[0, 0, 0] == 1 / 0.1
