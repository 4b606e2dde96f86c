"""Layers with many cases, over random definitions: the same numbers as plain loops that follow the definition."""

from __future__ import annotations

import random
from math import ceil, floor

import numpy as np
import pytest

from brewbench.engine import TEST, DefinitionError, Net
from brewbench.proto import Document

INPUT = 'layer {{ name: "{0}" type: "Input" top: "{0}" input_param {{ shape {{ {1} }} }} }}\n'


def net_of(layer: str, **values: np.ndarray) -> Net:
    """A net with inputs of these values, and the layer below them, all of it running backward."""
    text = "force_backward: true\n"
    for name, array in values.items():
        text += INPUT.format(name, " ".join(f"dim: {length}" for length in array.shape))
    net = Net(Document.parse(text + layer, "net"), TEST)
    for name, array in values.items():
        net.blobs[name].data = array
    return net


def window_counts(shape, kernel, stride, pad, rounding):
    """How many windows there are along height and width; None where there is none."""
    counts = []
    for length, k, s, p in zip(shape, kernel, stride, pad, strict=True):
        count = int(rounding((length + 2 * p - k) / s)) + 1
        if any(pad) and (count - 1) * s >= length + p:
            count -= 1
        counts.append(count)
    return tuple(counts) if min(counts) > 0 else None


def pooled(x, kernel, stride, pad, counts, average, gradient):
    """The tops and the bottom's diff, window by window."""
    height, width = x.shape[2:]
    y, diff = np.zeros((*x.shape[:2], *counts), np.float32), np.zeros_like(x)
    for n, c, i, j in np.ndindex(*y.shape):
        top, left = i * stride[0] - pad[0], j * stride[1] - pad[1]
        bottom, right = min(top + kernel[0], height + pad[0]), min(left + kernel[1], width + pad[1])
        size = (bottom - top) * (right - left)
        rows, columns = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
        window, slope = x[n, c, rows, columns], diff[n, c, rows, columns]
        if average:
            y[n, c, i, j] = window.sum() / size
            slope += gradient[n, c, i, j] / size
        else:
            first = np.unravel_index(window.argmax(), window.shape)
            y[n, c, i, j] = window[first]
            slope[first] += gradient[n, c, i, j]
    return y, diff


@pytest.mark.parametrize("seed", range(80))
def test_pooling(seed):
    draw = random.Random(seed)
    shape = draw.randint(1, 2), draw.randint(1, 3), draw.randint(1, 8), draw.randint(1, 8)
    kernel = draw.randint(1, 4), draw.randint(1, 4)
    stride = draw.randint(1, kernel[0]), draw.randint(1, kernel[1])  # a larger one may leave a window empty
    pad = draw.randint(0, kernel[0] - 1), draw.randint(0, kernel[1] - 1)
    average, down = draw.random() < 0.5, draw.random() < 0.3
    layer = f"""layer {{ name: "y" type: "Pooling" bottom: "x" top: "y" pooling_param {{
        pool: {"AVE" if average else "MAX"} {"round_mode: FLOOR" if down else ""}
        kernel_h: {kernel[0]} kernel_w: {kernel[1]} stride_h: {stride[0]} stride_w: {stride[1]}
        pad_h: {pad[0]} pad_w: {pad[1]} }} }}"""
    numbers = np.random.RandomState(seed)
    x = numbers.randint(-2, 3, shape) if draw.random() < 0.5 else numbers.randn(*shape)  # with ties, and without
    x = x.astype(np.float32)
    counts = window_counts(shape[2:], kernel, stride, pad, floor if down else ceil)
    if counts is None:
        with pytest.raises(DefinitionError, match="larger than the bottom"):
            net_of(layer, x=x)
        return
    net = net_of(layer, x=x)
    assert net.blobs["y"].shape == (*shape[:2], *counts)
    gradient = numbers.randn(*shape[:2], *counts).astype(np.float32)
    y, diff = pooled(x, kernel, stride, pad, counts, average, gradient)
    net.forward()
    np.testing.assert_allclose(net.blobs["y"].data, y, 1e-5, 1e-6)
    net.blobs["y"].diff = gradient
    net.backward()
    np.testing.assert_allclose(net.blobs["x"].diff, diff, 1e-5, 1e-6)


@pytest.mark.parametrize("seed", range(60))
def test_accuracy(seed):
    draw = random.Random(seed)
    shape = tuple(draw.randint(1, 4) for _ in range(draw.randint(1, 4)))
    axis = draw.randrange(len(shape))
    classes, best = shape[axis], draw.randint(0, shape[axis])
    ignored = draw.choice([None, 0, 1])
    layer = f"""layer {{ name: "y" type: "Accuracy" bottom: "x" bottom: "l" top: "y" top: "each" accuracy_param {{
        axis: {axis} top_k: {best} {"" if ignored is None else f"ignore_label: {ignored}"} }} }}"""
    numbers = np.random.RandomState(seed)
    x = numbers.randint(-2, 3, shape).astype(np.float32)
    label = numbers.randint(0, classes, (*shape[:axis], *shape[axis + 1 :])).astype(np.float32)
    right, seen = np.zeros(classes), np.zeros(classes)
    for place in np.ndindex(*label.shape):
        true = int(label[place])
        scores = x[(*place[:axis], slice(None), *place[axis:])]
        if true != ignored:
            seen[true] += 1
            right[true] += sum(score >= scores[true] for score in scores) - 1 < best
    net = net_of(layer, x=x, l=label)
    net.forward()
    np.testing.assert_allclose(net.blobs["y"].data, right.sum() / max(seen.sum(), 1), 1e-6)
    np.testing.assert_allclose(net.blobs["each"].data, right / np.maximum(seen, 1), 1e-6)
