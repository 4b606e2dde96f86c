"""Session: played, paused, stepped or rewound, the numbers are those of the plain solver, and nothing kills it."""

import threading
import time
from contextlib import contextmanager

import h5py
import numpy as np
import pytest

from brewbench.engine import DefinitionError, Layer, Listener, get_solver
from brewbench.engine.layer import LAYERS
from brewbench.proto import Document
from brewbench.workbench.events import errors
from brewbench.workbench.livenet import LiveNet
from brewbench.workbench.session import Session
from brewbench.workbench.threads import leave_room

NET = """
layer {
  name: "rows"
  type: "HDF5Data"
  top: "data"
  top: "label"
  hdf5_data_param { source: "LIST" batch_size: 4 shuffle: true }
}
layer {
  name: "ip1"
  type: "InnerProduct"
  bottom: "data"
  top: "ip1"
  inner_product_param { num_output: 8 weight_filler { type: "xavier" } }
}
layer { name: "relu" type: "ReLU" bottom: "ip1" top: "ip1" }
layer {
  name: "drop"
  type: "Dropout"
  bottom: "ip1"
  top: "drop"
  dropout_param { dropout_ratio: 0.5 }
}
layer {
  name: "ip2"
  type: "InnerProduct"
  bottom: "drop"
  top: "ip2"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } }
}
layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
layer { name: "weight" type: "SoftmaxWithLoss" bottom: "ip1" bottom: "label" top: "more" loss_weight: 0.25 }
"""
SOLVER = """
base_lr: 0.1
momentum: 0.9
weight_decay: 0.01
lr_policy: "step"
stepsize: 3
gamma: 0.5
average_loss: 3
iter_size: 2
test_iter: 2
test_interval: 4
max_iter: 10
random_seed: 11
snapshot_after_train: false
"""
LONG = 1_000_000
PATIENCE = 60  # seconds that a waiting test waits before it fails


@pytest.fixture
def texts(tmp_path):
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["data"] = rng.normal(size=(26, 5)).astype(np.float32)
        file["label"] = rng.integers(0, 3, 26).astype(np.float32)
    (tmp_path / "list.txt").write_text(str(tmp_path / "rows.h5"))
    return NET.replace("LIST", str(tmp_path / "list.txt")), SOLVER


@pytest.fixture
def live(texts):
    net, solver = texts
    return LiveNet(Document.parse(net, "net"), solver_document=Document.parse(solver, "solver"))


@pytest.fixture
def session(live):
    with Session(live, interval=0.001) as one:
        yield one


class Losses(Listener):
    def __init__(self):
        self.heard = []

    def on_iteration(self, solver, loss):
        self.heard.append(loss)


def plain(texts, iterations):
    """Weights, history and losses of a solver that was simply stepped."""
    net, solver = texts
    one = get_solver(Document.parse(solver, "solver"), Document.parse(net, "net"))
    losses = Losses()
    one.listeners.append(losses)
    one.step(iterations)
    return state_of(one), losses.heard


def state_of(solver):
    blobs = [*(one.blob for one in solver.net.learnable), *solver.history[0]]
    return [*(blob.data.copy() for blob in blobs), np.array(solver.net.context.passes)]


