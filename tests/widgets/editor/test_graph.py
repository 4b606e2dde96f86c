"""The editor's graph: what a report of a net becomes."""

import json
import re
from xml.etree import ElementTree

import pytest

import brewbench.widgets.editor.graph as graph_module
from brewbench.engine import TRAIN, Layer, check
from brewbench.proto import Document
from brewbench.widgets.editor.graph import (
    CATEGORIES,
    build_graph,
    default_collapsed,
    edge_ends,
    groups_around,
    members_of,
    to_svg,
)
from brewbench.widgets.editor.svg import COLOURS


def by_id(graph):
    return {node["id"]: node for node in graph["nodes"]}


def wires(graph):
    return {(e["source"], e["source_port"], e["target"], e["target_port"]) for e in graph["edges"]}


def test_lenet_is_boxes_edges_and_shapes(nets):
    graph = build_graph(nets.lenet(), version=7)
    nodes = by_id(graph)
    assert list(nodes) == [
        "mnist", "mnist#2", "conv1", "pool1", "conv2", "pool2", "ip1", "ip2", "accuracy", "loss"
    ]
    assert {edge["id"]: edge["label"] for edge in graph["edges"] if not edge["dimmed"]} == {
        "mnist:0>conv1:0": "64x1x28x28",
        "conv1:0>pool1:0": "64x20x24x24",
        "pool1:0>conv2:0": "64x20x12x12",
        "conv2:0>pool2:0": "64x50x8x8",
        "pool2:0>ip1:0": "64x50x4x4",
        "ip1:0>ip2:0": "64x500",
        "ip2:0>loss:0": "64x10",
        "mnist:1>loss:1": "64",
    }
    assert graph["version"] == 7
    assert nodes["conv1"]["params"] == 20 * 25 + 20
    assert nodes["conv1"]["note"] == "20, 5x5"
    assert nodes["loss"]["lines"] == ["loss scalar"], "a top that nobody reads shows its shape in the box"
    assert json.loads(json.dumps(graph)) == graph, "the graph is plain data"


def test_in_place_layer_is_a_strip_of_its_producer(nets):
    node = by_id(build_graph(nets.lenet()))["ip1"]
    assert [(strip["id"], strip["type"], strip["index"]) for strip in node["folded"]] == [("relu1", "ReLU", 7)]
    assert node["h"] > node["head"]


def test_chain_of_in_place_layers_stacks_in_order_and_feeds_on(nets):
    net = nets.text()
    net.add("in", "Input", (), "x", (2, 3))
    net.add("ip", "InnerProduct", "x")
    net.add("norm", "BatchNorm", "ip", "ip")
    net.add("scale", "Scale", "ip", "ip")
    net.add("out", "InnerProduct", "ip")
    graph = build_graph(net.report())
    assert [strip["id"] for strip in by_id(graph)["ip"]["folded"]] == ["norm", "scale"]
    assert ("ip", 0, "out", 0) in wires(graph)
    edge = next(edge for edge in graph["edges"] if edge["target"] == "out")
    assert edge["writer"] == [3, 0], "the blob read is the one the last layer of the chain wrote"


def test_in_place_layer_keeps_its_box_where_another_reads_the_blob_before_it(nets):
    net = nets.text()
    net.add("in", "Input", (), "x", (2, 3))
    net.add("ip", "InnerProduct", "x")
    net.add("early", "InnerProduct", "ip")
    net.add("relu", "ReLU", "ip", "ip")
    net.add("late", "InnerProduct", "ip")
    graph = build_graph(net.report())
    assert wires(graph) == {
        ("in", 0, "ip", 0), ("ip", 0, "early", 0), ("ip", 0, "relu", 0), ("relu", 0, "late", 0)
    }


def test_other_phase_is_dimmed_and_does_not_feed_this_one(nets):
    graph = build_graph(nets.lenet())
    nodes = by_id(graph)
    assert {id for id, node in nodes.items() if node["dimmed"]} == {"mnist#2", "accuracy"}
    assert not any(edge["source"] == "mnist#2" and edge["target"] == "conv1" for edge in graph["edges"])
    dimmed = {(e["source"], e["target"]) for e in graph["edges"] if e["dimmed"]}
    assert dimmed == {("ip2", "accuracy"), ("mnist#2", "accuracy")}
    assert not nodes["accuracy"]["dangling"]


