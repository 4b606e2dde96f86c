"""Batch normalisation: the tile engine against the reference, in every layout."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.context import Context
from brewbench.engine.ops.tile.layout import Blocked, Features, current

pytestmark = pytest.mark.usefixtures("each_thread_count")

CASES = [
    # shape, layout, halos of x and y
    ((3, 5, 7, 9), None, (0, 0)),
    ((2, 40, 6, 3), None, (0, 0)),
    ((4, 37, 3, 2), None, (0, 0)),  # planes too small for vectors: left to the reference
    ((3, 5, 64), None, (0, 0)),
    ((3, 19, 7, 5), Blocked, (0, 0)),
    ((3, 32, 4, 4), Blocked, (1, 0)),
    ((2, 33, 5, 3), Blocked, (0, 2)),
    ((1, 4, 9, 9), Blocked, (1, 1)),
    ((19, 7), Features, (0, 0)),
    ((35, 40), Features, (0, 0)),
]
EPS = 1e-3


def passes(engine, laid, lay, values, gradient, kind, halos, in_place, statistics):
    op = ops.make("batch_norm", Context(), reference=engine == "reference", shape=values.shape, eps=EPS)
    assert op.engine == engine
    x = laid(values, kind, halos[0])
    y = x if in_place else laid(np.zeros_like(values), kind, halos[1])
    if statistics is None:
        found = op.normalise(x, y)
    else:
        op.apply(x, *statistics, y)
        found = statistics
    place = current(y.data_memory)
    top = y.data.copy()
    y.data = 7  # whoever comes after in place
    y.diff = gradient
    lay(y.diff_memory, kind, values.shape, halos[1])
    op.backward(y, x)
    back = current(x.diff_memory)
    return top, x.diff.copy(), found, (place, back), (x, y)


@pytest.mark.parametrize("given", [False, True], ids=["own", "given"])
@pytest.mark.parametrize("in_place", [False, True], ids=["apart", "in place"])
@pytest.mark.parametrize("shape, kind, halos", CASES, ids=str)
def test_tile_equals_reference(laid, lay, check_surroundings, shape, kind, halos, in_place, given):
    draw = np.random.default_rng(1)
    offsets = draw.normal(0, 5, (1, shape[1], *(1,) * (len(shape) - 2)))
    values = (draw.normal(size=shape) + offsets).astype(np.float32)
    gradient = draw.normal(size=shape).astype(np.float32)
    statistics = None
    if given:
        statistics = [part.astype(np.float32) for part in (draw.normal(size=shape[1]), draw.uniform(1, 2, shape[1]))]
    given_to = laid, lay, values, gradient, kind, halos, in_place, statistics
    expected = passes("reference", *given_to)
    found = passes("tile", *given_to)
    for one, other in zip((*found[:2], *found[2]), (*expected[:2], *expected[2]), strict=True):
        np.testing.assert_allclose(one, other, 1e-4, 2e-5)
    if kind:
        assert all(isinstance(place, kind) for place in found[3]), "the values left their layout"
    x, y = found[4]
    check_surroundings(x.diff_memory)


def test_a_mean_far_from_zero_costs_no_digits(laid):
    draw = np.random.default_rng(2)
    values = (1000 + draw.normal(size=(4, 16, 9, 9))).astype(np.float32)
    op = ops.make("batch_norm", Context(), shape=values.shape, eps=0.0)
    x = laid(values, Blocked)
    mean, variance = op.normalise(x, x)
    exact = values.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(axis=(0, 2, 3)), 1e-6)
    np.testing.assert_allclose(variance, exact.var(axis=(0, 2, 3)), 1e-4)


def test_lanes_of_nobody_stay_finite_even_without_eps(laid, check_surroundings):
    values = np.random.default_rng(3).normal(size=(2, 19, 5, 4)).astype(np.float32)
    op = ops.make("batch_norm", Context(), shape=values.shape, eps=0.0)
    x, y = laid(values, Blocked), laid(np.zeros_like(values), Blocked, 1)
    op.normalise(x, y)
    check_surroundings(y.data_memory)
