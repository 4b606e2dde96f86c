"""Commands that look at a net run no code that it names; those that run a net do."""

import os
import sys

import numpy as np
import pytest

from brewbench.workbench.cli.scoring import load_array

NET = """\
name: "downloaded"
layer { name: "d" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }
layer { name: "p" type: "Python" bottom: "x" top: "y" python_param { module: "stranger_z" layer: "L" } }
layer { name: "i" type: "InnerProduct" bottom: "y" top: "i" inner_product_param { num_output: 5 } }
"""
STRANGER = """
from pathlib import Path
Path("ran").touch()
from brewbench import caffe
class L(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(3, 4)
    def forward(self, bottom, top):
        top[0].data[...] = 1
    def backward(self, top, propagate_down, bottom):
        pass
"""
WARNING = "net.prototxt:3: layer 'p' (Python): warning: the shapes of its tops are known when it runs; a look runs"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "stranger_z.py").write_text(STRANGER)
    (tmp_path / "solver.prototxt").write_text('net: "net.prototxt" base_lr: 1 lr_policy: "fixed" max_iter: 1')
    yield tmp_path
    sys.modules.pop("stranger_z", None)


def test_a_check_runs_nothing(call, folder):
    status, out, err = call("check", "net.prototxt", "solver.prototxt")
    assert (status, err) == (0, "") and not (folder / "ran").exists()
    lines = out.splitlines()
    assert lines[0].startswith(WARNING) and lines[2].startswith(WARNING)
    assert lines[1] == "net.prototxt: net 'downloaded', 3 layers, at least 0 parameters: ok"
    assert lines[3] == "solver.prototxt: solver SGD: ok"


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("test_iter: 3", "test_interval must be above 0"),
        ('weights: "none.caffemodel"', "there is no file of weights 'none.caffemodel'"),
        ('lr_policy: "odd"', "unknown lr_policy 'odd'"),
        ("test_net_param { } test_interval: 1", "give test_iter once per test net (1); got 0"),
        ('type: "Odd"', "unknown solver type 'Odd'"),
        ("snapshot: 1 snapshot_prefix: 'net.prototxt/x'", "snapshots cannot be written to"),
    ],
)
def test_a_solvers_mistakes_are_still_found(call, folder, field, message):
    (folder / "solver.prototxt").write_text(f'net: "net.prototxt" base_lr: 1\n{field}')
    status, out, _ = call("check", "solver.prototxt")
    assert status == 1 and message in out.splitlines()[-1] and not (folder / "ran").exists()
    assert out.splitlines()[-1].startswith("solver.prototxt:")


def test_a_net_that_a_solver_names_is_parsed_and_named(call, folder):
    (folder / "net.prototxt").write_text("layer {")
    status, out, _ = call("check", "solver.prototxt")
    assert status == 1 and out.startswith("net.prototxt:1: ") and out.count("\n") == 1


def test_a_summary_and_a_drawing_run_nothing(call, folder):
    status, out, _ = call("summarize", "net.prototxt")
    assert status == 0 and "y ?" in out and "i ?" in out and "x 1x2" in out
    assert out.splitlines()[-1] == "at least 0 parameters"
    assert call("draw_net", "net.prototxt", "net.svg")[0] == 0
    assert not (folder / "ran").exists()


def test_what_runs_a_net_is_trusted_by_who_calls_it(call, folder):
    assert call("time", "-model", "net.prototxt", "-iterations", "1")[0] == 0
    assert (folder / "ran").exists()


def test_an_array_is_never_unpickled(folder):
    class Runs:
        def __reduce__(self):
            return exec, ("from pathlib import Path; Path('ran').touch()",)

    np.save(folder / "mean.npy", np.array([Runs()], object), allow_pickle=True)
    with pytest.raises(ValueError, match="mean.npy: is not a .npy file of numbers"):
        load_array(str(folder / "mean.npy"))
    assert not (folder / "ran").exists()


def test_no_program_of_the_working_directory_draws(call, folder, monkeypatch):
    """On Windows programs are looked for there first, elsewhere where PATH says so."""
    program = folder / "dot"
    program.write_text(f"#!{sys.executable}\nopen('ran', 'w')\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.environ['PATH']}")
    assert call("draw_net", "net.prototxt", "net.svg")[0] == 0
    assert not (folder / "ran").exists()
