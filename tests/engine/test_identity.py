"""Layers are told apart by name and number: those that share a name, or have none, are layers of their own."""

import json
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, TRAIN, DefinitionError, Listener, Net, check, files, get_solver
from brewbench.engine.solver import data_positions, seek_data
from brewbench.proto import Document
from brewbench.proto.messages import NetParameter, SolverParameter

FILES = Path(__file__).parents[1] / "golden" / "files"
INPUT = 'layer { name: "in" type: "Input" top: "in" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } } '
DRAWING = {  # layers with a top %s
    "Dropout": 'type: "Dropout" bottom: "in" top: "%s"',
    "pooling": 'type: "Pooling" bottom: "in" top: "%s" pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }',
    "pyramid": 'type: "SPP" bottom: "in" top: "%s" spp_param { pool: STOCHASTIC pyramid_height: 2 }',
    "made up": 'type: "DummyData" top: "%s" dummy_data_param { shape { dim: 9 } data_filler { type: "uniform" } }',
    "crops": """type: "Data" top: "%s" transform_param { crop_size: 20 mirror: true }
        data_param { source: "mnist_like_lmdb" batch_size: 8 backend: LMDB }""",
    "skipped rows": """type: "Data" top: "%s"
        data_param { source: "mnist_like_lmdb" batch_size: 1 backend: LMDB rand_skip: 99 }""",
    "shuffled": """type: "ImageData" top: "%s" top: "label of %s"
        image_data_param { source: "images_same.txt" batch_size: 8 shuffle: true }""",
    **{
        filler: f"""type: "InnerProduct" bottom: "in" top: "%s"
        inner_product_param {{ num_output: 3 weight_filler {{ type: "{filler}" }} }}"""
        for filler in ("uniform", "gaussian", "xavier", "msra", "positive_unitball")
    },
}  # fmt: skip


def parse(text):
    return text_format.Parse(text, NetParameter())


def written(kind, name, *tops):
    return "".join(f"layer {{ name: '{name}' {DRAWING[kind].replace('%s', top)} }} " for top in tops)


def drawn(text, *tops):
    """What the tops are after one pass in training, the input being random, but ever the same."""
    net = Net(parse(INPUT + text), TRAIN, seed=5)
    net.blobs["in"].data = np.random.RandomState(1).uniform(size=(2, 3, 8, 8))
    net.forward()
    found = [net.blobs[top].data.copy() for top in tops]
    net.close()
    return found


@pytest.mark.parametrize("name", ["x", ""])
@pytest.mark.parametrize("kind", DRAWING)
def test_layers_of_one_name_draw_different_numbers(monkeypatch, kind, name):
    monkeypatch.chdir(FILES)
    tops = ("one", "two", "three")
    found = drawn(written(kind, name, *tops), *tops)
    (alone,) = drawn(written(kind, name, "one"), "one")
    assert np.array_equal(found[0], alone)  # the first of a name draws what it would draw by itself
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(found[one], found[other])


def numbers(text, phase):
    return {layer.param.top[0]: layer.number for layer in Net(parse(INPUT + text), phase).layers if layer.name == "x"}


def test_a_layer_of_one_phase_shifts_no_number_of_another():
    relu = 'layer { name: "x" type: "ReLU" bottom: "in" top: "%s" %s } '
    train, test = (f"include {{ phase: {phase} }}" for phase in ("TRAIN", "TEST"))
    tops = {"a": train, "b": "", "c": test, "d": "", "e": "exclude { phase: TEST }"}
    text = "".join(relu % pair for pair in tops.items())
    assert numbers(text, TRAIN) == {"b": 0, "d": 1, "a": 2, "e": 3}
    assert numbers(text, TEST) == {"b": 0, "d": 1, "c": 2}
    twins = "".join(relu % ("a", phase) for phase in (train, test))
    assert numbers(twins, TRAIN) == numbers(twins, TEST) == {"a": 0}


# Weights


