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


def load_nets():
    spec = importlib.util.spec_from_file_location("gpu_nets", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.NETS


NETS = load_nets()


def message_of(name, batch):
    return text_format.Parse(NETS[name][0](batch), NetParameter())


@pytest.mark.parametrize(
    "name, params", [("LeNet", 431_080), ("CIFAR-quick", 145_578), ("CaffeNet", 60_965_224), ("GoogLeNet", 13_378_280)]
)
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
