"""Sizes that no blob can have, and whatever else a definition makes a layer raise, are findings that name the layer."""

from __future__ import annotations

import tracemalloc

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


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (r"C:\new\train", r"'C:\new\train'; in prototxt a backslash begins an escape such as \n"),
        (r"a\000b", "in prototxt a backslash begins an escape"),
        ("a" * 300 + "/" + "b" * 300, "cannot be looked for: File name too long"),
        ("nowhere/here", "there is no database 'nowhere/here'; looked for 'nowhere/here'."),
    ],
)
def test_a_name_that_cannot_be_found_is_one_finding(source, message):
    text = f'layer {{ name: "data" type: "Data" top: "d" data_param {{ batch_size: 2 source: "{source}" }} }}'
    (found,) = check(Document.parse(text)).diagnostics
    assert (found.layer, found.field) == ("data", "data_param.source")
    assert message in found.message and "\n" not in found.message and len(found.message) < 500


TABLES = [
    'name: "c" type: "Interp" bottom: "d" top: "c" interp_param { height: 20000000 width: 8 }',
    'name: "c" type: "Pooling" bottom: "w" top: "c" pooling_param { pool: AVE kernel_size: 1 engine: CAFFE }',
    'name: "c" type: "PriorBox" bottom: "w" bottom: "d" top: "c" prior_box_param { '
    + " ".join(f"min_size: {n} aspect_ratio: {n}" for n in range(2, 1200))
    + "}",
]
WIDE = 'layer { name: "w" type: "Input" top: "w" input_param { shape { dim: 1 dim: 1 dim: 9 dim: 20000000 } } }\n'


@pytest.mark.parametrize("text", TABLES, ids=lambda text: text.split('"')[3])
def test_tables_are_made_by_the_first_pass(text):
    check(Document.parse(f"{INPUT}layer {{ {text} }}"))  # all modules are there
    tracemalloc.start()
    try:
        check(Document.parse(f"{INPUT}{WIDE}layer {{ {text} }}"))
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_a_layer_that_finds_no_memory_is_named():
    text = INPUT + (
        'layer { name: "c" type: "Convolution" bottom: "d" top: "y"\n'
        "  convolution_param { num_output: 1 kernel_size: 3 stride: 4000000 pad: 4000000 } }"
    )
    net = Net(Document.parse(text), TEST)
    with pytest.raises(MemoryError, match=r"layer 'c' \(Convolution\): there is not enough memory to run it forward"):
        net.forward()
