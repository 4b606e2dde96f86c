"""What cannot be written as ONNX is all named, with lines, and no file appears."""

from __future__ import annotations

import sys

import pytest

from brewbench.engine.errors import DefinitionError, MissingPackage
from brewbench.proto import Document
from brewbench.workbench.cli import main
from brewbench.workbench.onnx import NotMapped, to_onnx

INPUT = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }\n'
UNSAID = (
    INPUT
    + """layer { name: "p" type: "Python" bottom: "x" top: "p" python_param { module: "evil" layer: "L" } }
layer { name: "odd" type: "Pooling" bottom: "x" top: "odd" pooling_param { kernel_size: 1 stride: 5 } }
layer { name: "mask" type: "Pooling" bottom: "x" top: "m" top: "where" pooling_param { kernel_size: 1 stride: 5 } }
layer { name: "new" type: "Strange" bottom: "p" top: "n" }
layer { name: "noise" type: "DummyData" top: "d" dummy_data_param { shape { dim: 1 } data_filler { type: "uniform" } } }
"""
)


def test_all_layers_are_named_with_their_lines(tmp_path, capsys):
    path, out = tmp_path / "net.prototxt", tmp_path / "net.onnx"
    path.write_text(UNSAID)
    out.write_bytes(b"before")
    (tmp_path / "evil.py").write_text("raise SystemExit('was run')")
    with pytest.raises(NotMapped) as caught:
        to_onnx(path)
    assert [(one.layer, one.line) for one in caught.value.found] == [("p", 2), ("mask", 4), ("new", 5), ("noise", 6)]
    assert main(["to_onnx", str(path), str(out)]) == 1
    told = capsys.readouterr().err
    assert f"{path}:4: layer 'mask' (Pooling): the mask of windows" in told and "4 layers have no equivalent" in told
    assert out.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 3


def test_a_net_with_data_layers_is_told_what_to_export(tmp_path):
    text = """layer { name: "mnist" type: "Data" top: "x" top: "l" data_param { source: "no_db" batch_size: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2 } }"""
    with pytest.raises(NotMapped, match=r"line:1: layer 'mnist' \(Data\): reads data.*a deploy net"):
        to_onnx(Document.parse(text, "net"))


def test_wrong_nets_and_files_raise_what_a_net_raises(tmp_path):
    wrong = INPUT + 'layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param { kernel_size: 9 } }'
    with pytest.raises(DefinitionError, match="num_output"):
        to_onnx(Document.parse(wrong, "net"))
    right = Document.parse(INPUT + 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }', "net")
    with pytest.raises(OSError, match="none.caffemodel"):
        to_onnx(right, tmp_path / "none.caffemodel")
    with pytest.raises(ValueError, match="nothing is left"):
        to_onnx(Document.parse(INPUT + 'layer { name: "s" type: "Silence" bottom: "x" }', "net"))


def test_an_input_without_a_shape_is_refused():
    text = 'layer { name: "in" type: "Input" top: "x" }\nlayer { name: "r" type: "ReLU" bottom: "x" top: "y" }'
    with pytest.raises(NotMapped, match="its shape is not stated"):
        to_onnx(Document.parse(text, "net"))


def test_without_the_package_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackage, match=r"pip install 'brewbench\[onnx\]'"):
        to_onnx(Document.parse(INPUT, "net"))


def test_a_batch_that_only_one_size_suits_stays_fixed():
    text = (
        INPUT
        + """layer { name: "r" type: "Reshape" bottom: "x" top: "y" reshape_param { shape { dim: 6 dim: 16 } } }"""
    )
    model = to_onnx(Document.parse(text, "net"))
    assert [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == [2, 3, 4, 4]
    assert "the batch size is fixed" in model.doc_string


def test_the_command_tells_what_it_decided(tmp_path, capsys):
    path = tmp_path / "net.prototxt"
    path.write_text(INPUT + 'layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" '
                    "inner_product_param { num_output: 2 } }")  # fmt: skip
    assert main(["to_onnx", str(path), str(tmp_path / "net.onnx")]) == 0
    told = capsys.readouterr().out
    assert "note: no weights were given" in told and "net.onnx: 2 nodes" in told
