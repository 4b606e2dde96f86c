"""What the bar of a training shows, and when it looks."""

import io
import re
import sys

import pytest
from google.protobuf import text_format

from brewbench.engine import get_solver
from brewbench.engine.solver import Solver
from brewbench.proto.messages import SolverParameter
from brewbench.workbench.cli.progress import Bar, SolverBar
from brewbench.workbench.cli.terminal import shows_bars

SOLVER = """
base_lr: 0.5 lr_policy: "fixed" net_param {
  layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 3 } } }
  layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" loss_weight: 1 inner_product_param { num_output: 2 } } }
"""


@pytest.mark.parametrize("interval, looks", [(0.0, 6), (1e6, 0)])
def test_the_loss_is_read_only_when_the_bar_may_be_drawn(interval, looks, monkeypatch):
    solver = get_solver(text_format.Parse(SOLVER, SolverParameter()))
    read, loss = [], Solver.smoothed_loss.fget
    monkeypatch.setattr(Solver, "smoothed_loss", property(lambda self: read.append(self.iter) or loss(self)))
    terminal = io.StringIO()
    with Bar(total=6, file=terminal, mininterval=interval, leave=False) as bar:
        solver.listeners.append(SolverBar(bar))
        solver.step(6)
        assert bar.n == 6
        assert len(read) == looks
        bar.refresh()  # as below a line of the log
    assert len(read) == looks + 1
    assert "| 6/6 [" in terminal.getvalue() and ", loss=-20, rate=0.5]" in terminal.getvalue()


def test_a_bar_that_is_not_shown_looks_at_nothing(monkeypatch):
    solver = get_solver(text_format.Parse(SOLVER, SolverParameter()))
    monkeypatch.setattr(Solver, "smoothed_loss", property(lambda self: pytest.fail("nobody sees it")))
    with Bar(total=6, disable=True) as bar:
        solver.listeners.append(SolverBar(bar))
        solver.step(6)


def test_bars_are_drawn_on_terminals_that_somebody_sees(monkeypatch):
    stream = io.StringIO()
    assert not shows_bars(stream)
    stream.isatty = lambda: True
    assert shows_bars(stream)
    monkeypatch.setenv("TERM", "dumb")
    assert not shows_bars(stream)
    monkeypatch.setenv("TERM", "xterm-color")
    assert shows_bars(stream)
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    assert not shows_bars(stream)


def test_the_output_of_a_cell_holds_the_log_alone(bench):
    """As `!brewbench train` has it: with a terminal of IPython's, of which all is kept."""
    nbclient, v4 = pytest.importorskip("nbclient"), pytest.importorskip("nbformat.v4")
    cell = v4.new_code_cell(f"!{sys.executable} -m brewbench.workbench.cli train -solver solver.prototxt")
    notebook = v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": bench}}).execute()
    text = "".join(output["text"] for output in notebook.cells[0].outputs)
    lines = text.replace("\r\n", "\n").splitlines()
    assert "\r" not in text.replace("\r\n", "\n") and "\x1b" not in text and "%|" not in text
    assert any(re.search(r"\] Iteration 20, loss = ", line) for line in lines)
