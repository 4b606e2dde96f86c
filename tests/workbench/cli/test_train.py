"""`brewbench train` on a small net: its log, its files, going on after a stop, and what it refuses."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from brewbench.proto.messages import NetParameter
from brewbench.workbench.cli import main, train
from brewbench.workbench.cli.train import signal_effects

STOPPED = Path(__file__).parents[2] / "golden" / "logs" / "sigint_stop.stderr.txt"
PREFIX = re.compile(r"([IW])\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ \w+\.py:\d+\] ")


def parse_log(text):
    """The rows (iteration, {name: value}) of training and test, found as Caffe's parse_log.py finds them."""
    assert "Solving" in text
    iteration, rate, train, test = None, None, [], []
    for line in text[text.index("Solving") :].splitlines()[1:]:
        if match := re.search(r"Iteration (\d+)", line):
            iteration = int(match[1])
        if match := re.search(r"lr = ([-+]?[0-9]*\.?[0-9]+([eE]?[-+]?[0-9]+)?)", line):
            rate = float(match[1])
            train[-1][1]["lr"] = rate
        for name, rows in (("Train", train), ("Test", test)):
            if match := re.search(name + r" net output #(\d+): (\S+) = ([\.\deE+-]+)", line):
                if match[1] == "0":
                    rows.append((iteration, {}))
                rows[-1][1][match[2]] = float(match[3])
    return train, test


def test_the_log_can_be_parsed(bench, call):
    status, out, err = call("train", "-solver", "solver.prototxt")
    assert (status, out) == (0, "")
    train, test = parse_log(err)
    assert [iteration for iteration, _ in train] == [0, 5, 10, 15]
    assert [iteration for iteration, _ in test] == [0, 10, 20]
    assert all(set(row) == {"loss", "lr"} for _, row in train)
    assert train[0][1]["lr"] == 0.01 and train[1][1]["lr"] == pytest.approx(0.01 * 1.0005**-0.75, rel=1e-5)
    assert test[-1][1]["loss"] < test[0][1]["loss"]
    assert 0 <= test[-1][1]["accuracy"] <= 1


def test_the_log_says_what_caffe_says(bench, call):
    _, _, err = call("train", "--solver=solver.prototxt", "-log", "train.log")
    assert (bench / "train.log").read_text() == err
    assert "\r" not in err
    said = [PREFIX.sub("", line) for line in err.splitlines() if PREFIX.match(line)]
    expected = [
        "Use CPU.",
        "Initializing solver from parameters: ",
        "Creating training net from net file: net.prototxt",
        "Initializing net from parameters: ",
        "Creating Layer rows",
        "rows -> data",
        "Top shape: 4 1 6 6 (144)",
        "Top shape: 4 (4)",
        "Memory required for data: 592",
        "ip <- data",
        "    with loss weight 1",
        "loss needs backward computation.",
        "rows does not need backward computation.",
        "This network produces output loss",
        "Network initialization done.",
        "Creating test net (#0) specified by net file: net.prototxt",
        "label_rows_1_split -> label_rows_1_split_0",
        "This network produces output accuracy",
        "Solver scaffolding done.",
        "Random seed: 3",
        "Starting Optimization",
        "Solving Tiny",
        "Learning Rate Policy: inv",
        "Iteration 0, Testing net (#0)",
        "Iteration 0, lr = 0.01",
        "Snapshotting to binary proto file tiny_iter_20.caffemodel",
        "Snapshotting solver state to binary proto file tiny_iter_20.solverstate",
        "Iteration 20, Testing net (#0)",
        "Optimization Done.",
        "Optimization Done.",
    ]
    rest = iter(said)
    missing = [line for line in expected if line not in rest]  # in this order
    assert not missing
    text = [line for line in err.splitlines() if not PREFIX.match(line)]
    assert text[:3] == ["test_iter: 3", "test_interval: 10", "base_lr: 0.01"]
    assert text.count('name: "Tiny"') == 2


