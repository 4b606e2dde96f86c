"""Rectifiers with learned slopes: the tile engine against the reference, in every layout."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.context import Context
from brewbench.engine.ops.tile.layout import Blocked, Features, current

pytestmark = pytest.mark.usefixtures("each_thread_count")

CASES = [
    # shape of x, layout, halos of x and y
    ((3, 5, 7, 9), None, (0, 0)),
    ((4, 37, 3, 2), None, (0, 0)),  # planes too small for vectors: left to the reference
    ((3, 19, 7, 5), Blocked, (0, 0)),
    ((3, 32, 7, 5), Blocked, (1, 2)),
    ((2, 33, 1, 3), Blocked, (0, 2)),
    ((19, 7), Features, (0, 0)),
]


def passes(engine, laid, lay, case, shared, in_place, wanted):
    shape, kind, halos = case
    kind = kind if engine == "tile" else None
    draw = np.random.default_rng(1)
    op = ops.make("prelu", Context(), reference=engine == "reference", shape=shape, shared=shared)
    assert op.engine == engine
    slope = laid(draw.uniform(-0.5, 0.5, () if shared else shape[1:2]).astype(np.float32))
    values, gradient = (draw.normal(size=shape).astype(np.float32) for _ in range(2))
    values.flat[:5] = 0
    x = laid(values, kind, halos[0])
    y = x if in_place else laid(np.zeros_like(values), kind, halos[1])
    op.forward(x, slope, y)
    places = [current(y.data_memory)]
    top = y.data.copy()
    if in_place:
        y.data = 7  # whoever comes after
    y.diff = gradient
    lay(y.diff_memory, kind, shape, halos[1])
    if not in_place:
        x.diff = 7
        lay(x.data_memory, kind, shape)
    found = op.backward(y, x, slope, **wanted)
    places.append(current(x.diff_memory))
    return [top, x.diff.copy()] + ([np.reshape(found, -1)] if found is not None else []), places, x.diff_memory


@pytest.mark.parametrize("in_place", [False, True], ids=["apart", "in place"])
@pytest.mark.parametrize("shared", [False, True], ids=["each", "shared"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_tile_equals_reference(laid, lay, check_surroundings, case, shared, in_place):
    both = {"to_slope": True, "to_x": True}
    expected, _, _ = passes("reference", laid, lay, case, shared, in_place, both)
    found, places, memory = passes("tile", laid, lay, case, shared, in_place, both)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, 1e-5, 1e-5)
    if case[1]:
        assert all(isinstance(place, case[1]) for place in places), "the values left their layout"
    check_surroundings(memory)


@pytest.mark.parametrize("wanted", ["to_slope", "to_x"])
@pytest.mark.parametrize("in_place", [False, True], ids=["apart", "in place"])
def test_only_what_is_wanted(laid, lay, wanted, in_place):
    only = {"to_slope": False, "to_x": False} | {wanted: True}
    expected, _, _ = passes("reference", laid, lay, CASES[2], False, in_place, only)
    found, _, _ = passes("tile", laid, lay, CASES[2], False, in_place, only)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, 1e-5, 1e-5)
