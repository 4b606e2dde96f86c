"""LiveNet: edits reach the net, weights follow by the plan and nothing else changes, and undo takes all of it back."""

import h5py
import numpy as np
import pytest

from brewbench.engine import LAYERS, TEST, TRAIN, Layer, check
from brewbench.engine.solver import data_positions
from brewbench.proto import Document
from brewbench.workbench.livenet import LiveNet
from brewbench.workbench.plan import Lost, Saved, WeightMemory, plan

NET = """
name: "small"
layer {
  name: "data"
  type: "DummyData"
  top: "data"
  top: "label"
  dummy_data_param {
    shape { dim: 4 dim: 1 dim: 8 dim: 8 }
    shape { dim: 4 }
    data_filler { type: "gaussian" std: 1 }
    data_filler { type: "constant" value: 2 }
  }
}
layer {
  name: "conv1"
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  convolution_param {
    num_output: 6
    kernel_size: 3
    weight_filler { type: "xavier" }
    bias_filler { type: "uniform" }
  }
}
layer {
  name: "conv2"
  type: "Convolution"
  bottom: "conv1"
  top: "conv2"
  convolution_param { num_output: 5 kernel_size: 3 weight_filler { type: "xavier" } }
}
layer {
  name: "ip"
  type: "InnerProduct"
  bottom: "conv2"
  top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } }
}
layer {
  name: "loss"
  type: "SoftmaxWithLoss"
  bottom: "ip"
  bottom: "label"
  top: "loss"
}
"""
SOLVER = """
base_lr: 0.1
momentum: 0.9
lr_policy: "fixed"
max_iter: 10
snapshot_after_train: false
"""
CONV1_OUTPUTS = ("layer", 1, "convolution_param", "num_output")


@pytest.fixture
def live():
    """A net in training that has made three iterations."""
    net = LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(SOLVER, "solver"), seed=7)
    net.build()
    net.solver.step(3)
    yield net
    net.close()


def values(live):
    """Copies of all that training has made: data, diff and history of each parameter."""
    found = {}
    for number, one in enumerate(live.net.learnable):
        slots = live.solver.history if live.solver else []
        arrays = [one.blob.data, one.blob.diff, *(slot[number].data for slot in slots)]
        found[one.layer, one.index] = [array.copy() for array in arrays]
    return found


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, arrays in expected.items():
        for mine, theirs in zip(found[key], arrays, strict=True):
            np.testing.assert_array_equal(mine, theirs, str(key))


def actions(done):
    return {(entry.layer, entry.index): entry.action for entry in done.entries}


# Following the text


def test_an_edit_is_checked_in_both_phases_and_told():
    live = LiveNet(Document.parse(NET, "net"))
    reports = []
    live.changed.subscribe(reports.append)
    live.document.set(CONV1_OUTPUTS, 24)
    assert reports == [live.report(TRAIN)]
    for phase in (TRAIN, TEST):
        assert live.report(phase).blobs["conv1"] == (4, 24, 6, 6)
    assert live.status.state == "unbuilt"
    assert live.net is None


def test_an_edit_reaches_the_net_and_a_comment_leaves_it_alone(live):
    net = live.net
    live.document.replace("# a comment\n" + live.document.text)
    assert live.net is net
    assert net.source.line(1) == live.document.line(("layer", 1))
    live.document.set(CONV1_OUTPUTS, 8)
    assert live.net is not net
    assert live.net.params["conv1"][0].shape == (8, 1, 3, 3)
    assert live.solver.net is live.net
    assert live.status.state == "alive"


def test_a_broken_text_keeps_the_last_good_net(live):
    net, before = live.net, values(live)
    live.document.set(("layer", 1, "convolution_param", "kernel_size"), 50)
    assert live.net is net
    assert live.status.state == "broken"
    (found,) = [one for one in live.diagnostics if one.severity == "error"]
    assert (found.layer, found.field) == ("conv1", "convolution_param.kernel_size")
    assert live.document.text.splitlines()[found.line - 1].strip() == "kernel_size: 50"
    live.solver.step(1)  # it is still of use
    assert live.document.undo()
    assert live.status.state == "alive"
    assert live.net is net
    assert live.solver.iter == 4
    assert before.keys() == values(live).keys()


