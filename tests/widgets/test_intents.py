"""What is asked for in the drawing becomes the smallest edit of the text, in one step of undo."""

import pytest

from brewbench.engine import TEST, TRAIN, check
from brewbench.proto import Document
from brewbench.widgets.editor import build_graph
from brewbench.widgets.intents import carry_out, copied, indices_of, palette
from brewbench.widgets.intents.presets import WANTED

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


def ask(document, say=lambda text: None, phase=TEST, collapsed=frozenset(), **intent):
    report = check(document, phase)
    return carry_out(document, report, build_graph(report, collapsed_groups=collapsed), intent, say)


def add(document, kind, near, **more):
    """Add a layer behind another as the editor does; returns the new layer."""
    (index,) = ask(document, type="add", layer_type=kind, near=near, connect_from=near, **more)
    return document.layers[index]


def wiring(document):
    return {layer.name: (layer.bottom, layer.top) for layer in document.layers}


def undone(document):
    assert document.undo() and not document.can_undo
    return document.text == NET


def test_a_layer_is_put_between_another_and_all_that_read_it(document):
    before, said = wiring(document), []
    layer = add(document, "AbsVal", "ip1", say=said.append)
    assert (layer.index, layer.bottom, layer.top) == (3, ("ip1",), ("absval1",)), "behind what is in the box of ip1"
    assert wiring(document) == before | {"absval1": (("ip1",), ("absval1",)), "ip2": (("absval1",), ("ip2",))}
    assert check(document).ok and said == ["absval1 follows relu1."]
    assert undone(document)


def test_behind_a_strip_the_strips_after_it_go_along(document):
    add(document, "Dropout", "ip1")
    assert [layer.name for layer in document.layers][2:4] == ["relu1", "dropout1"]
    layer = add(document, "AbsVal", "relu1")
    assert layer.index == 3
    assert wiring(document)["dropout1"] == (("absval1",), ("absval1",))
    assert wiring(document)["ip2"][0] == ("absval1",)
    assert check(document).ok


def test_what_may_work_in_place_does_so_where_nothing_needs_what_it_overwrites(document):
    before, said = wiring(document), []
    assert add(document, "ReLU", "ip2", say=said.append).top == ("ip2",)
    assert said == ["relu2 works in place on ip2."]
    assert wiring(document) == before | {"relu2": (("ip2",), ("ip2",))}
    assert undone(document)
    assert add(document, "Dropout", "ip1").top == ("ip1",), "of a ReLU only the sign is asked for later"
    assert undone(document)
    assert add(document, "BatchNorm", "relu1").top == ("batchnorm1",), "it would change the sign"
    assert wiring(document)["ip2"][0] == ("batchnorm1",)
    assert undone(document)
    assert add(document, "ReLU", "free").top == ("relu2",), "a Sigmoid needs on the way back what it gave"
    assert undone(document)
    assert add(document, "Power", "data").top == ("power1",), "what comes from outside is not overwritten"
    assert wiring(document)["ip1"][0] == wiring(document)["free"][0] == ("power1",)
    assert undone(document)
    assert add(document, "Softmax", "ip2").top == ("softmax1",)


def test_a_branch_is_made_where_it_is_asked_for(document):
    before, said = wiring(document), []
    layer = add(document, "ReLU", "ip1", branch=True, say=said.append)
    assert wiring(document) == before | {"relu2": (("ip1",), ("relu2",))} and layer.index == 3
    assert said == ["relu2 is a branch of relu1: nobody reads it yet."]
    assert undone(document)


TRAINING = """
layer { name: "mnist" type: "DummyData" top: "data" top: "label" include { phase: TRAIN }
  dummy_data_param { shape { dim: 4 dim: 6 } shape { dim: 4 } } }
layer { name: "mnist" type: "DummyData" top: "data" top: "label" include { phase: TEST }
  dummy_data_param { shape { dim: 2 dim: 6 } shape { dim: 2 } } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1" inner_product_param { num_output: 6 } }
layer { name: "noise" type: "Dropout" bottom: "ip1" top: "noise" include { phase: TRAIN } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip1" bottom: "label" top: "loss" }
"""


