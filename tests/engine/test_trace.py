"""Trainings whose iterations run again without Python go, bit for bit, the way that Python goes."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from brewbench.engine import DefinitionError, Listener, get_solver, ops
from brewbench.engine.replay import Program
from brewbench.engine.threads import using

FILLED = 'weight_filler { type: "xavier" } bias_filler { type: "uniform" min: -0.5 max: 0.5 }'


def layer(name, type, bottom, top, settings=""):
    bottoms = " ".join(f'bottom: "{one}"' for one in bottom.split())
    tops = " ".join(f'top: "{one}"' for one in top.split())
    return f'layer {{ name: "{name}" type: "{type}" {bottoms} {tops} {settings} }}\n'


def ip(name, bottom, outputs):
    return layer(name, "InnerProduct", bottom, name, f"inner_product_param {{ num_output: {outputs} {FILLED} }}")


def conv(name, bottom, outputs):
    settings = f"num_output: {outputs} kernel_size: 3 {FILLED}"
    return layer(name, "Convolution", bottom, name, f"convolution_param {{ {settings} }}")


ROWS = layer("data", "HDF5Data", "", "data label", 'hdf5_data_param { source: "rows.txt" batch_size: 10 }')
IMAGES = ROWS.replace("rows.txt", "images.txt")
LOSS = layer("loss", "SoftmaxWithLoss", "%s label", "loss", "%s")
ACCURACY = layer("acc", "Accuracy", "%s label", "acc")
NETS = {
    "logistic": ROWS + ip("out", "data", 2) + LOSS % ("out", "") + ACCURACY % "out",
    "hidden": ROWS + ip("fc", "data", 40) + layer("r", "ReLU", "fc", "fc") + ip("out", "fc", 2)
    + ACCURACY % "out" + LOSS % ("out", "loss_param { ignore_label: 1 normalization: VALID }"),
    "losses": ROWS + ip("fc", "data", 24) + layer("s", "Sigmoid", "fc", "s") + ip("out", "s", 3) + ip("b", "s", 2)
    + LOSS % ("out", "loss_weight: 0.3")
    + layer("loss2", "SoftmaxWithLoss", "b label", "loss2", "loss_weight: 1.7 loss_param { normalization: NONE }"),
    "images": IMAGES + conv("a", "data", 16) + layer("r", "ReLU", "a", "a")
    + layer("p", "Pooling", "a", "p", "pooling_param { kernel_size: 2 stride: 2 }") + conv("b", "p", 16)
    + layer("t", "TanH", "b", "t") + ip("out", "t", 2) + LOSS % ("out", "") + ACCURACY % "out",
    "dummy": layer("data", "DummyData", "", "data label", "dummy_data_param { shape { dim: 10 dim: 4 } "
    'shape { dim: 10 } data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } }')
    + ip("out", "data", 2) + LOSS % ("out", "") + ACCURACY % "out",
}  # fmt: skip
SOLVERS = {
    "SGD": 'type: "SGD" momentum: 0.9', "Nesterov": 'type: "Nesterov" momentum: 0.9', "Adam": 'type: "Adam"',
    "clipped": 'type: "SGD" momentum: 0.9 clip_gradients: 0.5', "L1": 'type: "SGD" regularization_type: "L1"',
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name, shape in (("rows", (170, 4)), ("images", (170, 3, 10, 10))):
        values = random.standard_normal(shape).astype(np.float32)
        with h5py.File(f"{name}.h5", "w") as file:
            file["data"], file["label"] = values, (values.reshape(170, -1)[:, 0] > 0).astype(np.float32)
        (tmp_path / f"{name}.txt").write_text(f"{name}.h5\n")
    return tmp_path


def solver_of(folder, net, settings="", replay=True):
    (folder / "net.prototxt").write_text(NETS[net])
    text = f'net: "net.prototxt" base_lr: 0.05 lr_policy: "step" stepsize: 4 gamma: 0.5 weight_decay: 0.01 {settings}'
    (folder / "solver.prototxt").write_text(f"{text} random_seed: 3 test_iter: 2 test_interval: 6 display: 3")
    made = get_solver(str(folder / "solver.prototxt"))
    for one in (made.net, *made.test_nets):
        one.replay = replay  # pyright: ignore[reportAttributeAccessIssue]
    return made


def twins(folder, net, settings=""):
    """Two solvers alike, of which the second leaves all to Python."""
    return [solver_of(folder, net, settings, replay) for replay in (True, False)]


def same(ours, theirs):
    assert ours.iter == theirs.iter and ours.losses == theirs.losses
    pairs = [(name, ours.net.blobs[name], theirs.net.blobs[name]) for name in ours.net.blobs]
    for name, blobs in ours.net.params.items():
        pairs += [(name, *both) for both in zip(blobs, theirs.net.params[name], strict=True)]
    for name, one, other in pairs:
        for part in ("data", "diff"):
            np.testing.assert_array_equal(one.look(part), other.look(part), f"{name} {part}")


def traces(solver):
    program = solver.net.program
    return program.traces.found if isinstance(program, Program) else {}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("iter_size", [1, 2])
@pytest.mark.parametrize("net", NETS)
def test_a_training_goes_the_same_way(folder, net, iter_size, threads):
    with using(threads):
        ours, theirs = twins(folder, net, f"momentum: 0.9 iter_size: {iter_size}")
        for _ in range(9):
            ours.step(2)
            theirs.step(2)
            same(ours, theirs)
    assert len(traces(ours)) == iter_size
    assert not traces(theirs)


@pytest.mark.parametrize("net", NETS)
def test_plain_numpy_gives_nearly_the_same(folder, net, monkeypatch):
    ours = solver_of(folder, net, "momentum: 0.9")
    ours.step(18)
    monkeypatch.setitem(ops.PREFERENCE, "cpu", ("reference",))
    plain = solver_of(folder, net, "momentum: 0.9")
    plain.step(18)
    assert not isinstance(plain.net.program, Program)
    assert ours.smoothed_loss == pytest.approx(plain.smoothed_loss, rel=1e-4)
    for name, blobs in ours.net.params.items():
        for blob, wanted in zip(blobs, plain.net.params[name], strict=True):
            np.testing.assert_allclose(blob.look(), wanted.look(), 1e-4, 1e-6, err_msg=name)


@pytest.mark.parametrize("settings", SOLVERS)
def test_every_rule_goes_the_same_way(folder, settings):
    ours, theirs = twins(folder, "hidden", SOLVERS[settings])
    for _ in range(12):
        for one in (ours, theirs):
            one.step(1)
            if one.iter == 9:
                one.param.base_lr = 0.02
                one.param.weight_decay = 0.1
        same(ours, theirs)
    assert traces(ours)


class Heard(Listener):
    def __init__(self):
        self.told = []

    def on_start(self, solver):
        self.told.append(("start", solver.iter))

    def on_gradients_ready(self, solver):
        blob = solver.net.params["out"][0]
        blob.diff[...] *= 2
        self.told.append(("gradients", solver.iter, blob.look("diff").copy().tolist()))

    def on_iteration(self, solver, loss):
        self.told.append(("iteration", solver.iter, loss))

    def on_display(self, solver, progress):
        self.told.append(("display", progress.iteration, progress.loss, progress.outputs, progress.rate))


def test_listeners_hear_of_every_iteration(folder):
    solvers, heard = twins(folder, "logistic", "momentum: 0.9"), [Heard(), Heard()]
    for one, ear in zip(solvers, heard, strict=True):
        one.listeners.append(ear)
        one.step(15)
    assert traces(solvers[0])
    assert heard[0].told == heard[1].told
    assert [told[1] for told in heard[0].told if told[0] == "start"] == list(range(15))
    same(*solvers)


def test_hooks_hear_of_every_layer(folder):
    solver = solver_of(folder, "logistic")
    solver.step(5)
    heard = []
    solver.net.before_forward.append(lambda index: heard.append(("forward", index)))
    solver.net.after_backward.append(lambda index: heard.append(("backward", index)))
    solver.step(2)
    count = len(solver.net.layers)
    assert heard == 2 * [*(("forward", k) for k in range(count)), *(("backward", k) for k in reversed(range(count)))]


@pytest.mark.parametrize("wrong", [2, -1, np.nan])
@pytest.mark.parametrize(("net", "at_fault"), [("logistic", "loss"), ("hidden", "acc")])
def test_a_label_that_is_no_class_is_told_with_its_layer(folder, net, at_fault, wrong):
    with h5py.File("rows.h5", "r+") as file:
        labels = file["label"]
        assert isinstance(labels, h5py.Dataset)
        labels[63] = wrong
    solvers, messages = twins(folder, net, "momentum: 0.9"), []
    for one in solvers:
        one.param.test_interval = 0
        one.step(6)
        assert one is solvers[1] or traces(one)
        with pytest.raises(DefinitionError, match="at place 3") as raised:
            one.step(1)
        assert raised.value.layer == at_fault
        messages.append(str(raised.value))
    assert messages[0] == messages[1] and "net.prototxt" in messages[0]
    same(*solvers)
    for _ in range(8):
        for one in solvers:
            one.step(1)
        same(*solvers)
    assert traces(solvers[0])


class Meddler:
    """What people do between two iterations, to both solvers alike."""

    def __init__(self, solvers, random):
        self.solvers, self.random, self.held = solvers, random, []

    def on_both(self, do):
        for one in self.solvers:
            do(one)

    def blob(self):
        names = [name for name in self.solvers[0].net.blobs if not name.startswith("loss")]
        return names[self.random.integers(len(names))]

    def hold_a_blob(self):
        name = self.blob()
        self.held.append([one.net.blobs[name].data for one in self.solvers])

    def hold_a_diff(self):
        name = self.blob()
        self.held.append([one.net.blobs[name].diff for one in self.solvers])

    def hold_weights(self):
        self.held.append([one.net.params["out"][0].data for one in self.solvers])

    def let_go(self):
        self.held.clear()

    def change_weights(self):
        self.on_both(lambda one: one.net.params["out"][0].data.__imul__(0.9))

    def change_history(self):
        self.on_both(lambda one: one.history[0][0].data.__imul__(0.5))

    def other_loss_weight(self):
        self.on_both(lambda one: one.net.blobs["loss"].diff.__imul__(1.1))

    def forward(self):
        self.on_both(lambda one: one.net.forward())

    def both(self):
        self.on_both(lambda one: one.net.forward_backward())

    def backward(self):
        self.on_both(lambda one: one.net.backward())

    def a_part(self):
        self.on_both(lambda one: one.net.forward(1, 2))

    def one_by_one(self):
        self.on_both(lambda one: [one.net.forward_layer(index) for index in range(len(one.net.layers))])

    def hook(self):
        def do(one):
            one.net.before_backward.append(lambda index: None)
            one.step(1)
            one.net.before_backward.clear()

        self.on_both(do)

    def debug(self):
        self.on_both(lambda one: setattr(one.param, "debug_info", not one.param.debug_info))

    def another_rate(self):
        self.on_both(lambda one: setattr(one.param, "base_lr", 0.9 * one.param.base_lr))

    def another_row(self):
        self.on_both(lambda one: one.net.layers[0].seek(7) if one.net.layers[0].position is not None else None)

    def test(self):
        self.on_both(lambda one: one.test_all())

    def another_net(self):
        self.on_both(lambda one: one.test_nets[0].reshape())


DOINGS = [name for name in vars(Meddler) if name not in ("on_both", "blob") and not name.startswith("_")]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("net", NETS)
def test_whatever_people_do_the_numbers_are_the_same(folder, net, seed):
    solvers = twins(folder, net, f"momentum: 0.9 iter_size: {1 + seed % 2}")
    random = np.random.default_rng(seed)
    meddler, traced = Meddler(solvers, random), 0
    for _ in range(30):
        for _ in range(random.integers(0, 3) if random.random() < 0.4 else 0):
            getattr(meddler, DOINGS[random.integers(len(DOINGS))])()
        count = int(random.integers(1, 4))
        traced += bool(traces(solvers[0]))
        for one in solvers:
            one.step(count)
        if random.random() < 0.7:
            same(*solvers)
    same(*solvers)
    assert traced
