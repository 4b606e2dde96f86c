"""The cross entropy of sigmoids in vectors, against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.ops.tile.layout import Features, laid_out

SIZES = [(1, 1), (3, 5), (7, 16), (100, 84), (130, 257), (2, 9000)]
EXTREMES = np.array([0, -0.0, 1e-9, -1e-9, 20, -20, 80, -80, 90, -104, 3e38, -3e38, np.nan], np.float32)


def results(shape, ignored, turned, reference):
    random = np.random.RandomState(5)
    op = ops.make("sigmoid_loss", Context(), reference=reference, count=shape[0] * shape[1], ignored=ignored)
    assert (op.engine == "reference") == reference
    x, target = Blob(shape), Blob(shape)
    x.data = 5 * random.randn(*shape)
    target.data = random.rand(*shape) if ignored is None else random.choice([0, 1, ignored, ignored + 0.5], shape)
    if turned and not reference:
        x.data_memory.on(laid_out(x.data_memory, Features, shape), "modify")
    found = [op.forward(x, target) for _ in range(2)][1]
    assert op.count(target) == found[1]
    op.backward(x, target, 0.25)
    return [*found, x.diff.copy()]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("ignored", [None, -1, 3])
@pytest.mark.parametrize("shape", SIZES)
def test_the_loss_is_that_of_the_reference(shape, ignored, turned):
    ours, theirs = (results(shape, ignored, turned, reference) for reference in (False, True))
    assert ours[1] == theirs[1]
    np.testing.assert_allclose(ours[0], theirs[0], 2e-6)
    np.testing.assert_allclose(ours[2], theirs[2], 1e-5, 1e-7)


@pytest.mark.parametrize("target", [0.0, 1.0, 0.3, np.nan])
@pytest.mark.parametrize("score", EXTREMES)
def test_extreme_scores_give_what_the_reference_gives(score, target):
    found = []
    for reference in (False, True):
        op = ops.make("sigmoid_loss", Context(), reference=reference, count=1, ignored=7)
        x, t = Blob((1,)), Blob((1,))
        x.data, t.data = score, target
        with np.errstate(all="ignore"):
            loss = op.forward(x, t)[0]
            op.backward(x, t, 2.0)
        found.append((loss, x.diff[0]))
    np.testing.assert_allclose(found[0], found[1], 1e-5, 1e-7)
