"""Sharing of parameters: named in all layers at once, taken back, and told to the drawing."""

import numpy as np
import pytest

import brewbench
from brewbench.engine import Net, check
from brewbench.proto import Document
from brewbench.widgets.editor import build_graph
from brewbench.widgets.intents import carry_out

NET = """
layer { name: "in" type: "Input" top: "x" top: "y" input_param { shape { dim: 2 dim: 3 } shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  inner_product_param { num_output: 4 } }
layer { name: "b" type: "InnerProduct" bottom: "y" top: "b" param { lr_mult: 5 }
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "c" type: "InnerProduct" bottom: "b" top: "c" inner_product_param { num_output: 4 } }
layer { name: "relu" type: "ReLU" bottom: "c" top: "c" }
"""


@pytest.fixture
def document():
    return Document.parse(NET, "net")


def ask(document, kind, *ids):
    report = check(document)
    return carry_out(document, report, build_graph(report), {"type": kind, "ids": list(ids)})


def names(document, index):
    return [param.name for param in document.message.layer[index].param]


def test_layers_share_what_the_first_is_given_names_for(document):
    ask(document, "share", "a", "b")
    assert names(document, 1) == names(document, 2) == ["a_w", "a_b"]
    assert [param.lr_mult for param in document.message.layer[1].param] == [1, 2]
    assert not document.message.layer[2].param[0].HasField("lr_mult"), "a shared parameter has one rate"
    net = Net(document)
    net.params["a"][0].data[...] = 7
    np.testing.assert_array_equal(net.params["b"][0].data, 7)
    ask(document, "unshare", "b")
    assert names(document, 2) == [] and names(document, 1) == ["a_w", "a_b"]
    ask(document, "unshare", "a")
    assert document.undo() and document.undo() and document.undo() and document.text == NET
    with pytest.raises(ValueError, match="share no parameters"):
        ask(document, "unshare", "a", "b")


def test_names_that_are_there_are_kept_and_others_are_free(document):
    document.set(("layer", 1, "param", 0, "name"), "mine")
    document.set(("layer", 3, "param", 0, "name"), "a_b")
    ask(document, "share", "a", "b")
    assert names(document, 2) == ["mine", "a_b2"]


@pytest.mark.parametrize(
    ("ids", "complaint"),
    [
        (["a"], "Select two layers or more"),
        (["a", "c"], "a has parameters of 4x3, 4, c of 4x4, 4: only equal shapes can be shared"),
        (["relu", "in"], "in has no parameters to share"),
        (["a", "relu"], "relu of no known shape"),
    ],
)
def test_what_cannot_be_shared_is_told(document, ids, complaint):
    with pytest.raises(ValueError, match=complaint):
        ask(document, "share", *ids)
    assert document.text == NET and not document.can_undo


def test_the_drawing_knows_who_shares_what():
    bench = brewbench.open(Document.parse(NET, "net"))
    assert bench.editor.graph["shares"] == []
    bench.editor._receive(bench.editor, {"type": "share", "ids": ["b", "a"]}, [])
    assert bench.editor.graph["shares"] == [{"name": "a_w, a_b", "ids": ["a", "b"]}]
    assert bench.live.status.state == "alive"
    bench.close()
