"""Shapes typed into a form are messages of the text."""

import pytest

from brewbench import open as open_bench
from brewbench.proto import Document
from brewbench.widgets.shapes import parse_shapes, spell_shapes


def test_a_shape_reads_as_it_is_typed():
    assert parse_shapes("1x3x224x224", False) == {"dim": [1, 3, 224, 224]} == parse_shapes("1, 3, 224 224", False)
    assert parse_shapes("4x6, 4", True) == [{"dim": [4, 6]}, {"dim": [4]}]
    assert spell_shapes([{"dim": [4, 6]}, {"dim": [4]}]) == "4x6, 4" and spell_shapes({"dim": [0, -1]}) == "0x-1"
    with pytest.raises(ValueError, match="such as 1x3x224x224; found '1xa'"):
        parse_shapes("1xa", False)


def row(box, hook):
    """The row of a field, wherever it is in a form."""
    if hook in getattr(box, "_dom_classes", ()):
        return box
    return next((found for child in getattr(box, "children", ()) if (found := row(child, hook))), None)


def test_the_shape_of_an_input_is_one_line_of_the_form():
    text = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }\n'
    bench = open_bench(Document.parse(text, "net"))
    try:
        bench.select("data")
        entry = row(bench.form, "bb-field-input_param-shape").children[0]
        assert entry.value == "2x3"
        entry.value = "5x7"
        assert [list(shape.dim) for shape in bench.document.message.layer[0].input_param.shape] == [[5, 7]]
        entry.value = "5xx"
        assert bench.net.blobs["data"].shape == (5, 7)
        bench.document.undo()
        assert bench.document.text == text
    finally:
        bench.close()


def test_a_bench_without_a_definition_is_on_a_new_net():
    bench = open_bench()
    try:
        assert not bench.document.layers and not bench.editor.graph["nodes"] and bench.document.path is None
        bench.editor._receive(None, {"type": "add", "layer_type": "Input", "near": None, "connect_from": None}, [])
        assert bench.net.blobs["input1"].shape == (1, 3, 224, 224)
    finally:
        bench.close()
