"""The benchmark of the CPU: its nets build and cost what they should, its workers answer, its tables add up."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, Net, check
from brewbench.proto import Document

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
cpu = importlib.import_module("cpu")
cpu_nets = importlib.import_module("cpu_nets")
WORKLOADS = cpu_nets.WORKLOADS


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_net_builds(name):
    work = WORKLOADS[name]
    phase = TRAIN if work.training else TEST
    report = check(work.message(), phase)
    assert report.ok, report.diagnostics
    assert "Dropout" not in {one.type for one in report.layers}
    net = Net(work.message(), phase, seed=1)
    assert net.blobs[work.output].shape[-1] in (10, 784, 1000, 256, 1)
    assert work.training == any(net.output_weights)
    assert set(cpu_nets.draw_inputs(net)) == {top for one in net.layers if one.type == "Input" for top in one.param.top}


def test_work_is_what_the_papers_say():
    """Products of one image in units of 10^9, and parameters: of CaffeNet, GoogLeNet, SqueezeNet 1.1 and ResNet-50."""
    expected = {
        "CaffeNet f1": (1.45, 60.97e6),
        "GoogLeNet f1": (3.17, 7.0e6),
        "SqueezeNet f1": (0.78, 1.24e6),
        "ResNet-50 f1": (7.7, 25.6e6),
    }
    for name, (gflop, parameters) in expected.items():
        work = WORKLOADS[name]
        assert cpu_nets.cost(work).gflop == pytest.approx(gflop, rel=0.01)
        assert check(work.message(), TEST).param_count == pytest.approx(parameters, rel=0.01)
    forward, training = (cpu_nets.cost(WORKLOADS[f"LeNet {kind}64"]) for kind in "ft")
    first = 2 * 64 * 20 * 24 * 24 * 25 / 1e9
    assert training.gflop == pytest.approx(3 * forward.gflop - first)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad"), [(13, 3, 2, 0), (112, 3, 2, 0), (14, 3, 1, 1), (6, 3, 4, 1)]
)
def test_pooling_ends_where_the_layer_does(size, kernel, stride, pad):
    text = (
        f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: [1, 1, {size}, {size}] }} }} }} '
        'layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param '
        f"{{ kernel_size: {kernel} stride: {stride} pad: {pad} }} }}"
    )
    shape = Net(Document.parse(text, "net")).blobs["pool"].shape
    count, after = cpu_nets.pooled(size, kernel, stride, pad)
    assert shape == (1, 1, count, count)
    assert (count - 1) * stride + kernel == pad + size + after


@pytest.mark.parametrize("name", ["LeNet f64", "LeNet t64"])
def test_a_worker_computes_and_is_timed(name, tmp_path):
    """Ours is started as the benchmark starts it; what it leaves behind agrees with a run of the net here."""
    work = WORKLOADS[name]
    cpu.prepare(work, tmp_path)
    worker = cpu.Worker(cpu.OURS, name, 1, tmp_path)
    worker.ask("compare")
    times = worker.ask("measure", 0.05)
    worker.close()
    assert 0 < times["least"] < 30
    with np.load(tmp_path / "brewbench.npz") as found:
        net = Net(work.message(), TRAIN if work.training else TEST, weights=tmp_path / "weights.caffemodel")
        with np.load(tmp_path / "inputs.npz") as inputs:
            for key, values in inputs.items():
                net.blobs[key].data = values
        loss = net.forward()
        if work.training:
            assert found["losses"][0] == pytest.approx(loss, rel=1e-5)
            assert found["losses"][-1] < found["losses"][0]
            assert all((found[key] > 0).all() for key in found.files if key.startswith("moved"))
        else:
            np.testing.assert_allclose(found["output"], net.blobs["ip2"].data, rtol=1e-4, atol=1e-4)


def test_whoever_computes_something_else_is_found_out(tmp_path):
    ours = {"output": np.ones((2, 3)), "moved ip": np.array([1.0])}
    np.savez(tmp_path / "brewbench.npz", **ours)
    for theirs, message in (
        (ours, None),
        ({"output": np.ones((2, 3)) * 1.0005}, None),
        ({"output": np.ones((2, 3)) * 1.002}, "off by 0.002"),
        ({"output": np.full((2, 3), np.nan)}, "off by nan"),
        ({"output": np.ones((3, 2))}, "shape"),
        ({"moved ip": np.array([0.9])}, "moved ip"),
    ):
        np.savez(tmp_path / "torch.npz", **theirs)
        found = cpu.difference(tmp_path, "torch")
        assert found is None if message is None else message in found


def test_a_worker_that_cannot_says_why(tmp_path):
    cpu.prepare(WORKLOADS["LeNet t64"], tmp_path)
    with pytest.raises(RuntimeError, match="does not train"):
        cpu.Worker("opencv", "LeNet t64", 1, tmp_path)
    (tmp_path / "weights.caffemodel").write_bytes(b"nothing")
    with pytest.raises(RuntimeError, match="weights.caffemodel"):
        cpu.Worker(cpu.OURS, "LeNet t64", 1, tmp_path)


def test_the_tables_go_between_the_markers(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"# Before\n{cpu.BEGIN}\nold\n{cpu.END}\nafter\n")
    cpu.write(["new", "lines"], page)
    assert page.read_text() == f"# Before\n{cpu.BEGIN}\n\nnew\nlines\n\n{cpu.END}\nafter\n"
    page.write_text("no markers")
    with pytest.raises(ValueError, match="README.md has no lines"):
        cpu.write(["new"], page)
    assert page.read_text() == "no markers"


def test_a_row_shows_ratios_of_the_same_round():
    row = cpu.Row(WORKLOADS["LeNet f64"])
    row.floors = (0.002, 0.001)
    row.times = {"brewbench": [0.01, 0.02, 0.04], "torch": [0.02, 0.02, 0.02]}
    cells = row.cells(["torch", "jax"])
    assert cells[:4] == ["LeNet f64", "10.00", "1.00 (0.50)", "-"]
    assert cells[-1] == "5.0"
    head, rule, only = cpu.table([row], ["torch", "jax"])
    assert "PyTorch" in head and "JAX" not in head  # nobody measured it
    assert head.count("|") == rule.count("|") == only.count("|")


def test_workloads_are_found_by_how_they_begin():
    assert [one.name for one in cpu.chosen(["lenet", "LSTM t"])] == ["LeNet f64", "LeNet t64", "LSTM t32"]
    assert len(cpu.chosen([])) == len(WORKLOADS)
    with pytest.raises(ValueError, match="no workload 'AlexNet'; there are LeNet f64, "):
        cpu.chosen(["AlexNet"])


def test_layers_are_told_one_by_one():
    words = [sys.executable, str(FOLDER / "cpu_layers.py"), "LeNet t64", "1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=cpu.environment(cpu.OURS, 1))
    assert done.returncode == 0, done.stderr
    told = {line.split()[0] for line in done.stdout.splitlines()[2:]}
    assert {"conv1", "pool1", "ip2", "loss", "solver", "all"} <= told
    assert json.dumps(done.stdout).count("Convolution") == 2
