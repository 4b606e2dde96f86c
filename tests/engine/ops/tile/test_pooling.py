"""Pooling and local response normalisation over blocked images, against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.layers.vision._spatial import windows

WINDOWS = [  # image, kernel, stride, pad
    ((2, 20, 24, 24), (2, 2), (2, 2), (0, 0)),
    ((2, 33, 13, 14), (3, 3), (2, 2), (0, 0)),
    ((2, 33, 13, 14), (3, 2), (2, 3), (1, 1)),
    ((2, 16, 7, 7), (7, 7), (1, 1), (0, 0)),
    ((2, 16, 7, 7), (3, 3), (1, 1), (1, 1)),
    ((1, 16, 8, 8), (2, 2), (3, 3), (1, 1)),
    ((1, 9, 5, 5), (1, 1), (2, 2), (0, 0)),
    ((1, 9, 5, 5), (1, 1), (3, 3), (0, 0)),  # whose last windows lie beyond the image
]


def passes(name, reference, shapes, phase=TRAIN, **spec):
    """Top and the gradient of the bottom; values are whole numbers, so that many are equal."""
    random = np.random.RandomState(2)
    op = ops.make(name, Context(phase=phase), reference=reference, **spec)
    assert (op.engine == "reference") == reference
    x, y = Blob(shapes[0]), Blob(shapes[1])
    x.data = random.randint(-4, 5, shapes[0])
    op.forward(x, y)
    y.diff = random.randn(*shapes[1])
    op.backward(y, x)
    return y.data.copy(), x.diff.copy()


@pytest.mark.parametrize("image, kernel, stride, pad", WINDOWS)
@pytest.mark.parametrize("name", ["max_pooling", "average_pooling"])
@pytest.mark.parametrize("phase", [TRAIN, TEST])
def test_pooling_is_that_of_the_reference(phase, name, image, kernel, stride, pad):
    output = windows(image[2:], kernel, stride, pad)
    spec = dict(image=image, output=output, kernel=kernel, stride=stride, pad=pad)
    shapes = image, (*image[:2], *output)
    found = passes(name, False, shapes, phase, **spec), passes(name, True, shapes, **spec)
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-6, 1e-6)


def test_a_mask_is_made_by_the_reference():
    spec = dict(image=(1, 16, 4, 4), output=(2, 2), kernel=(2, 2), stride=(2, 2), pad=(0, 0))
    op = ops.make("max_pooling", Context(), **spec)
    x, y, mask = Blob((1, 16, 4, 4)), Blob((1, 16, 2, 2)), Blob((1, 16, 2, 2))
    x.data = np.arange(256).reshape(x.shape)
    op.forward(x, y, mask)
    assert mask.data[0, 3].tolist() == [[5, 7], [13, 15]]
    y.diff = 1
    op.backward(y, x)
    assert x.diff.sum() == 64


def test_places_are_found_again_without_touching_the_top():
    spec = dict(image=(1, 16, 4, 4), output=(2, 2), kernel=(2, 2), stride=(2, 2), pad=(0, 0))
    op = ops.make("max_pooling", Context(phase=TEST), **spec)
    x, y = Blob((1, 16, 4, 4)), Blob((1, 16, 2, 2))
    x.data = np.arange(256).reshape(x.shape)
    op.forward(x, y)
    y.data, y.diff = -1, 1  # as a layer that works in place would
    op.backward(y, x)
    assert (y.data == -1).all()
    assert x.diff[0, 0].tolist() == [[0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0], [0, 1, 0, 1]]


@pytest.mark.parametrize("shape", [(2, 20, 5, 6), (2, 33, 7, 7), (1, 96, 9, 8)])
@pytest.mark.parametrize("axes, size", [((1,), 5), ((1,), 3), ((2, 3), 3), ((2, 3), 5)])
def test_lrn_is_that_of_the_reference(shape, axes, size):
    spec = dict(shape=shape, axes=axes, size=size, alpha=0.3, beta=0.75, k=2.0)
    found = passes("lrn", False, (shape, shape), **spec), passes("lrn", True, (shape, shape), **spec)
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-5, 1e-6)


def test_another_exponent_is_left_to_the_reference():
    spec = dict(shape=(1, 16, 4, 4), axes=(1,), size=5, alpha=0.3, beta=0.5, k=1.0)
    assert ops.make("lrn", Context(), **spec).engine == "reference"


def by_definition(x, output, kernel, stride, pad):
    """Caffe's loop: (top, mask, where each gradient of 1 goes)."""
    top, mask = np.full((*x.shape[:2], *output), np.finfo(np.float32).min), np.full((*x.shape[:2], *output), -1)
    back = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*top.shape):
        for h in range(max(i * stride[0] - pad[0], 0), min(i * stride[0] - pad[0] + kernel[0], x.shape[2])):
            for w in range(max(j * stride[1] - pad[1], 0), min(j * stride[1] - pad[1] + kernel[1], x.shape[3])):
                if x[n, c, h, w] > top[n, c, i, j]:
                    top[n, c, i, j], mask[n, c, i, j] = x[n, c, h, w], h * x.shape[3] + w
        if mask[n, c, i, j] >= 0:
            back[n, c].flat[mask[n, c, i, j]] += 1
    return top, mask, back


@pytest.mark.parametrize("image, kernel, stride, pad", WINDOWS[2:7])
@pytest.mark.parametrize("engine", ["tile", "reference"])
def test_the_largest_value_passes_over_what_is_no_number(engine, image, kernel, stride, pad):
    random = np.random.RandomState(3)
    odd = [np.nan, -np.inf, np.inf, np.finfo(np.float32).min, -1.0, 2.0]
    values = random.choice(odd, image, p=[0.5, 0.3, 0.02, 0.03, 0.1, 0.05]).astype(np.float32)
    values[0, 0] = np.nan
    output = windows(image[2:], kernel, stride, pad)
    top, mask, back = by_definition(values, output, kernel, stride, pad)
    assert (mask < 0).any() and not np.isnan(top).any()
    spec = dict(image=image, output=output, kernel=kernel, stride=stride, pad=pad)
    x, y, where = Blob(image), Blob(top.shape), Blob(top.shape)
    op = ops.TABLE["max_pooling"][engine](Context(phase=TRAIN), **spec)
    x.data = values
    op.forward(x, y)
    np.testing.assert_array_equal(y.data, top)
    y.diff = 1
    op.backward(y, x)
    np.testing.assert_array_equal(x.diff, back)
    op.forward(x, y, where)
    np.testing.assert_array_equal(where.data, mask)
