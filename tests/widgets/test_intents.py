"""What is asked for in the drawing becomes the smallest edit of the text, in one step of undo."""

import pytest

from brewbench.engine import check
from brewbench.proto import Document
from brewbench.widgets.editor import build_graph
from brewbench.widgets.intents import carry_out, indices_of, palette

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1" inner_product_param { num_output: 4 } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" inner_product_param { num_output: 5 } }
layer { name: "free" type: "Sigmoid" bottom: "data" top: "free" }
"""


@pytest.fixture
def document():
    return Document.parse(NET, "net")


def ask(document, **intent):
    report = check(document)
    return carry_out(document, report, build_graph(report), intent)


def undone(document):
    assert document.undo() and not document.can_undo
    return document.text == NET


def test_a_layer_is_added_behind_another_and_reads_its_top(document):
    assert ask(document, type="add", layer_type="ReLU", near="ip2", connect_from="ip2") == [4]
    layer = document.layers[4]
    assert (layer.name, layer.bottom, layer.top) == ("relu2", ("ip2",), ("relu2",))
    assert check(document).ok
    assert undone(document)


def test_a_source_is_added_with_the_tops_it_must_have(document):
    ask(document, type="add", layer_type="DummyData", near=None, connect_from=None)
    assert document.layers[-1].top == ("dummydata1",) and document.layers[-1].bottom == ()


def test_connecting_adds_a_bottom_or_takes_the_place_of_one(document):
    ask(document, type="connect", source="ip2", source_port=0, target="free", target_port=0)
    assert document.layers[4].bottom == ("ip2",)
    assert undone(document)
    ask(document, type="connect", source="ip2", source_port=0, target="free", target_port=None)
    assert document.layers[4].bottom == ("data", "ip2")


def test_a_reader_above_its_writer_moves_below_it(document):
    ask(document, type="connect", source="free", source_port=0, target="ip2", target_port=0)
    names = [layer.name for layer in document.layers]
    assert names.index("ip2") > names.index("free")
    assert document.layers[names.index("ip2")].bottom == ("free",)
    assert undone(document)


def test_edges_are_cut_and_layers_removed_in_one_step(document):
    report = check(document)
    graph = build_graph(report)
    edge = next(one["id"] for one in graph["edges"] if one["target"] == "free")
    carry_out(document, report, graph, {"type": "disconnect", "edges": [edge]})
    assert document.layers[4].bottom == ()
    assert undone(document)
    ask(document, type="remove", nodes=["relu1", "free"], edges=[edge])
    assert [layer.name for layer in document.layers] == ["data", "ip1", "ip2"]
    assert undone(document)


def test_copies_read_from_copies(document):
    assert ask(document, type="duplicate", ids=["ip1", "relu1"]) == [3, 4]
    first, second = document.layers[3], document.layers[4]
    assert first.name not in {"ip1", "ip2"} and first.bottom == ("data",)
    assert second.bottom == second.top == first.top
    assert check(document).ok
    assert undone(document)


def test_renaming_and_undo_and_what_cannot_be(document):
    ask(document, type="rename", id="free", name="squash")
    assert document.layers[4].name == "squash"
    ask(document, type="undo")
    assert document.text == NET
    with pytest.raises(ValueError, match="nothing to undo"):
        ask(document, type="undo")
    with pytest.raises(ValueError, match="does not know"):
        ask(document, type="sing")


def test_boxes_strips_and_groups_stand_for_layers(document):
    report = check(document)
    assert indices_of(report, ["relu1", "free", "nobody"]) == [2, 4]
    grouped = check(Document.parse(NET.replace('name: "ip', 'name: "block/ip'), "net"))
    assert indices_of(grouped, ["block/"]) == [1, 3]


def test_the_palette_offers_every_type_with_help():
    offered = {entry["type"]: entry for entry in palette()}
    assert {"Convolution", "ReLU", "SoftmaxWithLoss"} <= set(offered) and "Split" not in offered
    assert all(entry["help"] and entry["category"] for entry in offered.values())


def test_an_input_of_the_old_form_is_drawn_and_can_be_connected_but_not_edited():
    old = Document.parse(
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4\n'
        'layer { name: "a" type: "ReLU" bottom: "data" top: "a" }\nlayer { name: "b" type: "TanH" top: "b" }\n', "net"
    )
    report = check(old)
    assert [(layer.index, layer.type) for layer in report.layers] == [(-1, "Input"), (0, "ReLU"), (1, "TanH")]
    assert "dangling" not in build_graph(report)["nodes"][1] or not build_graph(report)["nodes"][1]["dangling"]
    ask(old, type="connect", source="input", source_port=0, target="b", target_port=0)
    assert old.layers[1].bottom == ("data",)
    assert ask(old, type="add", layer_type="AbsVal", near="input", connect_from="input") == [0]
    assert old.layers[0].bottom == ("data",)
    for intent in ({"type": "remove", "nodes": ["input"]}, {"type": "rename", "id": "input", "name": "x"}):
        with pytest.raises(ValueError, match="old form"):
            ask(old, **intent)
