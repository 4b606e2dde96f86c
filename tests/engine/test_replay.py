"""Passes that run again without Python give, bit for bit, what Python gives, whatever people do in between."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, Net, get_solver
from brewbench.engine.replay import Program
from brewbench.engine.threads import using
from brewbench.proto import Document

DATA = 'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {shape} }} }} }}\n'
LABEL = 'layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 4 } } }\n'
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "%s" bottom: "label" top: "loss" }\n'
PIXELS = DATA.format(shape="dim: 4 dim: 3 dim: 16 dim: 16")
NAMED = 'param { name: "w" } param { name: "v" }'
CODE = {"kernel", "last_kernel", "last_rows", "last_columns", "corner"}  # fields of records that point to kernels
FILLED = 'weight_filler { type: "xavier" } bias_filler { type: "uniform" min: -0.5 max: 0.5 }'


def layer(name, type, bottom, top, settings=""):
    bottoms = " ".join(f'bottom: "{one}"' for one in bottom.split())
    tops = " ".join(f'top: "{one}"' for one in top.split())
    return f'layer {{ name: "{name}" type: "{type}" {bottoms} {tops} {settings} }}\n'


def conv(name, bottom, outputs, kernel, rest=""):
    settings = f"num_output: {outputs} kernel_size: {kernel} {rest} {FILLED}"
    return layer(name, "Convolution", bottom, name, f"convolution_param {{ {settings} }}")


def ip(name, bottom, outputs, param=""):
    settings = f"inner_product_param {{ num_output: {outputs} {FILLED} }} {param}"
    return layer(name, "InnerProduct", bottom, name, settings)


NETS = {
    "plain": PIXELS + LABEL + conv("a", "data", 20, 3, "pad: 1") + layer("r", "ReLU", "a", "a")
    + layer("p", "Pooling", "a", "p", "pooling_param { kernel_size: 3 stride: 2 }") + layer("n", "LRN", "p", "n")
    + conv("b", "n", 32, 3, "pad: 1 group: 1") + layer("s", "Sigmoid", "b", "s") + ip("c", "s", 24)
    + layer("t", "TanH", "c", "t") + ip("d", "t", 10) + LOSS % "d",
    "branches": PIXELS + LABEL + conv("a", "data", 16, 3) + layer("r", "ReLU", "a", "a") + conv("b", "a", 16, 1)
    + conv("c", "a", 24, 3, "pad: 1") + layer("cc", "Concat", "b c", "cc") + conv("d", "cc", 16, 3, "stride: 2")
    + conv("e", "cc", 16, 3, "stride: 2") + layer("sum", "Eltwise", "d e", "sum") + layer("rs", "ReLU", "sum", "sum")
    + layer("g", "Pooling", "sum", "g", "pooling_param { pool: AVE global_pooling: true }") + ip("f", "g", 10)
    + LOSS % "f",
    "normed": PIXELS + LABEL + conv("a", "data", 16, 3, "bias_term: false") + layer("bn", "BatchNorm", "a", "a")
    + layer("sc", "Scale", "a", "a", "scale_param { bias_term: true }") + layer("r", "ReLU", "a", "a")
    + conv("b", "a", 32, 3, "group: 2 pad: 1") + layer("e", "ELU", "b", "b") + layer("fl", "Flatten", "b", "fl")
    + layer("sl", "Slice", "b", "s1 s2") + layer("m", "Eltwise", "s1 s2", "m", "eltwise_param { operation: PROD }")
    + layer("x", "Eltwise", "s1 s2", "x", "eltwise_param { operation: MAX }") + layer("cc", "Concat", "m x", "cc")
    + conv("up", "cc", 16, 2, "stride: 2").replace('"Convolution"', '"Deconvolution"')
    + ip("c", "up", 10) + ip("d", "fl", 10) + layer("y", "Eltwise", "c d", "y") + LOSS % "y",
    "inside": DATA.format(shape="dim: 1 dim: 16 dim: 9 dim: 9")
    + 'layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 1 } } }\n'
    + conv("a", "data", 16, 3, "pad: 1") + conv("b", "a", 32, 1) + layer("s", "Sigmoid", "a", "s")
    + layer("c1", "Concat", "b s", "c1") + conv("d", "c1", 16, 3, "pad: 1") + conv("e", "c1", 24, 5, "pad: 2")
    + layer("p", "Pooling", "c1", "p", "pooling_param { kernel_size: 3 stride: 1 pad: 1 }")
    + layer("c2", "Concat", "d p e", "c2") + conv("g", "c2", 16, 1) + layer("c3", "Concat", "g d", "c3")
    + layer("t", "TanH", "c3", "c3") + ip("f", "c3", 10) + LOSS % "f",
    "twice": PIXELS + LABEL + conv("a", "data", 16, 3) + layer("s", "Sigmoid", "a", "s")
    + layer("cc", "Convolution", "a s", "c1 c2", f"convolution_param {{ num_output: 32 kernel_size: 3 {FILLED} }}")
    + layer("y", "Eltwise", "c1 c2", "y") + ip("f", "y", 10) + LOSS % "f",
    "recurrent": DATA.format(shape="dim: 4 dim: 16 dim: 12")
    + 'layer { name: "marks" type: "Input" top: "marks" input_param { shape { dim: 4 dim: 16 } } }\n'
    + 'layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 4 } } }\n'
    + layer("a", "LSTM", "data marks", "a", f"recurrent_param {{ num_output: 20 {FILLED} }}")
    + layer("b", "RNN", "a marks", "b", f"recurrent_param {{ num_output: 24 {FILLED} }}") + ip("f", "b", 10)
    + LOSS % "f",
    "shared": PIXELS + LABEL + conv("a", "data", 16, 3)
    + layer("p", "Pooling", "a", "p", "pooling_param { kernel_size: 2 }") + ip("b", "p", 20, NAMED)
    + ip("c", "p", 20, NAMED) + layer("dr", "Dropout", "c", "dr")
    + layer("y", "Eltwise", "b dr", "y") + ip("f", "y", 10) + LOSS % "f",
}  # fmt: skip


def twins(text, phase):
    """Two nets of the same numbers, of which the second leaves every pass to Python and has all blobs apart."""
    made = [Net(Document.parse(text, "net"), phase, seed=1) for _ in range(2)]
    made[1].replay = False  # pyright: ignore[reportAttributeAccessIssue]
    if text is NETS["inside"]:  # no layers are fused here, which would round otherwise
        made[1].fuse = False  # pyright: ignore[reportAttributeAccessIssue]
    random = np.random.default_rng(0)
    fill(made, random)
    for one in made:
        if "bn" in one.params:
            for blob, value in zip(one.params["bn"], (0.1, 2, 1), strict=True):
                blob.data[...] = value
    return made, random


def fill(nets, random):
    shape = nets[0].blobs["data"].shape
    values = random.standard_normal(shape)
    labels = random.integers(0, 10, shape[0])
    for one in nets:
        one.blobs["data"].data[...] = values
        one.blobs["label"].data[...] = labels
        if "marks" in one.blobs:
            one.blobs["marks"].data[...] = labels[0] % 3 > 0


def same(nets, backward):
    ours, theirs = nets
    for name in ours.blobs:
        for part in ("data", "diff") if backward else ("data",):
            np.testing.assert_array_equal(ours.blobs[name].look(part), theirs.blobs[name].look(part), f"{name} {part}")
    for name, blobs in ours.params.items():
        for k, blob in enumerate(blobs):
            for part in ("data", "diff") if backward else ("data",):
                np.testing.assert_array_equal(blob.look(part), theirs.params[name][k].look(part), f"{name} {k} {part}")


class Meddler:
    """What people do between, before and after passes, to both nets alike."""

    def __init__(self, nets, random):
        self.nets, self.random, self.held = nets, random, []

    def on_both(self, do):
        for one in self.nets:
            do(one)

    def intermediate(self):
        names = [name for name in self.nets[0].blobs if name not in ("data", "label", "loss")]
        return names[self.random.integers(len(names))]

    def new_inputs(self):
        fill(self.nets, self.random)

    def hold_a_blob(self):
        name = self.intermediate()
        self.held.append([one.blobs[name].data for one in self.nets])

    def write_what_is_held(self):
        for arrays in self.held:
            for array in arrays:
                array.reshape(-1)[:5] *= 1.5

    def let_go(self):
        self.held.clear()

    def hold_weights(self):
        self.held.append([one.params["a"][0].data for one in self.nets])

    def change_weights(self):
        self.on_both(lambda one: one.params["a"][0].data.__imul__(0.9))

    def change_diffs(self):
        self.on_both(lambda one: one.params["a"][0].diff.__iadd__(0.5))

    def clear(self):
        self.on_both(lambda one: one.clear_param_diffs())

    def hook(self):
        def do(one):
            one.before_forward.append(lambda index: None)
            one.forward()
            one.before_forward.clear()

        self.on_both(do)

    def a_part(self):
        self.on_both(lambda one: (one.forward(0, 3), one.forward(4)))

    def meddle_half_way(self):
        last, name = self.random.integers(len(self.nets[0].layers) - 1), self.intermediate()
        for one in self.nets:
            one.forward(0, last)
            one.blobs[name].data[...] *= 1.5
            one.forward(last + 1)

    def one_by_one(self):
        self.on_both(lambda one: [one.forward_layer(index) for index in range(len(one.layers))])

    def back_by_one(self):
        self.on_both(lambda one: [one.backward_layer(index) for index in reversed(range(len(one.layers)))])

    def other_shape(self):
        shape = self.nets[0].blobs["data"].shape
        if len(shape) == 3:
            return
        images = 4 if shape[0] == 6 else 6
        for one in self.nets:
            one.blobs["data"].reshape(images, *shape[1:])
            one.blobs["label"].reshape(images)
        self.held.clear()
        fill(self.nets, self.random)
        self.on_both(lambda one: one.forward())

    def another_net(self):
        self.on_both(lambda one: Net(Document.parse(NETS["plain"], "net"), TEST, seed=2).forward())


DOINGS = [name for name in vars(Meddler) if name not in ("on_both", "intermediate") and not name.startswith("_")]


@pytest.mark.parametrize("phase", [TRAIN, TEST])
@pytest.mark.parametrize("name", NETS)
def test_quiet_passes_run_again_with_the_same_numbers(name, phase):
    nets, random = twins(NETS[name], phase)
    for _ in range(6):
        fill(nets, random)
        for one in nets:
            one.clear_param_diffs()
            one.forward()
            if phase == TRAIN:
                one.backward()
        same(nets, phase == TRAIN)
    program = nets[0]._program
    assert isinstance(program, Program)
    ways = {"forward", "backward"} if phase == TRAIN else {"forward"}
    assert set(program.stretches) == ways
    assert all(program.stretches[way] for way in ways)


def test_at_inference_the_second_pass_is_written_down_where_nothing_is_prepared():
    net = Net(Document.parse(PIXELS + LABEL + ip("a", "data", 10) + LOSS % "a", "net"), TEST, seed=1)
    for _ in range(2):
        net.forward()
    program = net.program
    assert not isinstance(program, Program) or list(program.stretches["forward"]) == [0]


def spans(stretch):
    """The memory that a stretch keeps: what it prepared, and the buffers it works on."""
    for array in (*stretch.kept, *(buffer for _, _, buffer in stretch.buffers)):
        while isinstance(array.base, np.ndarray):
            array = array.base
        first = array.__array_interface__["data"][0]
        yield first, first + array.nbytes


@pytest.mark.parametrize("phase", [TRAIN, TEST])
@pytest.mark.parametrize("name", NETS)
def test_what_is_written_down_keeps_the_memory_it_points_to(name, phase):
    net = twins(NETS[name], phase)[0][0]
    for _ in range(6):
        net.clear_param_diffs()
        net.forward()
        if phase == TRAIN:
            net.backward()
    stretches = [one for way in net._program.stretches.values() for one in way.values()]  # pyright: ignore
    assert stretches
    for stretch in stretches:
        kept = list(spans(stretch))
        for record in stretch.kept:
            for field in set(record.dtype.names or ()) - CODE:
                value = int(record[field][0])
                if value > 1 << 32:
                    assert any(first <= value <= end for first, end in kept), (record.dtype.names, field)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("phase", [TRAIN, TEST])
@pytest.mark.parametrize("name", NETS)
def test_whatever_people_do_the_numbers_are_the_same(name, phase, seed):
    nets, _ = twins(NETS[name], phase)
    random = np.random.default_rng(seed)
    meddler, replayed = Meddler(nets, random), 0
    for _ in range(40):
        for _ in range(random.integers(0, 3) if random.random() < 0.4 else 0):
            getattr(meddler, DOINGS[random.integers(len(DOINGS))])()
            if random.random() < 0.5:
                same(nets, phase == TRAIN)
        if random.random() < 0.5:
            meddler.clear()
        before = dict(nets[0]._program.stretches) if isinstance(nets[0]._program, Program) else {}
        for one in nets:
            one.forward()
        replayed += "forward" in before and bool(nets[0]._program.stretches)
        if random.random() < 0.2:
            meddler.write_what_is_held()
        backward = phase == TRAIN and random.random() < 0.8
        if backward:
            for one in nets:
                one.backward()
        if random.random() < 0.7:
            same(nets, phase == TRAIN)
    same(nets, phase == TRAIN)
    assert replayed


@pytest.mark.parametrize("iter_size", [1, 2])
def test_a_training_goes_the_same_way(tmp_path, iter_size, monkeypatch):
    (tmp_path / "net.prototxt").write_text(NETS["plain"])
    (tmp_path / "solver.prototxt").write_text(
        f'net: "{tmp_path / "net.prototxt"}" base_lr: 0.01 lr_policy: "step" stepsize: 4 gamma: 0.5 momentum: 0.9 '
        f"weight_decay: 0.001 iter_size: {iter_size} random_seed: 3 test_iter: 3 test_interval: 5 display: 3"
    )
    found = []
    for replay in (True, False):
        monkeypatch.setattr(Net, "replay", replay)
        solver = get_solver(str(tmp_path / "solver.prototxt"))
        random = np.random.default_rng(4)
        losses = []
        for _ in range(14):
            fill([solver.net, *solver.test_nets], random)
            solver.step(1)
            losses.append(solver.smoothed_loss)
        found.append([*losses, *(blob.look().copy() for blobs in solver.net.params.values() for blob in blobs)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_another_number_of_threads_gives_the_same(monkeypatch):
    nets, random = twins(NETS["branches"], TRAIN)
    for count in (1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1):
        fill(nets, random)
        for one in nets:
            with using(count):
                one.clear_param_diffs()
                one.forward()
                one.backward()
        same(nets, True)


def test_after_an_error_python_goes_on():
    nets, random = twins(NETS["plain"], TEST)
    for _ in range(4):
        for one in nets:
            one.forward()
    for one in nets:
        one.blobs["label"].data[...] = 99
        with pytest.raises(Exception, match="label"):
            one.forward()
    fill(nets, random)
    for _ in range(4):
        for one in nets:
            one.forward()
        same(nets, False)
