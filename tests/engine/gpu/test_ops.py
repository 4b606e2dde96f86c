"""Every layer on the GPU engine against the same layer on the CPU."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.gpu.device import SOURCE, device
from brewbench.engine.gpu.ops import convolution
from brewbench.engine.layer import count_of, layer_class
from brewbench.engine.memory import HOST

LAYERS = Path(__file__).parents[1] / "layers"
# Relative to the largest value. The order of sums differs, and "ieee" products may keep more digits between two steps.
TOLERANCE = 2e-5


def read_cases():
    spec = importlib.util.spec_from_file_location("layer_cases", LAYERS / "test_layers.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.read_cases()


CASES = read_cases()


class Bench:
    """The layer of a case on one backend."""

    def __init__(self, case, place):
        backend = "cpu" if place is HOST else "gpu"
        folder = LAYERS / "cases"
        self.context = Context(
            phase=case.phase, seed=7, place=place, backend=backend, precision="ieee", root=folder
        )
        self.layer = layer_class(case.type)(case.param, self.context)
        self.bottom = [self.blob(array.shape) for array in case.bottoms]
        tops = max(len(case.param.top), count_of(self.layer.tops).least if self.layer.auto_tops else 0)
        self.top = [self.blob() for _ in range(tops)]
        if case.in_place:
            self.top[0] = self.bottom[0]
        self.layer.setup(self.bottom, self.top)
        self.layer.param_propagate_down = [True] * len(self.layer.blobs)
        self.layer.reshape(self.bottom, self.top)
        for blob, array in zip([*self.layer.blobs, *self.bottom], [*case.arrays("param"), *case.bottoms], strict=True):
            blob.data = array

    def blob(self, shape=()):
        return Blob(shape, np.float32, self.context.place)

    def run(self, backward):
        """All that the layer gives: tops, then the diffs of bottoms and parameters."""
        if self.layer.reshapes_itself:
            self.layer.reshape(self.bottom, self.top)
        self.layer.forward(self.bottom, self.top)
        found = [blob.data.copy() for blob in (*self.top, *self.layer.blobs)]
        if backward:
            draw = np.random.RandomState(3)
            wanted = [index not in self.layer.no_gradient for index in range(len(self.bottom))]
            for blob in self.layer.blobs:
                blob.diff = 0
            for blob in self.top:
                blob.diff = draw.randn(*blob.shape)
            self.layer.backward(self.top, wanted, self.bottom)
            found += [blob.diff.copy() for blob, want in zip(self.bottom, wanted, strict=True) if want]
            found += [blob.diff.copy() for blob in self.layer.blobs]
        return found


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_the_gpu_gives_what_the_cpu_gives(case, gpu):
    expected = Bench(case, HOST).run(case.names["backward"])
    found = Bench(case, gpu).run(case.names["backward"])
    for index, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        scale = float(np.abs(theirs).max(initial=0)) if np.isfinite(theirs).all() else 1.0
        np.testing.assert_allclose(mine, theirs, TOLERANCE, TOLERANCE * scale, err_msg=f"result {index}")


SHAPES = [
    # image, weight, stride, pad, dilation, group
    ((5, 4, 6, 7), (6, 2, 3, 2), (1, 2), (1, 0), (1, 1), 2),
    ((3, 2, 7, 7), (4, 2, 2, 2), (2, 2), (0, 0), (2, 1), 1),
    ((4, 3, 5), (2, 3, 3), (1,), (2,), (1,), 1),
    ((2, 2, 4, 5, 6), (3, 2, 2, 3, 2), (1, 2, 1), (0, 1, 1), (2, 1, 1), 1),
    ((3, 4, 3, 3), (8, 1, 1, 1), (1, 1), (0, 0), (1, 1), 4),
    ((2, 3, 40, 40), (8, 3, 11, 11), (4, 4), (0, 0), (1, 1), 1),
]


@pytest.mark.parametrize("plain", [False, True], ids=["best", "CAFFE"])
@pytest.mark.parametrize("name", ["convolution", "deconvolution"])
@pytest.mark.parametrize("image, weight, stride, pad, dilation, group", SHAPES)
def test_convolution_in_all_directions(gpu, plain, name, image, weight, stride, pad, dilation, group, monkeypatch):
    monkeypatch.setattr(convolution, "CHUNK", 5000)  # several pieces of the batch
    spec = dict(image=image, weight=weight, stride=stride, pad=pad, dilation=dilation, group=group)
    results = []
    for place, backend in ((HOST, "cpu"), (gpu, "gpu")):
        context = Context(place=place, backend=backend, precision="ieee")
        op = ops.make(name, context, reference=plain, **spec)
        draw = np.random.RandomState(0)
        values = (image[0], weight[0], *op.output)
        x_shape, y_shape, outputs = (image, values, weight[0]) if name == "convolution" else (values, image, image[1])
        x, y, w, b = (Blob(shape, np.float32, place) for shape in (x_shape, y_shape, weight, (outputs,)))
        for blob in (x, w, b):
            blob.data, blob.diff = draw.randn(*blob.shape), draw.randn(*blob.shape)
        y.diff = draw.randn(*y.shape)
        op.forward(x, w, b, y)
        op.backward_weights(x, y, w, b)
        op.backward_data(y, w, x)
        results.append([array.copy() for array in (y.data, x.diff, w.diff, b.diff)])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-4, 1e-4)


@pytest.mark.parametrize("outer, channels, inner", [(3, 5, 7), (64, 500, 1), (1000, 3, 1), (40, 2, 900), (1, 1, 1)])
def test_sums_over_all_but_the_channels(gpu, outer, channels, inner):
    context = Context(place=gpu, backend="gpu")
    op = ops.make("relu", context, shape=(1,), slope=0.0)
    values, total = Blob((outer, channels, inner), np.float32, gpu), Blob((channels,), np.float32, gpu)
    values.data = np.random.RandomState(1).randn(*values.shape)
    total.data = np.arange(channels)
    expected = values.data.astype(np.float64).sum(axis=(0, 2)) + np.arange(channels)
    op.add_sums(values.read(), outer, channels, inner, total.modify())
    np.testing.assert_allclose(total.data, expected, 1e-4, 1e-3)


def test_a_memory_follows_its_readers_to_the_device_and_back(gpu):
    blob = Blob((2, 3), np.float32, gpu)
    assert blob.data_memory.state == "uninitialised"
    blob.data = [[1, 2, 3], [4, 5, 6]]
    assert blob.data_memory.state == "at host"
    blob.read()
    assert blob.data_memory.state == "synced"
    blob.modify()[...] *= 2
    assert blob.data_memory.state == "at device"
    np.testing.assert_array_equal(blob.data, [[2, 4, 6], [8, 10, 12]])


@pytest.mark.gpu
@pytest.mark.parametrize("precision, low, high", [("tf32", 1e-5, 3e-3), ("ieee", 0, 2e-6)])
def test_the_precision_is_what_was_asked_for(precision, low, high):
    gpu = device()
    draw = np.random.RandomState(0)
    context = Context(place=gpu, backend="gpu", precision=precision)
    x, w, y = (Blob(shape, np.float32, gpu) for shape in ((64, 800), (500, 800), (64, 500)))
    x.data, w.data = draw.randn(*x.shape), draw.randn(*w.shape)
    ops.make("inner_product", context, rows=64, inputs=800, outputs=500, transpose=False).forward(x, w, None, y)
    expected = x.data.astype(np.float64) @ w.data.T.astype(np.float64)
    assert low <= np.linalg.norm(y.data - expected) / np.linalg.norm(expected) <= high
    image, kernel, out = (Blob(s, np.float32, gpu) for s in ((16, 64, 28, 28), (64, 64, 3, 3), (16, 64, 28, 28)))
    image.data, kernel.data = draw.randn(*image.shape), draw.randn(*kernel.shape)
    spec = dict(image=image.shape, weight=kernel.shape, stride=(1, 1), pad=(1, 1), dilation=(1, 1), group=1)
    ops.make("convolution", context, **spec).forward(image, kernel, None, out)
    exact = Context(dtype=np.float64)
    blobs = [Blob(one.shape, np.float64) for one in (image, kernel, out)]
    blobs[0].data, blobs[1].data = image.data, kernel.data
    ops.make("convolution", exact, **spec).forward(blobs[0], blobs[1], None, blobs[2])
    error = np.linalg.norm(out.data - blobs[2].data) / np.linalg.norm(blobs[2].data)
    assert low <= error <= high


def test_every_kernel_of_a_layer_is_run_by_some_case(host_device):
    for case in CASES:
        Bench(case, host_device).run(case.names["backward"])
    text = SOURCE.read_text(encoding="utf-8")
    kernels = set(re.findall(r"^(?:KERNEL |UPDATE\()(\w+)", text, re.M))
    drawn = {"dropout", "stochastic_pooling_draw", "stochastic_pooling_mean"}
    of_steps = {"begin_step", "end_step", "add_loss", "square_sums", "root_of_sum", "clip_scale"}
    of_steps |= {"summaries", "histograms", "strongest"}  # of looks
    of_steps |= {name for name in kernels if name.startswith("update_")}
    of_layouts = {"add", "add_turned", "turn", "fold", "surprise_total"}
    assert kernels - host_device.ran == of_steps | drawn | of_layouts  # those of cuDNN, fusion and many labels


@pytest.mark.parametrize("training", [True, False])
def test_stochastic_pooling_draws_what_the_cpu_draws(gpu, training):
    values = np.abs(np.random.RandomState(4).randn(3, 4, 9, 7))
    windows = dict(image=values.shape, output=(4, 3), kernel=(3, 3), stride=(2, 2), pad=(0, 0))
    spec = dict(**windows, stream=("pool",), training=training)
    found = []
    for place, backend in ((HOST, "cpu"), (gpu, "gpu")):
        context = Context(place=place, backend=backend, seed=2, passes=5)
        op = ops.make("stochastic_pooling", context, **spec)
        x, y, mask = (Blob(shape, np.float32, place) for shape in (values.shape, (3, 4, 4, 3), (3, 4, 4, 3)))
        x.data, y.diff = values, np.random.RandomState(5).randn(*y.shape)
        if training:
            op.forward(x, y, mask)
            op.backward(y, x)
        else:
            op.forward(x, y)
        found.append([one.copy() for one in (y.data, mask.data, x.diff)])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(theirs, mine, 1e-5, 1e-6)


def test_add(gpu):
    x, y = Blob((7,), np.float32, gpu), Blob((7,), np.float32, gpu)
    x.data, y.data = np.arange(7), 1
    gpu.launch("add", np.float32, 7, y.modify(), x.read())
    np.testing.assert_array_equal(y.data, np.arange(7) + 1)
