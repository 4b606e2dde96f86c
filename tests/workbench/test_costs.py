"""Costs of layers, against figures that are known from elsewhere."""

from math import inf
from pathlib import Path

import pytest

from brewbench import Document
from brewbench.engine import TEST, TRAIN, Net, check
from brewbench.workbench.costs import costs, multiply_adds_of

MODELS = Path(__file__).parents[2] / "notebooks" / "models"
HEAD = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 224 dim: 224 } } }\n'


def convolution(settings):
    return f'layer {{ name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param {{ {settings} }} }}\n'


def figures(text, phase=TEST):
    document = Document.parse(text) if isinstance(text, str) else Document.open(text)
    return {cost.name: cost for cost in costs(check(document, phase), document.message)}


def test_lenet_costs_what_is_published():
    """2,293,000 products an image, 431,080 parameters: LeNet of Caffe's example."""
    found = figures(MODELS / "lenet" / "lenet.prototxt")
    assert sum(cost.parameters for cost in found.values()) == 431_080
    assert {name: found[name].multiply_adds for name in ("conv1", "conv2", "ip1", "ip2")} == {
        "conv1": 20 * 24 * 24 * 25, "conv2": 50 * 8 * 8 * 20 * 25, "ip1": 400_000, "ip2": 5_000
    }  # fmt: skip
    assert sum(cost.multiply_adds for cost in found.values()) == 2_293_000
    assert found["pool2"].receptive_field == (16, 16) and found["pool2"].stride == (4, 4)
    assert found["ip1"].receptive_field == (inf, inf)
    assert found["relu1"].activations == 0, "it works in place"


def test_the_batch_multiplies_memory_alone():
    layer = convolution("num_output: 4 kernel_size: 3")
    one = figures(HEAD.replace("dim: 2 ", "dim: 1 ") + layer)["c"]
    two = figures(HEAD + layer)["c"]
    assert one.multiply_adds == two.multiply_adds == 4 * 222 * 222 * 27
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
def test_receptive_fields_of_one_window(settings, field, stride):
    found = figures(HEAD + convolution(f"num_output: 1 {settings}"))["c"]
    assert (found.receptive_field, found.stride) == (field, stride)


def test_receptive_fields_grow_by_strides_and_the_larger_branch_counts():
    text = HEAD + "".join(
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" convolution_param {{ '
        f"num_output: 2 kernel_size: {kernel} stride: {stride} pad: {kernel // 2} }} }}\n"
        for name, bottom, kernel, stride in (("a", "data", 3, 2), ("b", "a", 3, 1), ("c", "a", 1, 1))
    )
    text += 'layer { name: "both" type: "Concat" bottom: "b" bottom: "c" top: "both" }\n'
    text += 'layer { name: "all" type: "Pooling" bottom: "both" top: "all" pooling_param { global_pooling: true } }'
    found = figures(text)
    assert found["a"].receptive_field == (3, 3) and found["b"].receptive_field == (7, 7) and found["b"].stride == (2, 2)
    assert found["both"].receptive_field == (7, 7) and found["all"].receptive_field == (inf, inf)


def test_groups_divide_and_unknown_shapes_stay_unknown():
    assert figures(HEAD + convolution("num_output: 3 group: 3 kernel_size: 1"))["c"].multiply_adds == 3 * 224 * 224
    unknown = figures(HEAD + 'layer { name: "x" type: "NoSuchType" bottom: "data" top: "x" }')["x"]
    assert unknown.multiply_adds is None and unknown.activations is None


def test_only_layers_of_the_phase_are_listed():
    document = Document.open(MODELS / "lenet" / "lenet_train_test.prototxt")
    assert "accuracy" not in {cost.name for cost in costs(check(document, TRAIN), document.message)}
    assert "accuracy" in {cost.name for cost in costs(check(document, TEST), document.message)}


@pytest.mark.parametrize(
    "layer",
    [
        'type: "Convolution" convolution_param { num_output: 4 kernel_size: 3 }',
        'type: "ConvolutionDepthwise" convolution_param { kernel_size: 3 }',
        'type: "Deconvolution" convolution_param { num_output: 4 kernel_size: 4 stride: 2 }',
        'type: "InnerProduct" inner_product_param { num_output: 5 }',
        'type: "Pooling" pooling_param { kernel_size: 2 }',
    ],
)
def test_a_built_net_makes_the_products_of_all_its_images(layer):
    """Against a count by hand where there is one: each product belongs to one weight and one place."""
    text = HEAD.replace("224", "8") + f'layer {{ name: "x" bottom: "data" top: "x" {layer} }}'
    net = Net(Document.parse(text), seed=1)
    assert multiply_adds_of(net.nodes[1]) == 2 * figures(text)["x"].multiply_adds
    expected = {"Convolution": 4 * 36 * 27, "ConvolutionDepthwise": 3 * 36 * 9, "Deconvolution": 3 * 64 * 4 * 16,
                "InnerProduct": 5 * 192, "Pooling": 0}  # fmt: skip
    assert figures(text)["x"].multiply_adds == expected[net.layers[1].type]
    net.close()
