"""Every notebook runs from its first cell to its last, and is committed without what running leaves in it."""

import os
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TIMEOUT = 300  # seconds a cell may take, its training shortened

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_the_first_notebook_is_the_bench():
    assert NOTEBOOKS and NOTEBOOKS[0].name == "00-the-bench.ipynb"


@every_notebook
def test_it_runs(path, monkeypatch, tmp_path):
    monkeypatch.setenv("BREWBENCH_FAST", "1")
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source)


@every_notebook
def test_it_is_committed_stripped(path):
    """No outputs, no counts, no widget state; cell ids that stay the same when it is saved again."""
    verify = [sys.executable, "-m", "nbstripout", "--verify", str(path)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"strip it: python -m nbstripout {path.relative_to(ROOT)}\n{done.stderr}"


@every_notebook
def test_ruff_has_no_complaint(path):
    check = [sys.executable, "-m", "ruff", "check", "--force-exclude", str(path)]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, cwd=ROOT, env=os.environ)
    assert done.returncode == 0, done.stdout
