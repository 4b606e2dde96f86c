"""A session on the GPU: however it is driven and edited, the numbers are those of one by layer."""

import numpy as np
import pytest

from brewbench import open as open_bench
from brewbench.engine import backend, get_solver, replay
from brewbench.engine.gpu import device, step
from brewbench.engine.memory import HOST
from brewbench.proto import Document
from brewbench.widgets.bench import Bench
from brewbench.workbench.livenet import LiveNet
from brewbench.workbench.session import Session
from brewbench.workbench.walkthrough import Walkthrough

NET = """
layer {
  name: "x"
  type: "DummyData"
  top: "x"
  dummy_data_param { shape { dim: 4 dim: 6 } data_filler { type: "gaussian" std: 1 } }
}
layer {
  name: "ip"
  type: "InnerProduct"
  bottom: "x"
  top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } }
}
layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" }
layer { name: "sum" type: "Reduction" bottom: "ip" top: "sum" loss_weight: 0.1 reduction_param { operation: SUMSQ } }
"""
SOLVER = """
base_lr: 0.1
momentum: 0.9
lr_policy: "fixed"
max_iter: 100
random_seed: 11
snapshot_after_train: false
"""
PATIENCE = 60


@pytest.fixture
def session(gpu, monkeypatch):
    monkeypatch.setattr(backend, "_chosen", backend.Backend("gpu", precision="ieee"))
    live = LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(SOLVER, "solver"))
    with Session(live, interval=0.001) as one:
        yield one


def weights_by_layer(iterations):
    solver = get_solver(Document.parse(SOLVER, "solver"), Document.parse(NET, "net"), backend=backend.backend_of(None))
    solver.net.before_forward.append(lambda index: None)
    solver.step(iterations)
    return solver.net.params["ip"][0].data.copy()


def wait(session):
    assert session.wait(PATIENCE)
    assert session.state != "failed"


def test_a_session_trains_by_captured_steps(session):
    session.step(6)
    wait(session)
    assert session.solver._captured.launched == 5
    np.testing.assert_array_equal(session.solver.net.params["ip"][0].data, weights_by_layer(6))


def test_stepping_through_the_layers_changes_no_number(session):
    session.step(3)
    session.step_forward(2)
    session.step_backward(3)
    session.step(2)
    wait(session)
    session.step(2)
    wait(session)
    np.testing.assert_array_equal(session.solver.net.params["ip"][0].data, weights_by_layer(session.iteration))


def test_an_edit_is_captured_anew_and_keeps_the_weights(session):
    session.step(4)
    wait(session)
    before, solver = session.solver.net.params["ip"][0].data.copy(), session.solver
    session.live.document.set(("layer", 1, "inner_product_param", "num_output"), 7)
    session.step(1)
    wait(session)
    assert session.solver is not solver
    session.step(4)
    wait(session)
    assert session.solver._captured.launched > 0
    assert session.solver.net.params["ip"][0].shape == (7, 6) and before.shape == (5, 6)


def test_the_rate_changes_in_a_live_session_without_another_capture(session):
    session.step(4)
    wait(session)
    parts = session.solver._captured.program.parts
    session.set("base_lr", 0.01)
    session.step(3)
    wait(session)
    assert session.solver._captured.program.parts is parts and session.solver.rate == pytest.approx(0.01)


EXACT = backend.Backend("gpu", precision="ieee")


@pytest.mark.parametrize("interval, most", [(1e6, 1), (0.0, 40)])
def test_losses_are_read_when_they_are_shown_and_every_one_is_kept(gpu, interval, most, monkeypatch):
    waits, waiting = [], step.LossToCome.__float__
    monkeypatch.setattr(
        step.LossToCome, "__float__", lambda self: (waits.append(1) if self.slots else None, waiting(self))[1]
    )
    text, curves = SOLVER + "average_loss: 7\n", []
    for place, every in (("cpu", 0.001), (EXACT, interval)):
        live = LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(text, "solver"), backend=place)
        with Session(live, interval=every) as session:
            session.timeline.is_on = False  # a state that is kept reads them, too
            session.step(30)
            wait(session)
            assert len(session.history) == 30
            session.step(10)
            wait(session)
            curves.append(session.history.train.rows.copy())
    assert 0 < len(waits) <= 2 * most  # once for each time that it came to rest, or for each iteration
    assert curves[1]["iteration"].tolist() == list(range(40))
    for field in ("loss", "smoothed", "rate"):
        np.testing.assert_allclose(curves[1][field], curves[0][field], 1e-4)