def product(name, top, outputs=3, bottom="in", rules="", layer='type: "InnerProduct"'):
    return f"""layer {{ name: "{name}" {layer} bottom: "{bottom}" top: "{top}" {rules}
        inner_product_param {{ num_output: {outputs} }} }} """


def numbered(text, start=1, phase=TEST):
    """A net whose parameters are all `start` in its first blob, one more in the next, and so on."""
    net = Net(parse(INPUT + text), phase)
    for value, one in enumerate(net.learnable, start):
        one.blob.data = value
    return net


def values(net):
    """The value of each parameter blob, layer by layer."""
    return [[blob.data.flat[0].item() for blob in layer.blobs] for layer in net.layers if layer.blobs]


RELU = 'layer { name: "%s" type: "ReLU" bottom: "a" top: "a" } '
ENDINGS = ["caffemodel", "caffemodel.h5"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("relu", ["other", "fc"])
def test_a_layer_without_parameters_is_no_second_of_its_name(tmp_path, ending, relu):
    given = numbered(product("fc", "a") + RELU % relu)
    given.save(tmp_path / f"w.{ending}")
    for text in (product("fc", "a") + RELU % "fc", RELU.replace('"a"', '"in"') % "fc" + product("fc", "a")):
        net = numbered(text, 50)
        assert net.copy_from(tmp_path / f"w.{ending}") == (["other"] if relu == "other" else [])
        assert values(net) == [[1, 2]]
        other = numbered(text, 50)
        other.copy_from(given)
        assert values(other) == [[1, 2]]


@pytest.mark.parametrize("name", ["fc", ""])
def test_layers_of_one_name_get_their_own_weights_back(tmp_path, name):
    text = product(name, "a", 4) + product(name, "b", 5, "a") + product("o", "o", 2, "b") + product(name, "c", 6, "o")
    net = numbered(text)
    net.save(tmp_path / "w.caffemodel")
    for source in (tmp_path / "w.caffemodel", net):
        again = numbered(text, 50)
        again.copy_from(source)
        assert values(again) == [[1, 2], [3, 4], [5, 6], [7, 8]]


def test_a_name_that_one_side_has_more_often_goes_by_caffes_rule(tmp_path):
    """Each source layer in its order, to the first layer of its name; from HDF5, to the last."""
    one, two, three = (numbered("".join(product("fc", top) for top in "abc"[:count])) for count in (1, 2, 3))
    for name, net in (("one", one), ("two", two)):
        net.save(tmp_path / f"{name}.caffemodel")
    one.save(tmp_path / "one.h5")
    for file, net, wanted in (
        ("one.caffemodel", two, [[1, 2], [51, 51]]),
        ("two.caffemodel", one, [[3, 4]]),
        ("two.caffemodel", three, [[3, 4], [51, 51], [51, 51]]),
        ("one.h5", three, [[51, 51], [51, 51], [1, 2]]),
    ):
        for learnable in net.learnable:
            learnable.blob.data = 51
        net.copy_from(tmp_path / file)
        assert values(net) == wanted


def test_weights_of_a_repeated_name_that_do_not_fit_change_nothing(tmp_path):
    numbered(product("fc", "a", 3) + product("fc", "b", 4)).save(tmp_path / "w.caffemodel")
    for text in (product("fc", "a", 3), product("fc", "a", 3) + product("fc", "b", 5)):
        net = numbered(text, 50)
        before = values(net)
        with pytest.raises(ValueError, match="parameter 0 of layer 'fc' has shape"):
            net.copy_from(tmp_path / "w.caffemodel")
        assert values(net) == before


def test_blobs_shared_by_name_belong_to_the_layer_not_to_its_name(tmp_path):
    """The second `fc` shares its table with `o`, the first with nobody."""
    share = 'param { name: "w" }'
    text = product("o", "o", 3, rules=share) + product("fc", "a", 3) + product("fc", "b", 3, rules=share)
    net = numbered(text)
    assert values(net) == [[1, 2], [3, 4], [1, 5]]
    net.save(tmp_path / "w.caffemodel")
    again = numbered(text, 50)
    again.copy_from(tmp_path / "w.caffemodel")
    assert values(again) == [[1, 2], [3, 4], [1, 5]]


TRAIN_ONLY, TEST_ONLY = (f"include {{ phase: {phase} }}" for phase in ("TRAIN", "TEST"))

TWINS = product("fc", "a", rules=TRAIN_ONLY) + product("fc", "b", rules=TEST_ONLY)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (product("fc", "a") + product("fc", "b"), [[1, 2], [3, 4]]),
        (product("", "a") + product("", "b"), [[1, 2], [3, 4]]),
        (product("fc", "a", 4, rules=TRAIN_ONLY) + product("fc", "b"), [[3, 4]]),
        (product("fc", "b") + product("fc", "a", 4, rules=TRAIN_ONLY), [[1, 2]]),
        (TWINS, [[1, 2]]),
        (product("fc", "c", 2) + TWINS, [[1, 2], [3, 4]]),
        (product("fc", "a", rules=TEST_ONLY) + product("fc", "b"), [[51, 52], [1, 2]]),
    ],
)
def test_the_nets_of_one_text_share_each_layer_with_itself(text, wanted):
    train, test = numbered(text, phase=TRAIN), numbered(text, 51)
    test.share_with(train)
    assert values(test) == wanted