def test_text_that_does_not_parse_is_marked_and_the_document_stays(live):
    net, text, told = live.net, live.document.text, []
    live.changed.subscribe(lambda report: told.append(live.diagnostics))
    lines = text.splitlines()
    lines[3] = "layer {{"
    assert not live.try_text("\n".join(lines))
    assert live.document.text == text
    assert live.net is net
    assert live.status.state == "broken"
    assert [[one.line for one in found] for found in told] == [[4]]
    assert live.try_text(text)  # typed back: nothing is edited, and yet the mark goes
    assert told[-1] == live.diagnostics == ()
    assert live.status.state == "alive"


def test_typing_edits_the_net(live):
    assert live.try_text(live.document.text.replace("num_output: 6", "num_output: 8"))
    assert live.net.params["conv1"][0].shape == (8, 1, 3, 3)
    assert live.document.undo()
    assert live.net.params["conv1"][0].shape == (6, 1, 3, 3)


def test_what_is_wrong_with_the_solver_is_told_with_its_line(live):
    live.solver_document.set(("lr_policy",), "stepp")
    (found,) = live.solver_diagnostics
    assert (found.field, found.line) == ("lr_policy", 4)
    assert live.status.state == "broken"
    assert live.solver.param.lr_policy == "fixed"
    assert not live.try_text("base_lr: {", solver=True)
    assert live.solver_diagnostics[0].line == 1
    live.try_text(SOLVER, solver=True)
    assert live.solver_diagnostics == ()
    assert live.status.state == "alive"


def test_snapshots_that_the_net_rules_out_are_marked_in_the_solver(live):
    solver = live.solver
    live.document.rename_layer(2, "conv1")
    net = live.net
    assert live.status.state == "alive"
    live.solver_document.set(("snapshot_format",), "HDF5")
    (found,) = live.solver_diagnostics
    assert (found.field, found.line) == ("snapshot_format", live.solver_document.line(("snapshot_format",)))
    assert live.status.state == "failed"
    assert live.net is net and live.solver.param.snapshot_format != live.solver_document.message.snapshot_format
    live.document.rename_layer(2, "conv2")
    assert live.status.state == "alive"
    live.document.rename_layer(2, "conv1")
    (found,) = live.solver_diagnostics
    assert (found.field, found.line) == ("snapshot_format", live.solver_document.line(("snapshot_format",)))
    assert live.status.state == "failed" and not any(one.severity == "error" for one in live.diagnostics)
    live.solver_document.clear(("snapshot_format",))
    assert live.status.state == "alive" and live.solver is not solver


def test_a_layer_that_fails_in_its_own_way_is_a_finding(monkeypatch):
    class Raises(Layer):
        def setup(self, bottom, top):
            raise KeyError("out of order")

    monkeypatch.setitem(LAYERS, "RaisesForTest", Raises)
    live = LiveNet(Document.parse(NET, "net"))
    live.document.insert_layer(5, 'layer { name: "odd" type: "RaisesForTest" bottom: "ip" top: "odd" }')
    assert live.status.state == "broken"
    assert "KeyError" in live.diagnostics[0].message
    assert live.document.undo()
    assert live.report().ok


def test_a_net_that_cannot_be_built_leaves_the_old_one(live, monkeypatch):
    net = live.net
    with monkeypatch.context() as patch:
        patch.setattr("brewbench.workbench.livenet.get_solver", lambda *_, **__: [].pop())
        live.document.set(CONV1_OUTPUTS, 8)
    assert live.status.state == "failed"
    assert "IndexError" in live.status.message
    assert live.net is net
    assert live.apply() is None  # it is not tried again before the next edit
    live.document.set(CONV1_OUTPUTS, 9)
    assert live.net.params["conv1"][0].shape[0] == 9


