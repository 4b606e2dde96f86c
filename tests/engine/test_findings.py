"""Layers of types that nobody knows: one finding each, and all shapes that do not depend on them."""

from __future__ import annotations

import pytest

from brewbench.engine import DefinitionError, Net, check
from brewbench.engine.layer import LAYERS, load_layers
from brewbench.proto import Document

NET = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
layer { name: "a" type: "Convolution" bottom: "x" top: "a" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "inplace" type: "Insanity" bottom: "a" top: "a" insanity_param { lb_factor: 3 } }
layer { name: "odd" type: "RegionLoss" bottom: "a" top: "odd" top: "odder"
  region_loss_param { side: 13 biases: 0.5 } bbox_reg_param { bbox_mean: 0 } loss_param { side: 2 } }
layer { name: "below" type: "ReLU" bottom: "odd" top: "below" }
layer { name: "further" type: "InnerProduct" bottom: "below" top: "further" inner_product_param { num_output: 2 } }
layer { name: "joined" type: "Concat" bottom: "a" bottom: "odder" top: "joined" }
layer { name: "b" type: "Pooling" bottom: "a" top: "b" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "data" type: "SegData" top: "image" top: "mask" seg_data_param { source: "x" } }
layer { name: "c" type: "ReLU" bottom: "image" top: "image" }
"""


def test_each_layer_of_an_unknown_type_is_one_finding_and_the_rest_has_shapes():
    report = check(Document.parse(NET, "net"))
    assert [(one.layer, one.line, one.field) for one in report.diagnostics] == [
        ("inplace", 4, "type"),
        ("odd", 5, "type"),
        ("data", 11, "type"),
    ]
    assert {name: shape for name, shape in report.blobs.items() if "_split_" not in name} == {
        "x": (2, 3, 8, 8),
        "a": (2, 4, 6, 6),
        **dict.fromkeys(("odd", "odder", "below", "further", "joined", "image", "mask")),
        "b": (2, 4, 3, 3),
    }
    assert {layer.name: layer.category for layer in report.layers if layer.category == "unknown"} == dict.fromkeys(
        ("inplace", "odd", "data"), "unknown"
    )


def test_a_mistake_beside_the_settings_of_an_unknown_layer_is_still_told():
    text = 'layer { name: "x" type: "Odd" botom: "a" odd_param { x: 1 } }\n'
    assert {one.field for one in check(Document.parse(text, "net")).diagnostics} == {"botom", "type"}


def test_a_type_of_the_v1_format_that_cannot_be_read_is_one_finding():
    text = """
        layers { name: "d" type: DUMMY_DATA top: "d" dummy_data_param { shape { dim: 1 dim: 2 } } }
        layers { name: "crf" type: MULTI_STAGE_MEANFIELD bottom: "d" top: "y" multi_stage_meanfield_param { a: 1 } }
        layers { name: "r" type: RELU bottom: "y" top: "r" }
    """
    (found,) = check(Document.parse(text, "net")).diagnostics
    assert (found.layer, found.line, found.field) == ("crf", 3, "type")
    assert "MULTI_STAGE_MEANFIELD" in found.message
    assert found.message.count(",") <= 5


@pytest.mark.parametrize("name", ["Convolutional", "Bbox", "", "ROIAlign", "softmax"])
def test_the_message_is_one_short_line_with_a_few_names(name):
    load_layers()
    text = f'layer {{ name: "x" type: "{name}" top: "x" }}'
    with pytest.raises(DefinitionError) as caught:
        Net(Document.parse(text, "net"))
    message = caught.value.message
    assert message.startswith(f"unknown layer type {name!r}") and "\n" not in message
    assert "`brewbench check -types`" in message
    assert sum(f"'{known}'" in message for known in LAYERS) <= 5
    assert len(message) < 160
