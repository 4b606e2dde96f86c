"""Training on the GPU engine: the rules of the solvers, and the iteration that is captured as a graph."""

import gc
import io
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, Listener, Net, get_solver
from brewbench.engine.backend import Backend
from brewbench.engine.blob import Blob
from brewbench.engine.errors import DefinitionError
from brewbench.engine.gpu import feed, step
from brewbench.engine.gpu.ops import update
from brewbench.engine.layers.data import _prefetching
from brewbench.engine.memory import HOST
from brewbench.engine.ops.scratch import scratch
from brewbench.proto.messages import NetParameter, SolverParameter
from brewbench.workbench.cli.progress import Bar, SolverBar

NET = """
name: "small"
layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 4 dim: 2 dim: 9 dim: 9 }
  data_filler { type: "gaussian" std: 1 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "conv" param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 engine: CAFFE weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "norm" type: "LRN" bottom: "conv" top: "norm" lrn_param { local_size: 3 alpha: 0.1 } }
layer { name: "pool" type: "Pooling" bottom: "norm" top: "pool" pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "drop" type: "Dropout" bottom: "pool" top: "pool" }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "soft" type: "Softmax" bottom: "ip" top: "soft" }
layer { name: "out" type: "InnerProduct" bottom: "soft" top: "out" loss_weight: 0.3
  inner_product_param { num_output: 2 weight_filler { type: "gaussian" std: 3 } } }
"""

PARTS = "data", "diff"
SOLVER = 'base_lr: 0.05 lr_policy: "inv" gamma: 0.3 power: 0.75 weight_decay: 0.01 random_seed: 5'


def solver_of(backend, solver=SOLVER, net=NET, **fields):
    param = text_format.Parse(solver, SolverParameter())
    for name, value in fields.items():
        setattr(param, name, value)
    return get_solver(param, text_format.Parse(net, NetParameter()), backend=backend)


def values_of(solver):
    return [blob.data.copy() for blobs in solver.net.params.values() for blob in blobs]


class Losses(Listener):
    def __init__(self, solver):
        self.seen = []
        solver.listeners.append(self)

    def on_iteration(self, solver, loss):
        self.seen.append(loss)


@pytest.mark.parametrize("regularization", ["L1", "L2"])
@pytest.mark.parametrize("type", update.TYPES)
def test_the_rules_are_those_of_the_cpu(gpu, type, regularization):
    momentum = 0.0 if type in ("AdaGrad", "RMSProp") else 0.9
    fields = dict(type=type, momentum=momentum, regularization_type=regularization, rms_decay=0.9)
    results = []
    for backend in ("cpu", Backend("gpu", precision="ieee")):
        solver = solver_of(backend, **fields)
        losses = Losses(solver)
        solver.step(6)
        results.append((losses.seen, values_of(solver), [b.data.copy() for slot in solver.history for b in slot]))
    (losses, weights, history), (their_losses, their_weights, their_history) = results
    np.testing.assert_allclose(their_losses, losses, 1e-4)
    for mine, theirs in zip([*weights, *history], [*their_weights, *their_history], strict=True):
        np.testing.assert_allclose(theirs, mine, 2e-3, 2e-4)


def by_layer(solver):
    """Let every iteration run layer by layer."""
    solver.net.before_forward.append(lambda index: None)
    return solver


def captured_of(solver):
    return solver._captured


