"""The nets that are measured on the GPU: they are what they are called, and train as on the CPU."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import check, get_solver
from brewbench.engine.backend import Backend
from brewbench.proto.messages import NetParameter, SolverParameter

PATH = Path(__file__).parents[2] / "benchmarks" / "gpu_nets.py"
SOLVER = 'base_lr: 0.001 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 random_seed: 1'


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NETS = load(PATH).NETS


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
    found, others = train(name, batch, Backend("gpu", precision="ieee"), iterations)
    np.testing.assert_allclose(found, losses, 10 * tolerance)
    for mine, theirs in zip(others, weights, strict=True):
        assert np.linalg.norm(mine - theirs) <= tolerance * np.linalg.norm(theirs) + 1e-6


@pytest.mark.parametrize("name", ["LeNet", "CIFAR-quick"])
def test_small_nets_train_as_on_the_cpu(gpu, name):
    compare(name, 4, 4, 1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["CaffeNet", "GoogLeNet"])
def test_large_nets_train_as_on_the_cpu(name):
    compare(name, 2, 2, 1e-3)


def test_the_benchmark_writes_a_row_for_each_net_and_precision(host_device, tmp_path, monkeypatch):
    benchmark = load(PATH.with_name("gpu.py"))
    monkeypatch.setattr(benchmark, "device", lambda: host_device)
    monkeypatch.setattr(benchmark, "SECONDS", 0.0)
    monkeypatch.setattr(benchmark, "NETS", {"LeNet": (NETS["LeNet"][0], 2), "SqueezeNet": (NETS["SqueezeNet"][0], 1)})
    monkeypatch.setattr(benchmark, "CARDS", {"stand-in": (67, 495, 3.35)})
    benchmark.table(["LeNet", "SqueezeNet"], ["ieee"], tmp_path / "table.md")
    text = (tmp_path / "table.md").read_text()
    assert "a stand-in; Python" in text and "CuPy 0 (stand-in)" in text
    rows = [line.split(" | ") for line in text.splitlines()[-2:]]
    assert rows[0][0] == "| LeNet b2" and rows[1][0] == "| SqueezeNet b1, forward"
    assert all(float(cell) > 0 for row in rows for cell in row[2:4])  # by layer, graphed


def test_the_floors_of_lenet():
    benchmark = load(PATH.with_name("gpu.py"))
    flop, byte = benchmark.floors(message_of("LeNet", 64), False)
    forward = [20 * 24 * 24 * 25, 50 * 8 * 8 * 500, 500 * 800, 10 * 500]
    assert flop == pytest.approx(2 * 64 * (2 * forward[0] + 3 * sum(forward[1:])) / 1e9)
    values = 64 * (784 + 1 + 11520 + 2880 + 3200 + 800 + 500 + 10) + 1
    assert byte == pytest.approx(4 * (4 * values + 6 * 431_080) / 1e9, rel=1e-3)
