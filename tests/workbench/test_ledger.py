"""What each layer costs and sees, against figures that are known from elsewhere."""

from math import inf
from pathlib import Path

import pytest

from brewbench import Document
from brewbench.engine import TEST, TRAIN, check
from brewbench.workbench.ledger import ledger

MODELS = Path(__file__).parents[2] / "notebooks" / "models"
HEAD = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 224 dim: 224 } } }\n'


def convolution(settings):
    return f'layer {{ name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param {{ {settings} }} }}\n'


def entries(text, phase=TEST):
    document = Document.parse(text) if isinstance(text, str) else Document.open(text)
    return {entry.name: entry for entry in ledger(check(document, phase), document.message)}


def test_lenet_costs_what_is_published():
    """2,293,000 products an image, 431,080 parameters: LeNet of Caffe's example."""
    found = entries(MODELS / "lenet" / "lenet.prototxt")
    assert sum(entry.parameters for entry in found.values()) == 431_080
    assert {name: found[name].macs for name in ("conv1", "conv2", "ip1", "ip2")} == {
        "conv1": 20 * 24 * 24 * 25, "conv2": 50 * 8 * 8 * 20 * 25, "ip1": 400_000, "ip2": 5_000
    }  # fmt: skip
    assert sum(entry.macs for entry in found.values()) == 2_293_000
    assert found["pool2"].field == (16, 16) and found["pool2"].stride == (4, 4)
    assert found["ip1"].field == (inf, inf)
    assert found["relu1"].activations == 0, "it works in place"


def test_the_batch_multiplies_memory_alone():
    layer = convolution("num_output: 4 kernel_size: 3")
    one = entries(HEAD.replace("dim: 2 ", "dim: 1 ") + layer)["c"]
    two = entries(HEAD + layer)["c"]
    assert one.macs == two.macs == 4 * 222 * 222 * 27
    assert two.activations == 2 * one.activations == 2 * 4 * 4 * 222 * 222


@pytest.mark.parametrize(
    ("settings", "field", "stride"),
    [
        ("kernel_size: 7 stride: 2", (7, 7), (2, 2)),
        ("kernel_size: 3 dilation: 2", (5, 5), (1, 1)),
        ("kernel_h: 3 kernel_w: 5 stride_h: 1 stride_w: 2", (3, 5), (1, 2)),
        ("kernel_size: 3 kernel_size: 1", (3, 1), (1, 1)),
    ],
)
def test_fields_of_one_window(settings, field, stride):
    found = entries(HEAD + convolution(f"num_output: 1 {settings}"))["c"]
    assert (found.field, found.stride) == (field, stride)


def test_fields_grow_by_strides_and_the_larger_branch_counts():
    text = HEAD + "".join(
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" convolution_param {{ '
        f"num_output: 2 kernel_size: {kernel} stride: {stride} pad: {kernel // 2} }} }}\n"
        for name, bottom, kernel, stride in (("a", "data", 3, 2), ("b", "a", 3, 1), ("c", "a", 1, 1))
    )
    text += 'layer { name: "both" type: "Concat" bottom: "b" bottom: "c" top: "both" }\n'
    text += 'layer { name: "all" type: "Pooling" bottom: "both" top: "all" pooling_param { global_pooling: true } }'
    found = entries(text)
    assert found["a"].field == (3, 3) and found["b"].field == (7, 7) and found["b"].stride == (2, 2)
    assert found["both"].field == (7, 7) and found["all"].field == (inf, inf)


def test_groups_divide_and_unknown_shapes_stay_unknown():
    assert entries(HEAD + convolution("num_output: 3 group: 3 kernel_size: 1"))["c"].macs == 3 * 224 * 224
    unknown = entries(HEAD + 'layer { name: "x" type: "NoSuchType" bottom: "data" top: "x" }')["x"]
    assert unknown.macs is None and unknown.activations is None


def test_only_layers_of_the_phase_are_listed():
    document = Document.open(MODELS / "lenet" / "lenet_train_test.prototxt")
    assert "accuracy" not in {entry.name for entry in ledger(check(document, TRAIN), document.message)}
    assert "accuracy" in {entry.name for entry in ledger(check(document, TEST), document.message)}