@pytest.mark.parametrize("near", ["mnist", "mnist#2"])
def test_behind_data_of_two_phases_a_layer_is_in_both_and_takes_the_data_not_the_labels(near):
    document = Document.parse(TRAINING, "net")
    layer = add(document, "Power", near, phase=TRAIN)
    assert (layer.index, layer.bottom, layer.top) == (2, ("data",), ("power1",))
    assert wiring(document)["ip1"][0] == ("power1",)
    assert wiring(document)["loss"][0] == ("ip1", "label")
    assert check(document, TRAIN).ok and check(document, TEST).ok


def test_behind_a_layer_of_one_phase_a_layer_is_in_that_phase_only():
    document = Document.parse(TRAINING, "net")
    add(document, "Sigmoid", "noise", phase=TRAIN)
    assert check(document, TRAIN).ok and check(document, TEST).ok
    assert wiring(document)["sigmoid1"] == (("noise",), ("noise",))


def test_a_loss_is_a_branch_and_finds_the_labels():
    document = Document.parse(TRAINING, "net")
    before, said = wiring(document), []
    assert add(document, "Accuracy", "ip1", phase=TRAIN, say=said.append).bottom == ("ip1", "label")
    assert add(document, "HingeLoss", "ip1", phase=TRAIN).bottom == ("ip1", "label")
    assert wiring(document).items() >= before.items() and said == []
    assert check(document, TRAIN).ok and check(document, TEST).ok
    assert add(document, "EuclideanLoss", "loss", phase=TRAIN, say=said.append).bottom == ("loss",)
    assert said == ["euclideanloss1 needs 1 more bottom: connect loss and others to it."]


def test_another_bottom_is_guessed_only_where_one_blob_alone_would_do():
    document = Document.parse(TRAINING, "net")
    layer = add(document, "Eltwise", "ip1", phase=TRAIN)
    assert layer.bottom == ("ip1", "data"), "of the same shape"
    assert wiring(document)["loss"][0] == ("eltwise1", "label")
    layer = add(document, "Eltwise", "eltwise1", phase=TRAIN)
    assert layer.bottom == ("eltwise1",), "data or ip1?"


def test_several_blobs_make_a_branch(document):
    document = Document.parse(NET + """
layer { name: "cut" type: "Slice" bottom: "ip1" top: "left" top: "right" slice_param { axis: 1 } }
layer { name: "after" type: "AbsVal" bottom: "left" top: "after" }
""", "net")
    said = []
    assert add(document, "AbsVal", "cut", say=said.append).bottom == ("left",)
    assert wiring(document)["after"][0] == ("left",)
    assert said == ["cut gives several blobs: absval1 reads left, and nobody reads absval1 yet."]


def test_behind_a_collapsed_group_is_behind_what_it_gives():
    document = Document.parse(NET.replace('name: "ip1"', 'name: "block/ip1"')
                              .replace('name: "free"', 'name: "block/free"'), "net")  # fmt: skip
    add(document, "AbsVal", "block/", collapsed={"block"})
    assert wiring(document)["absval1"] == (("ip1",), ("absval1",))
    assert wiring(document)["ip2"][0] == ("absval1",)


def test_a_layer_without_bottoms_reads_nothing(document):
    assert add(document, "DummyData", "ip1").bottom == ()


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


def test_those_who_read_a_removed_layer_read_what_it_read(document):
    before, said = wiring(document), []
    ask(document, type="remove", nodes=["ip2"], say=said.append)
    assert wiring(document) == {name: ends for name, ends in before.items() if name != "ip2"}
    assert undone(document)
    ask(document, type="remove", nodes=["ip1", "ip2"], say=said.append)
    assert wiring(document)["relu1"] == (("data",), ("ip1",)), "not in place: others read data, which is an input"
    assert check(document).ok and said == [] and undone(document)