def test_a_captured_iteration_gives_what_one_by_layer_gives(gpu):
    graphed, eager = solver_of("gpu", momentum=0.9), by_layer(solver_of("gpu", momentum=0.9))
    seen, expected = Losses(graphed), Losses(eager)
    graphed.step(8)
    eager.step(8)
    assert captured_of(graphed).program.broken is None and captured_of(graphed).launched == 7
    assert captured_of(eager).launched == 0
    np.testing.assert_allclose(seen.seen, expected.seen, 1e-6)
    for mine, theirs in zip(values_of(graphed), values_of(eager), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert graphed.net.context.passes == eager.net.context.passes


def test_numbers_change_without_another_capture(gpu):
    solvers = solver_of("gpu", momentum=0.9), by_layer(solver_of("gpu", momentum=0.9))
    for solver in solvers:
        solver.step(3)
        graph = solver._captured.program.parts
        param = SolverParameter()
        param.CopyFrom(solver.param)
        param.base_lr, param.momentum, param.weight_decay = 0.01, 0.5, 0.1
        solver.change(param)
        solver.step(3)
        assert solver._captured.program.parts is graph
    for mine, theirs in zip(*map(values_of, solvers), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("limit", [0.0, 0.01, 100.0])
def test_gradients_are_clipped_in_the_captured_step(gpu, limit):
    found = same_by_layer(NET, clip_gradients=limit, momentum=0.9)
    assert found.launched == 5


def test_clipping_may_begin_and_end_between_two_iterations(gpu):
    solvers = solver_of("gpu", momentum=0.9), by_layer(solver_of("gpu", momentum=0.9))
    for solver in solvers:
        for limit in (-1, 0.02, -1):
            param = SolverParameter()
            param.CopyFrom(solver.param)
            param.clip_gradients = limit
            solver.change(param)
            solver.step(3)
    assert captured_of(solvers[0]).launched == 6 and captured_of(solvers[0]).why_not() is None
    for mine, theirs in zip(*map(values_of, solvers), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_what_is_written_on_the_host_between_two_iterations_counts(gpu):
    solvers = solver_of("gpu"), by_layer(solver_of("gpu"))
    for solver in solvers:
        solver.step(3)
        solver.net.params["ip"][0].data[...] = 0.25
        solver.step(2)
    assert captured_of(solvers[0]).launched == 4
    for mine, theirs in zip(*map(values_of, solvers), strict=True):
        np.testing.assert_array_equal(mine, theirs)


ASKED = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 4 dim: 6 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
"""
LOSS = """
layer { name: "l" type: "Reduction" bottom: "ip" top: "l" loss_weight: 0.1 reduction_param { operation: SUMSQ } }
"""


def test_an_array_that_was_handed_out_may_be_filled_while_the_device_still_computes(gpu):
    found = []
    for backend in ("cpu", Backend("gpu", precision="ieee")):
        solver = solver_of(backend, net=ASKED + LOSS)
        net = Net(text_format.Parse(ASKED, NetParameter()), TEST, seed=1, backend=backend)
        x, asked, seen = solver.net.blobs["x"].data, net.blobs["x"].data, []
        for k in range(8):
            x[...] = asked[...] = np.random.RandomState(k).randn(4, 6)
            solver.iterate()
            net.forward()
            asked[...] = -77
            seen.append(net.blobs["ip"].look().copy())
        found.append([*seen, *values_of(solver)])
    assert captured_of(solver).launched == 7
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(theirs, mine, 1e-4, 1e-5)


@pytest.mark.parametrize("failures", [1, 1000])
def test_where_a_graph_finds_no_room_the_step_runs_by_layer(failures, host_device, monkeypatch):
    machine, take, failed = host_device.machine, host_device.machine.take, []

    def full(host):
        if machine.current.captured is not None and len(failed) < failures:
            failed.append(host.nbytes)
            raise host_device.xp.cuda.memory.OutOfMemoryError("Out of memory allocating a few bytes")
        return take(host)

    solvers = solver_of("gpu", net=ASKED + LOSS), by_layer(solver_of("gpu", net=ASKED + LOSS))
    for solver in solvers:
        solver.net.blobs["x"].data = np.random.RandomState(0).randn(4, 6)
        solver.step(1)
    program = captured_of(solvers[0]).program
    program.alone.add(solvers[0].net.index_of("ip"))  # so that there are several graphs, and room for the first
    monkeypatch.setattr(machine, "take", full)
    for solver in solvers:
        solver.step(5)
    assert len(failed) == min(failures, 2)
    assert captured_of(solvers[0]).launched == (5 if failures == 1 else 0)
    assert (program.broken or "").startswith("" if failures == 1 else "there is no room for a graph: Out of memory")
    for mine, theirs in zip(*map(values_of, solvers), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_program_that_could_not_be_recorded_is_none(host_device, monkeypatch):
    solver = solver_of("gpu", net=ASKED + LOSS)
    solver.step(1)
    program = captured_of(solver).program
    program.alone.add(solver.net.index_of("ip"))
    with monkeypatch.context() as patch:
        patch.setattr(solver, "apply_scaled", lambda scale: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            solver.step(1)
    assert not program.captured
    solver.step(2)
    assert program.captured and captured_of(solver).launched == 2


def test_what_a_step_reads_and_writes_on_the_host_outlives_its_solver(host_device):
    solver = solver_of("gpu")
    solver.step(4)
    host_device.synchronize()
    solver.step(2)
    assert captured_of(solver).launched == 5
    del solver
    gc.collect()
    fresh = [host_device.host_array(size, np.dtype(np.float64)) for size in (step.RING, step.RING * len(step.FIELDS))]
    host_device.synchronize()
    assert not any(array.any() for array in fresh)


def test_a_blob_may_be_given_the_memory_of_another_between_two_passes(gpu):
    net = Net(text_format.Parse(ASKED, NetParameter()), TEST, seed=1, backend=Backend("gpu", precision="ieee"))
    net.blobs["x"].data = np.random.RandomState(0).randn(4, 6)
    for _ in range(3):
        net.forward()
    assert net._whole.launched == 2
    weight = net.params["ip"][0]
    other = Blob(weight.shape, np.float32, gpu)
    other.data = 2
    weight.share_data(other)
    for launched in (2, 3):
        net.forward()
        expected = np.repeat(2 * net.blobs["x"].look().sum(axis=1, keepdims=True), 5, axis=1)
        np.testing.assert_allclose(net.blobs["ip"].look(), expected, 1e-4, 1e-4)
        assert net._whole.launched == launched


WIDE = NET.replace('"DummyData" top: "x" dummy_data_param', '"Input" top: "x" input_param').replace(
    '\n  data_filler { type: "gaussian" std: 1 }', ""
)


def test_what_a_graph_works_in_stays_though_others_take_its_place(gpu):
    """Working memory that grows, and ops that are made anew, between two launches."""
    solvers = solver_of("gpu", net=WIDE, momentum=0.9), by_layer(solver_of("gpu", net=WIDE, momentum=0.9))
    for solver in solvers:
        net = solver.net
        net.blobs["x"].data = np.random.RandomState(0).randn(4, 2, 9, 9)
        solver.step(3)
        for slot, *kind in [key for key in net.context.scratch if isinstance(key, tuple)]:
            scratch(net.context, slot, (100_000,), *kind)
        op = weakref.ref(net.layers[net.index_of("norm")]._ops["lrn"][1])
        for count in (2, 4):
            net.blobs["x"].reshape(count, 2, 9, 9)
            net.reshape()
        assert op() is not net.layers[net.index_of("norm")]._ops["lrn"][1]
        net.blobs["x"].data = np.random.RandomState(0).randn(4, 2, 9, 9)
        gc.collect()
        gpu.synchronize()
        [gpu.allocate(1000, np.dtype(np.float32)) for _ in range(20)]
        solver.step(3)
    assert captured_of(solvers[0]).launched == 5
    for mine, theirs in zip(*map(values_of, solvers), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_losses_may_be_read_late(gpu, monkeypatch):
    monkeypatch.setattr(step, "RING", 4)
    graphed, eager = (solver_of("gpu", average_loss=50) for _ in range(2))
    by_layer(eager)
    graphed.step(20)
    eager.step(20)
    assert graphed.smoothed_loss == pytest.approx(eager.smoothed_loss, rel=1e-6)


def test_a_bar_does_not_let_the_device_be_waited_for_at_every_iteration(gpu):
    solver = solver_of("gpu")
    with Bar(total=9, file=io.StringIO(), mininterval=1e6) as bar:
        solver.listeners.append(SolverBar(bar))
        solver.step(9)
        assert bar.n == 9 and captured_of(solver).launched == 8
        assert sum(len(loss.slots) for loss in captured_of(solver)._pending) == 8


def test_another_shape_or_seed_is_captured_anew(gpu):
    text = NET.replace('"DummyData" top: "x" dummy_data_param', '"Input" top: "x" input_param').replace(
        '\n  data_filler { type: "gaussian" std: 1 }', ""
    )
    solver = solver_of("gpu", net=text)
    solver.net.blobs["x"].data = np.random.RandomState(0).randn(4, 2, 9, 9)
    solver.step(3)
    first = captured_of(solver).program.parts
    solver.net.context.seed += 1
    solver.step(1)
    second = captured_of(solver).program.parts
    solver.step(1)
    assert captured_of(solver).program.parts is second is not first


@pytest.mark.parametrize(
    "fields, reason",
    [
        (dict(debug_info=True, display=100), "debug_info"),
    ],
)
def test_some_iterations_run_by_layer(gpu, fields, reason):
    solver = solver_of("gpu", **fields)
    solver.step(3)
    assert captured_of(solver).launched == 0
    assert reason in captured_of(solver).why_not()


@pytest.mark.parametrize("fields", [{}, dict(clip_gradients=0.01), dict(type="Adam", momentum2=0.99)])
def test_the_passes_of_an_iteration_are_captured_one_by_one(gpu, fields):
    found = same_by_layer(NET, momentum=0.9, iter_size=4, **fields)
    assert found.launched == 5 * 4 and found.why_not() is None
    assert [part.start for part in found.program.parts] == [0, found.update]


def test_the_loss_of_several_passes_outlives_its_slots(gpu, monkeypatch):
    monkeypatch.setattr(step, "RING", 5)
    graphed, eager = (
        solver_of("gpu", iter_size=3, average_loss=50),
        by_layer(solver_of("gpu", iter_size=3, average_loss=50)),
    )
    graphed.step(9)
    eager.step(9)
    assert graphed.smoothed_loss == pytest.approx(eager.smoothed_loss, rel=1e-6)


def test_iter_size_may_change_between_two_iterations(gpu):
    solvers = solver_of("gpu", momentum=0.9), by_layer(solver_of("gpu", momentum=0.9))
    for solver in solvers:
        for size in (1, 3, 2, 1):
            param = SolverParameter()
            param.CopyFrom(solver.param)
            param.iter_size = size
            solver.change(param)
            solver.step(2)
    assert captured_of(solvers[0]).launched == 2 * 7 - 1
    for mine, theirs in zip(*map(values_of, solvers), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_users_layer_splits_each_pass(gpu, tmp_path, monkeypatch):
    (tmp_path / "layers_of_a_user.py").write_text(USER)
    monkeypatch.syspath_prepend(tmp_path)
    found = same_by_layer(in_the_middle(NET, PYTHON), momentum=0.9, iter_size=2)
    kinds = [part.graph is None for part in found.program.parts]
    assert kinds == [False, True, False, True, False, False] and found.launched == 10


PYTHON = """
layer { name: "twice" type: "Python" bottom: "pool" top: "twice"
  python_param { module: "layers_of_a_user" layer: "Twice" } }"""

USER = """
from brewbench import caffe

class Twice(caffe.Layer):
    def setup(self, bottom, top):
        self.runs = 0
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)
    def forward(self, bottom, top):
        top[0].data[...] = 2 * bottom[0].data
    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = 2 * top[0].diff
"""


GROWS = """
from brewbench import caffe

class Grows(caffe.Layer):
    runs = 0
    def setup(self, bottom, top):
        pass
    def reshape(self, bottom, top):
        top[0].reshape(4, 6 if self.runs >= 5 else 3)
    def forward(self, bottom, top):
        self.runs += 1
        self.reshape(bottom, top)
        top[0].data[...] = bottom[0].data[:, :3].mean()
    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = top[0].diff.mean()
"""
SIDED = ASKED + """
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 4 } } }
layer { name: "hinge" type: "HingeLoss" bottom: "ip" bottom: "label" top: "hinge" }
layer { name: "grows" type: "Python" bottom: "ip" top: "grows" python_param { module: "that_grows" layer: "Grows" } }
layer { name: "sum" type: "Reduction" bottom: "grows" top: "sum" loss_weight: 0.1 }
"""


def test_what_layers_keep_is_that_of_the_pass_wherever_it_stops_being_a_graph(gpu, tmp_path, monkeypatch):
    (tmp_path / "that_grows.py").write_text(GROWS)
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for backend in ("cpu", "gpu"):
        solver = solver_of(backend, net=SIDED)
        for k in range(7):
            solver.net.blobs["x"].data = np.random.RandomState(k).randn(4, 6)
            solver.net.blobs["label"].data = np.random.RandomState(k).randint(0, 5, 4)
            if k == 3:  # somebody looks on once
                by_layer(solver)
            solver.iterate()
            solver.net.before_forward.clear()
        found.append(values_of(solver))
    assert captured_of(solver).program.broken is None and captured_of(solver).launched >= 2
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(theirs, mine, 1e-4, 1e-5)


def in_the_middle(text, layer):
    """NET with a layer behind its pooling, whose top the layers above read."""
    before, after = NET.split('layer { name: "drop"')
    name = text_format.Parse(layer, NetParameter()).layer[0].top[0]
    return before + layer + ('layer { name: "drop"' + after).replace('"pool"', f'"{name}"')


def same_by_layer(text, iterations=6, **fields):
    """Train captured and by layer, hold one to the other, and return the captured step."""
    graphed, eager = solver_of("gpu", net=text, **fields), by_layer(solver_of("gpu", net=text, **fields))
    seen, expected = Losses(graphed), Losses(eager)
    graphed.step(iterations)
    eager.step(iterations)
    np.testing.assert_allclose(seen.seen, expected.seen, 1e-6)
    for mine, theirs in zip(values_of(graphed), values_of(eager), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert graphed.net.context.passes == eager.net.context.passes
    return captured_of(graphed)


def test_a_users_layer_splits_the_graph(gpu, tmp_path, monkeypatch):
    (tmp_path / "layers_of_a_user.py").write_text(USER)
    monkeypatch.syspath_prepend(tmp_path)
    found = same_by_layer(in_the_middle(NET, PYTHON), momentum=0.9)
    assert found.launched == 5 and found.why_not() is None
    kinds = [part.graph is None for part in found.program.parts]
    assert kinds == [False, True, False, True, False]  # up to it, it, the rest and back to it, it, the rest


def test_a_layer_that_looks_at_values_runs_by_itself(gpu):
    marks = """layer { name: "marks" type: "DummyData" top: "marks" dummy_data_param { shape { dim: 4 }
      data_filler { type: "constant" value: 1 } } }"""
    keep = 'layer { name: "keep" type: "Filter" bottom: "pool" bottom: "marks" top: "kept" }'
    found = same_by_layer(marks + in_the_middle(NET, keep))
    assert {found.net.layer_names[k] for k in found.program.alone} == {"keep"}
    assert found.launched == 4  # once by layer to begin with, once more to give the filter a second try


def test_shapes_that_change_from_pass_to_pass_let_the_net_run_by_layer(gpu):
    marks = """layer { name: "marks" type: "DummyData" top: "marks" dummy_data_param { shape { dim: 4 }
      data_filler { type: "uniform" min: -1 max: 1 } } }
    layer { name: "step" type: "Threshold" bottom: "marks" top: "step" }"""
    keep = 'layer { name: "keep" type: "Filter" bottom: "pool" bottom: "step" top: "kept" }'
    found = same_by_layer(marks + in_the_middle(NET, keep), 16)
    assert "'keep' gives its tops another shape" in found.why_not()


def test_layers_whose_sums_are_long_are_captured_too(gpu):
    text = in_the_middle(
        NET,
        """layer { name: "bn" type: "BatchNorm" bottom: "pool" top: "bn" }
    layer { name: "best" type: "ArgMax" bottom: "pool" top: "best" }
    layer { name: "end" type: "Silence" bottom: "best" }""",
    )
    found = same_by_layer(text)
    assert {found.net.layer_names[k] for k in found.program.alone} <= {"best"}  # sorting waits for its stream


def test_a_forward_pass_is_captured(gpu):
    text = NET.replace('data_filler { type: "gaussian" std: 1 }', 'data_filler { type: "uniform" max: 1 }')
    nets = [Net(text_format.Parse(text, NetParameter()), 0, seed=11, backend="gpu") for _ in range(2)]
    captured = step.CapturedForward(nets[0])
    for _ in range(4):
        captured.run()
        nets[1].forward()
        for name in ("pool", "ip", "out"):
            np.testing.assert_array_equal(nets[0].blobs[name].data, nets[1].blobs[name].data)
    assert captured.launched == 3 and nets[0].context.passes == nets[1].context.passes == 4


LOOKED_AT = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 dim: 5 dim: 5 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 4 } } }
layer { name: "norm" type: "Normalize" bottom: "x" top: "norm" norm_param { across_spatial: false } }
layer { name: "pool" type: "Pooling" bottom: "norm" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 6 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" loss_weight: 0.7 }
layer { name: "size" type: "Reduction" bottom: "ip" top: "size" loss_weight: 0.1
  reduction_param { operation: ASUM } }
"""