# The plan


def test_a_wider_layer_keeps_its_filters_and_those_that_read_them(live):
    before, plans = values(live), []
    live.rebuilt.subscribe(plans.append)
    live.document.set(CONV1_OUTPUTS, 8)
    after = values(live)
    assert actions(plans[0]) == {
        ("conv1", 0): "resized",
        ("conv1", 1): "resized",
        ("conv2", 0): "resized",
        ("conv2", 1): "kept",
        ("ip", 0): "kept",
        ("ip", 1): "kept",
    }
    for old, new in zip(before["conv1", 0], after["conv1", 0], strict=True):
        np.testing.assert_array_equal(new[:6], old)
    for old, new in zip(before["conv2", 0], after["conv2", 0], strict=True):
        np.testing.assert_array_equal(new[:, :6], old)
    for key in [("conv2", 1), ("ip", 0), ("ip", 1)]:
        for old, new in zip(before[key], after[key], strict=True):
            np.testing.assert_array_equal(new, old)
    fresh = LiveNet(Document.parse(live.document.text, "net"), seed=7)
    np.testing.assert_array_equal(after["conv1", 0][0][6:], fresh.build().params["conv1"][0].data[6:])
    assert after["conv1", 0][0][6:].all()
    assert not after["conv1", 0][2][6:].any()  # no momentum yet
    assert live.solver.iter == 3


def test_training_goes_on_as_if_nothing_had_happened(live):
    """A net that is built again from the same layers makes the same steps as one that is not."""
    other = LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(SOLVER, "solver"), seed=7)
    other.build()
    other.solver.step(6)
    net = live.net
    live.document.set(("name",), "renamed")
    assert live.net is not net
    live.solver.step(3)
    assert_same(values(live), values(other))


def test_the_solver_stands_where_it_stood():
    text = SOLVER.replace('"fixed"', '"multistep"') + "gamma: 0.1 stepvalue: 1 stepvalue: 2 average_loss: 4\n"
    text += "test_iter: 2 test_interval: 2 test_initialization: false\n"
    live = LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(text, "solver"), seed=7)
    live.build()
    live.solver.step(3)
    old = live.solver
    live.document.set(CONV1_OUTPUTS, 8)
    assert live.solver is not old
    assert (live.solver.iter, live.solver.smoothed_loss) == (3, old.smoothed_loss)
    assert live.solver.rate == old.rate == pytest.approx(0.001)
    assert [net.context.passes for net in live.solver.test_nets] == [2]
    live.solver.iterate()
    old.iterate()
    assert len(live.solver._losses) == len(old._losses) == 4


def test_the_plan_can_be_seen_before_it_is_carried_out(live):
    live.hold = True
    net = live.net
    live.document.set(CONV1_OUTPUTS, 4)
    assert live.net is net
    assert live.status.state == "waiting"
    seen = live.preview()
    entry = seen.entries[0]
    assert (entry.old_shape, entry.new_shape) == ((6, 1, 3, 3), (4, 1, 3, 3))
    assert str(entry) == (
        "Parameter 0 of layer 'conv1' changes from 6 x 1 x 3 x 3 to 4 x 1 x 3 x 3: what both have stays, "
        "what lies beyond is cut off."
    )
    assert "3 parameter blobs stay as they are." in str(seen)
    assert live.apply() == seen
    assert live.apply() is None


TOWER = "\n".join(
    [
        'layer { name: "d" type: "DummyData" top: "d" dummy_data_param { shape { dim: 2 dim: 4 } } }',
        *(
            f"""layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{top}"
            inner_product_param {{ num_output: 4 weight_filler {{ type: "xavier" }} }} }}"""
            for name, bottom, top in zip(("one", "two", "one", "", ""), "dabce", "abcef", strict=True)
        ),
        'layer { name: "l" type: "Reduction" bottom: "f" top: "l" loss_weight: 1 }',
    ]
)


