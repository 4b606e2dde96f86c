"""The reference ops against the plainest loops, in every way they may cut up a batch."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.ops import convolution, make
from brewbench.engine.ops.scratch import scratch

SHAPES = [
    # image, weight, stride, pad, dilation, group
    ((5, 4, 6, 7), (6, 2, 3, 2), (1, 2), (1, 0), (1, 1), 2),
    ((3, 2, 7, 7), (4, 2, 2, 2), (2, 2), (0, 0), (2, 1), 1),
    ((4, 3, 5), (2, 3, 3), (1,), (2,), (1,), 1),
    ((3, 4, 3, 3), (8, 1, 1, 1), (1, 1), (0, 0), (1, 1), 4),
    ((3, 4, 12, 12), (5, 4, 1, 1), (1, 1), (0, 0), (1, 1), 1),
]


def loops(x: np.ndarray, w: np.ndarray, stride, pad, dilation, group) -> np.ndarray:
    """Convolution by its definition."""
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in pad)])
    sizes = zip(x.shape[2:], w.shape[2:], stride, dilation, strict=True)
    outside = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in sizes]
    y = np.zeros((x.shape[0], w.shape[0], *outside))
    share = w.shape[0] // group
    for o, place in product(range(w.shape[0]), np.ndindex(*outside)):
        for c, tap in product(range(w.shape[1]), np.ndindex(*w.shape[2:])):
            at = tuple(p * s + t * d for p, s, t, d in zip(place, stride, tap, dilation, strict=True))
            y[(slice(None), o, *place)] += w[(o, c, *tap)] * x[(slice(None), o // share * w.shape[1] + c, *at)]
    return y


@pytest.mark.parametrize("chunk", [1, 300, 1 << 18])
@pytest.mark.parametrize("image, weight, stride, pad, dilation, group", SHAPES)
def test_convolution_forward_and_its_transposes(monkeypatch, chunk, image, weight, stride, pad, dilation, group):
    monkeypatch.setattr(convolution, "CHUNK", chunk)
    draw = np.random.default_rng(0)
    x, w = draw.normal(size=image), draw.normal(size=weight)
    expected = loops(x, w, stride, pad, dilation, group)
    context = Context(dtype=np.float64)
    spec = dict(image=image, weight=weight, stride=stride, pad=pad, dilation=dilation, group=group)
    blobs = [Blob(shape, np.float64) for shape in (image, weight, weight[:1], expected.shape)]
    bottom, kernel, bias, top = blobs
    bottom.data, kernel.data, bias.data = x, w, np.arange(weight[0])
    for blob in blobs:
        blob.diff = 0

    op = make("convolution", context, **spec)
    op.forward(bottom, kernel, bias, top)
    offsets = np.arange(weight[0]).reshape(-1, *(1,) * (len(image) - 2))
    np.testing.assert_allclose(top.data, expected + offsets, 1e-10, 1e-10)

    # <g, W x> = <W^T g, x>, and it is linear in W: the transposes from the definition
    g = draw.normal(size=expected.shape)
    top.diff = g
    op.backward_data(top, kernel, bottom)
    np.testing.assert_allclose((bottom.diff * x).sum(), (g * expected).sum(), 1e-10)
    towards = draw.normal(size=image)
    moved = loops(towards, w, stride, pad, dilation, group)
    np.testing.assert_allclose((bottom.diff * towards).sum(), (g * moved).sum(), 1e-10)
    op.backward_weights(bottom, top, kernel, bias)
    other = draw.normal(size=weight)
    moved = loops(x, other, stride, pad, dilation, group)
    np.testing.assert_allclose((kernel.diff * other).sum(), (g * moved).sum(), 1e-10)
    np.testing.assert_allclose(bias.diff, g.sum(axis=(0, *range(2, g.ndim))), 1e-10)

    # deconvolution: bottom and top change places
    back = make("deconvolution", context, **spec)
    top.data = g
    back.forward(top, kernel, None, bottom)
    moved = loops(towards, w, stride, pad, dilation, group)
    np.testing.assert_allclose((bottom.data * towards).sum(), (g * moved).sum(), 1e-10)


@pytest.mark.parametrize(
    "kernel, stride, pad",
    [((2, 2), (2, 2), (0, 0)), ((3, 3), (2, 2), (1, 1)), ((3, 2), (1, 2), (0, 1))],
)
def test_max_pooling_takes_the_first_of_equals(kernel, stride, pad):
    draw = np.random.default_rng(1)
    x = draw.integers(0, 3, (2, 3, 8, 8)).astype(np.float32)  # many ties
    output = tuple(-(-(8 + 2 * p - k) // s) + 1 for k, s, p in zip(kernel, stride, pad, strict=True))
    op = make("max_pooling", Context(), image=x.shape, output=output, kernel=kernel, stride=stride, pad=pad)
    bottom, top, mask = Blob(x.shape), Blob((2, 3, *output)), Blob((2, 3, *output))
    bottom.data = x
    op.forward(bottom, top, mask)
    top.diff = draw.normal(size=top.shape)
    op.backward(top, bottom)
    expected = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*top.shape):
        low = [max(0, at * s - p) for at, s, p in zip((i, j), stride, pad, strict=True)]
        high = [min(8, at * s - p + k) for at, s, p, k in zip((i, j), stride, pad, kernel, strict=True)]
        window = x[n, c, low[0] : high[0], low[1] : high[1]]
        row, col = np.unravel_index(window.argmax(), window.shape)
        assert top.data[n, c, i, j] == window.max()
        assert mask.data[n, c, i, j] == (low[0] + row) * 8 + low[1] + col
        expected[n, c, low[0] + row, low[1] + col] += top.diff[n, c, i, j]
    np.testing.assert_allclose(bottom.diff, expected, 1e-5, 1e-6)


def test_scratch_grows_with_the_largest_request_and_belongs_to_one_context():
    context, other = Context(), Context()
    small, large = scratch(context, "a", (2, 3)), scratch(context, "a", (4, 5))
    assert large.shape == (4, 5) and small.shape == (2, 3)
    assert np.shares_memory(scratch(context, "a", (3,)), large)
    assert not np.shares_memory(scratch(other, "a", (3,)), large)
    assert not np.shares_memory(scratch(context, "b", (3,)), large)


def test_making_an_op_allocates_nothing():
    context = Context()
    make("convolution", context, image=(64, 3, 224, 224), weight=(64, 3, 7, 7), stride=(2, 2), pad=(3, 3),
         dilation=(1, 1), group=1)  # fmt: skip
    assert "_scratch" not in vars(context)