def test_a_net_in_test_runs_forward_as_one_with_the_same_loss_values_and_gradients(gpu):
    captured, eager = (Net(text_format.Parse(LOOKED_AT, NetParameter()), seed=3, backend="gpu") for _ in range(2))
    eager.before_forward.append(lambda index: None)
    draw = np.random.RandomState(0)

    def compare(run, batch=4):
        image, label = draw.randn(batch, 3, 5, 5), draw.randint(0, 6, batch)
        found = []
        for net in (captured, eager):
            net.blobs["x"].reshape(batch, 3, 5, 5)
            net.blobs["label"].reshape(batch)
            net.blobs["x"].data, net.blobs["label"].data = image, label
            losses = run(net)
            net.clear_param_diffs()
            net.backward()
            values = [net.blobs[name].look(part).copy() for name in ("norm", "ip", "size", "x") for part in PARTS]
            found.append((losses, [*values, net.params["ip"][0].diff.copy(), net.context.passes]))
        assert found[0][0] == found[1][0]
        for mine, theirs in zip(*(values for _, values in found), strict=True):
            np.testing.assert_array_equal(mine, theirs)

    last = len(captured.layers) - 1
    captured.clear_param_diffs()  # which moves the parameters together
    for _ in range(3):
        compare(Net.forward)
    whole = captured.as_one()
    assert whole.launched == 2
    compare(lambda net: [net.forward(0, 3), net.forward(4, last)])  # whoever runs a part of it runs by layer
    assert whole.launched == 2
    compare(Net.forward)  # what backward needs may be elsewhere by now
    assert whole.launched == 2
    compare(Net.forward)
    assert whole.launched == 3
    for batch in (2, 2, 2, 4):
        compare(Net.forward, batch)
    assert whole.launched == 5
    captured.after_forward.append(lambda index: None)
    compare(Net.forward)
    captured.after_forward.clear()
    captured.debug_info = True
    compare(Net.forward)
    captured.debug_info = False
    assert captured.as_one() is whole and whole.launched == 5