@pytest.fixture
def tower():
    """A net of five layers of one shape, in training; their names are one, two, one, and none twice."""
    net = LiveNet(Document.parse(TOWER, "net"), solver_document=Document.parse(SOLVER, "solver"), seed=7)
    net.build()
    net.solver.step(2)
    yield net
    net.close()


def by_top(live):
    """Weights and their history by the top of their layer."""
    weights = [layer.blobs[0] for layer in live.net.layers if layer.blobs]
    slots = zip(live.net.learnable, live.solver.history[0], strict=True)
    history = {id(one.blob): slot.data.copy() for one, slot in slots}
    tops = [layer.param.top[0] for layer in live.net.layers if layer.blobs]
    return {top: (blob.data.copy(), history[id(blob)]) for top, blob in zip(tops, weights, strict=True)}


def edits():
    """Edits of the tower: what for, how, and the top of the layer whose table is cut."""
    table = 'layer { name: "%s" type: "InnerProduct" bottom: "%s" top: "%s" inner_product_param { num_output: 4 } }'
    yield "taken by a layer above", lambda net: net.rename_layer(2, "one"), ""
    yield "taken by a layer below", lambda net: net.rename_layer(1, "two"), ""
    yield "of a namesake", lambda net: net.rename_layer(1, "three"), ""
    yield "given", lambda net: net.rename_layer(4, "three"), ""
    yield "taken away", lambda net: net.rename_layer(2, ""), ""
    yield "a namesake above", lambda net: net.insert_layer(1, table % ("one", "d", "x")), ""
    yield "a namesake between", lambda net: net.insert_layer(2, table % ("one", "d", "x")), ""
    yield "one more without a name", lambda net: net.insert_layer(1, table % ("", "d", "x")), ""
    yield "order", lambda net: (net.insert_layer(1, table % ("one", "d", "x")), net.move_layer(1, 4)), ""
    yield "shape", lambda net: net.set(("layer", 5, "inner_product_param", "num_output"), 3), "f"


@pytest.mark.parametrize(("edit", "lost"), [pytest.param(edit, lost, id=name) for name, edit, lost in edits()])
def test_layers_that_share_names_keep_their_weights_through_edits(tower, edit, lost):
    before = by_top(tower)
    edit(tower.document)
    assert tower.status.state == "alive"
    after = by_top(tower)
    for top in set(before) - set(lost):
        for mine, theirs in zip(after[top], before[top], strict=True):
            np.testing.assert_array_equal(mine, theirs, top)
    for top in lost:
        np.testing.assert_array_equal(after[top][0], before[top][0][:3])
    while tower.document.undo():
        pass
    for top, arrays in by_top(tower).items():
        for mine, theirs in zip(arrays, before[top], strict=True):
            np.testing.assert_array_equal(mine, theirs, top)


@pytest.mark.parametrize("gone", [1, 3, 4, 5])
def test_of_layers_that_share_a_name_the_one_that_is_taken_out_loses_its_weights(tower, gone):
    before = by_top(tower)
    top = tower.document.layers[gone].top[0]
    with tower.document.transaction("remove"):
        tower.document.remove_layer(gone)
        tower.document.set(("layer", gone, "bottom", 0), tower.document.layers[gone - 1].top[0])
    after = by_top(tower)
    assert after.keys() == before.keys() - {top}
    for one in after:
        np.testing.assert_array_equal(after[one][0], before[one][0], one)
    assert tower.document.undo()
    np.testing.assert_array_equal(by_top(tower)[top][0], before[top][0])


def test_a_renamed_layer_keeps_its_weights(live):
    before, plans = values(live), []
    live.rebuilt.subscribe(plans.append)
    live.document.rename_layer(1, "first")
    assert actions(plans[0])["first", 0] == "renamed"
    assert "'conv1'" in str(plans[0].entries[0])
    np.testing.assert_array_equal(live.net.params["first"][0].data, before["conv1", 0][0])
    np.testing.assert_array_equal(live.solver.history[0][0].data, before["conv1", 0][2])


