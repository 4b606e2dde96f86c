"""Every op of the GPU against the plain one, over shapes and settings drawn at random, corners among them."""

from importlib import import_module
from math import prod

import numpy as np
import pytest

from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.gpu.ops import surprise
from brewbench.engine.layers.vision import _spatial
from brewbench.engine.memory import HOST, Arena
from brewbench.engine.ops import TABLE, make
from brewbench.engine.ops.update import Rates, Segment
from brewbench.engine.solver import SOLVERS

ROUNDS = 24


class Two:
    """One op on both sides, with the same blobs."""

    def __init__(self, name, gpu, dtype, spec, draw, **context):
        self.draw, self.dtype = draw, dtype
        host = Context(dtype=dtype, seed=3, **context)
        device = Context(dtype=dtype, seed=3, place=gpu, backend="gpu", precision="ieee", **context)
        there = make(name, device, reference=True, **spec)
        assert there.engine == "cuda"
        self.ops = TABLE[name]["reference"](host, **spec), there
        self.places = HOST, gpu

    def blob(self, shape, values=None):
        """The same values on both sides, data and diff."""
        data = self.draw.standard_normal(shape) if values is None else values
        diff = self.draw.standard_normal(shape)
        made = []
        for place in self.places:
            blob = Blob(shape, self.dtype, place)
            blob.data, blob.diff = data, diff
            made.append(blob)
        return made

    def do(self, method, *args):
        """Call both with their own of each pair."""
        for side, op in enumerate(self.ops):
            with np.errstate(all="ignore"):
                getattr(op, method)(*[self.own(arg, side) for arg in args])

    def own(self, arg, side):
        if isinstance(arg, list) and len(arg) == 2 and all(isinstance(one, Blob) for one in arg):
            return arg[side]
        if isinstance(arg, tuple):
            return [self.own(one, side) for one in arg]
        return arg

    def compare(self, *pairs, tolerance=2e-5):
        tolerance = tolerance if self.dtype == np.float32 else 1e-10
        for mine, theirs in pairs:
            for kind in ("data", "diff"):
                found, expected = getattr(theirs, kind), getattr(mine, kind)
                finite = np.abs(expected[np.isfinite(expected)]).max(initial=0)
                np.testing.assert_allclose(found, expected, tolerance, tolerance * finite, err_msg=kind)


def cases(name, rounds=ROUNDS):
    """Draws of a test, by number: each with its own random numbers, every third in double precision."""
    seed = sum(map(ord, name))
    return pytest.mark.parametrize("number", range(seed, seed + rounds))


def draw_of(number):
    return np.random.default_rng(number), (np.float64 if number % 3 == 0 else np.float32)


