"""Channels last on the device: every op that keeps the layout against the plain one, and whole nets that flow in it."""

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, Net, get_solver, ops
from brewbench.engine import net as net_module
from brewbench.engine.backend import Backend
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.gpu import layout
from brewbench.engine.gpu.layout import ChannelsLast, channels_last, lies_last
from brewbench.engine.gpu.ops import cudnn
from brewbench.engine.memory import HOST, READ
from brewbench.engine.ops import TABLE
from brewbench.proto.messages import NetParameter, SolverParameter

EXACT = Backend("gpu", precision="ieee")
ROUNDS = 10


@pytest.fixture
def last(gpu, monkeypatch):
    """A device where all convolutions take the channels last."""
    if hasattr(gpu, "use_cudnn"):
        gpu.use_cudnn()
    elif not gpu.has_cudnn:
        pytest.skip("cuDNN is not installed")
    monkeypatch.setattr(cudnn, "LAYOUT", "nhwc")
    return gpu


def lay(blob, part="data"):
    """Bring the values to where the channels come last, and nowhere else."""
    memory = getattr(blob, f"{part}_memory")
    channels_last(blob.place, memory, blob.shape, READ)
    place = memory.layouts.get((ChannelsLast, blob.shape))
    memory.valid = {place} if place is not None else memory.valid


class Both:
    """One op on the host and on the device, with the same blobs; on the device their channels come last."""

    def __init__(self, name, device, draw, **spec):
        self.draw, self.device = draw, device
        context = Context(place=device, backend="gpu", precision="ieee")
        self.op = ops.make(name, context, reference=True, **spec)
        assert self.op.engine == "cuda"
        self.plain = TABLE[name]["reference"](Context(), **spec)

    def blob(self, shape, last=True):
        data, diff = self.draw.standard_normal((2, *shape))
        pair = Blob(shape, np.float32), Blob(shape, np.float32, self.device)
        for blob in pair:
            blob.data, blob.diff = data, diff
        if last:
            lay(pair[1])
            lay(pair[1], "diff")
        return pair

    def do(self, method, *args, **kwargs):
        """Call both with their own of each pair."""
        found = []
        for side, op in enumerate((self.plain, self.op)):
            found.append(getattr(op, method)(*[self.own(arg, side) for arg in args], **kwargs))
        return found

    def own(self, arg, side):
        if isinstance(arg, list):
            return [self.own(one, side) for one in arg]
        return arg[side] if isinstance(arg, tuple) else arg

    def compare(self, *pairs, parts=("data", "diff"), tolerance=2e-5):
        """Both have the same values, and those of the device lie with the channels last."""
        for mine, theirs in pairs:
            for part in parts:
                memory = getattr(theirs, f"{part}_memory")
                assert lies_last(memory, theirs.shape) or not layout.differs(theirs.shape)
                expected = getattr(mine, part)
                np.testing.assert_allclose(theirs.look(part), expected, tolerance, tolerance * np.abs(expected).max())


def drawn(name, rounds=ROUNDS):
    seed = sum(map(ord, name))
    return pytest.mark.parametrize("number", range(seed, seed + rounds))


def shape_of(draw):
    return tuple(int(n) for n in draw.integers(1, (4, 9, 8, 8)))


def test_values_go_to_the_layout_and_back(gpu):
    blob = Blob((2, 3, 4, 5), np.float32, gpu)
    values = np.random.RandomState(0).randn(*blob.shape).astype(np.float32)
    blob.data = values
    lay(blob)
    assert blob.data_memory.state == "at device"
    np.testing.assert_array_equal(blob.read().get(), values)  # turned on the device
    lay(blob)
    np.testing.assert_array_equal(blob.data, values)  # to the host by way of a plain copy
    flat = channels_last(gpu, blob.data_memory, blob.shape, READ)
    np.testing.assert_array_equal(flat.get().reshape(2, 4, 5, 3), values.transpose(0, 2, 3, 1))


def test_a_memory_may_be_read_as_images_of_two_shapes(gpu):
    blob = Blob((2, 6, 2, 2), np.float32, gpu)
    values = np.arange(48, dtype=np.float32)
    blob.data = values.reshape(blob.shape)
    lay(blob)
    other = channels_last(gpu, blob.data_memory, (2, 3, 2, 4), READ).get()
    np.testing.assert_array_equal(other.reshape(2, 2, 4, 3), values.reshape(2, 3, 2, 4).transpose(0, 2, 3, 1))


