"""Snapshots of a solver are the files that Caffe writes; nets take up what was saved, in old formats too."""

import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, Listener, Net, files, get_solver
from brewbench.engine.solver import data_positions
from brewbench.proto.messages import NetParameter, SolverParameter, SolverState

FORMATS = Path(__file__).parents[1] / "golden" / "formats"
TAGS = sorted(path.name.removesuffix(".solver.prototxt") for path in FORMATS.glob("*.solver.prototxt"))


def tree(path):
    """Every group and dataset of an HDF5 file."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()] if hasattr(item, "dtype") else "group"}))
    return found


def assert_same_tree(found, wanted):
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        if name != "learned_net":
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def solver_at_seven(tag, folder):
    """A solver that stands where Caffe's stood when it took the snapshot."""
    param = text_format.Parse((FORMATS / f"{tag}.solver.prototxt").read_text(), SolverParameter())
    net = text_format.Parse((FORMATS / f"{tag}.net.prototxt").read_text(), NetParameter())
    param.snapshot_prefix = str(folder / tag)
    param.ClearField("net")
    solver = get_solver(param, net)
    with np.load(FORMATS / f"{tag}.npz") as stored:
        for name, blobs in solver.net.params.items():
            for index, blob in enumerate(blobs):
                blob.data = stored[f"param/{name}/{index}"]
                blob.diff = stored[f"diff/{name}/{index}"]
        for index, blob in enumerate(blob for slot in solver.history for blob in slot):
            blob.data = stored[f"history/{index}"]
        solver.iter, solver.current_step = 7, stored["current_step"].item()
    return solver


@pytest.mark.parametrize("tag", TAGS)
def test_a_snapshot_is_the_one_that_caffe_takes(tag, tmp_path, monkeypatch):
    monkeypatch.chdir(FORMATS.parent / "files")
    solver = solver_at_seven(tag, tmp_path)
    weights, state = solver.snapshot()
    solver.close()
    if weights.suffix == ".h5":
        assert_same_tree(tree(weights), tree(FORMATS / weights.name))
        found = tree(state)
        assert found.pop("brewbench").size  # what Caffe does not look at
        assert_same_tree(found, tree(FORMATS / state.name))
        return
    assert weights.read_bytes() == (FORMATS / weights.name).read_bytes()
    found, wanted = (SolverState.FromString(path.read_bytes()) for path in (state, FORMATS / state.name))
    found.DiscardUnknownFields()
    found.learned_net = wanted.learned_net
    assert found == wanted


@pytest.mark.parametrize("tag", TAGS)
def test_a_snapshot_of_caffe_is_taken_up(tag, tmp_path, monkeypatch):
    monkeypatch.chdir(FORMATS.parent / "files")
    wanted = solver_at_seven(tag, tmp_path)
    param = wanted.param
    solver = get_solver(param, wanted.net.source.param)
    (state,) = FORMATS.glob(f"{tag}_iter_7.solverstate*")
    solver.restore(state)
    assert (solver.iter, solver.current_step) == (7, wanted.current_step)
    for mine, theirs in ((solver.net.params[name], blobs) for name, blobs in wanted.net.params.items()):
        for one, other in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(one.data, other.data)
    for one, other in zip(solver.history, wanted.history, strict=True):
        for mine, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine.data, theirs.data)
    solver.close()
    wanted.close()


