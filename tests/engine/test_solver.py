"""What a solver does around its updates: tests, requests, averages, several passes an iteration; and what it costs."""

import time
import tracemalloc

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, TRAIN, DefinitionError, Listener, Net, check_solver, get_solver
from brewbench.proto.messages import NetParameter, SolverParameter

NET = """
layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 4 dim: 3 } shape { dim: 4 dim: 2 }
  data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 2
  weight_filler { type: "gaussian" std: 0.3 } } }
layer { name: "extra" type: "Reduction" bottom: "ip" top: "extra" include { stage: "extra" } }
layer { name: "deep" type: "Power" bottom: "ip" top: "deep" include { phase: TEST min_level: 2 } }
layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" }
"""
SOLVER = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 6 random_seed: 5 snapshot_after_train: false '


def make(text="", net=NET):
    param = text_format.Parse(SOLVER + text, SolverParameter())
    return get_solver(param, text_format.Parse(net, NetParameter()))


class Recorder(Listener):
    """Notes what happens, and asks for something at a given moment."""

    def __init__(self, at=None, ask=None):
        self.events, self.shown, self.losses, self.at, self.ask = [], [], [], at, ask

    def note(self, solver, *event):
        self.events.append(event)
        if event == self.at:
            solver.request = self.ask

    def on_test_start(self, solver, net):
        self.note(solver, "testing", solver.iter, net)

    def on_test(self, solver, result):
        self.note(solver, "tested", solver.iter, result.net)

    def on_test_interrupted(self, solver, net):
        self.note(solver, "interrupted", solver.iter, net)

    def on_iteration(self, solver, loss):
        self.losses.append(loss)
        self.note(solver, "trained", solver.iter)

    def on_snapshot(self, solver, weights, state):
        self.note(solver, "saved", solver.iter)

    def on_display(self, solver, progress):
        self.shown.append(progress.loss)


def followed(solver, **asked):
    recorder = Recorder(**asked)
    solver.listeners.append(recorder)
    return recorder


TWO_TESTS = "test_iter: 2 test_iter: 3 test_interval: 2 test_state { stage: 'extra' } test_state { level: 2 } "


def test_a_request_to_stop_ends_the_test_at_hand_and_the_training():
    solver = make(TWO_TESTS)
    seen = followed(solver, at=("testing", 2, 0), ask="stop")
    assert solver.solve() is False
    assert solver.iter == 2 and solver.request is None
    assert seen.events[-3:] == [("trained", 2), ("testing", 2, 0), ("interrupted", 2, 0)]


def test_a_stop_between_two_batches_of_a_test_is_seen_before_the_next():
    solver = make("test_iter: 50 test_interval: 1")
    batches = []

    def stop_at_three(index):
        batches.append(index)
        if len(batches) == 3:
            solver.request = "stop"

    solver.test_nets[0].before_forward.append(lambda index: index == 0 and stop_at_three(index))
    assert solver.solve() is False
    assert (len(batches), solver.iter) == (3, 0)


def test_a_snapshot_asked_for_during_a_test_is_taken_at_once(tmp_path):
    solver = make(TWO_TESTS + f"snapshot_prefix: '{tmp_path / 'a'}'")
    seen = followed(solver, at=("testing", 2, 1), ask="snapshot")
    assert solver.solve() is True
    at = seen.events.index(("saved", 2))
    assert seen.events[at - 1 : at + 2] == [("testing", 2, 1), ("saved", 2), ("tested", 2, 1)]
    assert (tmp_path / "a_iter_2.caffemodel").exists()


@pytest.mark.parametrize(("ask", "trained"), [("stop", 3), ("snapshot", 6)])
def test_a_request_is_obeyed_after_the_iteration(ask, trained, tmp_path):
    solver = make(f"snapshot_prefix: '{tmp_path / 'a'}'")
    seen = followed(solver)
    solver.net.before_forward.append(lambda index: setattr(solver, "request", ask) if solver.iter == 2 else None)
    assert solver.solve() is (ask == "snapshot")
    assert solver.iter == trained
    assert (("saved", 3) in seen.events) is (ask == "snapshot")