def test_nets_of_two_texts_share_by_caffes_rule():
    two = numbered(product("fc", "a") + product("fc", "b"))
    swapped, one = numbered(product("fc", "b") + product("fc", "a")), numbered(product("fc", "b"), 50)
    swapped.share_with(two)
    assert values(swapped) == [[1, 2], [3, 4]]
    one.share_with(two)
    assert values(one) == [[3, 4]]
    two.share_with(one)
    assert values(two) == [[3, 4], [3, 4]]


# Going on

ROWS = """layer {{ name: "{0}" type: "Data" top: "{1}" transform_param {{ mirror: true crop_size: 20 scale: 0.01 }}
    data_param {{ source: "mnist_like_lmdb" backend: LMDB batch_size: {2} rand_skip: 9 }} }} """
TWO_READERS = """{} {}
    layer {{ name: "{}" type: "InnerProduct" bottom: "a" top: "ya" inner_product_param {{ num_output: 2 {} }} }}
    layer {{ name: "{}" type: "InnerProduct" bottom: "b" top: "yb" inner_product_param {{ num_output: 2 {} }} }}
    layer {{ name: "{}" type: "Dropout" bottom: "ya" top: "ya" }}
    layer {{ name: "{}" type: "Dropout" bottom: "yb" top: "yb" }}
    layer {{ type: "Reduction" bottom: "ya" top: "la" loss_weight: 1 reduction_param {{ operation: SUMSQ }} }}
    layer {{ type: "Reduction" bottom: "yb" top: "lb" loss_weight: 2 reduction_param {{ operation: SUMSQ }} }}"""


def two_readers(seed, names):
    """A solver of a net that reads two streams of rows, 6 and 4 at a time."""
    filler = 'weight_filler { type: "xavier" }'
    readers = ROWS.format(names[0], "a", 6), ROWS.format(names[1], "b", 4)
    text = TWO_READERS.format(*readers, names[2], filler, names[3], filler, *names[4:])
    param = 'base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 test_iter: 2 test_interval: 2'
    return get_solver(text_format.Parse(param, SolverParameter()), parse(text), seed=seed)


class Losses(Listener):
    def __init__(self):
        self.found = []

    def on_iteration(self, solver, loss):
        self.found.append(loss)

    def on_test(self, solver, result):
        self.found += result.values.values()


@pytest.mark.parametrize("names", [("x",) * 6, ("",) * 6, ("data", "data", "fc", "fc", "drop", "drop")])
def test_a_run_of_layers_that_share_names_goes_on_bit_for_bit(tmp_path, monkeypatch, names):
    monkeypatch.chdir(FILES)
    whole, again = two_readers(5, names), two_readers(6, names)
    whole.step(3)
    _, state = whole.snapshot(tmp_path / "at")
    again.step(1)  # with rows read ahead
    again.restore(state)
    assert data_positions(again.net) == data_positions(whole.net)
    assert len(set(data_positions(again.net).values())) == 2
    for solver in (whole, again):
        solver.listeners.append(Losses())
        solver.step(4)
        solver.close()
    assert again.listeners[-1].found == whole.listeners[-1].found
    for one, other in zip(whole.net.learnable, again.net.learnable, strict=True):
        np.testing.assert_array_equal(one.blob.data, other.blob.data)