def test_unknown_bottom_is_a_dangling_port(nets):
    net = nets.text()
    net.add("in", "Input", (), "x", (2, 3))
    net.add("sum", "Eltwise", ("x", "nowhere"))
    graph = build_graph(net.report())
    assert by_id(graph)["sum"]["dangling"] == [1]
    assert wires(graph) == {("in", 0, "sum", 0)}


def test_edges_are_drawn_where_shapes_are_unknown(nets):
    report = nets.lenet()
    for layer in report.layers:
        layer.bottom_shapes, layer.top_shapes = [], [None] * len(layer.tops)
    graph = build_graph(report)
    assert wires(graph) == wires(build_graph(nets.lenet()))
    assert {edge["label"] for edge in graph["edges"]} == {""}


def test_diagnostics_reach_their_layer(nets):
    graph = build_graph(
        nets.lenet(
            20,
            nets.diagnostic("error", "no such thing", "conv2", 4),
            nets.diagnostic("error", "nor this", "conv2", 4),
            nets.diagnostic("warning", "odd", "relu1"),
            nets.diagnostic("error", "an empty net"),
        )
    )
    nodes = by_id(graph)
    assert nodes["conv2"]["error"] == "no such thing\nnor this"
    assert nodes["ip1"]["folded"][0]["warning"] == "odd" and nodes["ip1"]["warning"] is None
    assert graph["problems"] == ["an empty net"]


def test_same_blob_twice_gives_two_edges(nets):
    net = nets.text()
    net.add("in", "Input", (), "x", (2, 3))
    net.add("sum", "Eltwise", ("x", "x"))
    graph = build_graph(net.report())
    assert wires(graph) == {("in", 0, "sum", 0), ("in", 0, "sum", 1)}
    assert edge_ends(graph, "in:0>sum:1") == [(1, 1)]
    with pytest.raises(KeyError):
        edge_ends(graph, "in:0>sum:2")


def test_ids_survive_an_insertion(nets):
    report = nets.lenet()
    before = by_id(build_graph(report))
    net = nets.text()
    net.add("new", "Input", (), "new", (1,))
    report.layers[:0] = net.layers
    for at, layer in enumerate(report.layers):
        layer.index = at
    after = by_id(build_graph(report))
    assert set(after) == set(before) | {"new"}


def test_nameless_layers_have_different_ids(nets):
    net = nets.text()
    net.add("", "ReLU", (), "a")
    net.add("", "ReLU", (), "b")
    net.add("ReLU#2", "ReLU", (), "c")
    assert list(by_id(build_graph(net.report()))) == ["ReLU", "ReLU#2", "ReLU#2#2"]


def test_large_net_collapses_by_name_and_opens_group_by_group(nets):
    assert default_collapsed(nets.lenet()) == frozenset()
    report = nets.googlenet()
    groups = default_collapsed(report)
    assert {"inception_3a", "loss1", "pool1"} <= groups
    closed = build_graph(report, collapsed_groups=groups)
    runs = [name for name in groups if " to " in name]
    assert len(closed["nodes"]) == 18 - 2 * len(runs), "three alike in a row are one box"
    group = by_id(closed)["inception_3a/"]
    assert group["collapsed"] == 14 and group["note"] == "14 layers"
    assert sum(edge["target"] == "inception_3a/" for edge in closed["edges"]) == 1, "one blob, one edge"
    assert len(edge_ends(closed, "pool2/3x3_s2:0>inception_3a/:0")) == 4, "read by four layers inside"

    opened = build_graph(report, collapsed_groups=groups - {"inception_3a"})
    frame = next(group for group in opened["groups"] if group["name"] == "inception_3a")
    assert len(frame["members"]) == 8 and set(frame["members"]) <= set(by_id(opened))
    assert by_id(opened)["inception_3a/output"]["group"] == "inception_3a"
    total = sum(node["params"] for node in build_graph(report)["nodes"])
    assert total == sum(node["params"] for node in closed["nodes"])


def residual(nets, blocks):
    """Blocks of a residual net, named as in ResNet, and a classifier."""
    net = nets.text()
    top = net.add("data", "Input", (), "data", (1, 64, 8, 8))
    for block in blocks:
        inside = net.add(f"{block}_branch2a", "Convolution", top, shape=(1, 64, 8, 8), params=[(64, 64, 1, 1)])
        net.add(f"bn{block[3:]}_branch2a", "BatchNorm", inside, inside)
        inside = net.add(f"{block}_branch2b", "Convolution", inside, shape=(1, 64, 8, 8), params=[(64, 64, 3, 3)])
        top = net.add(block, "Eltwise", (top, inside), shape=(1, 64, 8, 8))
    net.add("fc", "InnerProduct", top, shape=(1, 10))
    return net.report()