def test_what_was_noted_is_kept_before_the_history_is_cut(session):
    session._recorder.interval = 1e6
    session.step(12)
    session.rewind()
    session.step(3)
    wait(session)
    assert session.history.iterations.tolist() == [0, 1, 2] and not session._recorder._coming


def all_of(solver):
    """Everything that a solver holds between two iterations, bit for bit."""
    blobs = [blob for blobs in solver.net.params.values() for blob in blobs]
    history = [blob for slot in solver.history for blob in slot]
    values = [blob.look(part).copy() for blob in (*blobs, *history) for part in ("data", "diff")]
    return [*values, solver.iter, solver.net.context.passes, solver.net.context.seed, solver.smoothed_loss]


def test_a_session_moves_to_the_device_and_back_with_all_it_holds(gpu):
    live = LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(SOLVER, "solver"), backend="cpu")
    with Session(live, interval=0.001) as session:
        for place, name in ((EXACT, "gpu"), ("cpu", "cpu"), (EXACT, "gpu")):
            session.step(3)
            wait(session)
            session.step_forward(2)
            wait(session)
            before, solver = all_of(session.solver), session.solver
            session.move_to(place)
            assert session.solver is not solver and session.solver.backend.name == name and session.cursor is None
            for mine, theirs in zip(all_of(session.solver), before, strict=True):
                np.testing.assert_array_equal(mine, theirs)
        session.step(3)
        wait(session)
        assert session.iteration == 12 and session.solver._captured.launched == 2
        moved = session.solver.net.params["ip"][0].data.copy()
    stayed = get_solver(Document.parse(SOLVER, "solver"), Document.parse(NET, "net"), backend="cpu")
    stayed.step(12)
    np.testing.assert_allclose(moved, stayed.net.params["ip"][0].data, 1e-4, 1e-6)


STEADY = """
layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 4 dim: 3 dim: 8 dim: 8 }
  data_filler { type: "gaussian" std: 1 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "conv"
  convolution_param { num_output: 16 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "sum" type: "Reduction" bottom: "ip" top: "sum" loss_weight: 0.1 reduction_param { operation: SUMSQ } }
"""


def test_passes_are_written_down_on_the_host_alone_and_anew_after_every_move(gpu):
    stayed = get_solver(Document.parse(SOLVER, "solver"), Document.parse(STEADY, "net"), backend="cpu")
    stayed.step(30)
    able = isinstance(stayed.net._program, replay.Program)  # where kernels can be made
    live = LiveNet(Document.parse(STEADY, "net"), solver_document=Document.parse(SOLVER, "solver"), backend="cpu")
    with Session(live, interval=0.001) as session:
        for turn, place in enumerate(("cpu", EXACT, "cpu", EXACT, "cpu")):
            if turn:
                session.move_to(place)
                assert session.solver.net._program is None  # nothing of what the net before has written down
            session.step(6)
            wait(session)
            program = session.solver.net._program
            assert isinstance(program, replay.Program) == (able and place == "cpu")
            assert not able or place != "cpu" or program.stretches["forward"]
            assert place == "cpu" or session.solver._captured.launched >= 4
        moved = [blob.data.copy() for blobs in session.solver.net.params.values() for blob in blobs]
    for mine, theirs in zip(moved, (blob.data for blobs in stayed.net.params.values() for blob in blobs), strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-3, 1e-5)