def test_a_snapshot_that_keeps_positions_by_name_alone_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(FILES)
    names = ("data", "more", "x", "y", "drop", "down")
    whole, again = two_readers(5, names), two_readers(6, names)
    whole.step(3)
    weights, state = whole.snapshot(tmp_path / "at")
    extra = json.loads(files.read_solver_state(state).extra)
    assert extra["nets"][0].keys() == {"data", "more"}
    again.restore(state)
    assert data_positions(again.net) == data_positions(whole.net) == extra["nets"][0]
    whole.close()
    again.close()


@pytest.mark.parametrize("source", ["mirror", "shuffle"])
def test_what_was_read_ahead_under_another_seed_is_read_again(tmp_path, monkeypatch, source):
    """Also where the rows begin again, as in Caffe."""
    monkeypatch.chdir(FILES)
    text = {
        "mirror": """type: "Data" top: "d" top: "l" transform_param { mirror: true }
            data_param { source: "mnist_like_lmdb" backend: LMDB batch_size: 6 }""",
        "shuffle": """type: "ImageData" top: "d" top: "l"
            image_data_param { source: "images_same.txt" batch_size: 6 shuffle: true }""",
    }[source]
    net = parse(f"layer {{ name: 'data' {text} }}")
    param = text_format.Parse('base_lr: 0.01 lr_policy: "fixed"', SolverParameter())
    saved, fresh, other = (get_solver(param, net, seed=seed) for seed in (5, 5, 6))
    _, state = saved.snapshot(tmp_path / "at")
    other.net.forward()
    for solver in (fresh, other):
        seek_data(solver.net, {"data": 6})
        solver.net.forward()  # begins to read ahead
        solver.restore(state, data_restart=True)
        solver.net.forward()
    np.testing.assert_array_equal(other.net.blobs["d"].data, fresh.net.blobs["d"].data)
    for solver in (saved, fresh, other):
        solver.close()


# HDF5, which keeps layers by name

PAIR = """layer {{ name: "d" type: "DummyData" top: "d" dummy_data_param {{ shape {{ dim: 2 dim: 3 }} }} }}
    layer {{ name: "{}" type: "InnerProduct" bottom: "d" top: "a" {} inner_product_param {{ num_output: 3 }} }}
    layer {{ name: "{}" {} bottom: "a" top: "b" {} }}
    layer {{ name: "l" type: "Reduction" bottom: "b" top: "l" loss_weight: 1 }}"""
