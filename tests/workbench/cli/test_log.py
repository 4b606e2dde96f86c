"""The log against lines of real Caffe, and against what its parse_log.py looks for."""

import io
import logging
import os
import re
import shutil
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from google.protobuf import text_format

from brewbench.engine import TRAIN, Net
from brewbench.engine import solver as engine
from brewbench.engine.making import NOTICE, making
from brewbench.engine.solver import Output, Progress
from brewbench.proto.messages import NetParameter, SolverParameter
from brewbench.workbench.cli.log import LOG, GlogFormatter, SolverLog, log_net, logging_to, number, text_of

from ... import held


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
def make_kernels():
    """Makes three kernels, as far as those who listen are told."""
    net = Net(NetParameter(layer=[{"name": "x", "type": "Input", "top": ["x"]}]), TRAIN)

    def act():
        net.forward_layer(0)
        for _ in range(3):
            with making():
                pass

    return act


def test_a_log_tells_nothing_of_kernels_that_are_made(capfd, make_kernels, tmp_path):
    with logging_to(tmp_path / "log"):
        make_kernels()
    assert not capfd.readouterr().err and not (tmp_path / "log").read_text()


def test_a_terminal_tells_once_that_kernels_are_made(make_kernels, monkeypatch, tmp_path):
    for variable, told in ((None, f"{NOTICE}\n"), ("JPY_PARENT_PID", "")):
        if variable:
            monkeypatch.setenv(variable, "1")
        stderr = io.StringIO()
        stderr.isatty = lambda: True
        monkeypatch.setattr(sys, "stderr", stderr)
        with logging_to(tmp_path / "log"):
            make_kernels()
        assert stderr.getvalue() == told and not (tmp_path / "log").read_text()
    make_kernels()
    assert stderr.getvalue() == told


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


@pytest.mark.parametrize("name", ["MultiStep", "Plateau", "StepEarly"])
def test_a_step_of_the_rate_is_told_once(capfd, solver, name):
    solver.param.lr_policy = name.lower()
    log = SolverLog(solver)

    def act():
        log.on_gradients_ready(solver)
        solver.current_step = 1
        log.on_gradients_ready(solver)
        log.on_gradients_ready(solver)

    assert lines_of(capfd, act) == [f"{name} Status: Iteration 25, step = 1"]


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


LENET = held.folder("notebooks/models") / "lenet" / "lenet_train_test.prototxt"
SOLVERS = {  # those of the golden logs: lines that the plain one does not have
    "train": "power: 0.75",
    "train_resume": "power: 0.75",
    "train_multistep_hdf5_snapshot": """
        lr_policy: "multistep" gamma: 0.1 stepvalue: 5 stepvalue: 15 display: 5 max_iter: 20 snapshot: 10
        snapshot_format: HDF5 snapshot_prefix: "ms" """,
}
PLAIN = """
    net: "lenet_log.prototxt" test_iter: 2 test_interval: 25 base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005
    lr_policy: "inv" gamma: 0.0001 display: 10 max_iter: 50 snapshot: 25 snapshot_prefix: "lenet"
    solver_mode: CPU random_seed: 1701 """


def comparable(log):
    """The lines of a log, without what differs from run to run, and without what only Caffe or only we say."""
    text = LINE.sub(lambda start: f"{start[0][0]} ", log)
    text = re.sub(r'(?m)^  (level: 0|stage: "")\n', "", text).replace("train_state {\n}\n", "")
    text = re.sub(r"(loss|accuracy|[Ll]oss:)( = | )-?\d[-\d.e+]*", r"\1", text)
    text = re.sub(r"[\d.]+ ms|\(.*iter/s, .*s/|= [-\d.e+]+ loss", "", text)
    lines = [line for line in text.splitlines() if not re.search("Restarting data|Random seed", line)]
    return [line for before, line in zip(["", *lines], lines, strict=False) if (before, line) != INNER]


INNER = ("I loss -> loss", "I Creating layer loss")  # the Softmax in the loss, a layer of its own in Caffe


