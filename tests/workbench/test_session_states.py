"""States that a session keeps: a return to one repeats bit for bit, their memory is bounded, and NaN is found."""

import os

import numpy as np
import pytest

from brewbench.workbench.session import Session, timeline
from brewbench.workbench.session.conditions import parse

from .test_session import assert_same, finish, live, plain, session, state_of, texts  # noqa: F401


@pytest.fixture
def keeping(session):  # noqa: F811
    """A session that keeps a state before every iteration."""
    session.timeline.share = float("inf")
    return session


def kept(session):  # noqa: F811
    finish(session)
    return session.timeline.iterations


@pytest.mark.parametrize("to", [0, 3, 4, 7])
def test_what_follows_a_return_repeats_bit_for_bit(keeping, texts, to):  # noqa: F811
    keeping.step(9)
    keeping.step_forward(5)
    finish(keeping)
    losses, accuracy = keeping.history.loss.copy(), keeping.history.test("accuracy").copy()
    keeping.go_back(to)
    assert finish(keeping) == ("paused" if to else "idle")
    assert keeping.iteration == to and keeping.cursor is None
    expected, _ = plain(texts, to)
    for mine, theirs in zip(state_of(keeping.solver)[:-1], expected[:-1], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    keeping.step(9 - to)
    finish(keeping)
    assert_same(keeping, texts, 9)
    np.testing.assert_array_equal(keeping.history.loss, losses)
    np.testing.assert_array_equal(keeping.history.test("accuracy"), accuracy)


def test_the_way_forward_stays_open_until_another_iteration_begins(keeping, texts):  # noqa: F811
    keeping.step(6)
    assert kept(keeping) == [0, 1, 2, 3, 4, 5]
    keeping.go_back(2)
    assert kept(keeping) == [0, 1, 2, 3, 4, 5, 6] and len(keeping.history) == 6
    keeping.go_back(6)
    finish(keeping)
    assert keeping.iteration == 6
    keeping.go_back(2)
    keeping.step_forward()
    assert kept(keeping) == [0, 1, 2]
    keeping.step(1)
    finish(keeping)
    assert_same(keeping, texts, 3)


def test_to_an_earlier_iteration_runs_on_from_the_state_before_it(keeping, texts):  # noqa: F811
    keeping.step(3)
    finish(keeping)
    keeping.timeline.is_on = False
    keeping.step(4)
    keeping.to(5)
    assert finish(keeping) == "paused"
    assert_same(keeping, texts, 5)


def test_a_return_ends_the_play_and_a_changed_rate_leads_elsewhere(keeping, texts):  # noqa: F811
    keeping.step(5)
    finish(keeping)
    losses = keeping.history.loss.copy()
    keeping.set("base_lr", 0.5)
    keeping.go_back(2)
    keeping.step(3)
    finish(keeping)
    np.testing.assert_array_equal(keeping.history.loss[:3], losses[:3])
    assert keeping.history.loss[4] != losses[4]


def test_states_of_another_net_are_dropped_and_those_of_the_same_shapes_stay(keeping):
    keeping.step(3)
    assert kept(keeping) == [0, 1, 2]
    keeping.live.document.set(("name",), "renamed")
    assert kept(keeping) == [0, 1, 2]
    keeping.live.document.set(("layer", 1, "inner_product_param", "num_output"), 12)
    assert kept(keeping) == []
    keeping.go_back(1)
    assert finish(keeping) == "failed" and "no state at iteration 1" in keeping.error
    keeping.step()
    assert finish(keeping) == "paused"


def test_a_rewind_drops_them(keeping):
    keeping.step(3)
    keeping.rewind()
    assert kept(keeping) == []


def test_memory_and_number_are_bounded_and_files_go_with_the_session(monkeypatch, live):  # noqa: F811
    with Session(live) as one:
        one.timeline.share = float("inf")
        one.step(1)
        finish(one)
        size = one.timeline._states[0].nbytes
        monkeypatch.setattr(timeline, "IN_MEMORY", 3 * size)
        monkeypatch.setattr(timeline, "MOST", 20)
        one.step(60)
        iterations = kept(one)
        assert len(iterations) == 20 and iterations[0] == 0 and iterations[-1] == 60
        assert max(np.diff(iterations)) <= 6
        in_memory, in_files = one.timeline.nbytes
        assert in_memory <= 3 * size and in_memory + in_files == 20 * size
        folder = one.timeline._folder
        assert len(os.listdir(folder)) * size == in_files
        losses = one.history.loss.copy()
        one.go_back(iterations[5])
        one.to(61)
        finish(one)
        np.testing.assert_array_equal(one.history.loss, losses)
    assert not folder.exists()


def test_a_full_disk_costs_old_states_and_nothing_else(monkeypatch, keeping, texts):  # noqa: F811
    monkeypatch.setattr(timeline, "IN_MEMORY", 0)

    def full(self, state):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(timeline.Timeline, "_write", full)
    keeping.step(4)
    finish(keeping)
    assert_same(keeping, texts, 4)


def test_states_are_kept_rarely_enough(session):  # noqa: F811
    ticks = session.timeline
    session.step(1)
    finish(session)
    ticks._cost, ticks._kept_at = 0.25, timeline.perf_counter() - 24
    ticks.tick(session.solver)
    assert ticks.iterations == [0]
    ticks._kept_at = timeline.perf_counter() - 26
    ticks.tick(session.solver)
    assert ticks.iterations == [0, 1]


# NaN and infinity


def spoil(session, layer, value=np.nan):  # noqa: F811
    with session.still():
        session.live.net.params[layer][0].data[0, 0] = value


@pytest.mark.parametrize("layer, value, blob", [("ip1", np.nan, "ip1"), ("ip2", np.inf, "ip2")])
def test_a_run_halts_at_the_first_loss_that_is_not_finite(keeping, layer, value, blob):
    notices, told = [], []
    keeping.on_notice.subscribe(notices.append)
    keeping.on_not_finite.subscribe(told.append)
    keeping.step(3)
    finish(keeping)
    good = state_of(keeping.solver)
    spoil(keeping, layer, value)
    keeping.play()
    assert finish(keeping) == "paused" and keeping.iteration == 4
    found = keeping.not_finite
    assert (found.layer, found.blob, found.iteration, found.part) == (layer, blob, 3, "data")
    assert told == [found] and f"iteration 3: layer {layer}, blob {blob}" in notices[0]
    assert not np.isfinite(keeping.history.loss[3])
    assert {one.layer for one in keeping.find_not_finite()} >= {"ip2", "loss"}
    keeping.timeline._states[-1].arrays[0][0] = np.nan  # the state before that iteration was spoiled by hand
    keeping.go_back_to_finite()
    assert finish(keeping) == "paused" and keeping.not_finite is None and told[-1] is None
    assert keeping.iteration == 2
    keeping.step(1)
    finish(keeping)
    for mine, theirs in zip(state_of(keeping.solver), good, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_by_steps_it_halts_too_and_goes_on_when_asked(session):  # noqa: F811
    session.step(1)
    finish(session)
    spoil(session, "ip1")
    session.step_forward(100)
    finish(session)
    assert session.iteration == 2 and session.not_finite is not None
    session.step(2)
    assert finish(session) == "paused" and session.iteration == 4


def test_it_can_be_switched_off(session):  # noqa: F811
    session.watches = False
    session.step(1)
    finish(session)
    spoil(session, "ip1")
    session.step(3)
    assert finish(session) == "paused" and session.iteration == 4 and session.not_finite is None


def test_until_nan_says_so(session):  # noqa: F811
    session.watches = False
    session.step(1)
    finish(session)
    spoil(session, "ip1")
    session.until("nan")
    finish(session)
    assert session.iteration == 2 and parse("nan").reads_all
