"""The steps of an iteration on a bench: what is marked, and which part of a blob is looked at."""

import time

import numpy as np
import pytest

import brewbench

from .test_bench import bench, folder  # noqa: F401


def settle(bench):  # noqa: F811
    assert bench.session.wait(20)
    time.sleep(2 * bench.session._events.courier._outbox.interval)
    assert bench.session._events.courier.drain(5)


def command(bench, name, *arguments):  # noqa: F811
    bench.stepper._receive(bench.stepper, {"type": "command", "name": name, "arguments": list(arguments)}, [])
    settle(bench)


def marks(bench):  # noqa: F811
    steps = bench.editor._steps
    return [steps[kind] and (steps[kind]["id"], steps[kind]["direction"]) for kind in ("ran", "next")]


def test_the_step_that_ran_and_the_next_are_marked_and_said(bench):  # noqa: F811
    command(bench, "forward")
    assert marks(bench) == [("data", "forward"), ("ip1", "forward")]
    assert bench.stepper._status["next"] == "ip1, forward" and bench.state.selected == [0]
    command(bench, "forward_pass")
    command(bench, "backward_pass")
    assert marks(bench) == [("ip1", "backward"), None] and bench.stepper._status["next"] == "the update"
    command(bench, "update")
    assert marks(bench) == [None, ("data", "forward")] and bench.stepper._status["layer"] == "the update"
    command(bench, "step", 1)
    assert marks(bench) == [None, ("data", "forward")] and bench.stepper._status["layer"] is None


def test_a_refusal_is_said_until_the_next_command(bench):  # noqa: F811
    command(bench, "backward")
    assert "needs the forward pass, of which 4 layers are left" in bench.stepper._status["notice"]
    command(bench, "backward")
    assert bench.stepper._status["notice"] == "" and marks(bench)[0] == ("loss", "backward")


def test_until_takes_an_iteration_or_a_condition(bench):  # noqa: F811
    command(bench, "until", "3")
    assert bench.session.iteration == 3
    command(bench, "until", "iteration >= 5")
    assert bench.session.iteration == 5 and "so it is at iteration 5" in bench.stepper._status["notice"]
    said = []
    bench.stepper.send = lambda content, buffers=None: said.append(content)
    command(bench, "until", "nonsense")
    assert any("expected a comparison" in one.get("text", "") for one in said) and bench.session.iteration == 5


def test_the_array_flips_to_the_gradient_and_back(bench):  # noqa: F811
    command(bench, "forward_pass")
    assert bench.array._settings["part"] == "data"
    command(bench, "backward")
    assert bench.array._settings["part"] == "diff"
    command(bench, "backward_pass")
    assert (bench.array._settings["part"], bench.array._parts["diff"]) == ("diff", "gradient")
    gradient = bench.array._read("diff")
    assert gradient.any() and isinstance(bench.array._read("update"), str)
    command(bench, "update")
    assert (bench.array._read("diff") == gradient).all() and (bench.array._read("update") != gradient).any()
    command(bench, "step", 1)
    assert (bench.array._read("diff") != gradient).any(), "kept, since it is looked at"
    bench.array._read("data")
    command(bench, "step", 1)
    assert "written over" in bench.array._read("diff")
    command(bench, "forward")
    assert bench.array._settings["part"] == "data"


def test_a_nan_is_marked_in_drawing_and_curves_and_one_click_goes_back(bench):  # noqa: F811
    bench.session.timeline.share = float("inf")
    command(bench, "step", 3)
    with bench.session.still():
        bench.net.params["ip2"][0].data[0, 0] = np.nan
    command(bench, "step", 5)
    assert bench.editor._steps["bad"] == {"id": "ip2", "direction": "forward"}
    assert bench.stepper._status["spoiled"] and "layer ip2, blob ip2" in bench.stepper._status["notice"]
    assert [(mark.x, mark.kind) for mark in bench.curves._marks] == [(3, "bad")]
    assert bench.stepper._status["kept"] == [0, 1, 2, 3]
    command(bench, "go_back_to_finite")
    assert bench.session.iteration == 2 and not bench.stepper._status["spoiled"]
    assert float(bench.stepper._status["loss"]) == pytest.approx(bench.session.history.loss[1], rel=1e-3)
    assert bench.editor._steps["bad"] is None and bench.stepper._status["iteration"] == 2
    assert [(mark.x, mark.kind) for mark in bench.curves._marks] == [(2, "here")]
    command(bench, "step", 1)
    assert bench.curves._marks == () and bench.curves.points("loss")[0].tolist() == [0, 1, 2]