def test_another_type_under_the_same_name_is_another_layer(live):
    text = NET.replace('type: "InnerProduct"', 'type: "Convolution"').replace(
        "inner_product_param { num_output: 3", "convolution_param { num_output: 3 kernel_size: 4"
    )
    found = plan(live.net, check(Document.parse(text, "net"), TRAIN))
    assert [(e.layer, e.action) for e in found.entries if e.layer == "ip"] == [("ip", "new")] * 2 + [
        ("ip", "dropped")
    ] * 2


def test_another_solver_begins_without_history(live):
    before = values(live)
    live.solver_document.set(("type",), "Nesterov")
    after = values(live)
    assert live.solver.type == "Nesterov"
    assert live.solver.iter == 3
    for key, (data, _, history) in after.items():
        np.testing.assert_array_equal(data, before[key][0])
        assert before[key][2].any()
        assert not history.any()


def test_a_number_of_the_solver_changes_in_place(live):
    solver, before = live.solver, values(live)
    live.solver_document.set(("base_lr",), 0.5)
    assert live.solver is solver
    assert solver.rate == 0.5
    assert_same(values(live), before)
    live.solver_document.undo()
    assert solver.rate == pytest.approx(0.1)


def test_a_shared_parameter_is_carried_once():
    document = Document.parse(NET, "net")
    document.set(("layer", 3, "param"), {"name": "w"})
    twin = 'layer { name: "twin" type: "InnerProduct" bottom: "conv2" top: "twin" param { name: "w" }\n'
    document.insert_layer(4, twin + "  inner_product_param { num_output: 3 } }")
    live = LiveNet(document, seed=1)
    net = live.build()
    net.params["ip"][0].data = 5
    live.document.set(CONV1_OUTPUTS, 7)
    for name in ("ip", "twin"):
        assert (live.net.params[name][0].data == 5).all()
    assert live.net.params["ip"][0].data_memory is live.net.params["twin"][0].data_memory


def test_inputs_that_somebody_filled_stay():
    text = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }\n'
    text += 'layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 3 } }\n'
    live = LiveNet(Document.parse(text, "net"), TEST)
    live.build().blobs["x"].data = 4
    live.document.set(("layer", 1, "inner_product_param", "num_output"), 5)
    assert (live.net.blobs["x"].data == 4).all()


def test_what_nobody_touched_is_left_to_its_filler():
    """So that a large net can be edited without any of its memory being made."""
    live = LiveNet(Document.parse(NET, "net"), seed=3)
    live.build()
    live.document.set(CONV1_OUTPUTS, 8)
    assert not any(one.blob.data_memory.touched for one in live.net.learnable)


def test_data_layers_go_on_where_they_are(tmp_path):
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["data"] = np.arange(20, dtype=np.float32).reshape(10, 2)
        file["label"] = np.zeros(10, np.float32)
    (tmp_path / "list.txt").write_text(str(tmp_path / "rows.h5"))
    text = f'''
layer {{ name: "rows" type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param {{ source: "{tmp_path / "list.txt"}" batch_size: 2 }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param {{ num_output: 3 }} }}
'''
    live = LiveNet(Document.parse(text, "net"))
    live.build().forward()
    live.document.set(("layer", 1, "inner_product_param", "num_output"), 5)
    assert data_positions(live.net) == {"rows": 2}
    live.net.forward()
    np.testing.assert_array_equal(live.net.blobs["data"].data, [[4, 5], [6, 7]])
    live.document.rename_layer(0, "lines")
    assert data_positions(live.net) == {"lines": 4}


# Undo


def test_undo_brings_a_narrowed_net_back_bit_for_bit(live):
    before = values(live)
    for count in (4, 2):
        live.document.set(CONV1_OUTPUTS, count)
    assert live.net.params["conv1"][0].shape[0] == 2
    while live.document.undo():
        pass
    assert_same(values(live), before)
    live.document.redo()
    assert live.net.params["conv1"][0].shape[0] == 4


