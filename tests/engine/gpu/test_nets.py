"""The nets that are measured on the GPU: they are what they are called, and train as on the CPU."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import check, get_solver
from brewbench.engine.backend import Backend
from brewbench.engine.gpu.layout import ChannelsLast
from brewbench.engine.gpu.ops import cudnn
from brewbench.proto.messages import NetParameter, SolverParameter

PATH = Path(__file__).parents[2] / "benchmarks" / "gpu_nets.py"
SOLVER = 'base_lr: 0.001 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 random_seed: 1'


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODULE = load(PATH)
NETS = MODULE.NETS
EXACT = Backend("gpu", precision="ieee")


def message_of(name, batch):
    return text_format.Parse(NETS[name][0](batch), NetParameter())


@pytest.mark.parametrize(
    "name, params",
    [
        ("LeNet", 431_080), ("CIFAR-quick", 145_578), ("CaffeNet", 60_965_224), ("GoogLeNet", 13_378_280),
        ("ResNet-50", 25_557_032 + 53 + 2 * 26_560),  # the statistics of normalisation count in Caffe
        ("SqueezeNet", 1_235_496),
    ],
)  # fmt: skip
def test_the_nets_have_the_known_numbers_of_parameters(name, params):
    report = check(message_of(name, 2), 0)
    assert report.ok and report.param_count == params


def train(name, batch, backend, iterations):
    """The losses, and the weights at the end."""
    solver = get_solver(text_format.Parse(SOLVER, SolverParameter()), message_of(name, batch), backend=backend)
    draw = np.random.RandomState(0)
    data = solver.net.blobs["data"]
    data.data = draw.randn(*data.shape)
    solver.net.blobs["label"].data = draw.randint(0, 10, batch)
    losses = []
    for _ in range(iterations):
        solver.iterate()
        losses.append(sum(float(solver.net.blobs[name].data) for name in solver.net.outputs))
    return losses, [blob.data for blobs in solver.net.params.values() for blob in blobs]


def compare(name, batch, iterations, tolerance):
    losses, weights = train(name, batch, "cpu", iterations)
    found, others = train(name, batch, EXACT, iterations)
    np.testing.assert_allclose(found, losses, 10 * tolerance)
    for mine, theirs in zip(others, weights, strict=True):
        assert np.linalg.norm(mine - theirs) <= tolerance * np.linalg.norm(theirs) + 1e-6


@pytest.mark.parametrize("name", ["LeNet", "CIFAR-quick"])
def test_small_nets_train_as_on_the_cpu(gpu, name):
    compare(name, 4, 4, 1e-4)


def residual(batch):
    """A small net of the blocks that ResNet-50 is made of."""
    text = MODULE.inputs(batch, 3, 24) + MODULE.normalised("conv1", "data", 8, 3, "pad: 1") + MODULE.relu("conv1")
    text += MODULE.pooling("pool1", "conv1", 3, 2) + MODULE.block("a", "pool1", 4, 1, True)
    text += MODULE.block("b", "a", 4, 1, False) + MODULE.block("c", "b", 6, 2, True)
    return text + MODULE.global_pooling("pool5", "c") + MODULE.product("ip", "pool5", 10) + MODULE.loss("loss", "ip")


def close(found, expected, what):
    assert np.linalg.norm(found - expected) <= 2e-4 * np.linalg.norm(expected) + 1e-6, what


@pytest.mark.parametrize("order", ["nchw", "nhwc"])
def test_every_layer_of_residual_blocks_is_as_on_the_cpu(order, gpu, monkeypatch):
    """In the same iteration, from the same weights: over several, rounding grows with every layer and rectifier."""
    if hasattr(gpu, "use_cudnn"):
        gpu.use_cudnn()
    elif not gpu.has_cudnn:
        pytest.skip("cuDNN is not installed")
    monkeypatch.setattr(cudnn, "LAYOUT", order)
    param, message = text_format.Parse(SOLVER, SolverParameter()), text_format.Parse(residual(4), NetParameter())
    draw, solvers = np.random.RandomState(3), [get_solver(param, message, backend=one) for one in ("cpu", EXACT)]
    here, there = (solver.net for solver in solvers)
    for step in range(3):
        data, label = draw.randn(4, 3, 24, 24), draw.randint(0, 10, 4)
        for mine, theirs in pairs(here.params, there.params):
            theirs.data = mine.data
        for solver in solvers:
            solver.net.blobs["data"].data, solver.net.blobs["label"].data = data, label
            solver.iterate()
        for name in "abc":
            blob = there.blobs[name]
            assert ((ChannelsLast, blob.shape) in blob.data_memory.layouts) == (order == "nhwc")
        for name, blob in here.blobs.items():
            for part in ("data", "diff") if blob.diff_memory.touched else ("data",):
                close(there.blobs[name].look(part), blob.look(part), f"{part} of {name}, step {step}")
        for k, (mine, theirs) in enumerate(pairs(here.params, there.params)):
            close(theirs.diff, mine.diff, f"gradient {k}, step {step}")
    assert solvers[1]._captured.launched == 2


def pairs(params, others):
    return zip(*([blob for blobs in one.values() for blob in blobs] for one in (params, others)), strict=True)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["CaffeNet", "GoogLeNet"])
def test_large_nets_train_as_on_the_cpu(name):
    compare(name, 2, 2, 1e-3)


@pytest.fixture
def benchmark(monkeypatch):
    module = load(PATH.with_name("gpu.py"))
    monkeypatch.setattr(module, "SECONDS", 0.0)
    small = {"LeNet": (NETS["LeNet"][0], 2), "SqueezeNet": (NETS["SqueezeNet"][0], 1)}
    monkeypatch.setattr(module, "NETS", small)
    return module


@pytest.mark.parametrize("net", ["LeNet", "SqueezeNet"])
def test_the_benchmark_measures_a_net_as_a_whole_and_by_layer(net, benchmark, host_device, monkeypatch):
    host_device.use_cudnn()
    monkeypatch.setattr(benchmark, "device", lambda: host_device)
    found = list(benchmark.measure(net, "ieee", "ours"))
    numbers = {name: value for name, value in found if name != "note"}
    assert set(numbers) == {"by layer", "graphed"} and min(numbers.values()) > 0
    (note,) = [value for name, value in found if name == "note"]
    assert note.startswith(f"of {2 if net == 'LeNet' else 26} convolutions ") and "not captured" not in note
    assert dict(benchmark.measure(net, "ieee", "nchw")).keys() == {"graphed"}


ABOUT = {"card": "a stand-in H100", "versions": "CuPy 0"}
TELLS = {  # what processes tell, by their last word, and how they end
    "ours": ([["by layer", 2.0], ["graphed", 1.0], ["note", "all is well"]], ""),
    "nhwc": ([["graphed", 0.5]], "import os, sys; sys.stderr.write('a\\nfull\\n'); os.abort()"),
    "nchw": ([["graphed", 0.75]], "import time; time.sleep(60)"),
}


def test_the_benchmark_keeps_what_it_knows_whatever_becomes_of_a_process(benchmark, tmp_path, monkeypatch):
    started = []

    def child(*words):
        started.append(words[-1])
        told, end = TELLS[words[-1]]
        lines = [f"print('FOUND ' + {json.dumps(json.dumps(one))}, flush=True)" for one in told]
        return [sys.executable, "-c", "\n".join([*lines, end])]

    monkeypatch.setattr(benchmark, "child", child)
    monkeypatch.setattr(benchmark, "PATIENCE", 2)
    results = benchmark.Results(tmp_path / "table.md", ABOUT)
    benchmark.table(results, ["LeNet", "SqueezeNet"], ["tf32"], ["ours", "nhwc", "nchw"])
    text = (tmp_path / "table.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert "a stand-in H100; CuPy 0." in text and [row[0] for row in rows[1:]] == ["LeNet b2", "SqueezeNet b1, forward"]
    for row in rows[1:]:
        assert row[2:7] == ["2.000", "1.000", "0.750", "0.500", "-"] and all(float(cell) >= 0 for cell in row[-2:])
    assert "LeNet b2, tf32, ours: all is well" in text and "nchw: no end after 2 seconds" in text
    assert "nhwc: status -6: full" in text
    started.clear()
    again = benchmark.Results(tmp_path / "table.md", ABOUT)
    benchmark.table(again, ["LeNet"], ["tf32"], ["ours", "nhwc"])
    assert started == ["nhwc"]  # what failed is tried again, what is known is not
    assert benchmark.Results(tmp_path / "table.md", ABOUT | {"card": "another"}).known["measured"] == {}


def test_the_benchmark_runs_the_engines_tests_first(benchmark, tmp_path, monkeypatch):
    results = benchmark.Results(tmp_path / "table.md", ABOUT)
    monkeypatch.setattr(benchmark, "ROOT", tmp_path)
    (tmp_path / "tests" / "engine" / "gpu").mkdir(parents=True)
    (tmp_path / "tests" / "engine" / "gpu" / "test_one.py").write_text("def test_one():\n    assert False\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu\n")
    benchmark.run_tests(results)
    assert "1 deselected" in results.known["tests"] and "status 5" in results.known["tests"]
    assert "The engine's tests on this card: " in (tmp_path / "table.md").read_text()
    assert (tmp_path / "table.tests.txt").exists()


def test_the_floors_of_lenet(benchmark):
    flop, byte = benchmark.floors(message_of("LeNet", 64), False)
    forward = [20 * 24 * 24 * 25, 50 * 8 * 8 * 500, 500 * 800, 10 * 500]
    assert flop == pytest.approx(2 * 64 * (2 * forward[0] + 3 * sum(forward[1:])) / 1e9)
    values = 64 * (784 + 1 + 11520 + 2880 + 3200 + 800 + 500 + 10) + 1
    assert byte == pytest.approx(4 * (4 * values + 6 * 431_080) / 1e9, rel=1e-3)