def test_every_test_net_has_its_state_and_its_number_of_batches():
    solver = make(TWO_TESTS + "test_initialization: true test_compute_loss: true")
    first, second = solver.test_nets
    assert (first.outputs, second.outputs) == (["extra", "loss"], ["deep", "loss"])
    assert solver.net.outputs == ["loss"]
    assert first.params["ip"][0].data_memory is solver.net.params["ip"][0].data_memory
    seen = followed(solver)
    counts = [0, 0]
    for index, net in enumerate(solver.test_nets):
        net.before_forward.append(lambda layer, index=index: counts.__setitem__(index, counts[index] + (layer == 0)))
    solver.solve()
    tests = 4  # before iterations 0, 2, 4, and at the end
    assert counts == [2 * tests, 3 * tests]
    assert [event for event in seen.events if event[0] == "tested"][:2] == [("tested", 0, 0), ("tested", 0, 1)]


def test_no_test_before_training_unless_asked_for():
    solver = make("test_iter: 1 test_interval: 3 test_initialization: false")
    seen = followed(solver)
    solver.solve()
    assert [event for event in seen.events if event[0] == "tested"] == [("tested", 3, 0), ("tested", 6, 0)]


@pytest.mark.parametrize("computed", [True, False])
def test_the_loss_of_a_test_is_the_mean_over_its_batches(computed):
    solver = make(f"test_iter: 5 test_interval: 1 test_compute_loss: {str(computed).lower()}")
    losses = []
    solver.test_nets[0].after_forward.append(
        lambda index: losses.append(solver.test_nets[0].blobs["loss"].data.item()) if index == 2 else None
    )
    result = solver.test()
    assert len(losses) == 5
    np.testing.assert_allclose(result.values["loss"], np.mean(losses), 1e-6)
    if computed:
        np.testing.assert_allclose(result.loss, np.mean(losses), 1e-6)
    else:
        assert result.loss is None


def test_the_gradient_of_an_iteration_is_the_mean_over_its_passes():
    many, one = make("iter_size: 3"), make()
    passes, gradients = [], []
    many.net.after_forward.append(
        lambda index: passes.append(many.net.blobs["loss"].data.item()) if index == len(many.net.layers) - 1 else None
    )
    before = [blob.data.copy() for blob in many.net.params["ip"]]
    for blob, values in zip(one.net.params["ip"], before, strict=True):
        blob.data = values
    for k in range(3):  # the same rows, one pass after the other, without an update
        one.net.context.passes = k
        one.net.clear_param_diffs()
        one.net.forward()
        one.net.backward()
        gradients.append([blob.diff.copy() for blob in one.net.params["ip"]])
    seen = followed(many)
    many.step(1)
    np.testing.assert_allclose(seen.losses, np.mean(passes), 1e-6)
    for index, blob in enumerate(many.net.params["ip"]):
        mean = np.mean([gradient[index] for gradient in gradients], axis=0)
        np.testing.assert_allclose(blob.data, before[index] - 0.1 * mean, 1e-5, 1e-6)


def test_the_loss_shown_is_the_mean_of_the_last_iterations_of_one_step():
    solver = make("display: 1 average_loss: 3")
    seen = followed(solver)
    solver.step(5)
    wanted = [np.mean(seen.losses[max(0, k - 2) : k + 1]) for k in range(5)]
    np.testing.assert_allclose(seen.shown, wanted, 1e-6)
    solver.step(1)  # a step of its own starts anew
    np.testing.assert_allclose(seen.shown[-1], seen.losses[-1], 1e-6)


BIG = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 10 dim: 3 dim: 227 dim: 227 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" convolution_param {
  num_output: 96 kernel_size: 11 stride: 4 weight_filler { type: "gaussian" } } }
layer { name: "pool" type: "Pooling" bottom: "conv1" top: "pool" pooling_param { kernel_size: 9 stride: 9 } }
layer { name: "fc6" type: "InnerProduct" bottom: "pool" top: "fc6" inner_product_param {
  num_output: 9216 weight_filler { type: "xavier" } } }
