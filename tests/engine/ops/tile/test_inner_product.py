"""Inner products over turned rows, and at inference over plain ones, against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context

SIZES = [
    (64, 800, 500), (64, 500, 10), (100, 84, 100), (3, 37, 5), (16, 4608, 40), (7, 16, 16), (130, 33, 70), (5, 5, 5),
    (300, 20, 30), (80, 64, 64), (100, 70, 1000), (20, 33, 44), (1, 1000, 37), (2, 130, 9), (1, 5, 3),
]  # fmt: skip


def results(rows, inputs, outputs, phase, reference):
    random = np.random.RandomState(3)
    spec = dict(rows=rows, inputs=inputs, outputs=outputs, transpose=False)
    op = ops.make("inner_product", Context(phase), reference=reference, **spec)
    assert (op.engine == "reference") == reference
    x, y, weight, bias = Blob((rows, inputs)), Blob((rows, outputs)), Blob((outputs, inputs)), Blob((outputs,))
    for blob in (x, weight, bias):
        blob.data = random.randn(*blob.shape)
    y.diff = random.randn(*y.shape)
    weight.diff, bias.diff = 1, 2
    for _ in range(2):
        op.forward(x, weight, bias, y)
        op.backward_weights(x, y, weight, bias)
        op.backward_data(y, weight, x)
    return [y.data.copy(), weight.diff.copy(), bias.diff.copy(), x.diff.copy()]


@pytest.mark.parametrize("phase", [TRAIN, TEST])
@pytest.mark.parametrize("rows, inputs, outputs", SIZES)
def test_inner_product_is_that_of_the_reference(rows, inputs, outputs, phase):
    for ours, theirs in zip(
        results(rows, inputs, outputs, phase, False), results(rows, inputs, outputs, phase, True), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, 1e-4, 4e-6 * np.abs(theirs).max())


def test_transposed_weights_are_left_to_the_reference():
    spec = dict(rows=10, inputs=8, outputs=8, transpose=True)
    assert ops.make("inner_product", Context(), **spec).engine == "reference"
