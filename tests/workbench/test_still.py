"""What other threads read while a session plays belongs to one moment between two iterations."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from brewbench.engine import Listener
from brewbench.proto import Document
from brewbench.workbench.livenet import LiveNet
from brewbench.workbench.session import Session

NET = """
layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 2 dim: 40000 } shape { dim: 2 dim: 4 }
  data_filler { type: "constant" value: 1 } data_filler { type: "constant" value: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 4 bias_term: false } }
layer { name: "b" type: "InnerProduct" bottom: "x" top: "b" inner_product_param { num_output: 4 bias_term: false } }
layer { name: "loss a" type: "EuclideanLoss" bottom: "a" bottom: "y" top: "loss a" }
layer { name: "loss b" type: "EuclideanLoss" bottom: "b" bottom: "y" top: "loss b" }
"""
SOLVER = 'base_lr: 1e-6 max_iter: 1000000 display: 0 lr_policy: "fixed" snapshot_after_train: false'
LONG = 60  # seconds after which something hangs


@pytest.fixture
def session():
    live = LiveNet(Document.parse(NET), solver_document=Document.parse(SOLVER, "solver"), seed=1)
    with Session(live, interval=0.01) as made:
        made.step(1)
        assert made.wait(LONG)
        yield made


@pytest.fixture
def played(session):
    session.play()
    yield session
    assert session.state == "running", session.error
    session.pause()
    assert session.wait(LONG)


def values(session, part):
    """The weights or gradients of both layers: all equal, and alike in both, between two iterations."""
    return [getattr(session.live.net.params[name][0], part) for name in "ab"]


def go_on(session, iterations=3):
    """Wait until the session has made some more iterations."""
    end, pause = session.iteration + iterations, threading.Event()
    for _ in range(LONG * 1000):
        if session.iteration >= end:
            return
        pause.wait(0.001)
    pytest.fail("the session makes no iterations")


@pytest.mark.parametrize("part", ["data", "diff"])
def test_a_blob_is_whole_whenever_it_is_read(played, part):
    begun, reads = played.iteration, 0
    while reads < 100 or played.iteration < begun + 20:
        array = values(played, part)[reads % 2].copy()
        assert (array == array[0, 0]).all()
        reads += 1
        assert reads < 1e6


def test_several_blobs_are_of_one_moment_while_it_is_still(played):
    for _ in range(20):
        with played.still():
            iteration, (a, b) = played.iteration, values(played, "data")
            slopes = values(played, "diff")
            first = a.copy(), b.copy(), slopes[0].copy()
            assert (a == b).all() and (slopes[0] == slopes[1]).all()
            threading.Event().wait(0.002)
            for before, now in zip(first, (a, b, slopes[0]), strict=True):
                np.testing.assert_array_equal(before, now)
            assert played.iteration == iteration
        go_on(played)


def test_what_is_written_while_it_is_still_is_trained_on(session):
    with session.still():
        for array in values(session, "data"):
            array[:] = 0.5
    session.step(1)
    assert session.wait(LONG)
    with session.still(), session.still():
        assert all(0.4 < array[0, 0] < 0.6 for array in values(session, "data"))


def test_a_pause_is_obeyed_while_it_is_still(played):
    with played.still():
        iteration = played.iteration
        played.pause()
        assert played.wait(LONG) and played.state == "paused" and played.iteration == iteration
    played.play()
    go_on(played)


def test_waiting_lets_the_session_do_what_was_asked_for(session):
    with session.still():
        iteration = session.iteration
        session.step(3)
        assert session.wait(LONG) and session.iteration == iteration + 3
        session.rewind()
        assert session.wait(LONG) and session.iteration == 0
        session.step_forward()
        assert session.wait(LONG) and session.cursor is not None


def test_a_session_can_be_closed_while_it_is_still(session):
    session.play()
    go_on(session)
    with session.still():
        session.close()
    assert not session._worker.is_alive


def test_an_edit_while_it_is_still_lands_afterwards(played):
    with played.still():
        net = played.live.net
        played.live.document.set(("layer", 1, "inner_product_param", "num_output"), 4)
        played.live.document.set(("layer", 1, "inner_product_param", "bias_term"), True)
        assert played.live.net is net or len(played.live.net.params["a"]) == 2
    go_on(played)
    assert len(played.live.net.params["a"]) == 2


def test_on_the_sessions_own_thread_it_is_still_as_it_is(session):
    seen = []

    class Looks(Listener):
        def on_gradients_ready(self, solver):
            with session.still():
                seen.append([array.copy() for array in values(session, "diff")])

        def on_advance(self, solver):
            with session.still():
                seen.append([array.copy() for array in values(session, "data")])

    session.live.listeners.append(Looks())
    session.step(2)
    assert session.wait(LONG) and len(seen) == 4
    assert all((a == b).all() for a, b in seen)


def test_a_handler_of_events_reads_a_still_session(session):
    seen = []

    def look(points):
        with session.still():
            a, b = (array.copy() for array in values(session, "data"))
        seen.append((a == b).all() and (a == a[0, 0]).all())
        if len(seen) == 5:
            session.pause()

    session.on_progress.subscribe(look)
    session.play()
    assert session.wait(LONG) and len(seen) >= 5 and all(seen)


def test_a_thread_in_need_of_the_still_session_waits_for_another(played):
    with ThreadPoolExecutor(3) as pool:

        def look():
            with played.still():
                iteration, a = played.iteration, values(played, "data")[0].copy()
                return iteration == played.iteration and (a == a[0, 0]).all()

        assert all(pool.map(lambda _: look(), range(60)))
    go_on(played)


def test_layers_that_are_stepped_can_be_read_in_between(session):
    session.step_forward(3)
    assert session.wait(LONG)
    with session.still():
        a, b = (session.live.net.blobs[name].data.copy() for name in "ab")
        assert (a == b).all() and a.any()
    session.step_backward()
    assert session.wait(LONG)


def test_pycaffe_nets_are_whole_for_other_threads_while_a_solver_steps(tmp_path):
    from brewbench import caffe

    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(f'net: "{tmp_path}/net.prototxt" {SOLVER}')
    solver = caffe.get_solver(str(tmp_path / "solver.prototxt"))
    solver.step(1)
    stopped = threading.Event()

    def train():
        while not stopped.is_set():
            solver.step(5)

    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        begun, reads = solver.iter, 0
        while reads < 100 or solver.iter < begun + 20:
            for part in ("data", "diff"):
                array = getattr(solver.net.params["ab"[reads % 2]][0], part).copy()
                assert (array == array[0, 0]).all()
            reads += 1
            assert reads < 1e6
    finally:
        stopped.set()
        trainer.join(LONG)