def test_resumed_it_goes_on_as_if_it_had_not_stopped(bench, call):
    whole = bench / "whole"
    parts = bench / "parts"
    for folder in (whole, parts):
        shutil.copytree(bench, folder, ignore=shutil.ignore_patterns("whole", "parts"))
    os.chdir(whole)
    assert call("train", "-solver", "solver.prototxt", "-seed", "8")[0] == 0
    os.chdir(parts)
    half = (bench / "solver.prototxt").read_text().replace("max_iter: 20", "max_iter: 9")
    (parts / "half.prototxt").write_text(half)
    assert call("train", "-solver", "half.prototxt", "-seed", "8")[0] == 0
    status, _, err = call("train", "-solver", "solver.prototxt", "-snapshot", "tiny_iter_9.solverstate")
    assert status == 0
    assert "] Resuming from tiny_iter_9.solverstate\n" in err and "] SGDSolver: restoring history\n" in err
    for ending in ("caffemodel", "solverstate"):
        name = f"tiny_iter_20.{ending}"
        assert (whole / name).read_bytes() == (parts / name).read_bytes(), name
    exact = (parts / "tiny_iter_20.caffemodel").read_bytes()
    words = ["-snapshot", "tiny_iter_9.solverstate", "-data_restart", "caffe"]
    assert call("train", "-solver", "solver.prototxt", *words)[0] == 0
    assert (parts / "tiny_iter_20.caffemodel").read_bytes() != exact


def test_data_go_on_where_they_stood_or_from_the_first_row(bench, call):
    with open("solver.prototxt", "a") as file:
        file.write("debug_info: true\n")
    text = (bench / "solver.prototxt").read_text().replace("display: 5", "display: 1")
    (bench / "solver.prototxt").write_text(text)
    (bench / "half.prototxt").write_text(text.replace("max_iter: 20", "max_iter: 9"))

    def rows_of(*words):
        """The mean of the training rows of each iteration, as it is logged; a TEST net comes between."""
        err = call("train", *words)[2]
        log = err[err.index("Learning Rate Policy") :]
        found = re.findall(r"\] Iteration (\d+)|rows, top blob data data: (\S+)", log)
        means, latest = {}, None
        for iteration, mean in found:
            latest = mean or latest
            if iteration and latest:
                means.setdefault(int(iteration), latest)
        return means

    whole = rows_of("-solver", "solver.prototxt")
    rows_of("-solver", "half.prototxt")
    resume = ["-solver", "solver.prototxt", "-snapshot", "tiny_iter_9.solverstate"]
    exact, caffes = rows_of(*resume), rows_of(*resume, "-data_restart", "caffe")
    assert exact[9] == whole[9] != whole[0] == caffes[9]


def test_several_files_of_weights_are_taken_in_turn(bench, call):
    call("train", "-solver", "solver.prototxt")
    weights = bench / "tiny_iter_20.caffemodel"
    both = NetParameter.FromString(weights.read_bytes())
    for layer in both.layer:
        if layer.name == "ip":
            layer.blobs[0].data[:] = [0.0] * len(layer.blobs[0].data)
            layer.blobs[1].data[:] = [5.0, 0.0, 0.0]
    (bench / "zero.caffemodel").write_bytes(both.SerializeToString())
    first, last = f"{weights.name},zero.caffemodel", f"zero.caffemodel,{weights.name}"
    for given, sure in ((first, False), (last, True)):
        _, _, err = call("train", "-solver", "solver.prototxt", "-weights", given)
        said = [PREFIX.sub("", line) for line in err.splitlines()]
        told = [f"Finetuning from {name}" for name in given.split(",")]
        assert [line for line in said if line.startswith("Finetuning")] == [*told, *told]  # both nets
        assert (parse_log(err)[1][0][1]["loss"] < 1) == sure
        _, _, err = call("test", "-model", "net.prototxt", "-weights", given, "-iterations", "3")
        assert (float(re.search(r"\] Loss: (\S+)", err)[1]) < 1) == sure
        _, _, err = call("time", "-model", "net.prototxt", "-weights", given, "-iterations", "1")
        assert (float(re.search(r"\] Initial loss: (\S+)", err)[1]) < 1) == sure


def test_flags_of_caffes_other_commands_are_told_and_harmless(bench, call):
    status, _, err = call("train", "-solver", "solver.prototxt", "-iterations", "3", "-phase=TEST", "-model=")
    assert status == 0
    warned = [line.partition("] ")[2] for line in err.splitlines() if line.startswith("W")]
    assert warned == [f"The flag -{name} has no meaning for this command." for name in ("iterations", "phase")]
    assert "Iteration 20, Testing net" in err


