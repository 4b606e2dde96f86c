"""Convolution and its transpose by tile kernels, against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.memory import HOST

ONE, NONE = (1, 1), (0, 0)
CASES = {  # image, weight, stride, pad, dilation, group
    "few channels": ((2, 1, 28, 28), (20, 1, 5, 5), ONE, NONE, ONE, 1),
    "few channels, padded": ((2, 3, 17, 15), (32, 3, 5, 5), ONE, (2, 2), ONE, 1),
    "few channels, uneven": ((2, 3, 35, 33), (17, 3, 7, 5), (2, 3), (3, 1), ONE, 1),
    "few channels, dilated": ((1, 3, 21, 19), (40, 3, 3, 3), (1, 2), (2, 1), (2, 2), 1),
    "channels left over": ((3, 20, 12, 12), (50, 20, 5, 5), ONE, NONE, ONE, 1),
    "whole vectors": ((2, 32, 13, 13), (64, 32, 3, 3), ONE, ONE, ONE, 1),
    "two groups": ((2, 64, 9, 9), (64, 32, 3, 3), ONE, ONE, ONE, 2),
    "strided": ((2, 32, 14, 15), (48, 32, 3, 3), (2, 2), ONE, ONE, 1),
    "pointwise": ((2, 32, 14, 15), (48, 32, 1, 1), ONE, NONE, ONE, 1),
    "pointwise, strided": ((2, 32, 14, 15), (48, 32, 1, 1), (2, 2), NONE, ONE, 1),
    "pointwise, padded": ((2, 33, 6, 5), (47, 33, 1, 1), ONE, ONE, ONE, 1),
    "dilated": ((2, 32, 17, 15), (16, 32, 3, 3), ONE, (2, 2), (2, 2), 1),
    "all at once": ((2, 32, 17, 15), (16, 32, 3, 2), (3, 2), (2, 1), (2, 3), 1),
    "stride beyond the kernel": ((1, 16, 9, 9), (16, 16, 2, 2), (3, 3), NONE, ONE, 1),
    "padding beyond the kernel": ((1, 16, 5, 5), (16, 16, 3, 3), ONE, (4, 3), ONE, 1),
    "one place": ((1, 64, 1, 1), (24, 64, 1, 1), ONE, NONE, ONE, 1),
    "the kernel is the image": ((2, 16, 6, 6), (32, 16, 6, 6), ONE, NONE, ONE, 1),
    "weights in chunks": ((1, 512, 7, 7), (64, 512, 3, 3), ONE, ONE, ONE, 1),
    "weights in chunks, strided": ((2, 288, 11, 9), (160, 288, 3, 5), (2, 2), (1, 2), ONE, 1),
    "weights in chunks, pointwise": ((2, 1040, 7, 7), (144, 1040, 1, 1), ONE, NONE, ONE, 1),
    "weights in chunks, two groups": ((1, 640, 6, 7), (128, 320, 3, 3), ONE, ONE, (1, 2), 2),
    "a kernel a channel": ((2, 33, 14, 15), (33, 1, 3, 3), ONE, ONE, ONE, 33),
    "a kernel a channel, strided": ((2, 16, 17, 12), (16, 1, 3, 5), (2, 1), (0, 2), (2, 1), 16),
}


def output_of(spec):
    return tuple(
        (length + 2 * p - d * (k - 1) - 1) // s + 1
        for length, k, s, p, d in zip(
            spec["image"][2:], spec["weight"][2:], spec["stride"], spec["pad"], spec["dilation"], strict=True
        )
    )


def results(name, spec, reference):
    """Top, and the gradients of weights, bias and bottom, after two passes each."""
    random = np.random.RandomState(1)
    op = ops.make(name, Context(), reference=reference, **spec)
    assert (op.engine == "reference") == reference
    small = (spec["image"][0], spec["weight"][0], *output_of(spec))
    x_shape, y_shape = (spec["image"], small) if name == "convolution" else (small, spec["image"])
    x, y, weight, bias = Blob(x_shape), Blob(y_shape), Blob(spec["weight"]), Blob((y_shape[1],))
    for blob in (x, weight, bias):
        blob.data = random.randn(*blob.shape)
    y.diff = random.randn(*y_shape)
    weight.diff, bias.diff = 1, 2
    for _ in range(2):  # what was prepared is used again
        op.forward(x, weight, bias, y)
        op.backward_weights(x, y, weight, bias)
        op.backward_data(y, weight, x)
    return [y.data.copy(), weight.diff.copy(), bias.diff.copy(), x.diff.copy()]


def check(name, case):
    keys = ("image", "weight", "stride", "pad", "dilation", "group")
    spec = dict(zip(keys, CASES[case], strict=True))
    for what, ours, theirs in zip(
        ("top", "weights", "bias", "bottom"), results(name, spec, False), results(name, spec, True), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, 1e-4, 2e-6 * np.abs(theirs).max(), err_msg=what)


@pytest.mark.parametrize("case", CASES)
def test_convolution_is_that_of_the_reference(case):
    check("convolution", case)


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith(("few", "a kernel a"))])
def test_deconvolution_is_that_of_the_reference(case):
    check("deconvolution", case)


@pytest.mark.parametrize("group, weight", [(2, (20, 5, 3, 3)), (5, (10, 2, 3, 3))])
def test_groups_that_do_not_fill_vectors_are_left_to_the_reference(group, weight):
    spec = dict(image=(1, 10, 8, 8), weight=weight, stride=ONE, pad=ONE, dilation=ONE, group=group)
    assert ops.make("convolution", Context(), **spec).engine == "reference"


def test_other_numbers_and_other_numbers_of_axes_are_left_to_the_reference():
    spec = dict(image=(1, 16, 8, 8), weight=(16, 16, 3, 3), stride=ONE, pad=ONE, dilation=ONE, group=1)
    assert ops.make("convolution", Context(dtype=np.float64), **spec).engine == "reference"
    spec = dict(image=(1, 16, 8), weight=(16, 16, 3), stride=(1,), pad=(1,), dilation=(1,), group=1)
    assert ops.make("convolution", Context(), **spec).engine == "reference"


def test_weights_are_packed_anew_when_they_may_have_changed():
    spec = dict(image=(1, 16, 8, 8), weight=(16, 16, 3, 3), stride=ONE, pad=ONE, dilation=ONE, group=1)
    op = ops.make("convolution", Context(), **spec)
    x, y, weight = Blob(spec["image"]), Blob((1, 16, 8, 8)), Blob(spec["weight"])
    x.data, weight.data = 1, 1
    op.forward(x, weight, None, y)
    assert y.data[0, 0, 4, 4] == 144
    held = weight.data  # whoever has it may write at any time
    op.forward(x, weight, None, y)
    held[...] = 2
    op.forward(x, weight, None, y)
    assert y.data[0, 0, 4, 4] == 288
    part = held[3]
    del held
    part[...] = 5
    op.forward(x, weight, None, y)
    assert y.data[0, 3, 4, 4] == 720
    del part
    weight.data_memory.on(HOST, "modify")[:] = 1
    op.forward(x, weight, None, y)
    assert y.data[0, 0, 4, 4] == 144