def windows(draw):
    """An image and windows over it, padding and windows that reach beyond it among them."""
    while True:
        image = tuple(int(n) for n in draw.integers(1, (4, 5, 12, 12)))
        kernel, stride = (tuple(int(n) for n in draw.integers(1, 5, 2)) for _ in range(2))
        pad = tuple(int(draw.integers(0, k)) if draw.random() < 0.5 else 0 for k in kernel)
        if all(k <= length + 2 * p for k, length, p in zip(kernel, image[2:], pad, strict=True)):
            steps = [
                -(-(length + 2 * p - k) // s) + 1
                for length, k, s, p in zip(image[2:], kernel, stride, pad, strict=True)
            ]
            output = tuple(
                n - 1 if any(pad) and (n - 1) * s >= length + p else n
                for n, s, length, p in zip(steps, stride, image[2:], pad, strict=True)
            )
            if min(output) > 0 and all((n - 1) * s < length + p for n, s, length, p in
                                       zip(output, stride, image[2:], pad, strict=True)):  # fmt: skip
                return dict(image=image, output=output, kernel=kernel, stride=stride, pad=pad)


@cases("max")
def test_max_pooling(number, host_device):
    draw, dtype = draw_of(number)
    spec = windows(draw)
    two, top = Two("max_pooling", host_device, dtype, spec, draw), (*spec["image"][:2], *spec["output"])
    x = two.blob(spec["image"], draw.integers(-2, 3, spec["image"]) if number % 2 else None)  # with many equals
    y, mask = two.blob(top), two.blob(top)
    two.do("forward", x, y, mask)
    two.do("backward", y, x)
    two.compare(x, y, mask)


@cases("average")
def test_average_pooling(number, host_device):
    draw, dtype = draw_of(number)
    spec = windows(draw)
    two = Two("average_pooling", host_device, dtype, spec, draw)
    x, y = two.blob(spec["image"]), two.blob((*spec["image"][:2], *spec["output"]))
    two.do("forward", x, y)
    two.do("backward", y, x)
    two.compare(x, y)


@cases("stochastic")
def test_stochastic_pooling(number, host_device):
    draw, dtype = draw_of(number)
    spec = windows(draw)
    spec["pad"] = (0, 0)
    spec["output"] = tuple(
        (length - k) // s + 1 for length, k, s in zip(spec["image"][2:], spec["kernel"], spec["stride"], strict=True)
    )
    if min(spec["output"]) < 1:
        spec["kernel"], spec["output"] = (1, 1), tuple(-(-n // s) for n, s in zip(spec["image"][2:], spec["stride"],
                                                                                strict=True))  # fmt: skip
    training = number % 2 == 0
    spec |= dict(stream=("pool", number), training=training)
    two = Two("stochastic_pooling", host_device, dtype, spec, draw, passes=number)
    x = two.blob(spec["image"], np.abs(draw.standard_normal(spec["image"])))
    y = two.blob((*spec["image"][:2], *spec["output"]))
    two.do("forward", x, y)
    if training:
        two.do("backward", y, x)
    two.compare(x, y)


def correlation(draw, axes):
    group = int(draw.integers(1, 4))
    while True:
        lengths, kernel = draw.integers(1, 9, axes), draw.integers(1, 4, axes)
        stride, pad, dilation = draw.integers(1, 4, axes), draw.integers(0, 3, axes), draw.integers(1, 3, axes)
        if (dilation * (kernel - 1) + 1 <= lengths + 2 * pad).all():
            break
    lengths, kernel, stride, pad, dilation = (
        tuple(int(n) for n in numbers) for numbers in (lengths, kernel, stride, pad, dilation)
    )
    inside, outside, images = (int(n) for n in draw.integers(1, 4, 3))
    return dict(
        image=(images, inside * group, *lengths), weight=(outside * group, inside, *kernel),
        stride=stride, pad=pad, dilation=dilation, group=group,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["convolution", "deconvolution"])
@cases("convolution")
def test_convolution(name, number, host_device):
    draw, dtype = draw_of(number)
    spec = correlation(draw, 1 + number % 3)
    two = Two(name, host_device, dtype, spec, draw)
    image, weight = spec["image"], spec["weight"]
    values = (image[0], weight[0], *two.ops[1].output)
    shapes = (image, values, weight[0]) if name == "convolution" else (values, image, image[1])
    x, y, w, b = two.blob(shapes[0]), two.blob(shapes[1]), two.blob(weight), two.blob((shapes[2],))
    bias = b if number % 4 else None
    two.do("forward", x, w, bias, y)
    two.do("backward_weights", x, y, w, bias)
    two.do("backward_data", y, w, x)
    two.compare(x, y, w, b)


@cases("im2col")
def test_im2col(number, host_device):
    draw, dtype = draw_of(number)
    spec = correlation(draw, 1 + number % 3)
    spec |= dict(group=1, weight=(1, spec["image"][1], *spec["weight"][2:]))
    two = Two("im2col", host_device, dtype, spec, draw)
    output = _spatial.positions(
        spec["image"][2:], spec["weight"][2:], spec["stride"], spec["pad"], spec["dilation"]
    )
    x = two.blob(spec["image"])
    y = two.blob((spec["image"][0], prod(spec["weight"][1:]), *output))
    two.do("forward", x, y)
    two.do("backward", y, x)
    two.compare(x, y)


@cases("product")
def test_inner_product(number, host_device):
    draw, dtype = draw_of(number)
    rows, inputs, outputs = (int(n) for n in draw.integers(1, 40, 3))
    transpose = number % 2 == 0
    two = Two("inner_product", host_device, dtype, dict(rows=rows, inputs=inputs, outputs=outputs,
                                                       transpose=transpose), draw)  # fmt: skip
    x, y, b = two.blob((rows, inputs)), two.blob((rows, outputs)), two.blob((outputs,))
    w = two.blob((inputs, outputs) if transpose else (outputs, inputs))
    two.do("forward", x, w, b, y)
    two.do("backward_weights", x, y, w, b)
    two.do("backward_data", y, w, x)
    two.compare(x, y, w, b)


@cases("lrn")
def test_lrn(number, host_device):
    draw, dtype = draw_of(number)
    shape = tuple(int(n) for n in draw.integers(1, (4, 12, 8, 8)))
    spec = dict(shape=shape, axes=(1,) if number % 2 else (2, 3), size=int(draw.integers(0, 4)) * 2 + 1,
                alpha=float(draw.random()), beta=float(draw.random() + 0.1), k=float(draw.random() + 0.5))  # fmt: skip
    two = Two("lrn", host_device, dtype, spec, draw)
    x, y = two.blob(shape), two.blob(shape)
    two.do("forward", x, y)
    two.do("backward", y, x)
    two.compare(x, y)


@cases("softmax")
def test_softmax(number, host_device):
    draw, dtype = draw_of(number)
    shape = tuple(int(n) for n in draw.integers(1, 9, int(draw.integers(1, 5))))
    two = Two("softmax", host_device, dtype, dict(shape=shape, axis=int(draw.integers(0, len(shape)))), draw)
    values = draw.standard_normal(shape) * 50
    if number % 4 == 0:
        values.flat[draw.integers(0, values.size)] = draw.choice([np.inf, -np.inf, np.nan])
    x, y = two.blob(shape, values), two.blob(shape)
    two.do("forward", x, y)
    two.do("backward", y, x)
    two.compare(x, y)


@cases("surprise")
def test_the_loss_behind_a_softmax(number, host_device, monkeypatch):
    monkeypatch.setattr(surprise, "FEW", 20)
    draw, dtype = draw_of(number)
    shape = tuple(int(n) for n in draw.integers(1, 9, int(draw.integers(1, 5))))
    axis = int(draw.integers(0, len(shape)))
    ignored = [None, 0, 255, -1][number % 4]
    spec = dict(shape=shape, axis=axis, ignored=ignored, mode=number // 4 % 4)
    two = Two("surprise", host_device, dtype, spec, draw)
    labels = draw.integers(0, shape[axis], shape[:axis] + shape[axis + 1 :]).astype(dtype)
    if ignored is not None:
        labels[draw.random(labels.shape) < (1.0 if number % 8 == 1 else 0.3)] = ignored
    values = draw.random(shape) / shape[axis]
    values.flat[draw.integers(0, values.size, 3)] = [0, 1, 1e-40]
    p, label, loss, x = two.blob(shape, values), two.blob(labels.shape, labels), two.blob(()), two.blob(shape)
    two.do("forward", p, label, loss)
    two.do("backward", p, label, loss, x)
    two.compare(p, loss, x)


@pytest.mark.parametrize("wrong", [-1, 3, 1e9])
def test_a_label_that_is_no_class_makes_the_loss_no_number(wrong, host_device):
    context = Context(place=host_device, backend="gpu")
    op = make("surprise", context, shape=(4, 3), axis=1, ignored=7, mode=1)
    p, label, loss = (Blob(shape, np.float32, host_device) for shape in ((4, 3), (4,), ()))
    p.data, label.data = 0.5, [0, wrong, 2, 7]
    op.forward(p, label, loss)
    assert np.isnan(loss.data)


@cases("relu")
def test_relu(number, host_device):
    draw, dtype = draw_of(number)
    shape = (int(draw.integers(1, 300)),)
    two = Two("relu", host_device, dtype, dict(shape=shape, slope=[0.0, 0.1, -0.5, 2.0][number % 4]), draw)
    values = draw.standard_normal(shape)
    values[: min(3, len(values))] = [np.inf, -np.inf, np.nan][: len(values)]
    if number % 4 > 1:  # Caffe's formula, which the plain engine does not share for odd slopes of infinities
        values = np.nan_to_num(values, posinf=3, neginf=-3)
    x, y = two.blob(shape, values), two.blob(shape)
    two.do("forward", x, y)
    two.do("backward", y, x)
    two.compare(x, y)


@cases("dropout")
def test_dropout(number, host_device):
    draw, dtype = draw_of(number)
    shape = (int(draw.integers(1, 1000)),)
    spec = dict(ratio=[0.0, 0.5, 0.3, 0.99, 1.0][number % 5], layer=f"drop{number}")
    two = Two("dropout", host_device, dtype, spec, draw, passes=number << 30)
    x, y = two.blob(shape), two.blob(shape)
    two.do("forward", x, y)
    two.do("backward", y, x)
    two.compare(x, y)


@pytest.mark.parametrize("name", ["lstm", "rnn"])
@cases("recurrent", 12)
def test_recurrent(name, number, host_device):
    draw, dtype = draw_of(number)
    steps, streams, inputs, outputs = (int(n) for n in draw.integers(1, 6, 4))
    static = number % 2 == 0
    two = Two(name, host_device, dtype, dict(steps=steps, streams=streams, outputs=outputs, static=static), draw)
    rows = 4 * outputs if name == "lstm" else outputs
    weights = [two.blob((rows, inputs)), two.blob((rows,))]
    if static:
        weights.append(two.blob((rows, 3)))
    weights.append(two.blob((rows, outputs)))
    if name == "rnn":
        weights += [two.blob((outputs, outputs)), two.blob((outputs,))]
    x, y = two.blob((steps, streams, inputs)), two.blob((steps, streams, outputs))
    marks = two.blob((steps, streams), draw.integers(0, 2, (steps, streams)))
    states = tuple(two.blob((1, streams, outputs)) for _ in range(2 if name == "lstm" else 1))
    constant = two.blob((streams, 3)) if static else None
    for _ in range(2):  # the second pass goes on where the first ended
        two.do("forward", x, marks, constant, tuple(weights), states, states, (y,))
        two.do("backward", x, marks, constant, tuple(weights), (y,), (True, static), [True] * len(weights))
    two.compare(x, y, *states, *weights, *([constant] if constant else []), tolerance=1e-4)


@cases("norm")
def test_batch_norm(number, host_device):
    draw, dtype = draw_of(number)
    shape = tuple(int(n) for n in draw.integers(1, 9, int(draw.integers(1, 5))))
    two = Two("batch_norm", host_device, dtype, dict(shape=shape, eps=1e-3), draw)
    x, y = two.blob(shape, 100 + draw.standard_normal(shape)), two.blob(shape)
    if number % 4 == 0:
        channels = prod(shape[1:2])
        mean, variance = draw.standard_normal(channels).astype(dtype), draw.random(channels).astype(dtype)
        for side, op in enumerate(two.ops):
            numbers = [Blob((channels,), dtype, two.places[side]) for _ in range(2)]
            numbers[0].data, numbers[1].data = mean, variance
            op.apply(x[side], numbers[0].read(), numbers[1].read(), y[side])
    else:
        two.do("normalise", x, y)
    two.do("backward", y, x)
    two.compare(x, y, tolerance=2e-3)  # of what is left of 100 + x in single precision


@cases("scale")
def test_scale(number, host_device):
    draw, dtype = draw_of(number)
    shape = tuple(int(n) for n in draw.integers(1, 6, int(draw.integers(1, 5))))
    start, stop = sorted(int(n) for n in draw.integers(0, len(shape) + 1, 2))
    spread = (*(1,) * start, *shape[start:stop], *(1,) * (len(shape) - stop))
    two = Two("scale", host_device, dtype, dict(shape=shape, spread=spread), draw)
    x = two.blob(shape)
    y = x if number % 2 else two.blob(shape)
    a, b = two.blob(shape[start:stop]), two.blob(shape[start:stop])
    factor, offset = (a if number % 5 else None), (b if number % 4 or not number % 5 else None)
    two.do("forward", x, factor, offset, y)
    found = []
    for side, op in enumerate(two.ops):
        wanted = dict(to_factor=factor is not None, to_offset=offset is not None, to_x=number % 3 != 1)
        slopes = op.backward(y[side], x[side], None if factor is None else factor[side], **wanted)
        found.append([None if one is None else np.asarray(one if side == 0 else one.get()).ravel() for one in slopes])
    for mine, theirs in zip(*found, strict=True):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            np.testing.assert_allclose(theirs, mine, 1e-4, 1e-4)
    two.compare(x, y)


@pytest.mark.parametrize("type", ["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"])
@cases("update", 4)
def test_update(type, number, host_device):
    import_module(f"brewbench.engine.solvers.{type.lower()}")
    draw, dtype = draw_of(number)
    spec = dict(rule=SOLVERS[type].rule, type=type)
    two = Two("update", host_device, dtype, spec, draw)
    shapes = [(int(n),) for n in draw.integers(1, 50, 5)]
    slots = SOLVERS[type].slots
    blobs = [two.blob(shape) for shape in shapes]
    histories = [[two.blob(shape, np.abs(draw.standard_normal(shape))) for shape in shapes] for _ in range(slots)]
    rates = Rates(0.1, 0.9 if type not in ("AdaGrad", "RMSProp") else 0.0, 0.99, 0.9, 1e-3, step=3)
    numbers = [(float(a), float(b)) for a, b in draw.integers(0, 3, (5, 2))]
    norm = np.linalg.norm(np.concatenate([pair[0].diff for pair in blobs]).astype(np.float64))
    for side, op in enumerate(two.ops):
        data = Arena([pair[side].data_memory for pair in blobs])
        diff = Arena([pair[side].diff_memory for pair in blobs])
        history = [Arena([pair[side].data_memory for pair in slot]) for slot in histories]
        spans = [data.span_of(pair[side].data_memory) for pair in blobs]
        segments = [Segment(*span, *pair) for span, pair in zip(spans, numbers, strict=True)]
        if side:
            np.testing.assert_allclose(op.norm(diff), norm, 1e-5)
        op.apply(data, diff, history, segments, rates, scale=0.5, decay=0.01, l1=number % 2 == 0)
    two.compare(*blobs, *(pair for slot in histories for pair in slot))
