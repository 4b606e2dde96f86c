"""Runs: kept beside the solver, read by another session, gone on with bit for bit."""

import json
import threading

import numpy as np
import pytest

from brewbench.proto import Document
from brewbench.workbench.livenet import LiveNet
from brewbench.workbench.session import Session, runs
from brewbench.workbench.session.run_files import check_name, csv_of, read_state

from .test_session import assert_same, finish, plain, state_of, texts  # noqa: F401


@pytest.fixture
def files(tmp_path, texts):  # noqa: F811
    for name, text in zip(("net", "solver"), texts, strict=True):
        (tmp_path / f"{name}.prototxt").write_text(text)
    return tmp_path


@pytest.fixture
def opened(files):
    """Opens sessions on the files, one after the other; closed at the end."""
    made = []

    def opening(**changes):
        net, solver = (Document.open(files / f"{name}.prototxt", name) for name in ("net", "solver"))
        for name, value in changes.items():
            solver.set((name,), value)
        made.append(Session(LiveNet(net, solver_document=solver), interval=0.001))
        return made[-1]

    yield opening
    for session in made:
        session.close()


def folder_of(files):
    return files / ".brewbench" / "runs"


def test_a_run_is_kept_beside_the_solver_in_plain_files(files, opened):
    session = opened()
    session.step(6)
    finish(session)
    session.set("base_lr", 0.05)
    session.step(1)
    finish(session)
    losses, accuracy = session.history.loss.copy(), session.history.test("accuracy").copy()
    assert session.runs.names == ["run 1"] and session.runs.present is session.runs[0]
    session.close()
    folder = folder_of(files) / "run 1"
    assert {path.name for path in folder.iterdir()} == {
        "run.json", "loss.csv", "tests.csv", "net.prototxt", "solver.prototxt", "state.npz"
    }  # fmt: skip
    about = json.loads((folder / "run.json").read_text())
    assert (about["name"], about["iteration"]) == ("run 1", 7)
    assert about["marks"] == [[6, "base_lr 0.1 → 0.05"]]
    table = np.loadtxt(folder / "loss.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(table[:, 1], losses)
    assert "base_lr: 0.05" in (folder / "solver.prototxt").read_text()

    run = opened().runs["run 1"]
    assert run.iteration == 7 and run.can_resume
    np.testing.assert_array_equal(run.history.loss, losses)
    np.testing.assert_array_equal(run.history.test("accuracy"), accuracy)
    assert run.history.marks[0].text == "base_lr 0.1 → 0.05"


def test_another_session_goes_on_bit_for_bit(files, opened, texts):  # noqa: F811
    first = opened()
    first.step(5)
    finish(first)
    first.close()
    second = opened()
    second.resume()
    assert finish(second) == "paused" and second.iteration == 5
    assert second.runs.names == ["run 1"] and len(second.history) == 5
    second.step(5)
    finish(second)
    assert_same(second, texts, 10)
    second.close()
    assert opened().runs[-1].iteration == 10


def test_the_seed_of_a_run_that_was_given_none_goes_along(files, opened):
    (files / "solver.prototxt").write_text((files / "solver.prototxt").read_text().replace("random_seed: 11", ""))
    first = opened()
    first.step(3)
    finish(first)
    first.runs.save()
    first.step(4)
    finish(first)
    losses = first.history.loss.copy()
    kept = folder_of(files) / "run 1"
    assert read_state(kept)[0].iteration in (3, 7)
    second = opened()
    second.resume("run 1")
    finish(second)
    second.to(7)
    finish(second)
    np.testing.assert_array_equal(second.history.loss, losses)


def test_a_rewind_ends_the_run_and_keeps_its_curves(files, opened):
    told = threading.Event()
    session = opened()
    session.on_runs.subscribe(told.set)
    session.step(4)
    finish(session)
    losses = session.history.loss.copy()
    session.rewind()
    finish(session)
    assert session.runs.present is None and session.runs.names == ["run 1"] and told.is_set()
    session.set("base_lr", 0.2)
    session.step(2)
    finish(session)
    assert session.runs.names == ["run 1", "run 2"]
    np.testing.assert_array_equal(session.runs["run 1"].history.loss, losses)
    session.close()
    found = opened().runs
    assert "-base_lr: 0.1\n+base_lr: 0.2" in found["run 2"].diff(found["run 1"])
    assert "run 1: net" not in found["run 2"].diff(found["run 1"])


def test_a_way_that_is_left_becomes_a_run(opened, monkeypatch):
    monkeypatch.setattr(runs, "WORTH", 3)
    session = opened()
    session.timeline.share = float("inf")
    session.step(6)
    session.go_back(5)
    session.step(1)
    finish(session)
    assert session.runs.names == ["run 1"], "one iteration is no way"
    session.go_back(2)
    session.step(1)
    finish(session)
    assert session.runs.names == ["run 2", "run 1"] and session.runs.present.name == "run 1"
    assert (len(session.runs["run 2"].history), len(session.history)) == (6, 3)


def test_runs_are_renamed_noted_and_removed(files, opened):
    session = opened()
    session.step(2)
    session.rewind()
    session.step(1)
    finish(session)
    session.runs.rename("run 1", "big rate")
    session.runs.note("big rate", "it <b>diverged</b>")
    with pytest.raises(ValueError, match="already"):
        session.runs.rename("run 2", "big rate")
    for bad in ("", "  ", "a/b", "..", "x" * 200, "a\nb"):
        with pytest.raises(ValueError, match="no name for a run"):
            session.runs.rename("run 2", bad)
    with pytest.raises(ValueError, match="under way"):
        session.runs.remove("run 2")
    assert opened().runs["big rate"].notes == "it <b>diverged</b>"
    session.runs.remove("big rate")
    assert not (folder_of(files) / "big rate").exists() and session.runs.names == ["run 2"]
    with pytest.raises(KeyError, match="big rate"):
        session.runs["big rate"]
    assert check_name(" a name ") == "a name"


def test_a_state_of_another_net_is_refused_and_nothing_changes(files, opened):
    first = opened()
    first.step(3)
    finish(first)
    first.close()
    text = (files / "net.prototxt").read_text()
    (files / "net.prototxt").write_text(text.replace("num_output: 8", "num_output: 9"))
    second = opened()
    second.step(1)
    finish(second)
    before = state_of(second.solver)
    second.resume("run 1")
    assert finish(second) == "failed" and "another net" in second.error
    for mine, theirs in zip(state_of(second.solver), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert second.runs.present.name == "run 2" and len(second.history) == 1


@pytest.mark.parametrize("file, content", [
    ("state.npz", b"no zip"), ("state.npz", b""), ("loss.csv", b"iteration,loss\n1,2\n"), ("loss.csv", b"a\nx,y,z,w\n"),
])  # fmt: skip
def test_damaged_files_fail_with_their_name(files, opened, file, content):
    first = opened()
    first.step(3)
    finish(first)
    first.close()
    (folder_of(files) / "run 1" / file).write_bytes(content)
    second = opened()
    second.resume()
    assert finish(second) == "failed"
    assert "run 1" in second.error and second.iteration == 0


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_a_damaged_run_is_passed_over(files, opened, content):
    first = opened()
    first.step(1)
    finish(first)
    first.close()
    (folder_of(files) / "run 1" / "run.json").write_bytes(content)
    second = opened()
    assert second.runs.names == []
    second.step(1)
    finish(second)
    assert second.runs.names == ["run 2"], "the folder of the damaged one stays"


def test_without_a_file_runs_stay_in_memory(texts):  # noqa: F811
    net, solver = texts
    live = LiveNet(Document.parse(net, "net"), solver_document=Document.parse(solver, "solver"))
    with Session(live) as session:
        session.step(2)
        session.rewind()
        finish(session)
        assert session.runs.folder is None and len(session.runs["run 1"].history) == 2
        session.resume()
        assert finish(session) == "failed" and "no run to go on with" in session.error


def test_a_folder_that_cannot_be_written_costs_the_saving_alone(files, opened, texts):  # noqa: F811
    (files / ".brewbench").write_text("in the way")
    session = opened()
    session.step(3)
    finish(session)
    with pytest.raises(OSError):
        session.runs.save()
    assert session.state == "paused"
    assert_same(session, texts, 3)


def test_the_curves_as_one_table(opened, tmp_path):
    session = opened()
    session.step(5)
    finish(session)
    run = session.runs.present
    session.rewind()
    finish(session)
    text = run.to_csv(tmp_path / "curves.csv")
    rows = [line.split(",") for line in text.splitlines()]
    assert rows[0][:4] == ["iteration", "loss", "smoothed", "rate"] and "test accuracy" in rows[0]
    assert [row[0] for row in rows[1:]] == ["0", "1", "2", "3", "4"]
    assert float(rows[1][1]) == run.history.loss[0] and rows[2][rows[0].index("test accuracy")] == ""
    assert (tmp_path / "curves.csv").read_text() == text == csv_of(run.history)


def test_the_oldest_runs_lose_their_states_where_those_take_too_much(opened, monkeypatch):
    session = opened()
    for _ in range(3):
        session.step(1)
        session.rewind()
        finish(session)
    session.runs._courier.drain(10)
    size = (session.runs[0].folder / "state.npz").stat().st_size
    assert [run.can_resume for run in session.runs] == [True] * 3
    monkeypatch.setattr(runs, "STATES", 2 * size + size // 2)
    session.step(1)
    finish(session)
    session.runs.end()
    session.runs._courier.drain(10)
    assert [run.can_resume for run in session.runs] == [False, True, True, True]
    assert len(session.runs[0].history) == 1
