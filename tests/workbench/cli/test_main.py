"""The front door: usage, commands, flags, exit codes, and errors in one message."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import brewbench
from brewbench.workbench.cli import COMMANDS, check, main

FOLDER = Path(check.__file__).parent


def test_alone_it_prints_the_usage(call):
    status, out, err = call()
    assert (status, err) == (0, "")
    assert all(f"  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("word", ["help", "-help", "--help", "-h"])
def test_help_is_the_usage(call, word):
    assert call(word) == call()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("word", ["-help", "--help", "-h"])
def test_every_command_has_help(call, command, word):
    status, out, err = call(command, word)
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: brewbench {command} ")
    assert call("help", command) == (0, out, "")


def test_every_command_is_a_module():
    shared = {"__init__", "__main__", "flags", "log", "progress", "terminal", "chart", "scoring", "frame"}
    assert {path.stem for path in FOLDER.glob("*.py")} == {*COMMANDS, *shared}
    assert all(callable(import_module(f"brewbench.workbench.cli.{name}").run) for name in COMMANDS)


@pytest.mark.parametrize("word", ["version", "-version", "--version"])
def test_version(call, word):
    assert call(word) == (0, f"brewbench version {brewbench.__version__}\n", "")


def test_an_unknown_command_is_met_with_the_nearest(call):
    status, out, err = call("tran")
    assert (status, out) == (1, "")
    assert err.startswith("brewbench: unknown command 'tran'; did you mean 'train'?") and err.count("\n") == 1


@pytest.mark.parametrize("words", [["-model", "x"], ["--model", "x"], ["-model=x"], ["--model=x"]])
def test_flags_in_either_style(call, words):
    status, _, err = call("time", *words)
    assert status == 1
    assert err.splitlines()[-1] == "brewbench time: x: there is no such file"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"], "the following arguments are required: -solver"),
        (["train", "-solvr", "x"], "unknown flag -solvr; did you mean 'solver'? -help tells all"),
        (["train", "-snap=x"], "unknown flag -snap; did you mean 'snapshot'? -help tells all"),
        (["train", "-solver"], "argument -solver: expected one argument"),
        (["train", "-solver", "x", "-level", "high"], "argument -level: invalid int value: 'high'"),
        (["test", "-model", "x"], "the following arguments are required: -weights"),
        (["time", "-model", "x", "-iterations", "0"], "argument -iterations: must be a whole number from 1 up; got 0"),
        (["time", "-model", "x", "-threads", "two"], "argument -threads: must be a whole number from 1 up; got two"),
        (["time", "-model=x", "-gpu=a"], "argument -gpu: must be numbers, with commas between them, or all; got 'a'"),
        (["train", "-solver="], "the following arguments are required: -solver"),
        (["check", "-json=perhaps", "x"], "argument -json: can be true or false; got 'perhaps'"),
    ],
)
def test_a_wrong_flag_is_told_in_one_line(call, words, message):
    assert call(*words) == (1, "", f"brewbench {words[0]}: {message}\n")


def test_a_gpu_that_is_not_there_is_told(call):
    status, out, err = call("time", "-model", "x", "-gpu", "99")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("brewbench time: -gpu 99: ")


@pytest.mark.parametrize("words", [["-model=x", "time"], ["-iterations", "3", "--model", "x", "time"]])
def test_a_command_may_stand_behind_its_flags(call, words):
    status, _, err = call(*words)
    assert status == 1 and err.splitlines()[-1] == "brewbench time: x: there is no such file"


def test_flags_can_lie_in_a_file(call, tmp_path):
    (tmp_path / "flags").write_text("a remark\n-model=x\n\n  --iterations=2\n")
    for words in (["-flagfile", tmp_path / "flags"], [f"--flagfile={tmp_path / 'flags'}"]):
        status, _, err = call("time", *words)
        assert status == 1 and err.splitlines()[-1] == "brewbench time: x: there is no such file"


@pytest.mark.parametrize("word", ["-json", "--json", "-json=1", "--json=True", "-nojson --json", "-json=f -json=y"])
def test_a_switch_is_set(call, word):
    assert call("check", *word.split(), "no")[1].startswith("[")


@pytest.mark.parametrize("word", ["-nojson", "--nojson", "-json=0", "--json=False", "-json --nojson", "-json -json=n"])
def test_a_switch_is_not_set(call, word):
    assert call("check", *word.split(), "no")[1].startswith("no: ")


@pytest.fixture
def broken(monkeypatch):
    """A command in which something unforeseen happens."""

    def run(words):
        raise KeyError("inside")

    monkeypatch.setattr(check, "run", run)


def test_an_error_of_ours_shows_no_traceback(call, broken):
    status, out, err = call("check", "x")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "KeyError" in err and "-debug" in err


def test_debug_shows_it(broken, monkeypatch):
    with pytest.raises(KeyError):
        main(["check", "x", "-debug"])
    monkeypatch.setenv("BREWBENCH_DEBUG", "1")
    with pytest.raises(KeyError):
        main(["check", "x"])


def test_an_interrupt_is_quiet(call, monkeypatch):
    def run(words):
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "run", run)
    assert call("check", "x") == (130, "", "")


def test_a_reader_who_left_is_no_error(bench):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "brewbench.workbench.cli", "check", "net.prototxt"]
    with os.fdopen(writing, "wb") as nowhere:
        done = subprocess.run(command, stdout=nowhere, stderr=subprocess.PIPE, timeout=120)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_training_ends_when_nobody_reads_its_log(bench):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "brewbench.workbench.cli", "train", "-solver", "solver.prototxt"]
    with os.fdopen(writing, "wb") as nowhere:
        done = subprocess.run(command, stderr=nowhere, stdout=subprocess.PIPE, timeout=120)
    assert (done.returncode, done.stdout) == (141, b"")
    assert not list(bench.glob("*.caffemodel"))


@pytest.mark.parametrize("word", ["-version", "-help", "tran"])
def test_what_needs_no_engine_does_not_load_it(word):
    code = (
        "import sys; from brewbench.workbench.cli import main; main(sys.argv[1:])\n"
        "print(*{'numpy', 'google.protobuf', 'tqdm', 'logging'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, word], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1] == ""