def chain(*layers):
    """A net of layers of one bottom, written as "name type bottom top"."""
    text = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }\n'
    for each in layers:
        name, kind, bottom, top = each.split()
        more = "inner_product_param { num_output: 3 }" if kind == "InnerProduct" else ""
        text += f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{top}" {more} }}\n'
    return Document.parse(text, "net")


def test_a_row_of_layers_is_bridged_with_the_strips_that_stay():
    document = chain(
        "a InnerProduct data a", "b InnerProduct a b", "c InnerProduct b c", "relu ReLU c c", "d InnerProduct c d"
    )
    before = document.text
    ask(document, type="remove", nodes=["b", "c"])
    assert wiring(document)["relu"] == (("a",), ("a",)) and wiring(document)["d"][0] == ("a",)
    assert document.undo() and document.text == before
    ask(document, type="remove", nodes=["c", "relu"])
    assert wiring(document)["d"][0] == ("b",) and check(document).ok


def test_a_strip_that_would_overwrite_what_another_reads_gets_a_top_of_its_own():
    document = chain(
        "a InnerProduct data a", "b InnerProduct a b", "relu ReLU b b", "c InnerProduct b c", "d AbsVal a d"
    )
    ask(document, type="remove", nodes=["b"])
    assert wiring(document)["relu"] == (("a",), ("b",)) and wiring(document)["c"][0] == ("b",)
    assert wiring(document)["d"][0] == ("a",) and check(document).ok


def test_what_cannot_be_bridged_says_who_lost_an_input(document):
    said = []
    ask(document, type="remove", nodes=["data"], say=said.append)
    assert said == ["ip1 lost its input data, free lost its input data."]
    assert wiring(document)["ip1"][0] == ("data",) and undone(document)

    document = chain("a InnerProduct data a", "b AbsVal a b", "relu ReLU a a", "c AbsVal b c", "d AbsVal a d")
    ask(document, type="remove", nodes=["b"], say=said.append)
    assert said[1:] == ["c lost its input b."], "a is another by then"

    document = Document.parse(TRAINING, "net")
    ask(document, type="remove", nodes=["noise", "mnist"], phase=TRAIN, say=said.append)
    assert said[2:] == ["ip1 lost its input data, loss lost its input label."], "in this phase"


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


def test_a_name_that_another_layer_has_is_told(document):
    said = []
    ask(document, said.append, type="rename", id="free", name="ip1")
    assert document.layers[4].name == "ip1"
    assert said == ["Another layer is named 'ip1', too: what goes by name finds one of them."]
    ask(document, said.append, type="rename", id="ip2", name="ip2")
    ask(document, said.append, type="rename", id="ip1#2", name="own")
    assert len(said) == 1
    twins = 'layer { name: "%s" type: "Input" top: "data" include { phase: %s } input_param { shape { dim: 2 } } } '
    other = Document.parse(twins % ("one", "TRAIN") + twins % ("two", "TEST"), "net")
    ask(other, said.append, type="rename", id="two", name="one")
    assert len(said) == 1


def test_a_layer_is_renamed_with_its_top_and_all_that_means_the_same_values(document):
    before, said = wiring(document), []
    ask(document, said.append, type="rename", id="ip1", name="fc1")
    changed = {"fc1": (("data",), ("fc1",)), "relu1": (("fc1",), ("fc1",)), "ip2": (("fc1",), ("ip2",))}
    assert wiring(document) == {name: ends for name, ends in before.items() if name != "ip1"} | changed
    assert check(document).ok and not said and undone(document)
    ask(document, said.append, type="rename", id="ip1", name="fc1", alone=True)
    assert wiring(document)["fc1"] == (("data",), ("ip1",)) and not said and undone(document)
    ask(document, said.append, type="rename", id="relu1", name="rectified")
    assert wiring(document)["rectified"] == (("ip1",), ("ip1",)), "the top is not named after it"
    assert undone(document)
    ask(document, said.append, type="rename", id="ip2", name="data")
    assert document.layers[3].name == "data" and document.layers[3].top == ("ip2",)
    assert said == ["Another layer is named 'data', too: what goes by name finds one of them."]