def test_the_watch_can_be_switched_off(bench):  # noqa: F811
    command(bench, "step", 1)
    command(bench, "watch", False)
    with bench.session.still():
        bench.net.params["ip2"][0].data[0, 0] = np.nan
    command(bench, "step", 3)
    assert bench.session.iteration == 4 and not bench.stepper._status["spoiled"]


def test_the_selected_layer_is_frozen_and_the_change_is_marked(bench):  # noqa: F811
    command(bench, "step", 2)
    assert bench.stepper._status["freezable"] is None
    bench.select("data")
    assert bench.stepper._status["freezable"] is None
    bench.select("ip1")
    assert bench.stepper._status["freezable"] == {"layer": "ip1", "frozen": False}
    command(bench, "freeze", "ip1", True)
    assert bench.stepper._status["freezable"] == {"layer": "ip1", "frozen": True}
    assert [(mark.x, mark.kind) for mark in bench.curves._marks] == [(2, "change")]
    assert "ip1: lr_mult 1 → 0" in bench.curves._marks[0].text and "lr_mult: 0" in bench.text.text
    command(bench, "freeze", "ip1", False)
    assert bench.stepper._status["freezable"] == {"layer": "ip1", "frozen": False}


def asked(bench, ask, name, *arguments):  # noqa: F811
    content = {"type": "run", "ask": ask, "name": name, "arguments": list(arguments), "view": "a"}
    bench.curves._receive(bench.curves, content, [])
    settle(bench)


def test_a_run_that_ended_stays_beside_the_next_one(bench, monkeypatch):  # noqa: F811
    command(bench, "step", 3)
    command(bench, "reset")
    assert bench.curves.runs == {"run 1"}
    command(bench, "step", 2)
    assert bench.curves.points("loss", "run 1")[0].tolist() == [0, 1, 2]
    assert bench.curves._series['["run 1", "loss"]'].dim
    assert bench.curves.points("loss")[0].tolist() == [0, 1]
    assert [(run["name"], run["shown"]) for run in bench.curves._runs] == [("run 1", True), ("run 2", None)]
    asked(bench, "show", "run 1", False)
    assert bench.curves.runs == {""}
    asked(bench, "rename", "run 1", "the first")
    asked(bench, "note", "the first", "a note")
    asked(bench, "show", "the first", True)
    assert bench.curves.runs == {"", "the first"} and bench.curves._runs[0]["notes"] == "a note"
    sent = []
    monkeypatch.setattr(bench.curves, "send", lambda content, buffers=None: sent.append(content))
    asked(bench, "csv", "the first")
    assert sent[0]["name"] == "the first.csv" and sent[0]["text"].startswith("iteration,loss,smoothed,rate\n0,")
    asked(bench, "remove", "run 2")
    assert any("cannot be removed" in one.get("text", "") for one in sent)
    asked(bench, "resume", "the first")
    assert bench.session.iteration == 3 and bench.session.runs.present.name == "the first"
    assert bench.curves.points("loss")[0].tolist() == [0, 1, 2] and "the first" not in bench.curves.runs


def test_a_bench_that_opens_later_offers_to_go_on(bench, folder):  # noqa: F811
    command(bench, "step", 4)
    losses = bench.session.history.loss.copy()
    bench.close()
    later = brewbench.open(folder / "solver.prototxt")
    assert later.stepper._status["notice"].startswith("run 1 stands at iteration 4: go on")
    assert [(run["name"], run["shown"]) for run in later.curves._runs] == [("run 1", False)]
    asked(later, "resume", "run 1")
    assert later.session.iteration == 4 and later.stepper._status["iteration"] == 4
    assert later.curves.points("loss")[1].tolist() == losses.tolist()
    command(later, "step", 1)
    assert later.curves.points("loss")[0].tolist() == [0, 1, 2, 3, 4]
    later.close()