PLAIN = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 5 dim: 5 } } }
layer { name: "%s" type: "Convolution" bottom: "data" top: "c1" convolution_param { num_output: 3 kernel_size: 3 } }
layer { name: "ip" type: "InnerProduct" bottom: "c1" top: "ip" inner_product_param { num_output: 2 } }
"""


def parse(text):
    return text_format.Parse(text, NetParameter())


@pytest.mark.parametrize(
    ("name", "not_here"), [("v1_legacy4d.caffemodel", []), ("v1_legacy4d_upgraded.caffemodel", ["input"])]
)
def test_old_models_with_blobs_of_four_axes_load(name, not_here):
    net = Net(parse(PLAIN % "c1"), TEST)
    assert net.copy_from(FORMATS / name) == not_here
    read = files.read_net_weights(FORMATS / name)
    stored = {layer.name: [np.asarray(blob) for blob in layer.blobs] for layer in read}
    assert stored["c1"][1].size == 3 and stored["c1"][1].any()
    for layer, blobs in net.params.items():
        for blob, values in zip(blobs, stored[layer], strict=True):
            np.testing.assert_array_equal(blob.data.ravel(), values.ravel())
    net.blobs["data"].data = 1
    net.forward()
    (kernels, bias), (table, offset) = ([blob.data for blob in net.params[name]] for name in ("c1", "ip"))
    maps = np.repeat(kernels.sum(axis=(1, 2, 3)) + bias, 9)
    np.testing.assert_allclose(net.blobs["ip"].data[0], table @ maps + offset, 1e-5, 1e-6)


@pytest.mark.parametrize("ending", ["", ".h5"])
def test_a_layer_that_has_no_values_in_the_file_but_needs_some_is_an_error(ending, tmp_path):
    relu, other = 'layer { name: "x" type: "ReLU" bottom: "ip" top: "x" }', PLAIN % "c1"
    Net(parse(other + relu)).save(tmp_path / f"out.caffemodel{ending}")
    taller = other + 'layer { name: "x" type: "Bias" bottom: "ip" top: "x" }'
    with pytest.raises(ValueError, match="layer 'x' has 1 parameter blobs here, 0 in"):
        Net(parse(taller)).copy_from(tmp_path / f"out.caffemodel{ending}")
    assert Net(parse(other)).copy_from(tmp_path / f"out.caffemodel{ending}") == ["x"]


@pytest.mark.parametrize("ending", ["", ".h5"])
def test_names_with_a_slash_go_there_and_back(ending, tmp_path):
    net, other = (Net(parse(PLAIN % "inception/3x3"), TEST) for _ in range(2))
    for value, blob in enumerate(blob for blobs in net.params.values() for blob in blobs):
        blob.data = value + 1
    net.save(tmp_path / f"out.caffemodel{ending}")
    assert other.copy_from(tmp_path / f"out.caffemodel{ending}") == []
    for name, blobs in net.params.items():
        for one, two in zip(blobs, other.params[name], strict=True):
            np.testing.assert_array_equal(one.data, two.data)


def test_a_blob_that_hdf5_keeps_with_its_owner_may_be_missing_beside_own_ones(tmp_path):
    text = """
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 } } }
    layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" inner_product_param { num_output: 4 } %s }
    layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 4 } %s }
    """
    net, other, alone = (Net(parse(text % (share, share))) for share in ('param { name: "w" }',) * 2 + ("",))
    for value, one in enumerate(net.learnable):
        one.blob.data = value + 1
    net.save(tmp_path / "out.h5")
    other.copy_from(tmp_path / "out.h5")
    assert [blob.data.flat[0] for blobs in other.params.values() for blob in blobs] == [1, 2, 1, 3]
    with pytest.raises(ValueError, match="'b' has 2 parameter blobs here, 1 in"):
        alone.copy_from(tmp_path / "out.h5")


@pytest.mark.parametrize("ending", ["", ".h5"])
def test_saving_makes_no_second_copy_of_the_weights(ending, tmp_path):
    text = """
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2000 } } }
    layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2000 } }
    """
    net = Net(parse(text))
    net.save(tmp_path / f"warm{ending}")
    tracemalloc.start()
    net.save(tmp_path / f"out{ending}", diffs=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / f"out{ending}").stat().st_size > 16e6
    assert peak < 1e6


# Going on from a snapshot

FILES = FORMATS.parent / "files"
SOURCES = {
    "LMDB, cropped and mirrored": """type: "Data" transform_param { crop_size: 24 mirror: true scale: 0.004 }
        data_param { source: "mnist_like_lmdb" batch_size: 6 backend: LMDB rand_skip: 5 }""",
    "shuffled images": """type: "ImageData" transform_param { mirror: true scale: 0.004 }
        image_data_param { source: "images_all.txt" batch_size: 3 shuffle: true new_height: 8 new_width: 8 }""",
    "shuffled HDF5": 'type: "HDF5Data" hdf5_data_param { source: "h5data_list.txt" batch_size: 5 shuffle: true }',
    "made up": """type: "DummyData" dummy_data_param { shape { dim: 4 dim: 3 dim: 5 dim: 5 } shape { dim: 4 }
        data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" value: 1 } }""",
}
ABOVE = """
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 2 weight_filler { type: "xavier" } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }
layer { name: "drop" type: "Dropout" bottom: "bn" top: "bn" }
layer { name: "ip" type: "InnerProduct" bottom: "bn" top: "ip"
  inner_product_param { num_output: 12 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


class Record(Listener):
    def __init__(self):
        self.losses, self.tests = [], []

    def on_iteration(self, solver, loss):
        self.losses.append(loss)

    def on_test(self, solver, result):
        self.tests.append(result.values)


def make_solver(source, kind="SGD", form="BINARYPROTO", seed=1):
    text = f'layer {{ name: "data" top: "data" top: "label" {SOURCES[source]} }}' + ABOVE
    solver = f"""type: "{kind}" base_lr: 0.02 lr_policy: "multistep" gamma: 0.5 stepvalue: 2 stepvalue: 5
        weight_decay: 0.001 iter_size: 2 snapshot_format: {form} test_iter: 2 test_interval: 2
        test_initialization: false display: 1 snapshot_after_train: false"""
    param = text_format.Parse(solver, SolverParameter())
    if kind in ("SGD", "Nesterov", "AdaDelta", "Adam"):
        param.momentum = 0.9
    made = get_solver(param, parse(text), seed=seed)
    made.listeners.append(Record())
    return made


@pytest.mark.parametrize(
    ("source", "kind", "form"),
    [
        ("LMDB, cropped and mirrored", "SGD", "BINARYPROTO"),
        ("LMDB, cropped and mirrored", "Adam", "HDF5"),
        ("shuffled images", "Nesterov", "HDF5"),
        ("shuffled HDF5", "AdaDelta", "BINARYPROTO"),
        ("shuffled HDF5", "RMSProp", "HDF5"),
        ("made up", "AdaGrad", "BINARYPROTO"),
    ],
)
def test_a_restored_run_goes_on_bit_for_bit(tmp_path, monkeypatch, source, kind, form):
    monkeypatch.chdir(FILES)
    whole, again = make_solver(source, kind, form), make_solver(source, kind, form, seed=77)
    whole.step(3)
    _, state = whole.snapshot(tmp_path / "at")
    whole.step(4)
    again.step(1)  # whatever it has been doing
    record = again.listeners[-1]
    record.losses.clear()
    again.restore(state)
    assert (again.iter, again.current_step) == (3, 1)
    again.step(4)
    assert record.losses == whole.listeners[-1].losses[3:]
    for one, two in zip(whole.net.learnable, again.net.learnable, strict=True):
        np.testing.assert_array_equal(one.blob.data, two.blob.data)
    for one, two in zip(whole.history, again.history, strict=True):
        for blob, other in zip(one, two, strict=True):
            np.testing.assert_array_equal(blob.data, other.data)
    assert data_positions(whole.net) == data_positions(again.net)
    assert record.tests == whole.listeners[-1].tests[1:]
    for solver in (whole, again):
        solver.close()


def test_data_begins_again_where_caffes_behaviour_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(FILES)
    source = "LMDB, cropped and mirrored"
    solver = make_solver(source)
    start = data_positions(solver.net)["data"]
    assert start > 0  # rand_skip
    solver.step(2)
    _, state = solver.snapshot(tmp_path / "at")
    here, anew = make_solver(source), make_solver(source)
    here.restore(state)
    anew.restore(state, data_restart=True)
    assert data_positions(here.net)["data"] == start + 2 * 2 * 6
    assert data_positions(anew.net)["data"] == start
    for one in (solver, here, anew):
        one.close()


DAMAGES = ["history", "weights", "shape", "short", b"{", b"[]", b'{"seed": 1}', b'{"seed": 1, "nets": [3]}']


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_snapshot_that_does_not_fit_changes_nothing(tmp_path, monkeypatch, damage):
    monkeypatch.chdir(FILES)
    solver = make_solver("shuffled HDF5")
    solver.step(2)
    weights, state = solver.snapshot(tmp_path / "at")
    if damage == "history" or isinstance(damage, bytes):
        found = files.read_solver_state(state)
        kept = [np.asarray(one) for one in found.history]
        if damage == "history":
            files.write_solver_state(state, 2, str(weights), kept[:-1])
        else:
            files.write_solver_state(state, 2, str(weights), kept, extra=damage)
    elif damage == "weights":
        weights.unlink()
    elif damage == "shape":
        Net(parse(PLAIN % "conv")).save(weights)
    else:
        state.write_bytes(state.read_bytes()[:-20])
    solver.step(1)
    before = [one.blob.data.copy() for one in solver.net.learnable]
    history = [blob.data.copy() for slot in solver.history for blob in slot]
    with pytest.raises((ValueError, OSError), match="at_iter_2"):
        solver.restore(state)
    assert solver.iter == 3
    for one, values in zip(solver.net.learnable, before, strict=True):
        np.testing.assert_array_equal(one.blob.data, values)
    for blob, values in zip([blob for slot in solver.history for blob in slot], history, strict=True):
        np.testing.assert_array_equal(blob.data, values)
    solver.close()