def test_glogs_flags_and_variables(bench, call, monkeypatch):
    words = ["train", "-logtostderr", "--alsologtostderr=1", "-v=2", "-stderrthreshold", "0", "-solver=solver.prototxt"]
    (bench / "logs").mkdir()
    status, _, err = call(*words, "-log_dir", "logs")
    assert status == 0 and "Optimization Done." in err
    (file,) = [path for path in (bench / "logs").iterdir() if not path.is_symlink()]
    assert re.fullmatch(r"brewbench\.[^.]+\.\w+\.log\.INFO\.\d{8}-\d{6}\.\d+", file.name)
    assert file.read_text() == (bench / "logs" / "brewbench.INFO").read_text() == err
    assert call(*words, "-minloglevel=1") == (0, "", "")
    monkeypatch.setenv("GLOG_minloglevel", "2")
    assert call(*words) == (0, "", "")
    monkeypatch.setenv("GLOG_log_dir", "nowhere")
    status, _, err = call(*words)
    assert status == 1 and err.startswith("brewbench train: nowhere")


def test_weights_are_taken_for_the_layers_of_their_names(bench, call):
    call("train", "-solver", "solver.prototxt")
    (bench / "tiny_iter_20.caffemodel").rename("good.caffemodel")
    text = (bench / "net.prototxt").read_text()
    (bench / "net.prototxt").write_text(text.replace('name: "ip"', 'name: "other"'))
    status, _, err = call("train", "-solver", "solver.prototxt", "-weights", "good.caffemodel")
    assert status == 0
    assert "] Finetuning from good.caffemodel\n" in err and "] Ignoring source layer ip\n" in err
    (bench / "net.prototxt").write_text(text)
    _, _, err = call("train", "-solver", "solver.prototxt", "-weights=good.caffemodel")
    first, last = parse_log(err)[1][0][1], parse_log(err)[1][-1][1]
    assert "Ignoring" not in err and last["loss"] < first["loss"] < 1.0986  # that is ln 3, of knowing nothing


@pytest.mark.parametrize(("words", "built"), [([], False), (["-stage", "a,b", "-level", "2"], True)])
def test_level_and_stage_choose_layers(bench, call, words, built):
    rule = "include { phase: TRAIN stage: 'b' min_level: 2 }"
    with open("net.prototxt", "a") as file:
        file.write(f'layer {{ name: "extra" type: "Softmax" bottom: "ip" top: "extra" {rule} }}\n')
    status, _, err = call("train", "-solver", "solver.prototxt", *words)
    assert status == 0
    assert ("] Creating Layer extra\n" in err) == built


@pytest.mark.parametrize(("words", "built"), [([], False), (["-level", "2"], True)])
def test_the_level_of_the_flag_takes_the_place_of_the_solvers_also_when_it_is_not_given(bench, call, words, built):
    with open("net.prototxt", "a") as file:
        file.write('layer { name: "extra" type: "Softmax" bottom: "ip" top: "extra" include { min_level: 2 } }\n')
    with open("solver.prototxt", "a") as file:
        file.write("train_state { level: 2 }\n")
    status, _, err = call("train", "-solver", "solver.prototxt", *words)
    assert status == 0
    assert ("] Creating Layer extra\n" in err) == built


def test_a_solver_that_wants_a_gpu_is_warned_and_trains(bench, call, monkeypatch):
    def none():
        raise RuntimeError("there is none")

    monkeypatch.setattr(train, "gpu_count", none)
    with open("solver.prototxt", "a") as file:
        file.write("solver_mode: GPU\n")
    status, _, err = call("train", "-solver", "solver.prototxt")
    assert status == 0
    assert re.search(r"^W\d{4} .*solver_mode: GPU is set, .*: there is none$", err, re.MULTILINE)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar_below_the_log(bench, monkeypatch):
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    assert main(["train", "-solver", "solver.prototxt"]) == 0
    text = stderr.getvalue()
    assert "testing net #0" in text
    assert re.search(r"\| 10/20 \[.*it/s, loss=[\d.]+, rate=0\.009993\]", text)
    lines = [line.rpartition("\r")[2] for line in text.splitlines()]
    assert [line for line in lines if PREFIX.match(line) and line.endswith("Iteration 10, Testing net (#0)")]
    assert not [line for line in lines if re.search(r"\S.*" + PREFIX.pattern, line)], "a line behind the bar"


