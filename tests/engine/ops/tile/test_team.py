"""The threads that share the work of drivers: every item is done once, whoever does it."""

import threading

import numpy as np
import pytest

from brewbench.engine.ops.tile.atomic import add_atomic
from brewbench.engine.ops.tile.drive import driver
from brewbench.engine.ops.tile.team import Team

ITEMS = 64


@driver
def count(address, begin, end):
    for k in range(begin, end):
        add_atomic(address + 8 * k, 1)


@pytest.fixture
def team():
    made = Team()
    yield made
    made.stop()


class Work:
    """Calls of drivers of different lengths, and how often they must have done each item."""

    def __init__(self, calls=50):
        self.done = np.zeros(ITEMS, np.int64)
        address = self.done.__array_interface__["data"][0]
        lengths = np.random.default_rng(1).integers(0, ITEMS + 1, calls)
        self.calls = np.array([(count.address, address, length, 0) for length in lengths], np.int64)
        self.expected = np.array([(lengths > item).sum() for item in range(ITEMS)])

    def run(self, team, threads):
        self.done[:] = 0
        team.run(self.calls.__array_interface__["data"][0], len(self.calls), threads)
        return np.array_equal(self.done, self.expected)


@pytest.mark.parametrize("threads", [1, 2, 3, 16, 1])
def test_every_item_of_every_call_is_done_once(team, threads):
    work = Work()
    assert all(work.run(team, threads) for _ in range(100))


@pytest.mark.parametrize("threads", [1, 3])
def test_a_flag_that_is_set_after_its_call_ends_the_run(team, threads):
    work, flags = Work(6), np.array([0, 1], np.int64)
    work.calls[:, 2] = ITEMS
    work.calls[[1, 3], 3] = [flags[k:].__array_interface__["data"][0] for k in range(2)]
    work.expected[:] = 4
    assert work.run(team, threads)
    flags[1] = 0
    work.expected[:] = 6
    assert work.run(team, threads)


def test_the_number_of_threads_may_change(team):
    work = Work()
    assert all(work.run(team, threads) for threads in (5, 2, 1, 8, 2, 3) for _ in range(20))


def test_workers_that_fell_asleep_are_woken(team):
    work, pause = Work(3), threading.Event()
    for _ in range(20):
        assert work.run(team, 3)
        pause.wait(0.01)  # longer than they wait awake


def test_threads_that_come_at_once_do_their_own_work(team):
    results = []

    def run(threads):
        work = Work()
        results.append(all(work.run(team, threads) for _ in range(100)))

    callers = [threading.Thread(target=run, args=(threads,)) for threads in (2, 3, 4, 5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == [True] * 4


def test_after_the_end_of_the_workers_the_caller_does_it_alone(team):
    work = Work()
    assert work.run(team, 4)
    before = threading.active_count()
    team.stop()
    assert threading.active_count() == before - 3
    assert work.run(team, 4)


def test_where_no_thread_can_be_started_the_caller_does_it_alone(team, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert Work().run(team, 4)
