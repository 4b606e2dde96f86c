"""The steps of an iteration: what comes next, what has to come before, and the halts of a longer run."""

import numpy as np
import pytest

from .test_session import finish, live, plain, session, state_of, texts  # noqa: F401

FORWARD = ["rows", "ip1", "relu", "drop", "ip2", "loss", "weight"]
BACKWARD = ["weight", "loss", "ip2", "drop", "relu", "ip1"]


@pytest.fixture
def single(live, session):  # noqa: F811
    """A session whose iterations have one pass, and its notices."""
    live.solver_document.set(("iter_size",), 1)
    notices = []
    session.on_notice.subscribe(notices.append)
    live.build()
    return session, notices


def where(session):  # noqa: F811
    finish(session)
    return str(session.cursor), str(session.next)


def test_what_comes_next_is_known_all_the_way(single):
    session, _ = single  # noqa: F811
    assert where(session) == ("None", "rows, forward")
    names = [*(f"{name}, forward" for name in FORWARD), *(f"{name}, backward" for name in BACKWARD), "the update"]
    for ran, coming in zip(names, [*names[1:], "rows, forward"], strict=True):
        session.step_forward()
        assert where(session) == (ran, coming)
    assert session.iteration == 1 and session.next.iteration == 1


def test_passes_and_update_are_steps_of_their_own(single, texts):  # noqa: F811
    session, notices = single  # noqa: F811
    session.forward()
    assert where(session) == ("weight, forward", "weight, backward")
    session.backward()
    assert where(session) == ("ip1, backward", "the update") and session.iteration == 0
    session.update()
    assert where(session) == ("the update", "rows, forward") and session.iteration == 1
    assert not notices
    net, solver = texts
    expected, losses = plain((net, solver.replace("iter_size: 2", "iter_size: 1")), 1)
    for mine, theirs in zip(state_of(session.solver), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(session.history.loss, losses)


def test_a_pass_is_the_rest_of_it(single):
    session, _ = single  # noqa: F811
    session.step_forward(3)
    session.forward()
    session.step_backward(2)
    session.backward()
    assert where(session) == ("ip1, backward", "the update")


def test_with_iter_size_each_pass_is_asked_for(session):  # noqa: F811
    for _ in range(2):
        session.forward()
        session.backward()
    session.update()
    assert where(session) == ("the update", "rows, forward") and session.iteration == 1


@pytest.mark.parametrize("steps, ask, refused, then", [
    (2, "step_backward", "A backward step needs the forward pass, of which 5 layers are left (next: relu, forward). "
     "Once more runs them.", "weight, backward"),
    (6, "backward", "A backward step needs the forward pass, of which 1 layer is left (next: weight, forward). "
     "Once more runs it.", "ip1, backward"),
    (9, "forward", "A forward step comes after 5 more steps (next: ip2, backward). Once more runs them.",
     "weight, forward"),
    (13, "step_backward", "A backward step comes after 8 more steps (next: the update). Once more runs them.",
     "weight, backward"),
    (12, "update", "The update comes after 1 more step (next: ip1, backward). Once more runs it.", "the update"),
])  # fmt: skip
def test_what_has_to_come_before_is_said_and_runs_when_asked_for_again(single, steps, ask, refused, then):
    session, notices = single  # noqa: F811
    session.step_forward(steps)
    before = where(session)
    getattr(session, ask)()
    assert where(session) == before and notices == [refused]
    getattr(session, ask)()
    assert where(session)[0] == then and notices == [refused]


def test_asking_for_something_else_or_somewhere_else_begins_anew(single):
    session, notices = single  # noqa: F811
    session.step_forward(2)
    session.step_backward()
    session.update()
    session.step_backward()
    session.step_forward()
    session.step_backward()
    assert where(session)[0] == "relu, forward" and len(notices) == 4


def test_stop_stands_before_the_first_layer_with_its_rows(single, texts):  # noqa: F811
    session, _ = single  # noqa: F811
    session.step(2)
    session.step_forward(4)
    assert where(session)[0] == "drop, forward"
    session.stop()
    assert where(session) == ("None", "rows, forward") and session.iteration == 2
    session.step(2)
    finish(session)
    net, solver = texts
    expected, _ = plain((net, solver.replace("iter_size: 2", "iter_size: 1")), 4)
    for mine, theirs in zip(state_of(session.solver), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


# Gradient and update


def test_gradient_and_update_are_told_apart(single):
    session, _ = single  # noqa: F811
    session.forward()
    session.backward()
    finish(session)
    blob = session.live.net.params["ip1"][0]
    gradient, before = blob.diff.copy(), blob.data.copy()
    assert gradient.any() and session.last_update("ip1") is None
    np.testing.assert_array_equal(session.gradient("ip1"), gradient)
    session.update()
    finish(session)
    np.testing.assert_array_equal(session.gradient("ip1"), gradient)
    np.testing.assert_array_equal(before - session.last_update("ip1"), blob.data)
    assert (session.last_update("ip1") != gradient).any()
    with pytest.raises(KeyError, match="nowhere"):
        session.gradient("nowhere")


def test_gradients_of_whole_iterations_are_kept_where_wanted(single):
    session, _ = single  # noqa: F811
    session.step()
    finish(session)
    assert session.gradient("ip1") is None and session.last_update("ip1") is not None
    session.keeps_gradients = True
    session.step()
    finish(session)
    kept = session.gradient("ip1").copy()
    assert kept.shape == (8, 5) and kept.any() and (kept != session.last_update("ip1")).any()
    session.live.document.set(("name",), "other")
    assert session.last_update("ip1") is None


# Halts


def test_to_an_iteration(session):  # noqa: F811
    session.to(4)
    assert finish(session) == "paused" and session.iteration == 4
    session.to(4)
    assert finish(session) == "paused" and session.iteration == 4


def test_until_a_condition_on_the_loss(session, texts):  # noqa: F811
    _, losses = plain(texts, 10)
    number = next(i for i in range(1, 10) if losses[i] < min(losses[:i]))
    notices = []
    session.on_notice.subscribe(notices.append)
    session.until(f"loss <= {losses[number]!r} and iteration > 1")
    assert finish(session) == "paused" and session.iteration == max(2, number + 1)
    assert f"so it is at iteration {session.iteration}" in notices[0]


def test_until_ends_at_its_limit_or_at_max_iter(session):  # noqa: F811
    notices = []
    session.on_notice.subscribe(notices.append)
    session.until("loss < 0", limit=3)
    finish(session)
    assert session.iteration == 3 and notices == ["loss < 0: not so up to iteration 3."]
    session.until("loss < 0")
    assert finish(session) == "paused" and session.iteration == 10


def test_until_a_test_is_good_or_a_function_says_so(session):  # noqa: F811
    session.until("accuracy >= 0 and iteration == 2")
    finish(session)
    assert session.iteration == 2
    session.until(lambda asked: asked is session and asked.iteration == 5)
    finish(session)
    assert session.iteration == 5


def test_a_condition_that_cannot_be_is_refused(session):  # noqa: F811
    with pytest.raises(ValueError, match="closing parenthesis"):
        session.until("(loss < 1")
    session.until("los < 0.1")
    assert finish(session) == "failed"
    assert "there is no 'los'" in session.error and "loss" in session.error and session.iteration == 1