def test_names_without_a_slash_fold_by_their_stem_and_alike_ones_in_a_row_are_one_box(nets):
    report = residual(nets, ["res2a", "res2b", "res2c", "res2d"])
    report.layers[1].summary = "64, 3x3"  # so that the first block is not like the others
    everything = frozenset(find_groups_of(report).members)
    closed = build_graph(report, collapsed_groups=everything)
    assert [(node["name"], node["note"]) for node in closed["nodes"]] == [
        ("data", ""), ("res2a", "4 layers"), ("res2b to res2d", "3 × 4 layers"), ("fc", "")
    ]  # fmt: skip
    opened = build_graph(report, collapsed_groups=everything - {"res2b to res2d"})
    assert [node["name"] for node in opened["nodes"]] == ["data", "res2a", "res2b", "res2c", "res2d", "fc"]
    (frame,) = opened["groups"]
    assert frame == {"name": "res2b to res2d", "members": ["res2b/", "res2c/", "res2d/"]}
    one = build_graph(report, collapsed_groups=everything - {"res2b to res2d", "res2c"})
    assert "res2c_branch2a" in by_id(one) and "res2b/" in by_id(one)
    at = next(at for at, layer in enumerate(report.layers) if layer.name == "bn2c_branch2a")
    assert groups_around(report.layers, at) == ["res2c", "res2b to res2d"]
    assert len(members_of(report.layers, "res2b to res2d/")) == 12


def test_a_stem_whose_layers_feed_each_other_through_others_is_no_group(nets):
    net = nets.text()
    top = net.add("data", "Input", (), "data", (1, 8))
    for number in range(1, 4):
        top = net.add(f"fc1_{number}", "InnerProduct", top, shape=(1, 8))
        top = net.add(f"between{number}x", "Power", top)
    assert not find_groups_of(net.report()).members


def test_blocks_that_differ_are_no_run(nets):
    report = residual(nets, ["res2a", "res2b", "res2c", "res2d"])
    report.layers[11].param_shapes[0] = (32, 64, 3, 3)
    assert set(find_groups_of(report).members) == {"res2a", "res2b", "res2c", "res2d"}


def find_groups_of(report):
    return graph_module._Net(list(report.layers)).groups


def test_error_inside_a_collapsed_group_shows_outside(nets):
    report = nets.googlenet(2)
    at = next(layer.index for layer in report.layers if layer.name == "inception_3a/3x3")
    report.diagnostics.append(nets.diagnostic("error", "broken", None, at))
    graph = build_graph(report, collapsed_groups={"inception_3a"})
    assert by_id(graph)["inception_3a/"]["error"] == "inception_3a/3x3: broken"


def test_positions_override_the_layout(nets):
    graph = build_graph(nets.lenet(), positions={"pool1": (1, 2)})
    assert (by_id(graph)["pool1"]["x"], by_id(graph)["pool1"]["y"]) == (1, 2)
    assert {edge["id"] for edge in graph["edges"] if "points" not in edge} == {
        "conv1:0>pool1:0", "pool1:0>conv2:0"
    }


def test_an_edited_number_moves_nothing(nets):
    places = [
        {node["id"]: (node["x"], node["y"], node["w"], node["h"]) for node in build_graph(nets.lenet(n))["nodes"]}
        for n in (20, 24)
    ]
    assert places[0] == places[1]


def test_empty_net(nets):
    graph = build_graph(nets.text().report())
    assert graph["nodes"] == [] and graph["edges"] == []
    ElementTree.fromstring(to_svg(graph))


def test_svg_draws_every_box_and_edge_and_escapes(nets):
    nasty = '<script>alert("&")</script>\x01'
    report = nets.lenet(20, nets.diagnostic("error", nasty, "conv1", 2))
    report.layers[3].name = nasty
    text = to_svg(build_graph(report))
    root = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert not root.findall(f".//{space}script")
    words = "".join(root.itertext())
    assert all(f"{layer.type}" in words for layer in report.layers)
    assert "64x20x24x24" in words and 'alert("&")' in words
    assert len(root.findall(f"{space}path")) == len(build_graph(report)["edges"])
    # A group and a dangling bottom take other paths through the drawing.
    closed = build_graph(nets.googlenet(), collapsed_groups=default_collapsed(nets.googlenet()))
    assert "14 layers" in "".join(ElementTree.fromstring(to_svg(closed)).itertext())


