"""What differs between two nets, or two files of weights."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench import Document, Net, compare, compare_weights
from brewbench.engine import TEST
from brewbench.workbench.cli import main

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" inner_product_param { num_output: 5 } }
"""
PROB = 'layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }\n'


def kinds(before: str, after: str):
    return [(one.kind, one.before, one.after) for one in compare(Document.parse(before), Document.parse(after))]


def test_nothing_differs_from_itself_however_it_is_written():
    assert kinds(NET, NET.replace("\n", "  # a comment\n")) == []


def test_layers_come_and_go():
    assert kinds(NET, NET + PROB) == [("added", None, "prob")]
    assert kinds(NET + PROB, NET) == [("removed", "prob", None)]


def test_a_changed_field_is_told_with_the_shapes_that_follow_from_it():
    conv, ip = compare(Document.parse(NET), Document.parse(NET.replace("num_output: 4", "num_output: 6")))
    assert (conv.kind, conv.name, conv.at) == ("changed", "conv", (1, 1))
    (field,) = conv.fields
    assert (field.path, field.before, field.after) == ("convolution_param.num_output", 4, 6)
    assert conv.params == (((4, 3, 3, 3), (4,)), ((6, 3, 3, 3), (6,)))
    assert ip.fields == () and ip.params == (((5, 144), (5,)), ((5, 216), (5,)))


def test_a_layer_with_another_name_was_renamed():
    assert kinds(NET, NET.replace('"relu"', '"relu1"')) == [("renamed", "relu", "relu1")]


def test_layers_of_one_name_are_told_apart_by_their_order():
    twice = NET + NET.splitlines()[4].replace('"conv"', '"x"').replace('top: "ip"', 'top: "ip2"')
    twice = twice.replace('bottom: "x"', 'bottom: "conv"')
    changed = twice[::-1].replace("5 :tuptuo_mun", "7 :tuptuo_mun", 1)[::-1]
    (found,) = compare(Document.parse(twice), Document.parse(changed))
    assert found.at == (4, 4) and found.fields[0].after == 7


def test_an_old_format_is_compared_as_todays():
    old = 'layers { name: "r" type: RELU bottom: "x" top: "x" }'
    old += ' input: "x" input_dim: 1 input_dim: 2 input_dim: 1 input_dim: 1'
    new = 'layer { name: "input" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 dim: 1 dim: 1 } } }'
    assert kinds(old, new + ' layer { name: "r" type: "ReLU" bottom: "x" top: "x" }') == []


def save(tmp_path, name, change=None, text=NET):
    net = Net(Document.parse(text), TEST, seed=1)
    for blobs in net.params.values():
        for blob in blobs:
            blob.data = np.linspace(0, 1, blob.count).reshape(blob.shape)
    if change:
        change(net)
    net.save(tmp_path / name)
    return str(tmp_path / name)


@pytest.mark.parametrize("ending", [".caffemodel", ".caffemodel.h5"])
def test_weights_are_compared_value_by_value(tmp_path, ending):
    def change(net):
        net.params["ip"][1].data = net.params["ip"][1].data + np.float32([0, 0, 0.5, 0, 0])

    one, same = save(tmp_path, f"one{ending}"), save(tmp_path, "same.caffemodel")
    assert compare_weights(one, same) == []
    (found,) = compare_weights(one, save(tmp_path, f"other{ending}", change))
    assert (found.layer, found.index, found.shapes) == ("ip", 1, ((5,), (5,)))
    assert found.largest == pytest.approx(0.5) and found.mean == pytest.approx(0.1)


def test_weights_of_other_shapes_are_told(tmp_path):
    wider = NET.replace("num_output: 5", "num_output: 7")
    found = compare_weights(save(tmp_path, "a.caffemodel"), save(tmp_path, "b.caffemodel", text=wider))
    assert [(one.layer, one.index, one.shapes, one.largest) for one in found] == [
        ("ip", 0, ((5, 144), (7, 144)), None),
        ("ip", 1, ((5,), (7,)), None),
    ]


def test_the_command_tells_and_says_so_by_its_status(tmp_path, capsys):
    (tmp_path / "a.prototxt").write_text(NET)
    (tmp_path / "b.prototxt").write_text(NET.replace("num_output: 5", "num_output: 7") + PROB)
    paths = [str(tmp_path / name) for name in ("a.prototxt", "b.prototxt")]
    assert main(["diff", *paths]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "~ ip (InnerProduct)",
        "    inner_product_param.num_output: 5 -> 7",
        "    parameters: 5x144, 5 -> 7x144, 7",
        "+ prob (Softmax)",
    ]
    assert main(["diff", paths[0], paths[0]]) == 0
    assert main(["diff", paths[0], save(tmp_path, "w.caffemodel")]) == 1
    assert "nothing to compare" in capsys.readouterr().err