def test_weights_shared_later_are_the_ones_a_captured_pass_uses(gpu):
    mine, theirs = (Net(text_format.Parse(LOOKED_AT, NetParameter()), seed=k, backend="gpu") for k in (3, 4))
    for net in (mine, theirs):
        net.blobs["x"].data = 1 + np.arange(300).reshape(4, 3, 5, 5)
        for _ in range(3):
            net.forward()
    assert mine.as_one().launched == 2
    mine.share_with(theirs)
    for _ in range(3):
        assert mine.forward() == theirs.forward()
    np.testing.assert_array_equal(mine.blobs["ip"].data, theirs.blobs["ip"].data)


def test_a_net_in_training_runs_by_layer_where_no_solver_captures_it(gpu):
    assert Net(text_format.Parse(LOOKED_AT, NetParameter()), 0, backend="gpu").as_one() is None


def test_dropout_draws_the_same_mask_on_both_backends(gpu):
    text = """layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 50 dim: 7 } } }
    layer { name: "drop" type: "Dropout" bottom: "x" top: "y" dropout_param { dropout_ratio: 0.3 } }"""
    found = []
    for backend in ("cpu", "gpu"):
        net = Net(text_format.Parse(text, NetParameter()), 0, seed=11, backend=backend)
        net.blobs["x"].data = 1
        for _ in range(3):
            net.forward()
            found.append(net.blobs["y"].data.copy())
    for k in range(3):
        np.testing.assert_array_equal(found[k], found[k + 3])
    assert (found[0] != found[1]).any()