def assert_same(session, texts, iterations):
    expected, losses = plain(texts, iterations)
    assert session.iteration == iterations
    for mine, theirs in zip(state_of(session.solver), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(session.history.loss, losses)


def finish(session):
    assert session.wait(PATIENCE)
    return session.state


# The same numbers, however it is driven


def test_play_is_the_plain_solver(session, texts):
    assert session.state == "idle"
    session.play()
    assert finish(session) == "finished"
    assert_same(session, texts, 10)


def test_single_steps_are_the_plain_solver(session, texts):
    for _ in range(3):
        session.step()
    session.step(7)
    assert finish(session) == "paused"
    assert_same(session, texts, 10)


def test_layer_steps_are_the_plain_solver(session, texts):
    """Twice forward and backward, iter_size being 2, then the update: three iterations of it."""
    cursors = []
    session.on_cursor.subscribe(cursors.append)
    while session.iteration < 3:
        session.step_forward()
        finish(session)
    assert_same(session, texts, 3)
    assert session.cursor.direction == "update"


@pytest.mark.parametrize("layers", range(1, 30, 4))
def test_a_half_stepped_iteration_is_completed(session, texts, layers):
    session.step_forward(layers)
    session.step(2)
    session.step_backward()
    session.play()
    assert finish(session) == "finished"
    assert_same(session, texts, 10)


def test_a_session_plays_past_max_iter_only_when_told(session, texts):
    tests = []
    session.on_test.subscribe(lambda result: tests.append(result.iteration))
    session.set("max_iter", 8)
    session.play()
    session.play()
    assert finish(session) == "finished"
    session.play()
    assert finish(session) == "finished"
    assert tests == [0, 4, 8]  # the last test, after max_iter, only once
    session.set("max_iter", 10)
    session.play()
    assert finish(session) == "finished"
    session.step(2)
    assert finish(session) == "paused"
    assert_same(session, texts, 12)


# Stepping


def test_the_cursor_goes_forward_then_backward_then_to_the_update(live, texts):
    live.solver_document.set(("iter_size",), 1)
    with Session(live) as session:
        seen = []
        for _ in range(12):
            session.step_forward()
            finish(session)
            seen.append((session.cursor.direction, session.cursor.layer))
        forward = ["rows", "ip1", "relu", "drop", "ip2", "loss", "weight"]
        backward = ["weight", "loss", "ip2", "drop", "relu", "ip1"]
        expected = [("forward", name) for name in forward] + [("backward", name) for name in backward]
        assert seen == (expected + [("update", None)])[:12]
        session.step_forward(2)
        finish(session)
        assert (session.cursor.direction, session.cursor.iteration, session.iteration) == ("update", 0, 1)
        session.step_forward()
        finish(session)
        assert (session.cursor.layer, session.cursor.iteration, session.cursor.origin) == ("rows", 1, 0)


def test_step_backward_finishes_the_way_forward_when_asked_twice(session):
    session.step_forward(2)
    session.step_backward()
    session.step_backward()
    finish(session)
    assert (session.cursor.direction, session.cursor.layer) == ("backward", "weight")
    assert session.live.net.blobs["ip2"].data.any()
    assert not session.live.net.params["ip1"][0].diff.any()
    session.step_backward(5)
    finish(session)
    assert session.cursor.layer == "ip1"
    assert session.live.net.params["ip1"][0].diff.any()


def test_pause_forgets_what_else_was_asked_for(session):
    started = threading.Event()
    session.on_progress.subscribe(lambda points: started.set())
    session.set("max_iter", LONG)
    session.play()
    assert started.wait(PATIENCE)
    session.pause()
    assert finish(session) == "paused"
    reached = session.iteration
    assert 0 < reached < LONG
    session.step()
    finish(session)
    assert session.iteration == reached + 1


def test_no_progress_is_told_where_there_is_none(session):
    told = []
    session.on_progress.subscribe(lambda points: told.append(len(points.rows)))
    session.step(2)
    finish(session)
    session._events.call(session._recorder.tell_progress)  # as when a point was told before its own telling
    assert session._events.courier.drain(PATIENCE)
    assert sum(told) == 2 and 0 not in told


def test_pause_breaks_off_a_test_however_long_it_is(session):
    testing = threading.Event()
    session.on_testing.subscribe(lambda batches: testing.set())
    session.live.solver_document.set(("test_iter",), [LONG])
    session.play()
    assert testing.wait(PATIENCE)
    session.pause()
    assert finish(session) == "paused"
    assert session.iteration == 0 and session.error is None


@pytest.mark.parametrize("when, layers", [(0, False), (4, False), (10, False), (0, True), (8, True)])
def test_a_test_that_was_broken_off_begins_anew(session, texts, when, layers):
    net, solver = texts
    solver += "display: 5"
    if when == 10:  # the test that concludes the training
        solver = solver.replace("test_interval: 4", "test_interval: 10")
    session.live.solver_document.replace(solver)
    session.live.build()
    heard, expected = [], []

    class Ear(Listener):
        def __init__(self, into):
            self.into = into

        def on_test(self, solver, result):
            self.into.append((result.iteration, result.values))

    one = get_solver(Document.parse(solver, "solver"), Document.parse(net, "net"))
    one.listeners.append(Ear(expected))
    one.solve()

    session.live.listeners.append(Ear(heard))
    (layer,) = [each for each in session.solver.test_nets[0].layers if each.name == "ip2"]
    forward, at = layer.forward, when

    def pausing(*blobs):
        nonlocal at
        if session.iteration == at:
            at = None
            session.pause()
        forward(*blobs)

    layer.forward = pausing
    if layers:
        session.step(when)
        session.step_forward()
    else:
        session.play()
    assert finish(session) == "paused" and at is None
    assert session.iteration == when and session.cursor is None
    session.play()
    assert finish(session) == "finished"
    assert heard == expected
    assert [row["iteration"] for row in session.history.test("accuracy")] == [iteration for iteration, _ in expected]
    for mine, theirs in zip(state_of(session.solver), state_of(one), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_step_ends_the_play(session):
    session.set("max_iter", LONG)
    session.play()
    session.step(3)
    assert finish(session) == "paused"
    assert session.iteration < LONG


def test_an_epoch_is_as_long_as_its_data_or_the_test_interval(session):
    session.epoch()
    finish(session)
    assert session.iteration == 4


# Rewinding, snapshots


def test_rewind_repeats_bit_for_bit(session, texts):
    session.step(5)
    session.step_forward(3)
    finish(session)
    curve = session.history.loss.copy()
    accuracy = session.history.test("accuracy").copy()
    session.rewind()
    assert finish(session) == "idle"
    assert (session.iteration, len(session.history), session.cursor) == (0, 0, None)
    assert not len(session.history.test("accuracy"))
    session.step(5)
    finish(session)
    np.testing.assert_array_equal(session.history.loss, curve)
    np.testing.assert_array_equal(session.history.test("accuracy"), accuracy)
    assert_same(session, texts, 5)


def test_rewind_of_a_broken_text_begins_the_last_good_net_again(session, texts):
    session.step(3)
    finish(session)
    session.live.document.set(("layer", 1, "bottom", 0), "nowhere")
    session.rewind()
    session.step(4)
    assert finish(session) == "paused"
    assert_same(session, texts, 4)


def test_a_snapshot_is_taken_between_iterations_and_gone_on_from(session, texts, tmp_path):
    written = []
    session.on_snapshot.subscribe(lambda weights, state: written.append((weights.name, state)))
    session.step(3)
    session.step_forward(2)
    session.snapshot(tmp_path / "small")
    finish(session)
    ((weights, state),) = written
    assert weights == "small_iter_4.caffemodel"
    session.step(4)
    session.restore(state)
    assert finish(session) == "paused"
    assert (session.iteration, len(session.history)) == (4, 4)
    session.step_forward(3)
    session.step(3)
    finish(session)
    assert_same(session, texts, 7)


# Edits


def test_an_edit_lands_at_once_while_the_session_rests(session):
    session.step(2)
    finish(session)
    plans = []
    session.on_rebuilt.subscribe(plans.append)
    session.live.document.set(("layer", 1, "inner_product_param", "num_output"), 12)
    assert session.live.net.params["ip1"][0].shape == (12, 5)
    session.step()
    assert finish(session) == "paused"
    assert session.iteration == 3
    assert [entry.action for entry in plans[0].entries][:2] == ["resized", "resized"]


def test_an_edit_lands_while_the_session_plays(session):
    done = threading.Event()
    session.on_rebuilt.subscribe(lambda plan: done.set() if session.live.net.params["ip1"][0].shape[0] == 12 else None)
    session.set("max_iter", LONG)
    session.play()
    session.live.document.set(("layer", 1, "inner_product_param", "num_output"), 12)
    session.set("base_lr", 0.025)
    assert done.wait(PATIENCE)
    reached = session.iteration
    session.pause()
    assert finish(session) == "paused"
    assert session.error is None
    assert session.iteration >= reached
    assert session.solver.param.base_lr == pytest.approx(0.025)
    assert session.live.status.state == "alive"
    np.testing.assert_array_equal(session.history.iterations, np.arange(session.iteration))


def test_an_edit_in_the_middle_of_an_iteration_begins_it_anew(session, texts):
    """The rows that were read are read again, so that none is left out."""
    session.step(2)
    session.step_forward(4)
    finish(session)
    session.live.document.set(("name",), "renamed")
    assert session.cursor is None
    session.step(2)
    finish(session)
    assert_same(session, texts, 4)
    assert session.history.smoothed[-1] == pytest.approx(session.history.loss[1:].mean())


def test_a_rate_set_in_the_middle_of_an_iteration_waits_for_its_end(session):
    session.step_forward(4)
    finish(session)
    session.set("base_lr", 0.2)
    assert session.cursor is not None
    assert session.live.status.state == "waiting"
    assert session.solver.rate == pytest.approx(0.1)
    session.step(2)
    finish(session)
    np.testing.assert_allclose(session.history.rate, [0.1, 0.2])


def test_a_field_that_there_is_not_is_refused(session):
    with pytest.raises(ValueError, match="base_rate"):
        session.set("base_rate", 0.1)


def test_undo_between_two_steps_brings_the_weights_back(session):
    session.step(2)
    finish(session)
    before = session.live.net.params["ip1"][0].data.copy()
    session.live.document.set(("layer", 1, "inner_product_param", "num_output"), 2)
    session.live.document.undo()
    np.testing.assert_array_equal(session.live.net.params["ip1"][0].data, before)


# Failures


class FailsWhenTold(Layer):
    """Passes on what it gets, unless told to fail."""

    failing: BaseException | None = None
    type, bottoms, tops = "FailsWhenTold", 1, 1

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        if FailsWhenTold.failing:
            raise FailsWhenTold.failing
        top[0].data = bottom[0].data

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff = top[0].diff


@pytest.mark.parametrize("failure", [RuntimeError("broken"), DefinitionError("cannot"), SystemExit(3)], ids=repr)
def test_a_failure_is_kept_and_the_session_goes_on_once_it_is_repaired(monkeypatch, texts, failure):
    monkeypatch.setitem(LAYERS, "FailsWhenTold", FailsWhenTold)
    monkeypatch.setattr(FailsWhenTold, "failing", None)
    document = Document.parse(texts[0], "net")
    document.connect("odd", 6, 0)
    document.insert_layer(6, 'layer { name: "odd" type: "FailsWhenTold" bottom: "ip2" top: "odd" }')
    net = document.text
    live = LiveNet(document, solver_document=Document.parse(texts[1], "solver"))
    heard = []
    with Session(live) as session:
        session.on_error.subscribe(heard.append)
        session.step(2)
        finish(session)
        FailsWhenTold.failing = failure
        session.play()
        assert finish(session) == "failed"
        assert type(failure).__name__ in session.error and "Traceback" in session.error
        assert heard == [session.error]
        assert session.iteration == 2
        session.step_forward(20)
        assert finish(session) == "failed"
        FailsWhenTold.failing = None
        session.step(3)
        assert finish(session) == "paused"
        assert session.error is None
        assert_same(session, (net, texts[1]), 5)


def test_a_text_that_is_broken_from_the_start_can_be_repaired(texts):
    net, solver = texts
    broken = Document.parse(net.replace('type: "ReLU"', 'type: "ReLu"'), "net")
    with Session(LiveNet(broken, solver_document=Document.parse(solver, "solver"))) as session:
        session.play()
        assert finish(session) == "failed"
        assert "did you mean 'ReLU'" in session.error
        broken.set(("layer", 2, "type"), "ReLU")
        session.play()
        assert finish(session) == "finished"
        assert_same(session, texts, 10)


def test_a_missing_snapshot_is_a_failure_and_no_more(session, texts, tmp_path):
    session.step(2)
    session.restore(tmp_path / "nothing.solverstate")
    assert finish(session) == "failed"
    assert "nothing.solverstate" in session.error
    session.step(2)
    assert finish(session) == "paused"
    assert_same(session, texts, 4)


# Watchers


def test_watchers_are_told_everything_in_order(session):
    told = []
    session.on_state.subscribe(lambda state: told.append(state))
    session.on_progress.subscribe(lambda points: told.append((points.start, len(points.rows))))
    session.on_test.subscribe(lambda result: told.append(("test", result.iteration)))
    session.play()
    finish(session)
    points = [one for one in told if isinstance(one, tuple) and one[0] != "test"]
    assert sum(count for _, count in points) == 10
    assert [start for start, _ in points] == [0, *np.cumsum([count for _, count in points])[:-1]]
    assert [one[1] for one in told if one[0] == "test"] == [0, 4, 8]
    assert told[0] == "running" and told[-1] == "finished"
    session.rewind()
    finish(session)
    assert told[-2:] == [(0, 0), "idle"]


def test_a_watcher_that_raises_or_dawdles_holds_nobody_up(session, texts):
    heard = []
    leave = errors.subscribe(lambda channel, error: heard.append((channel.name, type(error))))
    release = threading.Event()
    session.on_progress.subscribe(lambda points: 1 / 0)
    session.on_progress.subscribe(lambda points: release.wait(PATIENCE))
    session.play()
    deadline = time.monotonic() + PATIENCE
    while session.state != "finished" and time.monotonic() < deadline:
        time.sleep(0.001)
    assert session.state == "finished"  # while the watcher still dawdles
    release.set()
    assert session.wait(PATIENCE)
    leave()
    assert ("progress", ZeroDivisionError) in heard
    assert_same(session, texts, 10)


def test_a_watcher_may_steer(session):
    session.set("max_iter", LONG)
    session.on_test.subscribe(lambda result: session.pause() if result.iteration == 4 else None)
    session.play()
    assert finish(session) == "paused"
    assert session.iteration >= 5


def test_blobs_can_be_read_while_it_plays(session):
    session.set("max_iter", LONG)
    session.step()
    finish(session)
    session.play()
    for _ in range(300):
        net = session.live.net
        assert net.blobs["ip1"].data.shape == (4, 8)
        assert net.params["ip1"][0].diff.shape == (8, 5)
    session.pause()
    assert finish(session) == "paused"
    assert session.error is None


def test_a_listener_stays_when_the_net_is_built_again(session):
    losses = Losses()
    session.live.listeners.append(losses)
    session.step(2)
    finish(session)
    session.live.document.set(("name",), "other")
    session.step(2)
    session.rewind()
    session.step(1)
    finish(session)
    assert len(losses.heard) == 5


# The session itself


def test_history_is_what_caffe_would_log(session):
    session.step(10)
    finish(session)
    history = session.history
    np.testing.assert_array_equal(history.iterations, np.arange(10))
    np.testing.assert_allclose(history.rate, [0.1] * 3 + [0.05] * 3 + [0.025] * 3 + [0.0125])
    means = [history.loss[max(0, i - 2) : i + 1].mean() for i in range(10)]
    np.testing.assert_allclose(history.smoothed, means)
    np.testing.assert_array_equal(history.test("accuracy")["iteration"], [0, 4, 8])


def test_history_grows_and_what_was_read_stays(session):
    table = session.history.train
    for number in range(300):
        table.append(number, number, 0, 0)
    held = table.rows
    table.truncate(10)
    table.append(77, 0, 0, 0)
    assert (len(table), held["iteration"][10], table.rows["iteration"][10]) == (11, 10, 77)


def test_a_closed_session_leaves_the_net_to_others(live, texts):
    session = Session(live)
    session.step(2)
    finish(session)
    session.close()
    session.close()
    with pytest.raises(RuntimeError, match="closed"):
        session.play()
    assert live.listeners == []
    live.document.set(("name",), "other")
    assert live.net.name == "other"
    live.solver.step(1)
    assert session.iteration == 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("session")]


def test_a_session_needs_a_solver(texts):
    with pytest.raises(ValueError, match="solver"):
        Session(LiveNet(Document.parse(texts[0], "net")))


def test_the_session_cannot_wait_for_itself(session):
    answers = []

    class Waits(Listener):
        def on_iteration(self, solver, loss):
            with pytest.raises(RuntimeError, match="own thread"):
                session.wait()
            answers.append(True)

    session.live.listeners.append(Waits())
    session.step()
    finish(session)
    assert answers == [True]


def test_room_is_left_while_it_runs(monkeypatch, session):
    told = []

    @contextmanager
    def room():
        told.append("taken")
        yield
        told.append("given back")

    monkeypatch.setattr("brewbench.workbench.session.worker.leave_room", room)
    for _ in range(2):
        session.step()
        finish(session)
    assert told == ["taken", "given back"] * 2


def test_room_is_left_for_the_page_and_given_back(monkeypatch):
    from threadpoolctl import ThreadpoolController

    blas = ThreadpoolController().select(user_api="blas")
    if not blas.info():
        pytest.skip("NumPy's BLAS here has no thread setting")

    def count():
        return {library["num_threads"] for library in blas.info()}

    monkeypatch.setattr("brewbench.workbench.threads.cores", lambda: 4)
    with blas.limit(limits=3):
        before = count()
        with leave_room():
            assert count() == {2}
        assert count() == before
    with blas.limit(limits=1), leave_room():
        assert count() == {1}