layer { name: "fc7" type: "InnerProduct" bottom: "fc6" top: "fc7" inner_product_param {
  num_output: 4096 weight_filler { type: "xavier" } } }
"""


def test_a_net_as_large_as_caffenet_is_built_without_its_memory():
    tracemalloc.start()
    start = time.perf_counter()
    net = Net(text_format.Parse(BIG, NetParameter()), TRAIN)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert net.param_count > 60e6
    assert peak < 4e6
    assert seconds < 2
    assert not any(blob.data_memory.allocated for blob in (*net.blobs.values(), *net.params["fc6"]))


def test_a_net_that_only_tests_holds_no_gradients():
    solver = make("test_iter: 2 test_interval: 2")
    net = Net(text_format.Parse(NET, NetParameter()), TEST)
    net.forward()
    solver.solve()
    for each in (net, *solver.test_nets):
        blobs = [*each.blobs.values(), *(blob for layer in each.layers for blob in layer.blobs)]
        assert any(blob.data_memory.allocated for blob in blobs)
        assert not any(blob.diff_memory.allocated for blob in blobs)


def test_a_solver_without_tests_has_no_test_nets():
    solver = make()
    solver.solve()
    assert solver.test_nets == [] and solver.test_all() == []


def test_the_state_of_a_net_is_its_own_and_then_the_solvers():
    own = 'state { phase: TRAIN stage: "extra" }' + NET
    (net,) = make("test_iter: 1 test_interval: 2", own).test_nets
    assert (net.phase, net.outputs) == (TRAIN, ["extra", "loss"])
    (net,) = make("test_iter: 1 test_interval: 2 test_state { phase: TEST level: 2 }", own).test_nets
    assert (net.phase, net.outputs) == (TEST, ["deep", "extra", "loss"])


def test_a_test_of_no_batches_has_no_values():
    result = make("test_iter: 0 test_interval: 1 test_compute_loss: true").test()
    assert (result.outputs, result.loss) == ((), None)


def test_snapshots_that_cannot_be_written_are_refused_before_the_training(tmp_path):
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "solver.prototxt").write_text(
        f'{SOLVER}\nnet_param {{ {NET} }}\nsnapshot: 2\nsnapshot_prefix: "{tmp_path}/file/deep/a"\n'
    )
    with pytest.raises(DefinitionError, match="cannot be written") as caught:
        get_solver(tmp_path / "solver.prototxt")
    assert (caught.value.field, caught.value.line) == ("snapshot_prefix", 2 + NET.count("\n") + 2)
    assert not check_solver(tmp_path / "solver.prototxt")  # what is on the disk is no matter of the text

    prefix = f"snapshot_prefix: '{tmp_path}/file/deep/a'"
    make(prefix)  # nobody asks for snapshots on the way
    make(f"snapshot: 2 snapshot_prefix: '{tmp_path}/new/deep/a'").step(2)
    written = {path.name for path in (tmp_path / "new" / "deep").iterdir()}
    assert written == {"a_iter_2.caffemodel", "a_iter_2.solverstate"}
    assert {path.name for path in tmp_path.iterdir()} == {"file", "new", "solver.prototxt"}


def test_a_regularization_that_is_not_used_may_have_any_name():
    make("regularization_type: 'L3'").step(1)
    with pytest.raises(DefinitionError, match="must be L1 or L2"):
        make("regularization_type: 'L3' weight_decay: 0.1")


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ("momentum: 0.5 momentum2: 1", lambda step: (step == 0).all()),  # the correction is 0
        ("momentum: 0.5 momentum2: 1.5", lambda step: np.isnan(step).all()),  # the root of a negative number
        ("momentum: 1 momentum2: 0.5", lambda step: np.isnan(step).all()),  # 0 over 0
    ],
)
def test_adam_takes_any_momentum(fields, fits):
    solver = make(f"type: 'Adam' delta: 1e-8 {fields}")
    before = solver.net.params["ip"][0].data.copy()
    solver.step(1)
    assert fits(solver.net.params["ip"][0].data - before)