def test_a_net_of_array_module_layers_is_captured_too(gpu):
    """With a loss and a split, which are CuPy's own kernels."""
    text = (
        NET
        + """
    layer { name: "label" type: "DummyData" top: "label" dummy_data_param { shape { dim: 4 } } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }"""
    )
    graphed, eager = solver_of("gpu", net=text), by_layer(solver_of("gpu", net=text))
    seen, expected = Losses(graphed), Losses(eager)
    graphed.step(6)
    eager.step(6)
    assert captured_of(graphed).program.broken is None and captured_of(graphed).launched == 5
    np.testing.assert_allclose(seen.seen, expected.seen, 1e-6)
    for mine, theirs in zip(values_of(graphed), values_of(eager), strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-6, 1e-7)


def test_an_array_that_somebody_keeps_follows_the_captured_step_and_is_followed(gpu):
    solvers = solver_of("gpu"), by_layer(solver_of("gpu"))
    for solver in solvers:
        solver.step(2)
        kept, seen = solver.net.params["ip"][0].data, []
        for _ in range(3):
            before = kept.copy()
            solver.step(1)
            assert (kept != before).any()
            seen.append(kept.copy())
            kept[...] *= 0.5
        solver.seen = seen
    assert captured_of(solvers[0]).launched == 4
    for mine, theirs in zip(solvers[0].seen, solvers[1].seen, strict=True):
        np.testing.assert_array_equal(mine, theirs)


