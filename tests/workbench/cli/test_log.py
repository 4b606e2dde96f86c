"""The log against lines of real Caffe, and against what its parse_log.py looks for."""

import logging
import os
import re
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from google.protobuf import text_format

from brewbench.engine import solver as engine
from brewbench.engine.solver import Output, Progress
from brewbench.proto.messages import SolverParameter
from brewbench.workbench.cli.log import LOG, GlogFormatter, SolverLog, logging_to, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9, "0.9"), (1.0, "1"), (0.00999251, "0.00999251"), (2.343861, "2.34386"), (1e-05, "1e-05"),
        (123456.7, "123457"), (1234567.0, "1.23457e+06"), (0.0, "0"), (float("nan"), "nan"), (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_numbers_are_those_of_a_cpp_stream(value, text):
    assert number(value) == text


def test_the_prefix_is_that_of_glog():
    record = logging.LogRecord("x", logging.WARNING, "folder/solver.py", 45, "Hello %s", ("there",), None)
    line = GlogFormatter().format(record)
    assert re.fullmatch(r"W\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ solver\.py:45\] Hello there", line)
    assert line.split()[2] == str(os.getpid())


def lines_of(capfd, act):
    """What is logged while `act()` runs, without the prefixes."""
    with logging_to():
        act()
    return [line.partition("] ")[2] for line in capfd.readouterr().err.splitlines()]


@pytest.fixture
def solver():
    param = SolverParameter(display=10, max_iter=50, lr_policy="multistep")
    return SimpleNamespace(param=param, iter=25, current_step=0, type="SGD")


def test_a_display_in_caffes_words(capfd, solver):
    outputs = (Output("accuracy", 0.9), Output("loss", 1.89294, 1.0), Output("aux", 2.0, 0.5))
    progress = Progress(10, 1.962313, 0.009992507, outputs, 2.632, 10)
    assert lines_of(capfd, lambda: SolverLog(solver).on_display(solver, progress)) == [
        "Iteration 10 (3.79939 iter/s, 2.632s/10 iters), loss = 1.96231",
        "    Train net output #0: accuracy = 0.9",
        "    Train net output #1: loss = 1.89294 (* 1 = 1.89294 loss)",
        "    Train net output #2: aux = 2 (* 0.5 = 1 loss)",
        "Iteration 10, lr = 0.00999251",
    ]


def test_the_display_after_the_last_update_is_short(capfd, solver):
    progress = Progress(50, 0.0417722, 0.01, (), 0.0, 0)
    assert lines_of(capfd, lambda: SolverLog(solver).on_display(solver, progress)) == ["Iteration 50, loss = 0.0417722"]


def test_a_test_in_caffes_words(capfd, solver):
    result = engine.TestResult(25, 1, (Output("accuracy", 0.9), Output("loss", 0.835345, 1.0)), loss=0.835345)

    def act():
        SolverLog(solver).on_test_start(solver, 1)
        SolverLog(solver).on_test(solver, result)

    assert lines_of(capfd, act) == [
        "Iteration 25, Testing net (#1)",
        "Test loss: 0.835345",
        "    Test net output #0: accuracy = 0.9",
        "    Test net output #1: loss = 0.835345 (* 1 = 0.835345 loss)",
    ]


@pytest.mark.parametrize(("ending", "kind"), [("", "binary proto"), (".h5", "HDF5")])
def test_a_snapshot_in_caffes_words(capfd, solver, ending, kind):
    files = Path(f"a_iter_25.caffemodel{ending}"), Path(f"a_iter_25.solverstate{ending}")
    assert lines_of(capfd, lambda: SolverLog(solver).on_snapshot(solver, *files)) == [
        f"Snapshotting to {kind} file a_iter_25.caffemodel{ending}",
        f"Snapshotting solver state to {kind} file a_iter_25.solverstate{ending}",
    ]


def test_a_step_of_the_rate_is_told_once(capfd, solver):
    log = SolverLog(solver)

    def act():
        log.on_gradients_ready(solver)
        solver.current_step = 1
        log.on_gradients_ready(solver)
        log.on_gradients_ready(solver)

    assert lines_of(capfd, act) == ["MultiStep Status: Iteration 25, step = 1"]


GOLDEN = Path(__file__).parents[2] / "golden"
LINE = re.compile(r"(?m)^[IWE]\d{4,8} \S+ +\d+ \S+\] ")


def debug_lines(text):
    """The lines that debug_info adds to a log, with their level, the tests they are in and the loss after them."""
    lines = [LINE.sub(lambda start: f"{start[0][0]} ", line) for line in text.splitlines()]
    return [line for line in lines if re.search(r"\[(Forward|Backward)\]|Testing net|iter/s", line)]


def without_numbers(line):
    return re.sub(r" \(.*/s.*?\)|[-\d.e+]+(?=[,);]|$)", "", line)


def test_debug_info_in_caffes_words(capfd, monkeypatch):
    monkeypatch.chdir(GOLDEN / "files")
    log = (GOLDEN / "logs" / "train_debug_info.stderr.txt").read_text()
    solver_text, train, test = [
        part for part in LINE.split(log) if part.startswith(("Initializing net from", "Initializing solver from"))
    ]
    param = text_format.Parse(solver_text.partition("\n")[2], SolverParameter())
    param.ClearField("net")
    for field, text in ((param.train_net_param, train), (param.test_net_param.add(), test)):
        text_format.Parse(text.partition("\n")[2], field)
        field.ClearField("state")
    param.snapshot_after_train = False

    def act():
        with closing(engine.get_solver(param)) as solver:
            solver.listeners.append(SolverLog(solver))
            solver.solve()

    with logging_to():
        act()
    found, wanted = debug_lines(capfd.readouterr().err), debug_lines(log)
    assert len(wanted) > 100
    assert [without_numbers(line) for line in found] == [without_numbers(line) for line in wanted]
    for line, other in zip(found, wanted, strict=True):
        if "Layer mnist" in line:  # the same rows: the same numbers
            assert line == other


def test_a_file_is_appended_to(tmp_path, capfd):
    path = tmp_path / "train.log"
    for word in ("first", "second"):
        with logging_to(path):
            LOG.info(word)
    assert path.read_text() == capfd.readouterr().err
    assert [line.split()[-1] for line in path.read_text().splitlines()] == ["first", "second"]
    LOG.info("third")
    assert "third" not in path.read_text() + capfd.readouterr().err