def test_picture_and_editor_have_the_same_colours(nets):
    css = (nets.page / "editor.css").read_text()
    assert {*COLOURS} == {*CATEGORIES, "unknown"}
    assert {name: colour for name, colour in re.findall(r"--ne-(\w+): (#\w+);", css) if name in COLOURS} == COLOURS
    assert {*re.findall(r"\.ne-(\w+) { --ne-colour: var\(--ne-\1\); }", css)} == {*COLOURS}


def test_every_family_of_layers_has_its_colour(nets):
    families = {path.parent.name for path in (nets.page.parents[1] / "engine" / "layers").glob("*/__init__.py")}
    assert families | {Layer.category} == {*CATEGORIES}, "those of a user's own layers are of the last"


def test_a_checked_net_is_drawn():
    """What the engine reports is what the editor reads."""
    net = """
        layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 64 dim: 1 dim: 28 dim: 28 } } }
        layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
                convolution_param { num_output: 20 kernel_size: 50 } }
        layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
        layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
                inner_product_param { num_output: 10 bias_term: false } }
        layer { name: "test" type: "Softmax" bottom: "ip" top: "test" include { phase: TEST } }
        layer { name: "odd" type: "Convolutoin" bottom: "nowhere" top: "odd" }
    """
    graph = build_graph(check(Document(net), TRAIN))
    nodes = by_id(graph)
    assert list(nodes) == ["data", "conv", "ip", "test", "odd"]
    assert "50" in nodes["conv"]["error"] and nodes["conv"]["folded"][0]["id"] == "relu"
    assert nodes["test"]["dimmed"] and nodes["odd"]["error"] and nodes["odd"]["dangling"] == [0]
    assert nodes["ip"]["params"] == 28 * 28 * 10 and nodes["ip"]["category"] == "common"
    assert nodes["ip"]["note"] == "10, bias_term false", "a value is spelt as the text spells it"
    assert {edge["id"]: edge["label"] for edge in graph["edges"]}["data:0>ip:0"] == "64x1x28x28"


def test_foreign_nets_are_drawn(shared_zoo):
    """A sample of what people wrote: every layer is in the drawing once, and the drawing is plain data."""
    drawn = 0
    for path in sorted(shared_zoo.rglob("*.prototxt"))[::23]:
        report = check(path, TRAIN)
        groups = default_collapsed(report)
        graph = build_graph(report, collapsed_groups=groups)
        shown = sum(node["collapsed"] or 1 + len(node["folded"]) for node in graph["nodes"])
        assert shown == len(report.layers), path.name
        assert len({edge["id"] for edge in graph["edges"]}) == len(graph["edges"]), path.name
        json.dumps(graph)
        ElementTree.fromstring(to_svg(graph))
        drawn += bool(graph["nodes"])
    assert drawn > 5


def test_layers_of_unknown_types_keep_their_place_and_what_is_known_around_them():
    text = """
        layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
        layer { name: "strip" type: "Insanity" bottom: "x" top: "x" }
        layer { name: "odd" type: "RegionLoss" bottom: "x" top: "odd" region_loss_param { side: 13 } }
        layer { name: "below" type: "InnerProduct" bottom: "odd" top: "below" inner_product_param { num_output: 2 } }
        layer { name: "beside" type: "Pooling" bottom: "x" top: "beside" pooling_param { global_pooling: true } }
    """
    graph = build_graph(check(Document.parse(text, "net")))
    nodes = by_id(graph)
    assert list(nodes) == ["in", "odd", "below", "beside"]
    assert nodes["odd"]["category"] == "unknown"
    assert [strip["id"] for strip in nodes["in"]["folded"]] == ["strip"]
    labels = {(edge["source"], edge["target"]): edge["label"] for edge in graph["edges"]}
    assert labels[("in", "odd")] == labels[("in", "beside")] == "2x3x8x8"
    assert nodes["beside"]["lines"] == ["beside 2x3x1x1"]
    assert "RegionLoss" in to_svg(graph)
