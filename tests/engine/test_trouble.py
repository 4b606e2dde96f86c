"""Sizes that no blob can have, and whatever else a definition makes a layer raise, are findings that name the layer."""

from __future__ import annotations

import pytest

from brewbench.engine import TEST, Blob, DefinitionError, Net, check, layer
from brewbench.engine.layer import LAYERS, Layer
from brewbench.proto import Document

INPUT = 'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }\n'
TOO_LARGE = {
    "Input": ("input_param { shape { dim: 9 dim: 70000 dim: 70000 } }", "input_param.shape.0.dim.1"),
    "DummyData": ("dummy_data_param { shape { dim: 4294967296 dim: 0 } }", "dummy_data_param.shape.0.dim.0"),
    "InnerProduct": ("inner_product_param { num_output: 2147483647 }", "inner_product_param.num_output"),
    "Convolution": (
        "convolution_param { num_output: 4000000000 kernel_size: 1 bias_term: false }",
        "convolution_param.num_output",
    ),
    "Tile": ("tile_param { axis: 1 tiles: 2000000000 }", "tile_param.tiles"),
    "Embed": ("embed_param { num_output: 70000 input_dim: 40000 }", "embed_param.num_output"),
    "Interp": ("interp_param { height: 80000000 width: 80 }", "interp_param.height"),
}


def document(type: str, settings: str) -> Document:
    bottom = "" if type in ("Input", "DummyData") else 'bottom: "d"'
    return Document.parse(
        f'{INPUT if bottom else ""}layer {{ name: "big" type: "{type}" {bottom} top: "y"\n{settings} }}'
    )


@pytest.mark.parametrize("type", TOO_LARGE)
def test_more_than_int_max_values_are_refused(type):
    settings, field = TOO_LARGE[type]
    (found,) = check(document(type, settings)).diagnostics
    assert (found.layer, found.field) == ("big", field)
    assert found.line and "INT_MAX" in found.message
    with pytest.raises(DefinitionError, match="INT_MAX"):
        Net(document(type, settings))


def test_as_many_values_as_caffe_counts_are_taken():
    report = check(document("Input", "input_param { shape { dim: 2147483647 } shape { dim: 1 } } top: 'z'"))
    assert not [found for found in report.diagnostics if found.severity == "error"]
    blob = Blob((2, 3))
    with pytest.raises(ValueError, match="INT_MAX"):
        blob.reshape(2**16, 2**16)
    assert blob.shape == (2, 3)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "there is not enough memory to set it up."),
        (OSError(36, "File name too long", "x"), "File name too long"),
        (OverflowError("math range error"), "cannot be set up with these settings (OverflowError: math range error)."),
        (RecursionError("too deep"), "(RecursionError: too deep)."),
        (ValueError("two\nlines"), "two lines"),
    ],
    ids=repr,
)
def test_whatever_a_layer_raises_becomes_a_finding(error, message):
    @layer("Raises")
    class Raises(Layer):
        def setup(self, bottom, top):
            raise error

    try:
        net = Document.parse(INPUT + 'layer { name: "r" type: "Raises" bottom: "d" top: "y" }')
        (found,) = check(net).diagnostics
        assert (found.layer, found.line) == ("r", 2) and message in found.message
        with pytest.raises(DefinitionError) as caught:
            Net(net, TEST)
        assert caught.value.layer == "r" and caught.value.__cause__ is error
    finally:
        del LAYERS["Raises"]