@drawn("relu")
def test_relu(number, gpu):
    draw = np.random.default_rng(number)
    shape = shape_of(draw)
    both = Both("relu", gpu, draw, shape=shape, slope=0.1 * (number % 2))
    x = both.blob(shape)
    y = x if number % 3 == 0 else both.blob(shape, last=False)
    both.do("forward", x, y)
    both.do("backward", y, x)
    both.compare(x, parts=("diff",))
    both.compare(y, parts=("data",))


@pytest.mark.parametrize("kind, numbers", [
    ("sigmoid", {}), ("tanh", {}), ("elu", {"alpha": 0.5}), ("relu6", {"slope": 0.1}),
    ("power", {"power": 2.0, "scale": 0.5, "shift": 1.5}),
])  # fmt: skip
@drawn("curve", 3)
def test_other_functions_of_one_number(kind, numbers, number, gpu):
    draw = np.random.default_rng(number)
    shape = shape_of(draw)
    both = Both(kind, gpu, draw, shape=shape, **numbers)
    x = both.blob(shape)
    y = x if number % 3 == 0 and kind in ("sigmoid", "tanh") else both.blob(shape, last=False)
    both.do("forward", x, y)
    both.do("backward", y, x)
    both.compare(x, parts=("diff",))
    both.compare(y, parts=("data",))


@drawn("dropout", 5)
def test_dropout_draws_the_same_mask_in_any_order(number, gpu):
    draw = np.random.default_rng(number)
    shape = shape_of(draw)
    both = Both("dropout", gpu, draw, ratio=0.4, layer="drop")
    for op in (both.plain, both.op):
        op.context.seed, op.context.passes = 5, number
    x, y = both.blob(shape), both.blob(shape)
    both.do("forward", x, y)
    both.do("backward", y, x)
    both.compare(x, parts=("diff",))
    both.compare(y, parts=("data",))


