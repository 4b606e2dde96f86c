"""Sums, products and maxima of several blobs: the tile engine against the reference, in every layout."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.ops.eltwise import MAX, PROD, SUM
from brewbench.engine.ops.tile.layout import Blocked, Features, current

pytestmark = pytest.mark.usefixtures("each_thread_count")

WAYS = {
    "sum": (SUM, (1.0, 1.0), True),
    "sum with coefficients": (SUM, (0.5, -1.0, 2.0), True),
    "product": (PROD, (1.0, 1.0), True),
    "product of four": (PROD, (1.0,) * 4, True),
    "product that divides": (PROD, (1.0,) * 3, False),
    "maximum": (MAX, (1.0, 1.0), True),
    "maximum of four": (MAX, (1.0,) * 4, True),
}
LAYOUTS = {
    "plain": ((3, 5, 7), (None,) * 4, (0,) * 5),
    "plain and long": ((3, 9000), (None,) * 4, (0,) * 5),
    "features": ((19, 33), (Features, None, Features, None), (0,) * 5),
    "blocked": ((2, 19, 5, 3), (Blocked,) * 4, (0,) * 5),
    "halos": ((2, 19, 5, 3), (Blocked,) * 4, (1, 0, 2, 0, 1)),
    "some blocked": ((2, 19, 5, 3), (None, None, Blocked, Blocked), (0, 0, 1, 0, 0)),
}


def passes(engine, laid, lay, way, layout, position):
    """Tops, diffs and layouts after a pass forward and back; y is the x at `position`, if any."""
    operation, coeff, stable = WAYS[way]
    shape, kinds, halos = LAYOUTS[layout]
    spec = dict(shape=shape, operation=operation, coeff=coeff, stable=stable)
    op = ops.make("eltwise", Context(), reference=engine == "reference", **spec)
    assert op.engine == engine
    draw = np.random.default_rng(4)
    arrays = [draw.integers(-3, 4, shape).astype(np.float32) + np.float32(0.25) for _ in coeff]  # with ties
    kinds = kinds if engine == "tile" else (None,) * 4
    private = next((kind for kind in kinds[: len(coeff)] if kind), None)
    xs = [laid(array, kind, halo) for array, kind, halo in zip(arrays, kinds, halos, strict=False)]
    y = xs[position] if position is not None else laid(np.zeros(shape, np.float32), private, halos[-1])
    op.forward(xs, y)
    lies = [current(y.data_memory)]
    top = y.data.copy()
    lay(y.data_memory, private, shape)
    y.diff = draw.normal(size=shape)
    lay(y.diff_memory, private, shape, halos[-1])
    wanted = [k != 1 or len(coeff) == 2 for k in range(len(coeff))]
    op.backward(y, xs, wanted)
    lies += [current(x.diff_memory) for x, want in zip(xs, wanted, strict=True) if want]
    return top, [x.diff.copy() for x in xs], lies, private, [y.data_memory, *(x.diff_memory for x in xs)]


@pytest.mark.parametrize("position", [None, 0, 1], ids=["apart", "in place", "in place of the second"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("way", WAYS)
def test_tile_equals_reference(laid, lay, check_surroundings, way, layout, position):
    expected = passes("reference", laid, lay, way, layout, position)
    found = passes("tile", laid, lay, way, layout, position)
    np.testing.assert_allclose(found[0], expected[0], 1e-6, 1e-6)
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, 1e-5, 1e-6)
    if position is None and way != "product that divides":
        assert all(type(place) is (found[3] or type(None)) for place in found[2]), "the values left their layout"
    for memory in found[4]:
        check_surroundings(memory)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradients_of_copies_add_up(laid, check_surroundings, layout, count):
    shape, kinds, halos = LAYOUTS[layout]
    draw = np.random.default_rng(7)
    arrays = [draw.normal(size=shape).astype(np.float32) for _ in range(count)]
    tops = [laid(array, kinds[k % 4], halos[k % 4], array) for k, array in enumerate(arrays)]
    x = Blob(shape)
    op = ops.make("split", Context(), shape=shape)
    op.backward(tops, x)
    private = next((kind for kind in kinds[:count] if kind), type(None))
    assert type(current(x.diff_memory)) is private
    check_surroundings(x.diff_memory)
    np.testing.assert_allclose(x.diff, np.sum(arrays, axis=0), 1e-6, 1e-6)


def test_the_maximum_follows_its_values_to_another_halo(laid, lay):
    draw = np.random.default_rng(8)
    shape = (2, 16, 3, 4)
    arrays = [draw.normal(size=shape).astype(np.float32) for _ in range(2)]
    xs, y = [laid(array, Blocked) for array in arrays], laid(np.zeros(shape, np.float32))
    op = ops.make("eltwise", Context(), shape=shape, operation=MAX, coeff=(1.0, 1.0), stable=True)
    op.forward(xs, y)
    gradient = draw.normal(size=shape).astype(np.float32)
    y.diff = gradient
    lay(y.diff_memory, Blocked, shape, 1)
    op.backward(y, xs, [True, True])
    np.testing.assert_array_equal(xs[0].diff, gradient * (arrays[0] > arrays[1]))
    np.testing.assert_array_equal(xs[1].diff, gradient * (arrays[0] <= arrays[1]))