def test_undo_after_edits_that_landed_together(live):
    """Two edits between two iterations make one rebuilding; the undo may still stop between them."""
    before = values(live)
    live.hold = True
    live.document.set(CONV1_OUTPUTS, 4)
    live.document.set(CONV1_OUTPUTS, 2)
    live.hold = False
    live.apply()
    live.document.undo()
    np.testing.assert_array_equal(live.net.params["conv1"][0].data, before["conv1", 0][0][:4])
    live.document.undo()
    assert_same(values(live), before)


def test_undo_brings_a_removed_layer_back(live):
    before = values(live)
    with live.document.transaction("remove conv2"):
        live.document.remove_layer(2)
        live.document.connect("conv1", 2, 0)
    assert "conv2" not in live.net.params
    plans = []
    live.rebuilt.subscribe(plans.append)
    live.document.undo()
    entry = next(one for one in plans[0].entries if one.layer == "conv2")
    assert (entry.action, entry.restored) == ("new", True)
    assert_same(values(live), before)


def test_undo_keeps_what_was_learned_meanwhile(live):
    before = values(live)
    live.document.set(CONV1_OUTPUTS, 4)
    live.solver.step(2)
    learned = live.net.params["conv1"][0].data.copy()
    live.document.undo()
    np.testing.assert_array_equal(live.net.params["conv1"][0].data[:4], learned)
    np.testing.assert_array_equal(live.net.params["conv1"][0].data[4:], before["conv1", 0][0][4:])
    assert live.solver.iter == 5


def test_an_edit_that_was_never_there_takes_the_filler(live):
    live.document.set(CONV1_OUTPUTS, 2)
    live.document.set(CONV1_OUTPUTS, 5)
    fresh = LiveNet(Document.parse(live.document.text, "net"), seed=7).build()
    np.testing.assert_array_equal(live.net.params["conv1"][0].data[2:], fresh.params["conv1"][0].data[2:])


def test_the_memory_for_undo_is_bounded():
    def lost(name, count) -> Lost:
        return {(("InnerProduct", name, 0), 0): Saved((count,), "", (np.zeros(count, np.float32),))}

    memory = WeightMemory(limit=1000)
    memory.keep(["a", "b"], lost("x", 100))
    assert memory.nbytes == 400
    memory.keep(["c"], lost("y", 100))
    assert memory.recall("a") is memory.recall("b")
    memory.keep(["d"], lost("z", 100))
    assert not memory.recall("a") and not memory.recall("b")
    assert memory.recall("c") and memory.recall("d")
    memory.keep(["e"], lost("big", 10_000))  # the latest is kept whatever it takes
    assert memory.recall("e") and not memory.recall("d")
    memory.keep(["e"], {})
    assert not memory.recall("e")


# Starting again


def test_restart_is_where_it_began(live):
    fresh = LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(SOLVER, "solver"), seed=7)
    fresh.build()
    live.restart()
    assert live.solver.iter == 0
    for solver in (live.solver, fresh.solver):
        solver.step(2)
    assert_same(values(live), values(fresh))


def test_the_seed_is_the_solvers_unless_one_is_given():
    for given, expected in ((None, 5), (9, 9)):
        solver = Document.parse(SOLVER + "random_seed: 5\n", "solver")
        live = LiveNet(Document.parse(NET, "net"), solver_document=solver, seed=given)
        assert live.build().context.seed == expected


def test_weights_to_begin_with_are_there_again_after_a_restart(live, tmp_path):
    path = tmp_path / "small.caffemodel"
    live.net.save(path)
    other = LiveNet(Document.parse(NET, "net"), TRAIN, weights=path)
    for _ in range(2):
        net = other.net or other.build()
        np.testing.assert_array_equal(net.params["ip"][0].data, live.net.params["ip"][0].data)
        net.params["ip"][0].data = 0
        other.restart()
    np.testing.assert_array_equal(other.net.params["ip"][0].data, live.net.params["ip"][0].data)
