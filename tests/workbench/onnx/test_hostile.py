"""Models by somebody else: what is wrong with them is one error, and nothing outside their folder is read."""

from __future__ import annotations

import random

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from brewbench.engine import TEST, Net
from brewbench.proto import Document
from brewbench.workbench.cli import main
from brewbench.workbench.onnx import NotMapped, from_onnx, to_onnx

TEXT = """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param {
    num_output: 3 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 pool: AVE } }
layer { name: "flat" type: "Reshape" bottom: "pool" top: "flat" reshape_param { shape { dim: 0 dim: -1 } } }
layer { name: "ip" type: "InnerProduct" bottom: "flat" top: "ip" inner_product_param { num_output: 4 } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }"""


def written():
    return to_onnx(Document.parse(TEXT, "net"))


def tiny(nodes, constants=(), shape=(1, 3), opset=17):
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [given], [made], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


@pytest.mark.parametrize("content", [b"", b"\0", b"no model", b"\x08" * 100, b"layer { }"], ids=repr)
def test_bytes_that_are_no_model(content, tmp_path):
    path = tmp_path / "wrong.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="wrong.onnx: is no ONNX model"):
        from_onnx(path)


@pytest.mark.parametrize("seed", range(150))
def test_changed_bytes_give_a_net_or_an_error_of_a_line(seed):
    draw, content = random.Random(seed), bytearray(written().SerializeToString())
    for _ in range(draw.randint(1, 4)):
        content[draw.randrange(len(content))] = draw.randrange(256)
    try:
        document, _ = from_onnx(bytes(content[: draw.choice([len(content), draw.randrange(1, len(content))])]))
    except NotMapped as error:
        assert error.found
    except (ValueError, OSError) as error:
        assert "\n" not in str(error)
    else:
        assert document.layers


def external(location, count=3):
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[count], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tiny([helper.make_node("Add", ["x", "c"], ["y"])], [tensor])


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "link", "sub/../../secret"])
def test_data_outside_the_folder_is_not_read(location, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(12))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "m.onnx").write_bytes(external(location).SerializeToString())
    with pytest.raises(ValueError, match="lies outside the model's folder"):
        from_onnx(folder / "m.onnx")


def test_data_beside_the_model_is_read(tmp_path):
    np.float32([1, 2, 3]).tofile(tmp_path / "data.bin")
    (tmp_path / "m.onnx").write_bytes(external("data.bin").SerializeToString())
    _, net = from_onnx(tmp_path / "m.onnx")
    net.forward()
    np.testing.assert_array_equal(net.blobs["y"].data, [[1, 2, 3]])
    (tmp_path / "m.onnx").write_bytes(external("data.bin", 4).SerializeToString())
    with pytest.raises(ValueError, match="ends beyond the file"):
        from_onnx(tmp_path / "m.onnx")


def wrong_tensor(**fields):
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, raw_data=b"abcd", **fields)
    return tiny([helper.make_node("Add", ["x", "c"], ["y"])], [tensor])


@pytest.mark.parametrize("dims", [[3], [-1], [2**40], [2**31, 2**31], []], ids=repr)
def test_tensors_whose_shape_is_not_theirs(dims):
    if not dims:
        assert from_onnx(wrong_tensor(dims=dims))
        return
    with pytest.raises(ValueError, match="tensor 'c'"):
        from_onnx(wrong_tensor(dims=dims))


def test_constants_that_would_be_too_large():
    size = numpy_helper.from_array(np.int64([2**40, 2**20]), "n")
    model = tiny(
        [helper.make_node("ConstantOfShape", ["n"], ["c"]), helper.make_node("Add", ["x", "c"], ["y"])], [size]
    )
    with pytest.raises(NotMapped, match="too large"):
        from_onnx(model)


def test_all_nodes_without_layers_are_named(tmp_path, capsys):
    nodes = [
        helper.make_node("Erf", ["x"], ["a"], name="/gelu/Erf"),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("Einsum", ["x", "x"], ["c"], name="/attention/Einsum", equation="ij,ij->i"),
        helper.make_node("Odd", ["x"], ["d"], name="odd", domain="com.example"),
        helper.make_node("Add", ["b", "c"], ["y"], name="sum"),
    ]
    path = tmp_path / "m.onnx"
    path.write_bytes(tiny(nodes).SerializeToString())
    with pytest.raises(NotMapped) as caught:
        from_onnx(path)
    assert [one.layer for one in caught.value.found] == ["gelu/Erf", "attention/Einsum", "odd"]
    assert main(["from_onnx", str(path), str(tmp_path / "n.prototxt"), str(tmp_path / "n.caffemodel")]) == 1
    told = capsys.readouterr().err
    assert "layer 'gelu/Erf' (Erf): no layer computes it" in told and "com.example" in told
    assert [one.name for one in tmp_path.iterdir()] == ["m.onnx"]


def test_an_input_whose_size_is_free_has_to_be_stated(tmp_path, capsys):
    model = tiny([helper.make_node("Relu", ["x"], ["y"])], shape=("batch", 3, "height", "width"))
    with pytest.raises(ValueError, match=r"input 'x' has the shape .*state it"):
        from_onnx(model)
    assert from_onnx(model, {"x": (2, 3, 5, 5)})[1].blobs["y"].shape == (2, 3, 5, 5)
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    outputs = [str(tmp_path / "n.prototxt"), str(tmp_path / "n.caffemodel")]
    assert main(["from_onnx", str(path), *outputs, "-shapes", "x=1x3x4x4"]) == 0
    assert main(["from_onnx", str(path), *outputs, "-shapes", "x=1x3xw"]) == 1


def test_the_command_writes_both_files(tmp_path, capsys):
    (tmp_path / "m.onnx").write_bytes(written().SerializeToString())
    words = [str(tmp_path / name) for name in ("m.onnx", "n.prototxt", "n.caffemodel")]
    assert main(["from_onnx", *words]) == 0
    assert "6 layers" not in capsys.readouterr().err
    net, before = Net(words[1], TEST, weights=words[2]), Net(Document.parse(TEXT, "net"), TEST, seed=0)
    for one in (net, before):
        one.blobs["data"].data = np.random.RandomState(0).randn(1, 2, 8, 8)
        one.forward()
    np.testing.assert_allclose(net.blobs["prob"].data, before.blobs["prob"].data, 1e-5)