def test_a_top_keeps_its_name_where_the_new_one_is_a_blob():
    document, said = Document.parse(NET.replace('name: "free"', 'name: "loose"'), "net"), []
    ask(document, said.append, type="rename", id="ip2", name="free")
    assert wiring(document)["free"] == (("ip1",), ("ip2",))
    assert said == ["There is a blob 'free' already: the top 'ip2' keeps its name."]


def test_a_blob_that_is_written_anew_is_another_one():
    document = Document.parse(NET + '''
      layer { name: "sum" type: "Power" bottom: "data" top: "ip1" }
      layer { name: "late" type: "Power" bottom: "ip1" top: "late" }
    ''', "net")
    ask(document, type="rename", id="ip1", name="fc1")
    assert wiring(document)["ip2"][0] == ("fc1",), "before it"
    assert wiring(document)["sum"][1] == wiring(document)["late"][0] == ("ip1",), "from there on"


@pytest.mark.parametrize("near", ["data", "data#2"])
def test_what_two_phases_write_keeps_its_name_and_parameters_stay_shared(near):
    document, said = Document.parse(TRAINING.replace("mnist", "data"), "net"), []
    ask(document, said.append, type="rename", id=near, name="digits", phase=TRAIN)
    assert {layer.top for layer in document.layers[:2]} == {("data", "label")}
    assert said == ["The top 'data' keeps its name: a layer of another phase writes it, too."]
    assert check(document, TRAIN).ok and check(document, TEST).ok
    shared = Document.parse(NET.replace('top: "ip1" inner', 'top: "ip1" param { name: "ip1" } inner'), "net")
    ask(shared, type="rename", id="ip1", name="fc1")
    assert shared.get(("layer", 1, "param", 0, "name")) == "ip1"
    assert wiring(shared)["fc1"][1] == ("fc1",)


def test_boxes_strips_and_groups_stand_for_layers(document):
    report = check(document)
    assert indices_of(report, ["relu1", "free", "nobody"]) == [2, 4]
    grouped = check(Document.parse(NET.replace('name: "ip', 'name: "block/ip'), "net"))
    assert indices_of(grouped, ["block/"]) == [1, 2, 3], "with what works in place in its boxes"


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


IMAGE = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 6 dim: 8 dim: 8 } } }\n'


def test_a_new_layer_is_sound_by_the_values_it_begins_with():
    red = {}
    for entry in palette():
        if entry["category"] == "module":
            continue
        document = Document.parse(IMAGE, "net")
        add(document, entry["type"], "data")
        if errors := [one for one in check(document).diagnostics if one.severity == "error"]:
            needs_more = "bottom" in errors[0].message or errors[0].field in ("bottom", "top")
            if not needs_more and entry["type"] not in WANTED:
                red[entry["type"]] = errors[0].message
    assert not red


def test_a_new_layer_has_the_outputs_of_its_neighbour_and_the_numbers_typed():
    document = Document.parse(IMAGE, "net")
    conv = add(document, "Convolution", "data", layers=[{"type": "Convolution", "args": ["20", "5"]}])
    param = document.message.layer[conv.index].convolution_param
    assert (param.num_output, list(param.kernel_size), list(param.pad)) == (20, [5], [2])
    conv = add(document, "Convolution", conv.name)
    param = document.message.layer[conv.index].convolution_param
    assert (param.num_output, list(param.kernel_size), list(param.pad)) == (20, [3], [1])
    assert (param.weight_filler.type, param.bias_filler.type) == ("xavier", "constant")
    ask(document, type="add", layer_type="Input", near=None, connect_from=None)
    assert list(document.message.layer[-1].input_param.shape[0].dim) == [2, 6, 8, 8]
    with pytest.raises(ValueError, match="kernel_size must be a whole number; got '1x1'"):
        add(document, "Convolution", "data", layers=[{"type": "Convolution", "args": ["20", "1x1"]}])