DATA = """
layer { name: "data" type: "Data" top: "data" top: "label" data_param { source: "mnist_like_lmdb" backend: LMDB
  batch_size: 8 } transform_param { scale: 0.00390625 SETTINGS } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
FILES = Path(__file__).parents[2] / "golden" / "files"


@pytest.mark.parametrize("settings, kept", [("", True), ("mirror: true", False)])
def test_a_small_set_stays_on_the_device(gpu, settings, kept, monkeypatch, tmp_path):
    shutil.copytree(FILES / "mnist_like_lmdb", tmp_path / "mnist_like_lmdb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(feed, "BESIDE", 100)
    text = DATA.replace("SETTINGS", settings)
    graphed, eager = solver_of("gpu", net=text), by_layer(solver_of("gpu", net=text))
    for iterations in (2, 1, 5, 3):  # the set has 20 rows
        graphed.step(iterations)
        eager.step(iterations)
        for mine, theirs in zip(values_of(graphed), values_of(eager), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert graphed.net.layers[0].position == eager.net.layers[0].position
    own = captured_of(graphed).feeds[0]
    assert own.complete == kept and (graphed.net.layers[0]._prefetcher is None) == kept
    graphed.net.layers[0].seek(16)
    eager.net.layers[0].seek(16)
    graphed.step(2)
    eager.step(2)
    for mine, theirs in zip(values_of(graphed), values_of(eager), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    graphed.close()
    eager.close()


def test_a_small_set_that_finds_no_room_goes_on_being_copied(host_device, monkeypatch, tmp_path):
    shutil.copytree(FILES / "mnist_like_lmdb", tmp_path / "mnist_like_lmdb")
    monkeypatch.chdir(tmp_path)
    allocate = host_device.allocate

    def without_room(count, dtype):
        if count >= 20 * 784:
            raise MemoryError("no room")
        return allocate(count, dtype)

    monkeypatch.setattr(host_device, "allocate", without_room)
    graphed, eager = (
        solver_of("gpu", net=DATA.replace("SETTINGS", "")),
        solver_of("gpu", net=DATA.replace("SETTINGS", "")),
    )
    by_layer(eager)
    graphed.step(6)
    eager.step(6)
    for mine, theirs in zip(values_of(graphed), values_of(eager), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert captured_of(graphed).feeds[0].rows == 0 and captured_of(graphed).launched == 5


@pytest.mark.parametrize("prefetch", [1, 2, 4])
def test_a_large_set_is_not_kept_and_its_batches_arrive_beside_the_work(gpu, prefetch, monkeypatch, tmp_path):
    shutil.copytree(FILES / "mnist_like_lmdb", tmp_path / "mnist_like_lmdb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(feed, "BESIDE", 100)
    monkeypatch.setattr(feed, "KEPT", 1000)
    text = DATA.replace("SETTINGS", "").replace("batch_size: 8", f"batch_size: 8 prefetch: {prefetch}")
    graphed, eager = solver_of("gpu", net=text), by_layer(solver_of("gpu", net=text))
    graphed.step(9)
    eager.step(9)
    own = captured_of(graphed).feeds[0]
    assert not own.rows and own._inlets
    copied = graphed.net.blobs["data"].data_memory
    assert copied.held(HOST) is None and copied.valid == {gpu}  # straight from where the thread put it
    graphed.net.before_forward.append(lambda index: None)
    graphed.step(3)
    graphed.net.before_forward.clear()
    eager.step(3)
    kept = graphed.net.blobs["data"].data, eager.net.blobs["data"].data
    for _ in range(3):
        graphed.step(1)
        eager.step(1)
        np.testing.assert_array_equal(*kept)
    for mine, theirs in zip(values_of(graphed), values_of(eager), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    graphed.close()
    eager.close()


def test_a_bad_row_is_told_with_its_layer(gpu, monkeypatch, tmp_path):
    shutil.copytree(FILES / "mnist_like_lmdb", tmp_path / "mnist_like_lmdb")
    monkeypatch.chdir(tmp_path)
    solver = solver_of("gpu", net=DATA.replace("SETTINGS", ""))

    def fill(reader, batch):
        raise DefinitionError("row 3 is damaged.", "source")

    monkeypatch.setattr(_prefetching.Reader, "fill", fill)
    with pytest.raises(DefinitionError, match=r"layer 'data' .Data.: row 3 is damaged"):
        solver.step(1)
    solver.close()


def test_test_nets_are_captured_too(gpu):
    fields = dict(test_interval=2, snapshot_after_train=False, max_iter=100)
    results = []
    for eager in (False, True):
        param = text_format.Parse(SOLVER, SolverParameter())
        param.net_param.CopyFrom(text_format.Parse(NET, NetParameter()))
        param.test_iter.append(3)
        for name, value in fields.items():
            setattr(param, name, value)
        solver = get_solver(param, backend="gpu")
        if eager:
            by_layer(solver)
            solver.test_nets[0].before_forward.append(lambda index: None)
        found = []
        for _ in range(3):
            solver.step(2)
            found.append(solver.test(0).values)
        results.append(found)
        whole = solver.test_nets[0].as_one()
        assert whole is None if eager else whole.launched == 17  # of 18, the first by layer
    assert results[0] == results[1]


def test_stand_in_data_of_a_database_layer_is_no_database(gpu):
    """It has the type of the layer whose place it takes, but no rows to keep on the device."""
    net = """layer { name: "data" type: "Data" top: "data" top: "label"
      transform_param { crop_size: 8 force_gray: true } data_param { source: "gone" batch_size: 4 backend: LMDB } }
    layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
      inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }"""
    seen = []
    for backend in ("cpu", Backend("gpu", precision="ieee")):
        param = text_format.Parse(SOLVER, SolverParameter())
        solver = get_solver(param, text_format.Parse(net, NetParameter()), backend=backend, stand_in=True)
        losses = Losses(solver)
        solver.step(6)
        seen.append(losses.seen)
    assert captured_of(solver).launched == 5
    np.testing.assert_allclose(seen[1], seen[0], 1e-4)