PRODUCT_OF_3 = "inner_product_param { num_output: 3 }"
SECOND = f'type: "InnerProduct" {PRODUCT_OF_3}'
SHARED = 'param { name: "w" } param { name: "b" }'
PLAIN = "base_lr: 0.1 lr_policy: 'fixed' "


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (PAIR.format("fc", "", "fc", SECOND, ""), ""),
        (PAIR.format("", "", "fc", SECOND, ""), ""),
        (PAIR.format("fc", "", "fc/1", SECOND, ""), ""),
        (PAIR.format("fc", SHARED, "fc", SECOND, SHARED), "snapshot_diff: true"),
    ],
)
def test_hdf5_snapshots_that_cannot_be_are_known_at_the_start(tmp_path, text, more):
    document = Document.parse(f"{PLAIN} {more}\nsnapshot_format: HDF5", "solver")
    with pytest.raises(DefinitionError, match="line:2: snapshots of this net can be BINARYPROTO alone: ") as caught:
        get_solver(document, parse(text))
    assert caught.value.field == "snapshot_format"
    solver = get_solver(Document.parse(PLAIN + more, "solver"), parse(text))
    before = solver.param
    with pytest.raises(DefinitionError, match="BINARYPROTO alone"):
        solver.change(document.message)
    assert solver.param is before
    with pytest.raises(ValueError, match="HDF5 cannot hold"):
        solver.net.save(tmp_path / "w.h5", diffs=bool(more))


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (PAIR.format("fc", SHARED, "fc", SECOND, SHARED), "snapshot_format: HDF5"),
        (PAIR.format("fc", "", "fc", 'type: "ReLU"', ""), "snapshot_format: HDF5 snapshot_diff: true"),
        (PAIR.format("fc", "", "fc", SECOND, ""), ""),
        (PAIR.format("", "", "", SECOND, ""), "snapshot_diff: true"),
    ],
)
def test_snapshots_that_can_be_are_taken_and_taken_up(tmp_path, text, more):
    one, other = (get_solver(Document.parse(PLAIN + more, "solver"), parse(text), seed=seed) for seed in (1, 2))
    for value, learnable in enumerate(one.net.learnable):
        learnable.blob.data = value
    _, state = one.snapshot(tmp_path / "at")
    other.restore(state)
    assert values(other.net) == values(one.net)


@pytest.mark.parametrize("form", ["layer", "layers"])
def test_a_layer_may_be_called_as_the_one_that_an_upgrade_makes(form):
    """The Input layer in place of `input` fields is named "input"."""
    kind = {"layer": '"InnerProduct"', "layers": "INNER_PRODUCT"}[form]
    names = ("a", "input", "c")
    text = "".join(
        f"{form} {{ name: '{name}' type: {kind} bottom: 'data' top: '{name}' {PRODUCT_OF_3} }}\n"
        for name in names
    )
    report = check(Document.parse(f'input: "data" input_shape {{ dim: 4 dim: 5 }}\n{text}', "net"))
    assert [(one.index, one.name, one.type) for one in report.layers] == [
        (-1, "input", "Input"),
        *((index, name, "InnerProduct") for index, name in enumerate(names)),
    ]
    assert [one.line for one in report.diagnostics] == [3]


# What is said of names


def marks(text, phase=TRAIN):
    """The top of each layer that a warning about its name marks, with the line and the message."""
    document = Document.parse(INPUT + "\n" + text, "net")
    layers = document.message.layer
    found = check(document, phase).diagnostics
    assert all((one.severity, one.field) == ("warning", "name") for one in found)
    return {layers[one.layer_index].top[0]: (one.line, one.message) for one in found}


@pytest.mark.parametrize("kind", DRAWING)
def test_a_layer_that_needs_a_name_of_its_own_is_told(monkeypatch, kind):
    monkeypatch.chdir(FILES)
    one, two = (" ".join(written(kind, "x", top).split()) for top in ("one", "two"))
    twice = marks(f"{one}\n{two}")
    assert [(top, line) for top, (line, _) in twice.items()] == [("one", 2), ("two", 3)]
    assert all("2 layers are named 'x'" in message for _, message in twice.values())
    for without in (written(kind, "", "one"), written(kind, "", "one").replace("name: ''", "")):
        ((line, message),) = marks(without).values()
        assert line == 2 and message.startswith("has no name")
    assert marks(written(kind, "x", "one") + written(kind, "y", "two")) == {}


def test_no_warning_is_given_where_names_matter_to_nobody():
    relu = 'layer { name: "%s" type: "ReLU" bottom: "in" top: "%s" } '
    assert marks(relu % ("", "a") + relu % ("", "b") + relu % ("x", "c") + relu % ("x", "d")) == {}
    assert marks(written("Dropout", "x", "one", "two"), TEST) == {}
    still = 'layer { name: "d" type: "DummyData" top: "%s" dummy_data_param { shape { dim: 2 } } } '
    assert marks(still % "a" + still % "b") == {}
    assert marks(product("fc", "a", rules=TRAIN_ONLY) + product("fc", "b", rules=TEST_ONLY)) == {}
    assert marks(product("fc", "a") + RELU % "fc").keys() == {"a"}