BAD = {
    "is not there": ("", None, "solver.prototxt: there is no such file"),
    "is no prototxt": ("", "net: {{", "solver.prototxt:1:"),
    "unknown field": ("", "net: 'net.prototxt'\nbase_rate: 1", "solver.prototxt:2: SolverParameter has no field"),
    "no net there": ("", "net: 'no.prototxt' base_lr: 1 lr_policy: 'fixed'", "solver.prototxt:1: there is no net"),
    "unknown policy": ("", "net: 'net.prototxt'\n\nlr_policy: 'fxed'", "solver.prototxt:3: unknown lr_policy 'fxed'"),
    "unknown layer": (("InnerProduct", "InerProduct"), "", "net.prototxt:8: layer 'ip' (InerProduct): unknown layer"),
    "unknown field in the net": (("num_output", "num_outputs"), "", "net.prototxt:9: layer 'ip' (InnerProduct): "),
    "no database": (("rows_lmdb", "no_lmdb"), "", "net.prototxt:5: layer 'rows' (Data): there is no database"),
    "another database": (("rows_lmdb", "junk_lmdb"), "", "net.prototxt:5: layer 'rows' (Data): 'junk_lmdb' cannot"),
}


@pytest.mark.parametrize(("change", "solver", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_told_in_one_message(bench, call, change, solver, message):
    (bench / "junk_lmdb").mkdir()
    (bench / "junk_lmdb" / "data.mdb").write_text("junk")
    if solver is None:
        (bench / "solver.prototxt").unlink()
    elif solver:
        (bench / "solver.prototxt").write_text(solver)
    if change:
        net = bench / "net.prototxt"
        net.write_text(net.read_text().replace(*change))
    status, out, err = call("train", "-solver", "solver.prototxt")
    assert (status, out) == (1, "")
    assert "Traceback" not in err
    ours = [line for line in err.splitlines() if line.startswith("brewbench")]
    assert len(ours) == 1 and ours[0].startswith(f"brewbench train: {message}")
    assert err.splitlines()[-1] == ours[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-snapshot", "solver.prototxt"], "solver.prototxt: is not a .solverstate"),
        (["-snapshot", "no.solverstate"], "no.solverstate: No such file or directory"),
        (["-weights", "solver.prototxt"], "solver.prototxt: is not a .caffemodel"),
        (["-weights", "no.caffemodel"], "there is no file of weights 'no.caffemodel'"),
        (["-snapshot", "a", "-weights", "b"], "give -snapshot to resume a training or -weights to fine-tune, but"),
        (["-gpu", "99"], "-gpu 99: "),
        (["-weights", "a.caffemodel,b.caffemodel"], "there is no file of weights 'a.caffemodel'"),
    ],
)
def test_bad_files_and_flags_are_told_in_one_message(bench, call, words, message):
    status, _, err = call("train", "-solver", "solver.prototxt", *words)
    assert status == 1
    assert err.splitlines()[-1].startswith(f"brewbench train: {message}")
    assert "Traceback" not in err


def test_signals_ask_the_solver():
    solver = SimpleNamespace(request=None)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGHUP)
    with signal_effects(solver):
        os.kill(os.getpid(), signal.SIGHUP)
        assert solver.request == "snapshot"
        os.kill(os.getpid(), signal.SIGINT)
        assert solver.request == "stop"
        os.kill(os.getpid(), signal.SIGHUP)
        assert solver.request == "stop"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGHUP)) == before


def test_the_effects_of_signals_can_be_chosen():
    solver = SimpleNamespace(request=None)
    with signal_effects(solver, "none", "stop"):
        os.kill(os.getpid(), signal.SIGINT)
        assert solver.request is None
        os.kill(os.getpid(), signal.SIGHUP)
        assert solver.request == "stop"


def test_hangup_takes_a_snapshot_and_interrupt_ends_gracefully(bench):
    endless = (bench / "solver.prototxt").read_text().replace("max_iter: 20", "max_iter: 100000000")
    (bench / "solver.prototxt").write_text(endless)
    command = [sys.executable, "-m", "brewbench.workbench.cli", "train", "-solver", "solver.prototxt"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr

        def wait_for(words):
            return next(line for line in process.stderr if words in line)

        wait_for("Iteration 5, lr")
        process.send_signal(signal.SIGHUP)
        wait_for("Snapshotting solver state")
        for _ in range(6):  # of which some may be of the iteration of the snapshot
            wait_for("Iteration ")
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 0
    said = [PREFIX.sub("", line) for line in rest.splitlines()]
    caffes = [line.partition("] ")[2] for line in STOPPED.read_text().splitlines()]
    assert [re.sub(r"\w+_iter_\d+", "", line) for line in said[-4:]] == [
        re.sub(r"\w+_iter_\d+", "", line) for line in caffes[-4:]
    ]
    assert len(list(bench.glob("tiny_iter_*.caffemodel"))) == 2
