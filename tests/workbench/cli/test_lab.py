"""`brewbench lab`: which JupyterLab it becomes, and where."""

import os
import sys
from pathlib import Path

import pytest

from brewbench.workbench.cli import lab


@pytest.fixture
def started(monkeypatch):
    """What would have been started: (folder, command), once for each start."""
    folders, found = [], []
    monkeypatch.setattr(os, "chdir", lambda folder: folders.append(Path(folder)))
    monkeypatch.setattr(os, "execv", lambda program, command: found.append((folders[-1], command)))
    return found


def test_it_opens_the_first_notebook_in_its_folder(started, call, tmp_path, monkeypatch):
    (tmp_path / lab.FIRST).touch()
    monkeypatch.setattr(lab, "NOTEBOOKS", tmp_path)
    assert call("lab", "--no-browser", "--port", "8890") == (0, "", "")
    ((folder, command),) = started
    assert folder == tmp_path
    assert command[:4] == [sys.executable, "-m", "jupyterlab", f"--LabApp.default_url=/lab/tree/{lab.FIRST}"]
    assert command[4:7] == ["--no-browser", "--port", "8890"]


def test_it_opens_a_notebook_of_ones_own(started, call, tmp_path):
    (tmp_path / "mine.ipynb").touch()
    assert call("lab", tmp_path / "mine.ipynb")[0] == 0
    ((folder, command),) = started
    assert folder == tmp_path and "--LabApp.default_url=/lab/tree/mine.ipynb" in command


def test_a_shipped_notebook_is_found_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "07.ipynb").touch()
    monkeypatch.setattr(lab, "NOTEBOOKS", tmp_path)
    assert lab.find_notebook("07.ipynb") == tmp_path / "07.ipynb"


def test_a_notebook_that_is_not_there(started, call, tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "NOTEBOOKS", tmp_path)
    assert call("lab", "no.ipynb") == (1, "", "brewbench lab: there is no notebook 'no.ipynb'\n")
    status, _, err = call("lab")
    assert status == 1 and "the notebooks come with the repository" in err
    assert not started
