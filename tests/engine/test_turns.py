"""Threads have a solver's blobs in turn: iterations, and readers between two of them, who get whole values."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import Listener, Net, get_solver, turns
from brewbench.engine.memory import computing
from brewbench.engine.turns import Turns
from brewbench.proto.messages import SolverParameter

SOLVER = """
base_lr: 0.5 lr_policy: "fixed" net_param {
  layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 3 }
    data_filler { type: "constant" value: 1 } } }
  layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" loss_weight: 1 inner_product_param { num_output: 2 } } }
"""
LONG = 20  # seconds after which something hangs


@pytest.fixture
def solver():
    return get_solver(text_format.Parse(SOLVER, SolverParameter()), seed=1)


@pytest.fixture
def other():
    """A thread that does what it is told; `other(work)` gives the future of it."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda work, *args: pool.submit(work, *args)


def busy():
    """An `excused` for `Turns.begin`: whether the turn can be had at once."""
    return True


@contextmanager
def played_by(thread, turns):
    """Within it another thread says that it makes one iteration after the other."""
    block = turns.playing()
    thread(block.__enter__).result(LONG)
    try:
        yield
    finally:
        thread(block.__exit__, None, None, None).result(LONG)


def test_a_reader_waits_for_the_end_of_the_iteration(solver, other):
    weights = solver.net.params["ip"][0]
    with solver.turns.iteration():
        read = other(lambda: weights.data.copy())
        while not solver.turns._waiting:
            assert not read.done()
        weights.data[:] = 7
    assert (read.result(LONG) == 7).all()


def test_the_update_is_whole_for_those_who_read(solver, monkeypatch, other):
    """An update that is halfway done waits, for as long as it takes, until somebody wants to read."""
    weights, read = solver.net.params["ip"][0], []
    apply = solver._update.apply

    def slow(data, diff, *args, **options):
        weights.data_memory.on(solver.net.context.place, "modify")[:3] = 9
        read.append(other(lambda: (weights.data.copy(), weights.diff.copy())))
        while not solver.turns._waiting:
            assert not read[-1].done()
        weights.data_memory.on(solver.net.context.place, "modify")[3:] = 9
        apply(data, diff, *args, **options)

    monkeypatch.setattr(solver._update, "apply", slow)
    solver.step(1)
    data, _ = read[0].result(LONG)
    np.testing.assert_array_equal(data, weights.data)


def test_the_next_iteration_waits_for_an_array_in_use_and_for_parts_of_it(solver, other):
    held = []
    with played_by(other, solver.turns):
        held.append(solver.net.params["ip"][0].data)
        assert not other(solver.turns.begin, busy).result(LONG)
        held[0] = held[0][1:].T
        assert not other(solver.turns.begin, busy).result(LONG)
        held.clear()
        assert other(solver.turns.begin, busy).result(LONG)
        other(solver.turns.end).result(LONG)


