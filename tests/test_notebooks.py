"""Every notebook runs from its first cell to its last, and is committed without what running leaves in it.

What git holds is looked at: a user may have run the notebooks of the working copy, and saved what that left in them.
"""

import os
import subprocess
import sys

import nbclient
import nbformat
import pytest

from . import held

NOTEBOOKS = held.files("notebooks/*.ipynb")
TIMEOUT = 300  # seconds a cell may take, its training shortened

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    """The folder in which notebooks find their data and models, as git holds it."""
    return held.copy("notebooks", tmp_path_factory.mktemp("held"))


def test_the_first_notebook_is_the_bench():
    assert NOTEBOOKS and NOTEBOOKS[0].name == "00-the-bench.ipynb"


@every_notebook
def test_it_runs(path, notebooks, monkeypatch, tmp_path):
    monkeypatch.setenv("BREWBENCH_FAST", "1")
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    notebook = nbformat.read(notebooks / path.relative_to("notebooks"), as_version=4)
    nbclient.NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(notebooks)}},
    ).execute()
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source)


@every_notebook
def test_it_is_committed_stripped(path, notebooks):
    """No outputs, no counts, no widget state; cell ids that stay the same when it is saved again."""
    held.skip_without_git()
    verify = [sys.executable, "-m", "nbstripout", "--verify", str(notebooks / path.relative_to("notebooks"))]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"strip it: python -m nbstripout {path}\n{done.stderr}"


@every_notebook
def test_ruff_has_no_complaint(path):
    """`ruff check .` leaves notebooks out, since those of the working copy are the user's."""
    held.skip_without_git()
    check = [sys.executable, "-m", "ruff", "check", "--stdin-filename", str(path), "-"]
    done = subprocess.run(
        check, input=held.content(path), capture_output=True, timeout=60, cwd=held.ROOT, env=os.environ
    )
    assert done.returncode == 0, done.stdout.decode()
