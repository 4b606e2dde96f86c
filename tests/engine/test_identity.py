"""Layers are told apart by name and number: those that share a name, or have none, are layers of their own."""

from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, TRAIN, Net
from brewbench.proto.messages import NetParameter

FILES = Path(__file__).parents[1] / "golden" / "files"
INPUT = 'layer { name: "in" type: "Input" top: "in" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } } '
DRAWING = {  # layers with a top %s
    "Dropout": 'type: "Dropout" bottom: "in" top: "%s"',
    "pooling": 'type: "Pooling" bottom: "in" top: "%s" pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }',
    "pyramid": 'type: "SPP" bottom: "in" top: "%s" spp_param { pool: STOCHASTIC pyramid_height: 2 }',
    "made up": 'type: "DummyData" top: "%s" dummy_data_param { shape { dim: 9 } data_filler { type: "uniform" } }',
    "crops": """type: "Data" top: "%s" transform_param { crop_size: 20 mirror: true }
        data_param { source: "mnist_like_lmdb" batch_size: 8 backend: LMDB }""",
    "skipped rows": """type: "Data" top: "%s"
        data_param { source: "mnist_like_lmdb" batch_size: 1 backend: LMDB rand_skip: 99 }""",
    "shuffled": """type: "ImageData" top: "%s" top: "label of %s"
        image_data_param { source: "images_same.txt" batch_size: 8 shuffle: true }""",
    **{
        filler: f"""type: "InnerProduct" bottom: "in" top: "%s"
        inner_product_param {{ num_output: 3 weight_filler {{ type: "{filler}" }} }}"""
        for filler in ("uniform", "gaussian", "xavier", "msra", "positive_unitball")
    },
}  # fmt: skip


def parse(text):
    return text_format.Parse(text, NetParameter())


def written(kind, name, *tops):
    return "".join(f"layer {{ name: '{name}' {DRAWING[kind].replace('%s', top)} }} " for top in tops)


def drawn(text, *tops):
    """What the tops are after one pass in training, the input being random, but ever the same."""
    net = Net(parse(INPUT + text), TRAIN, seed=5)
    net.blobs["in"].data = np.random.RandomState(1).uniform(size=(2, 3, 8, 8))
    net.forward()
    found = [net.blobs[top].data.copy() for top in tops]
    net.close()
    return found


@pytest.mark.parametrize("name", ["x", ""])
@pytest.mark.parametrize("kind", DRAWING)
def test_layers_of_one_name_draw_different_numbers(monkeypatch, kind, name):
    monkeypatch.chdir(FILES)
    tops = ("one", "two", "three")
    found = drawn(written(kind, name, *tops), *tops)
    (alone,) = drawn(written(kind, name, "one"), "one")
    assert np.array_equal(found[0], alone)  # the first of a name draws what it would draw by itself
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(found[one], found[other])


def numbers(text, phase):
    return {layer.param.top[0]: layer.number for layer in Net(parse(INPUT + text), phase).layers if layer.name == "x"}


def test_a_layer_of_one_phase_shifts_no_number_of_another():
    relu = 'layer { name: "x" type: "ReLU" bottom: "in" top: "%s" %s } '
    train, test = (f"include {{ phase: {phase} }}" for phase in ("TRAIN", "TEST"))
    tops = {"a": train, "b": "", "c": test, "d": "", "e": "exclude { phase: TEST }"}
    text = "".join(relu % pair for pair in tops.items())
    assert numbers(text, TRAIN) == {"b": 0, "d": 1, "a": 2, "e": 3}
    assert numbers(text, TEST) == {"b": 0, "d": 1, "c": 2}
    twins = "".join(relu % ("a", phase) for phase in (train, test))
    assert numbers(twins, TRAIN) == numbers(twins, TEST) == {"a": 0}