@pytest.mark.parametrize("kind", ["max_pooling", "average_pooling"])
@drawn("pooling")
def test_pooling(kind, number, gpu):
    draw = np.random.default_rng(number)
    image = tuple(int(n) for n in draw.integers((1, 1, 4, 4), (4, 9, 9, 9)))
    kernel, stride = (tuple(int(n) for n in draw.integers(1, 4, 2)) for _ in range(2))
    output = tuple(-(-(n - k) // s) + 1 for n, k, s in zip(image[2:], kernel, stride, strict=True))
    spec = dict(image=image, output=output, kernel=kernel, stride=stride, pad=(0, 0))
    if any((n - 1) * s >= length for n, s, length in zip(output, stride, image[2:], strict=True)):
        spec["stride"] = (1, 1)
        spec["output"] = output = tuple(n - k + 1 for n, k in zip(image[2:], kernel, strict=True))
    both = Both(kind, gpu, draw, **spec)
    x, y = both.blob(image), both.blob((*image[:2], *output), last=number % 2 == 0)
    both.do("forward", x, y)
    both.do("backward", y, x)
    both.compare(x, parts=("diff",))
    both.compare(y, parts=("data",))


def test_the_mask_of_pooling_is_plain(gpu):
    spec = dict(image=(2, 3, 4, 4), output=(2, 2), kernel=(2, 2), stride=(2, 2), pad=(0, 0))
    both = Both("max_pooling", gpu, np.random.default_rng(0), **spec)
    x, y, mask = both.blob((2, 3, 4, 4)), both.blob((2, 3, 2, 2)), both.blob((2, 3, 2, 2))
    both.do("forward", x, y, mask)
    both.do("backward", y, x)
    for mine, theirs in ((y[0].data, y[1].data), (mask[0].data, mask[1].data), (x[0].diff, x[1].diff)):
        np.testing.assert_array_equal(theirs, mine)


@drawn("lrn")
def test_lrn(number, gpu):
    draw = np.random.default_rng(number)
    shape = shape_of(draw)
    spec = dict(shape=shape, axes=(1,), size=int(draw.integers(0, 4)) * 2 + 1, alpha=0.3, beta=0.75, k=1.5)
    both = Both("lrn", gpu, draw, **spec)
    x, y = both.blob(shape), both.blob(shape)
    both.do("forward", x, y)
    both.do("backward", y, x)
    both.compare(x, y)


@drawn("norm")
def test_batch_norm(number, gpu):
    draw = np.random.default_rng(number)
    shape = (3, *shape_of(draw)[1:])
    both = Both("batch_norm", gpu, draw, shape=shape, eps=1e-3)
    x, y = both.blob(shape), both.blob(shape, last=False)
    both.do("normalise", x, y)
    both.do("backward", y, x)
    both.compare(x, parts=("diff",), tolerance=2e-4)
    both.compare(y, parts=("data",))


@drawn("scale")
def test_scale(number, gpu):
    draw = np.random.default_rng(number)
    shape = tuple(int(n) for n in draw.integers(2, (4, 9, 8, 8)))
    both = Both("scale", gpu, draw, shape=shape, spread=(1, shape[1], 1, 1))
    x = both.blob(shape)
    y = x if number % 2 else both.blob(shape, last=False)
    a, b = both.blob(shape[1:2], last=False), both.blob(shape[1:2], last=False)
    both.do("forward", x, a, b, y)
    both.compare(y, parts=("data",))
    mine, theirs = both.do("backward", y, x, a, to_factor=True, to_offset=True, to_x=True)
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(other.get().ravel(), one.ravel(), 1e-4, 1e-4)
    both.compare(x, parts=("diff",))


@drawn("sum")
def test_sums_and_splits(number, gpu):
    draw = np.random.default_rng(number)
    shape, count = shape_of(draw), int(draw.integers(2, 5))
    coeff = [1.0] * count if number % 2 else list(draw.standard_normal(count))
    both = Both("eltwise", gpu, draw, shape=shape, operation=1, coeff=coeff, stable=True)
    xs = [both.blob(shape, last=k != 1 or count == 2) for k in range(count)]
    y = xs[0] if number % 3 == 0 else both.blob(shape, last=False)
    both.do("forward", xs, y)
    both.compare(y, parts=("data",))
    lay(y[1], "diff")
    both.do("backward", y, xs, [True] * count)
    both.compare(*xs, parts=("diff",))
    split = Both("split", gpu, draw, shape=shape)
    split.do("backward", xs, y)
    split.compare(y, parts=("diff",))


@drawn("concat")
def test_concat(number, gpu):
    draw = np.random.default_rng(number)
    shape, axis = shape_of(draw), 1 if number % 3 else int(draw.integers(0, 4))
    lengths = [int(n) for n in draw.integers(1, 5, 3)]
    whole = (*shape[:axis], sum(lengths), *shape[axis + 1 :])
    both = Both("concat", gpu, draw, shape=whole, axis=axis, lengths=lengths)
    parts = [both.blob((*shape[:axis], n, *shape[axis + 1 :])) for n in lengths]
    y = both.blob(whole)
    both.do("join", parts, y)
    both.do("cut_diff", y, [parts[0], None, parts[2]])
    if axis == 1:
        both.compare(y, *parts)
    for mine, theirs in (y, *parts):
        np.testing.assert_array_equal(theirs.data, mine.data)
        np.testing.assert_array_equal(theirs.diff, mine.diff)
    both.do("join_diff", parts, y)
    both.do("cut", y, parts)
    for mine, theirs in (y, *parts):
        np.testing.assert_array_equal(theirs.data, mine.data)
        np.testing.assert_array_equal(theirs.diff, mine.diff)


SPECS = [
    # image, weight, stride, pad, dilation, group
    ((2, 4, 6, 7), (6, 2, 3, 2), (1, 2), (1, 0), (1, 1), 2),
    ((3, 5, 9, 8), (4, 5, 2, 2), (2, 2), (0, 1), (2, 1), 1),
    ((3, 5, 6, 6), (4, 5, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((2, 1, 6, 6), (3, 1, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    ((2, 6, 4, 4), (3, 6, 4, 4), (1, 1), (0, 0), (1, 1), 1),
]


@pytest.mark.parametrize("case", SPECS, ids=repr)
def test_convolution_in_all_directions(case, last):
    spec = dict(zip(("image", "weight", "stride", "pad", "dilation", "group"), case, strict=True))
    found = []
    for place in (HOST, last):
        context = Context(phase=0, place=place, backend="cpu" if place is HOST else "gpu", precision="ieee")
        op = ops.make("convolution", context, **spec)
        draw = np.random.RandomState(0)
        shapes = spec["image"], (spec["image"][0], spec["weight"][0], *op.output), spec["weight"], spec["weight"][:1]
        x, y, w, b = (Blob(shape, np.float32, place) for shape in shapes)
        for blob in (x, w, b):
            blob.data, blob.diff = draw.randn(*blob.shape), draw.randn(*blob.shape)
        y.diff = draw.randn(*y.shape)
        op.forward(x, w, b, y)
        op.backward_weights(x, y, w, b)
        op.backward_data(y, w, x)
        if place is not HOST:
            assert lies_last(y.data_memory, y.shape) or not layout.differs(y.shape)
            assert spec["image"][1] < 5 or lies_last(x.diff_memory, x.shape)
        found.append([array.copy() for array in (y.data, x.diff, w.diff, b.diff)])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(theirs, mine, 1e-4, 1e-4)
    if hasattr(last, "cudnn_api"):
        assert "channels" in last.cudnn_api.laid


def decided(device, monkeypatch, times, x_last):
    """What a convolution decides, if a plan takes `times` by whether the channels come last, and turning x takes 1."""

    def time(self, work):
        before = len(device.cudnn_api.ran)
        work()
        device.synchronize()
        return 1.0 if len(device.cudnn_api.ran) == before else times[device.cudnn_api.order]

    monkeypatch.setattr(cudnn.Cudnn, "time", time)
    spec = dict(zip(("image", "weight", "stride", "pad", "dilation", "group"), SPECS[1], strict=True))
    op = ops.make("convolution", Context(phase=0, place=device, backend="gpu"), **spec)
    x = Blob(spec["image"], np.float32, device)
    x.data = 0
    x.read()
    if x_last:
        lay(x)
    return op.last_for("fprop", x)


@pytest.mark.parametrize("plain, turned, x_last, expected", [
    (5.0, 4.0, False, True),  # three directions of 4, and x and its diff turned
    (5.0, 4.5, False, False),  # what is gained does not pay for the turning
    (5.0, 4.5, True, True),  # where it lies so already it does
    (4.5, 5.0, True, True),  # and nobody turns it back for so little
    (4.0, 5.0, True, False),
])  # fmt: skip
def test_a_convolution_takes_the_quicker_layout(plain, turned, x_last, expected, host_device, monkeypatch):
    host_device.use_cudnn()
    assert decided(host_device, monkeypatch, {"rows": plain, "channels": turned}, x_last) == expected


@pytest.mark.parametrize("forced, refused, expected", [("nchw", (), False), ("nhwc", ("channels",), False)])
def test_the_layout_may_be_forced_where_there_is_a_plan(forced, refused, expected, host_device, monkeypatch):
    host_device.use_cudnn()
    host_device.cudnn_api.refused = refused
    monkeypatch.setattr(cudnn, "LAYOUT", forced)
    assert decided(host_device, monkeypatch, {"rows": 5.0, "channels": 1.0}, True) == expected


NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 3 dim: 3 dim: 11 dim: 11 } } }
layer { name: "a" type: "Convolution" bottom: "x" top: "a"
  convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "ra" type: "ReLU" bottom: "a" top: "a" }
layer { name: "pool" type: "Pooling" bottom: "a" top: "pool" pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "lrn" type: "LRN" bottom: "pool" top: "lrn" lrn_param { local_size: 3 alpha: 0.1 } }
layer { name: "b" type: "Convolution" bottom: "lrn" top: "b" convolution_param { num_output: 6 kernel_size: 3 pad: 1
  group: 2 weight_filler { type: "xavier" } bias_filler { type: "gaussian" std: 1 } } }
layer { name: "norm" type: "BatchNorm" bottom: "b" top: "b" }
layer { name: "scale" type: "Scale" bottom: "b" top: "b" scale_param { bias_term: true
  filler { type: "gaussian" std: 1 } bias_filler { type: "gaussian" std: 1 } } }
layer { name: "rb" type: "ReLU" bottom: "b" top: "b" }
layer { name: "c" type: "Convolution" bottom: "lrn" top: "c"
  convolution_param { num_output: 6 kernel_size: 1 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "sum" type: "Eltwise" bottom: "b" bottom: "c" top: "sum" }
layer { name: "rs" type: "ReLU" bottom: "sum" top: "sum" }
layer { name: "both" type: "Concat" bottom: "sum" bottom: "c" bottom: "lrn" top: "both" }
layer { name: "drop" type: "Dropout" bottom: "both" top: "both" }
layer { name: "ave" type: "Pooling" bottom: "both" top: "ave" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "ave" top: "ip"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "label" type: "DummyData" top: "label"
  dummy_data_param { shape { dim: 3 } data_filler { type: "constant" value: 2 } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = 'base_lr: 0.05 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.01 random_seed: 3 average_loss: 3'


def trained(backend, iterations, between=lambda solver, k: None, split=None):
    text = NET if split is None else NET.replace('"ra" type: "ReLU"', split)
    solver = get_solver(
        text_format.Parse(SOLVER, SolverParameter()), text_format.Parse(text, NetParameter()), backend=backend
    )
    solver.net.blobs["x"].data = np.random.RandomState(1).randn(3, 3, 11, 11)
    for k in range(iterations):
        between(solver, k)
        solver.iterate()
    return solver


def weights_of(solver):
    return [blob.data.copy() for blobs in solver.net.params.values() for blob in blobs]


def test_a_net_that_flows_so_trains_as_on_the_cpu_in_captured_steps(last):
    here, there = trained("cpu", 6), trained(EXACT, 6)
    assert there._captured.launched == 5 and not there._captured.program.alone
    for name in ("a", "pool", "lrn", "b", "sum", "both"):
        blob = there.net.blobs[name]
        layouts = blob.data_memory.layouts
        assert (ChannelsLast, blob.shape) in layouts, name
    for mine, theirs in zip(weights_of(there), weights_of(here), strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-3, 1e-4)


def test_looking_and_writing_between_iterations_is_taken_along(last):
    def between(solver, k):
        net = solver.net
        if k == 3:
            net.params["b"][0].data[...] *= 0.5
            net.params["ip"][0].data[...] = 0.1
        if k == 4:
            assert net.blobs["lrn"].data.shape == (3, 6, 4, 4)
            net.blobs["a"].look()
            net.blobs["x"].data = np.random.RandomState(7).randn(3, 3, 11, 11)
        if k == 5:
            net.blobs["both"].read()

    here, there = trained("cpu", 7, between), trained(EXACT, 7, between)
    assert there._captured.launched == 6
    for mine, theirs in zip(weights_of(there), weights_of(here), strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-3, 1e-4)
    for name in ("a", "lrn", "sum", "both"):
        np.testing.assert_allclose(there.net.blobs[name].data, here.net.blobs[name].data, 1e-3, 1e-4)
        np.testing.assert_allclose(there.net.blobs[name].diff, here.net.blobs[name].diff, 1e-3, 1e-5)


def test_a_layer_that_runs_by_itself_gets_plain_values_and_the_flow_goes_on(last):
    def between(solver, k):
        if k == 2:  # the graphs of the first iterations are for a net that is captured as a whole
            solver._captured and solver._captured.program.drop()
            solver._captured and solver._captured.program.alone.add(solver.net.index_of("lrn"))

    here, there = trained("cpu", 6, between), trained(EXACT, 6, between)
    kinds = [part.graph is None for part in there._captured.program.parts]
    assert kinds == [False, True, False, True, False] and there._captured.launched == 5
    for mine, theirs in zip(weights_of(there), weights_of(here), strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-3, 1e-4)


def test_a_net_that_is_asked_follows_its_weights(last):
    message = text_format.Parse(NET, NetParameter())
    nets = [Net(message, TEST, seed=5, backend=backend) for backend in ("cpu", EXACT)]
    for net in nets:
        net.blobs["x"].data = np.random.RandomState(1).randn(3, 3, 11, 11)
        for blob, value in zip(net.params["norm"], (0.3, 2.0, 1.5), strict=True):
            blob.data = value
    for k in range(6):
        for net in nets:
            net.forward()
            if k == 3:
                net.params["a"][0].data[...] *= 2
                net.params["norm"][1].data = 3
        for name in ("a", "b", "sum", "ave", "loss"):
            np.testing.assert_allclose(nets[1].blobs[name].data, nets[0].blobs[name].data, 1e-3, 1e-4)
    assert nets[1]._whole.launched >= 4


INSIDE = NET[: NET.index('layer { name: "drop"')].replace("dim: 3 dim: 3 dim: 11", "dim: 1 dim: 3 dim: 11")


def test_parts_that_may_lie_within_their_whole_on_the_host_change_nothing_here(last, monkeypatch):
    message, found = text_format.Parse(INSIDE, NetParameter()), []
    for may in (True, False):
        if not may:
            monkeypatch.setattr(net_module, "parts_inside", lambda nodes: {})
        net = Net(message, TEST, seed=5, backend=EXACT)
        for k in range(3):
            net.blobs["x"].data = np.random.RandomState(k).randn(1, 3, 11, 11)
            net.forward()
        concat = net.layers[net.index_of("both")]
        assert any(concat.inside) == may and concat.pieces.engine == "cuda" and net._whole.launched == 2
        found.append([net.blobs[name].data.copy() for name in ("sum", "c", "lrn", "both")])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(found[0][3], np.concatenate(found[0][:3], axis=1))