def test_an_array_that_somebody_keeps_is_waited_for_once(solver, other, monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", 0.02)
    weights = solver.net.params["ip"][0]
    with played_by(other, solver.turns):
        for _ in range(3):
            kept = weights.data
            lease = solver.turns._leases[-1]
            assert other(solver.turns.begin).result(LONG)
            other(solver.turns.end).result(LONG)
            assert lease.array() is not None and threading.get_ident() in solver.turns._keeping
        assert kept is not None
        del kept
        weights.data.copy()  # is let go in time: from now on this thread is waited for as at first
        assert other(solver.turns.begin).result(LONG)
        other(solver.turns.end).result(LONG)
        assert threading.get_ident() not in solver.turns._keeping


def test_all_arrays_of_a_thread_are_waited_for(solver, other):
    weights, bias = solver.net.params["ip"]
    with played_by(other, solver.turns):
        arrays = [weights.data, bias.data]
        for _ in range(2):
            assert not other(solver.turns.begin, busy).result(LONG)
            arrays.pop()
        assert other(solver.turns.begin, busy).result(LONG)
        other(solver.turns.end).result(LONG)


def test_a_thread_that_waits_for_an_iteration_holds_none_up(solver, other):
    """It has an array, and asks for another one while an iteration waits for the first to be let go."""
    weights, bias = solver.net.params["ip"]
    with played_by(other, solver.turns):
        first = weights.data
        iteration = other(solver.turns.begin)
        while not solver.turns._entry.locked():
            pass
        other(solver.turns.end)
        second = bias.data
        assert iteration.result(LONG)
        assert not other(solver.turns.begin, busy).result(LONG)
        del second
        assert not other(solver.turns.begin, busy).result(LONG)  # the first is in use again
        del first
        assert other(solver.turns.begin, busy).result(LONG)
        other(solver.turns.end).result(LONG)


def test_the_thread_that_plays_waits_for_none_of_its_own_arrays(solver):
    weights = solver.net.params["ip"][0]
    before = weights.data
    assert solver.turns._leases  # another thread may begin
    assert solver.turns.begin(busy)
    solver.turns.end()
    assert not solver.turns._leases and np.shares_memory(before, weights.data)
    with solver.turns.playing():
        assert weights.data is not None and not solver.turns._leases
    assert weights.data is not None and not solver.turns._leases


def test_arrays_that_were_let_go_are_forgotten_where_nobody_plays(solver):
    for _ in range(10 * turns.MANY):
        _ = solver.net.params["ip"][0].data
    assert len(solver.turns._leases) <= turns.MANY


def test_an_array_follows_the_blob_and_is_written_through(solver, other):
    weights = solver.net.params["ip"][0]
    with played_by(other, solver.turns):
        leased = weights.data
        leased[:] = 3
        assert (weights.look() == 3).all()
        other(solver.iterate).result(LONG)
        np.testing.assert_array_equal(leased, weights.look())
        assert weights.data_memory.lent
    del leased
    gc.collect()
    assert not weights.data_memory.lent


def test_readers_and_iterations_let_each_other_in(solver):
    """Neither a loop of reads nor a loop of iterations keeps the other from going on."""
    weights, stopped, reads = solver.net.params["ip"][0], threading.Event(), [0, 0, 0]

    def read(which):
        while not stopped.is_set():
            values = weights.data.copy()
            assert (values == values[0, 0]).all()  # the filler, and so the gradient, is the same for all
            reads[which] += 1

    readers = [threading.Thread(target=read, args=(which,)) for which in range(len(reads))]
    for reader in readers:
        reader.start()
    try:
        with solver.turns.playing():
            while solver.iter < 50 or min(reads) < 20:
                solver.iterate()
                assert solver.iter < 1e6
    finally:
        stopped.set()
        for reader in readers:
            reader.join(LONG)
    assert not any(reader.is_alive() for reader in readers)


def test_a_test_lets_readers_in_between_batches(solver, other):
    solver.param.test_interval = 1
    read = []

    class Reads(Listener):
        def on_test_start(self, solver, net):
            read.append(other(lambda: solver.net.params["ip"][0].data.copy()))
            while not solver.turns._waiting:
                assert not read[-1].done()

        def on_test(self, solver, result):
            assert read[-1].result(LONG).shape == (2, 3)

    param = text_format.Parse(SOLVER + "test_iter: 2 test_interval: 5", SolverParameter())
    tested = get_solver(param, seed=1)
    tested.listeners.append(Reads())
    tested.step(1)
    assert len(read) == 1


def test_hooks_and_callbacks_may_wait_for_threads_that_read(solver, other):
    from brewbench import caffe

    shown = []

    def show(*_):
        shown.append(other(lambda: [blob.data.copy() for blob in solver.net.params["ip"]]).result(LONG))

    wrapped = caffe.SGDSolver.__new__(caffe.SGDSolver)
    wrapped.engine = solver
    wrapped.add_callback(show, show)
    net = solver.net
    for hooks in (net.before_forward, net.after_forward, net.before_backward, net.after_backward):
        hooks.append(show)
    solver.step(1)
    assert len(shown) == 2 + 4 * len(net.layers)


def test_a_python_layer_may_wait_for_threads_that_use_its_blobs(tmp_path, monkeypatch):
    (tmp_path / "pooled.py").write_text(
        """
from concurrent.futures import ThreadPoolExecutor
from brewbench import caffe

class Doubled(caffe.Layer):
    def setup(self, bottom, top):
        self.pool = ThreadPoolExecutor(2)
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)
    def forward(self, bottom, top):
        def row(k):
            top[0].data[k] = 2 * bottom[0].data[k]
        list(self.pool.map(row, range(2), timeout=20))
    def backward(self, top, propagate_down, bottom):
        def row(k):
            bottom[0].diff[k] = 2 * top[0].diff[k]
        list(self.pool.map(row, range(2), timeout=20))
"""
    )
    monkeypatch.syspath_prepend(tmp_path)
    layer = 'layer { name: "p" type: "Python" bottom: "ip" top: "p" loss_weight: 1 '
    layer += 'python_param { module: "pooled" layer: "Doubled" } }'
    text = SOLVER.replace("loss_weight: 1 ", "")
    text = text.rstrip().removesuffix("}") + layer + "}"
    solver = get_solver(text_format.Parse(text, SolverParameter()), seed=1)
    solver.step(2)
    net = solver.net
    np.testing.assert_array_equal(net.blobs["p"].data, 2 * net.blobs["ip"].data)
    assert (net.blobs["ip"].diff == 2).all()
    Net(net.source).forward()  # and in a net that no solver has


def test_a_layer_that_reads_by_data_is_not_kept_waiting_by_another_threads_turn(solver, other):
    """It holds the lock of what computes, for which the thread whose turn it is may wait."""
    with solver.turns:

        def look():
            with computing:
                return solver.net.params["ip"][0].data.copy()

        assert other(look).result(LONG).shape == (2, 3)


def test_turns_nest_and_can_be_given_up_meanwhile(other):
    turns = Turns()
    with turns, turns.iteration(), turns:
        assert turns.mine and not other(turns.begin, busy).result(LONG)
        with turns.released():
            assert not turns.mine
            assert other(turns.begin, busy).result(LONG)
            other(turns.end).result(LONG)
        assert turns.mine and turns._depth == 3
    assert not turns.mine
    with turns.released():  # nothing to give up
        assert turns.begin(busy)
    turns.end()


def test_whoever_saves_or_loads_waits_for_the_end_of_the_iteration(solver, other, tmp_path):
    solver.step(1)
    for work in (
        lambda: solver.net.save(tmp_path / "w.caffemodel"),
        lambda: solver.snapshot(tmp_path / "s"),
        lambda: solver.restore(tmp_path / "s_iter_1.solverstate"),
        lambda: solver.net.copy_from(tmp_path / "w.caffemodel"),
    ):
        with solver.turns.iteration():
            done = other(work)
            with pytest.raises(TimeoutError):
                done.result(0.05)
        done.result(LONG)