def test_a_line_of_layers_is_one_step_of_undo():
    document = Document.parse(IMAGE, "net")
    line = [{"type": "Convolution", "args": ["8", "1"]}, {"type": "ReLU", "args": []}, {"type": "Pooling", "args": []}]
    said = []
    layer = add(document, "Pooling", "data", layers=line, say=said.append)
    assert [one.type for one in document.layers] == ["Input", "Convolution", "ReLU", "Pooling"] and layer.index == 3
    assert said == ["pooling1 follows relu1."] and check(document).ok
    assert check(document).layers[-1].top_shapes[0] == (2, 8, 4, 4)
    assert document.undo() and document.text == IMAGE


def test_what_joins_reads_all_that_are_selected():
    document = Document.parse(IMAGE, "net")
    for args in (["4", "1"], ["6", "3"]):
        add(document, "Convolution", "data", branch=True, layers=[{"type": "Convolution", "args": args}])
    layer = add(document, "Concat", "convolution1", also=["convolution2", "convolution1"])
    assert set(layer.bottom) == {"convolution1", "convolution2"} and check(document).ok
    assert check(document).layers[-1].top_shapes[0] == (2, 10, 8, 8)


def test_a_module_comes_between_a_layer_and_its_readers_in_one_step():
    text = IMAGE + 'layer { name: "after" type: "AbsVal" bottom: "data" top: "after" }\n'
    document = Document.parse(text, "net")
    add(document, "inception", "data", layers=[{"type": "inception", "args": "4 2 4 2 4 4".split()}])
    assert document.layers[-1].name == "after" and document.layers[-1].bottom == ("inception1/output",)
    assert check(document).ok and check(document).layers[-1].top_shapes[0] == (2, 16, 8, 8)
    add(document, "inception", "after")
    assert check(document).ok and document.layers[-1].name == "inception2/output"
    assert document.undo() and document.undo() and document.text == text
    with pytest.raises(ValueError, match="Select the layer"):
        ask(document, type="add", layer_type="fire", near=None, connect_from=None)
    assert document.text == text


def test_layers_are_copied_as_they_are_written_and_pasted_under_new_names(document):
    text = copied(document, [1, 2])
    assert text == "".join(line + "\n" for line in NET.splitlines()[2:4])
    assert ask(document, type="paste", text=text, near="ip2") == [4, 5]
    first, second = document.layers[4], document.layers[5]
    assert first.name not in ("ip1", "ip2") and first.bottom == ("data",) and first.top == (first.name,)
    assert second.bottom == second.top == first.top and check(document).ok
    assert undone(document)
    other = Document.parse('name: "other"\n', "net")
    assert ask(other, type="paste", text="# from elsewhere\n" + copied(document, [0, 1]), near=None) == [0, 1]
    assert [layer.name for layer in other.layers] == ["data", "ip1"] and check(other).ok
    for wrong in ("no prototxt {", "name: \"x\""):
        with pytest.raises(ValueError, match="clipboard holds no layers"):
            ask(document, type="paste", text=wrong, near=None)
    with pytest.raises(ValueError, match="Select the layers"):
        copied(document, [])


OLD = """
layers { name: "in" type: DUMMY_DATA top: "data" dummy_data_param { num: 2 channels: 3 height: 1 width: 1 } }
layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" inner_product_param { num_output: 4 } }
layers { name: "sum" type: ELTWISE bottom: "ip" bottom: "data" top: "sum" }
"""


def test_an_old_net_is_rewired_and_layers_of_today_are_refused():
    document = Document.parse(OLD, "net")
    ask(document, type="connect", source="ip", source_port=0, target="sum", target_port=1)
    assert document.layers[2].bottom == ("ip", "ip")
    ask(document, type="duplicate", ids=["ip"])
    assert [layer.name for layer in document.layers] == ["in", "ip", "ip1", "sum"]
    before = document.text
    for intent in ({"type": "add", "layer_type": "ReLU", "near": "ip"}, {"type": "paste", "text": NET, "near": "ip"}):
        with pytest.raises(ValueError, match="written in Caffe's V1 form"):
            ask(document, **intent)
    assert document.text == before