def test_a_session_that_runs_does_not_move(gpu):
    live = LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(SOLVER, "solver"))
    with Session(live, interval=0.001) as session:
        session.set("max_iter", 1_000_000)
        session.step(1)
        wait(session)
        session.play()
        with pytest.raises(RuntimeError, match="running: pause it"):
            session.move_to("gpu")
        session.pause()
        wait(session)
        assert live.net.context.place is HOST
        session.move_to("gpu")
        assert live.backend.name == "gpu" and live.net.context.place is gpu


def test_a_net_that_cannot_be_built_there_stays_where_it_is(host_device, monkeypatch):
    live = LiveNet(Document.parse(NET, "net"))
    live.build()
    net = live.net
    monkeypatch.setattr(LiveNet, "_make", lambda *_: (_ for _ in ()).throw(MemoryError("the GPU has no room")))
    with pytest.raises(MemoryError, match="no room"):
        live.move_to("gpu")
    assert live.net is net and live.backend.name == "cpu"


def test_a_walkthrough_moves_with_its_weights(gpu):
    live = LiveNet(Document.parse(NET, "net"))
    walk = Walkthrough(live)
    walk.step_forward(3)
    weights, passes = live.net.params["ip"][0].data.copy(), live.net.context.passes
    walk.move_to("gpu")
    assert live.net.context.place is gpu and live.net.context.passes == passes and walk.state == "idle"
    np.testing.assert_array_equal(live.net.params["ip"][0].data, weights)
    walk.forward()
    assert walk.error is None


def test_a_bench_offers_the_device_and_moves_to_it(gpu):
    bench = Bench(LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(SOLVER, "solver")))
    try:
        assert bench.stepper._status["device"] == "cpu" and bench.stepper._status["no_gpu"] == ""
        bench.session.step(3)
        wait(bench.session)
        before = bench.net.params["ip"][0].data.copy()
        bench.stepper._page_command({"name": "device", "arguments": ["gpu"]}, None)
        assert bench.stepper._status["device"] == "gpu" and bench.net.context.place is gpu
        np.testing.assert_array_equal(bench.net.params["ip"][0].data, before)
    finally:
        bench.close()


def test_a_bench_may_begin_on_the_device(gpu):
    bench = open_bench(Document.parse(SOLVER, "solver"), Document.parse(NET, "net"), backend="gpu")
    try:
        assert bench.net.context.place is gpu and bench.stepper._status["device"] == "gpu"
        bench.session.step(2)
        wait(bench.session)
    finally:
        bench.close()


def test_without_a_device_the_bench_says_why_and_refuses(monkeypatch):
    def missing(number=0):
        raise RuntimeError("there is no NVIDIA GPU to compute on")

    monkeypatch.setattr(device, "device", missing)
    with pytest.raises(RuntimeError, match="no NVIDIA GPU"):
        open_bench(Document.parse(SOLVER, "solver"), Document.parse(NET, "net"), backend="gpu")
    bench = open_bench(Document.parse(SOLVER, "solver"), Document.parse(NET, "net"))
    try:
        assert bench.stepper._status["no_gpu"] == "there is no NVIDIA GPU to compute on"
        with pytest.raises(RuntimeError, match="no NVIDIA GPU"):
            bench.session.move_to("gpu")
        assert bench.live.backend.name == "cpu"
    finally:
        bench.close()


def test_a_return_to_a_kept_state_repeats(session):
    session.timeline.share = float("inf")
    session.step(6)
    wait(session)
    before, losses = all_of(session.solver), session.history.loss.copy()
    session.go_back(2)
    wait(session)
    assert session.iteration == 2 and session.timeline.iterations == [0, 1, 2, 3, 4, 5, 6]
    session.to(6)
    wait(session)
    np.testing.assert_allclose(session.history.loss, losses, 1e-6)
    for mine, theirs in zip(all_of(session.solver), before, strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-5, 1e-7)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, where it stands in for the device
def test_a_loss_that_is_not_finite_halts_the_session(session):
    session.step(2)
    wait(session)
    with session.still():
        session.live.net.params["ip"][0].data[0, 0] = np.inf
    session.step(5)
    wait(session)
    assert session.not_finite is not None and session.not_finite.layer == "ip" and session.iteration < 7
