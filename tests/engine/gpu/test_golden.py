"""What real Caffe computed, against the GPU engine: layers, whole nets, solvers, training runs."""

import importlib.util
from functools import partial
from pathlib import Path

import pytest

from brewbench.engine import Net, get_solver
from brewbench.engine.backend import Backend
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.gpu.ops import cudnn

ENGINE = Path(__file__).parents[1]
EXACT = Backend("gpu", precision="ieee")


def load(path):
    """The tests of the CPU engine, as a module of their own whose names may be exchanged."""
    spec = importlib.util.spec_from_file_location(f"on_gpu_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LAYERS, NETS, SOLVERS, RUNS = (
    load(ENGINE / name)
    for name in ("layers/test_layers.py", "test_nets.py", "test_solvers.py", "test_trajectories.py")
)
# What takes a stand-in on one core more than a few seconds is for a device.
LARGE = ("alexnet", "caffenet", "googlenet", "cifar10_full_sigmoid_bn", "net_surgery")
RESHAPED = [case for case in LAYERS.ALL if case.arrays("reshaped_top")]


@pytest.fixture
def layers(gpu, monkeypatch):
    """The tests of the layers, with blobs and computation on the device."""
    monkeypatch.setattr(LAYERS, "Context", partial(Context, place=gpu, backend="gpu", precision="ieee"))
    monkeypatch.setattr(LAYERS, "Blob", partial(Blob, place=gpu))
    return LAYERS


@pytest.mark.parametrize("case", LAYERS.ALL, ids=repr)
def test_forward(case, layers):
    layers.test_forward_gives_what_caffe_gives(case)


@pytest.mark.parametrize("case", RESHAPED, ids=repr)
def test_reshape(case, layers):
    layers.test_reshape_gives_what_caffe_gives(case)


@pytest.mark.parametrize("case", LAYERS.BACKWARD, ids=repr)
def test_backward(case, layers):
    layers.test_backward_gives_what_caffe_gives(case)


@pytest.mark.parametrize("case", LAYERS.BACKWARD, ids=repr)
def test_what_adds_up(case, layers):
    layers.test_parameter_diffs_add_up_and_bottom_diffs_do_not(case)


@pytest.mark.parametrize("case", [case for case in LAYERS.BACKWARD if not case.in_place], ids=repr)
def test_what_nobody_asked_for(case, layers):
    layers.test_backward_leaves_alone_what_nobody_asked_for(case)


@pytest.fixture(params=["plain", "last"])
def way(request, gpu, monkeypatch):
    """Convolutions as matrix products on the stand-in, and by cuDNN with the channels last."""
    if request.param == "last":
        if hasattr(gpu, "use_cudnn"):
            gpu.use_cudnn()
        monkeypatch.setattr(cudnn, "LAYOUT", "nhwc")


@pytest.mark.parametrize("path", NETS.NETS, ids=lambda path: path.stem)
def test_a_net(path, gpu, way, recipe, monkeypatch):
    if hasattr(gpu, "machine") and path.stem.startswith(LARGE):
        pytest.skip("too large for the stand-in")
    monkeypatch.setattr(NETS, "Net", partial(Net, backend=EXACT))
    NETS.test_a_net_gives_caffes_numbers(path, recipe)


@pytest.mark.parametrize(("kind", "case"), SOLVERS.CASES, ids=lambda value: value)
def test_a_solver(kind, case, gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(SOLVERS, "get_solver", partial(get_solver, backend=EXACT))
    SOLVERS.test_a_solver_gives_caffes_weights(kind, case, tmp_path, monkeypatch)


@pytest.mark.parametrize("path", RUNS.RUNS, ids=lambda path: path.stem)
def test_a_training_run(path, gpu, way, recipe, monkeypatch):
    monkeypatch.setattr(RUNS, "get_solver", partial(get_solver, backend=EXACT))
    RUNS.test_a_net_trains_as_in_caffe(path, recipe, monkeypatch)
