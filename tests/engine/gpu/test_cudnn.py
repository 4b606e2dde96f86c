"""Convolution by cuDNN: which plan is taken, and what happens where there is none. On a stand-in, and on a device."""

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import get_solver, ops
from brewbench.engine.backend import Backend
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.gpu import plans
from brewbench.engine.gpu.ops import convolution, cudnn
from brewbench.engine.memory import HOST
from brewbench.proto.messages import NetParameter, SolverParameter

SPECS = [
    # image, weight, stride, pad, dilation, group
    ((2, 4, 6, 7), (6, 2, 3, 2), (1, 2), (1, 0), (1, 1), 2),
    ((3, 2, 9, 8), (4, 2, 2, 2), (2, 2), (0, 1), (2, 1), 1),
    ((1, 2, 4, 5, 6), (2, 2, 2, 3, 3), (1, 2, 1), (0, 1, 1), (1, 1, 2), 1),
]
NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 3 dim: 2 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 stride: 2 weight_filler { type: "xavier" } } }
layer { name: "up" type: "Deconvolution" bottom: "conv" top: "up"
  convolution_param { num_output: 2 kernel_size: 2 stride: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "up" bottom: "target" top: "loss" }
""".replace('layer { name: "conv"', """layer { name: "target" type: "DummyData" top: "target"
  dummy_data_param { shape { dim: 3 dim: 2 dim: 6 dim: 6 } data_filler { type: "constant" value: 1 } } }
layer { name: "conv\"""", 1)


@pytest.fixture
def library(gpu):
    """A device whose convolutions are cuDNN's."""
    if hasattr(gpu, "use_cudnn"):
        gpu.use_cudnn()
    elif not gpu.has_cudnn:
        pytest.skip("cuDNN is not installed")
    return gpu


def all_directions(name, place, spec, precision="ieee"):
    context = Context(place=place, backend="cpu" if place is HOST else "gpu", precision=precision)
    op = ops.make(name, context, **spec)
    draw = np.random.RandomState(0)
    image, weight = spec["image"], spec["weight"]
    values = (image[0], weight[0], *op.output)
    x_shape, y_shape, outputs = (image, values, weight[0]) if name == "convolution" else (values, image, image[1])
    x, y, w, b = (Blob(shape, np.float32, place) for shape in (x_shape, y_shape, weight, (outputs,)))
    for blob in (x, w, b):
        blob.data, blob.diff = draw.randn(*blob.shape), draw.randn(*blob.shape)
    y.diff = draw.randn(*y.shape)
    op.forward(x, w, b, y)
    op.backward_weights(x, y, w, b)
    op.backward_data(y, w, x)
    return op, [array.copy() for array in (y.data, x.diff, w.diff, b.diff)]


def spec_of(case):
    return dict(zip(("image", "weight", "stride", "pad", "dilation", "group"), case, strict=True))


@pytest.mark.parametrize("case", SPECS, ids=repr)
@pytest.mark.parametrize("name", ["convolution", "deconvolution"])
def test_all_directions_are_those_of_the_cpu(name, case, library):
    op, found = all_directions(name, library, spec_of(case))
    _, expected = all_directions(name, HOST, spec_of(case))
    assert isinstance(op, cudnn.Planned)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-4, 1e-4)


def test_ieee_refuses_what_rounds_factors_and_nothing_varies_from_run_to_run(host_device):
    host_device.use_cudnn()
    for precision, allowed in (("ieee", {"plain"}), ("tf32", {"plain", "tf32"})):
        host_device.cudnn_api.ran.clear()
        all_directions("convolution", host_device, spec_of(SPECS[0]), precision)
        ran = set(host_device.cudnn_api.ran)
        assert {kind for kind, *_ in ran} == {"fprop", "dgrad", "wgrad"}
        assert {name for _, name, *_ in ran} == allowed


def test_the_quickest_plan_is_taken_and_kept(host_device, monkeypatch):
    host_device.use_cudnn()
    quick = {("fprop", "plain"), ("wgrad", "plain"), ("dgrad", "tf32")}
    taken = []

    def time(self, work):
        work()
        kind, name, *after = host_device.cudnn_api.ran[-1]
        taken.append((kind, name, *after))
        return 1.0 if (kind, name) in quick else 2.0

    monkeypatch.setattr(plans.Cudnn, "time", time)
    monkeypatch.setattr(cudnn, "LAYOUT", "nchw")
    for _ in range(2):
        all_directions("convolution", host_device, spec_of(SPECS[1]), "tf32")
    kept = {(spec.kind, spec.after): plan.graph.names[plan.index] for spec, plan in host_device.cudnn.plans.items()}
    assert kept == {("fprop", ("bias",)): "plain", ("fprop", ()): "plain", ("wgrad", ()): "plain",
                    ("dgrad", ()): "tf32"}  # fmt: skip
    assert len(taken) == len(set(taken)) + 2  # each plan once, and the kernel for the bias by itself


def test_without_a_plan_the_plain_engine_does_it(host_device):
    host_device.use_cudnn()
    host_device.cudnn_api.refused = ("dgrad", "wgrad", "fprop")
    _, found = all_directions("deconvolution", host_device, spec_of(SPECS[0]))
    _, expected = all_directions("deconvolution", HOST, spec_of(SPECS[0]))
    assert not host_device.cudnn_api.ran and "col2im" in host_device.ran
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-4, 1e-4)


def test_a_plan_that_asks_for_too_much_is_left_out(host_device, monkeypatch):
    host_device.use_cudnn()
    monkeypatch.setattr(plans, "WORKSPACE", 1500)  # plan 1 wants 1000 bytes, plan 2 2000
    all_directions("convolution", host_device, spec_of(SPECS[0]), "tf32")
    assert {name for _, name, *_ in host_device.cudnn_api.ran} == {"tf32"}


def test_engine_caffe_and_float64_are_the_plain_engines(host_device):
    host_device.use_cudnn()
    context = Context(place=host_device, backend="gpu")
    spec = spec_of(SPECS[0])
    assert type(ops.make("convolution", context, reference=True, **spec)) is convolution.Convolution
    context = Context(place=host_device, backend="gpu", dtype=np.float64)
    assert type(ops.make("convolution", context, **spec)) is convolution.Convolution


def test_training_with_plans_is_captured(library):
    solver_param = text_format.Parse('base_lr: 0.1 lr_policy: "fixed" random_seed: 3', SolverParameter())
    results = []
    for backend in ("cpu", Backend("gpu", precision="ieee")):
        solver = get_solver(solver_param, text_format.Parse(NET, NetParameter()), backend=backend)
        solver.net.blobs["x"].data = np.random.RandomState(1).randn(3, 2, 8, 8)
        solver.step(5)
        results.append([blob.data.copy() for blobs in solver.net.params.values() for blob in blobs])
    assert solver._captured.launched == 4
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-4, 1e-5)