@pytest.fixture
def lenet(tmp_path, monkeypatch):
    """The working directory, with the net, the solvers and the data of the golden logs."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(GOLDEN / "files" / "mnist_like_lmdb", "mnist_like_lmdb")
    text = re.sub('source: ".*"', 'source: "mnist_like_lmdb"', LENET.read_text())
    text = re.sub("batch_size: 64", "batch_size: 8", re.sub("batch_size: 100", "batch_size: 10", text))
    Path("lenet_log.prototxt").write_text(text)
    for name, lines in SOLVERS.items():
        param = text_format.Parse(PLAIN, SolverParameter())
        param.MergeFrom(text_format.Parse(lines, SolverParameter()))
        Path(f"{name}.prototxt").write_text(str(param))
    return tmp_path


def test_a_training_is_told_as_caffe_tells_it(lenet, call):
    for name in SOLVERS:
        resume = ["-snapshot", "lenet_iter_25.solverstate"] if name == "train_resume" else []
        status, _, err = call("train", "-solver", f"{name}.prototxt", *resume)
        assert status == 0
        told = comparable(err)
        rates = [k for k, line in enumerate(told) if "Engine and rate per layer" in line]  # which Caffe does not tell
        assert told[: rates[0] if rates else None] == comparable(
            (GOLDEN / "logs" / f"{name}.stderr.txt").read_text()
        ), name
        assert bool(rates) == name.startswith("time")


def test_scoring_and_timing_are_told_as_caffe_tells_them(lenet, call):
    with closing(Net("lenet_log.prototxt")) as net:
        net.save("lenet_iter_50.caffemodel")
    for name, words in (
        ("test", ["test", "-weights", "lenet_iter_50.caffemodel", "-iterations", "4"]),
        ("time", ["time", "-iterations", "5"]),
        ("time_test_phase", ["time", "-iterations", "2", "-phase", "TEST"]),
    ):
        status, _, err = call(*words, "-model", "lenet_log.prototxt")
        assert status == 0
        told = comparable(err)
        rates = [k for k, line in enumerate(told) if "Engine and rate per layer" in line]  # which Caffe does not tell
        assert told[: rates[0] if rates else None] == comparable(
            (GOLDEN / "logs" / f"{name}.stderr.txt").read_text()
        ), name
        assert bool(rates) == name.startswith("time")


NET_OF_RULES = """
    layer { name: "d" type: "DummyData" top: "d" dummy_data_param { shape { dim: 2 dim: 3 } } }
    layer { name: "a" type: "Softmax" bottom: "d" top: "a" include { min_level: 2 } include { stage: "x" } }
    layer { name: "b" type: "Softmax" bottom: "d" top: "b" exclude { phase: TEST } exclude { max_level: -1 } }
    layer { name: "c" type: "Softmax" bottom: "d" top: "c" include { stage: "y" not_stage: "x" } }
    layer { name: "p" type: "InnerProduct" bottom: "d" top: "p" param { name: "w" }
      inner_product_param { num_output: 3 bias_term: false } }
    layer { name: "q" type: "InnerProduct" bottom: "p" top: "q" param { name: "w" }
      inner_product_param { num_output: 3 bias_term: false } }
"""


def test_rules_and_shared_parameters_are_told(capfd):
    with closing(Net(text_format.Parse(NET_OF_RULES, NetParameter()), TRAIN, stages=["x", "y"])) as net:
        lines = lines_of(capfd, lambda: log_net(net))
    assert [line for line in lines if line.startswith("The NetState")] == [
        "The NetState level (0) is above the min_level (2) specified by a rule in layer a",
        "The NetState phase (0) differed from the phase (1) specified by a rule in layer b",
        "The NetState level (0) is above the max_level (-1) specified by a rule in layer b",
        "The NetState contained a not_stage 'x' specified by a rule in layer c",
    ]
    assert "Sharing parameters 'w' owned by layer 'p', param index 0" in lines


def test_whole_numbers_are_written_as_caffe_writes_them():
    param = SolverParameter(base_lr=2, gamma=1e9, power=-3, momentum=0.5, snapshot_prefix="x: 1.0")
    wanted = ["base_lr: 2", "gamma: 1e+09", "power: -3", "momentum: 0.5", 'snapshot_prefix: "x: 1.0"']
    assert sorted(text_of(param).splitlines()) == sorted(wanted)


def test_a_file_is_appended_to(tmp_path, capfd):
    path = tmp_path / "train.log"
    for word in ("first", "second"):
        with logging_to(path):
            LOG.info(word)
    assert path.read_text() == capfd.readouterr().err
    assert [line.split()[-1] for line in path.read_text().splitlines()] == ["first", "second"]
    LOG.info("third")
    assert "third" not in path.read_text() + capfd.readouterr().err
