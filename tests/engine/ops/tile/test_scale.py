"""Factors and offsets: the tile engine against the reference, in every layout."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.ops.tile.layout import Blocked, Features, current

pytestmark = pytest.mark.usefixtures("each_thread_count")

CASES = [
    # shape of x, layout, halos of x and y, whether each image has its own numbers
    ((3, 5, 7, 9), None, (0, 0), False),
    ((3, 40, 3, 6), None, (0, 0), True),
    ((4, 37, 3, 2), None, (0, 0), False),  # planes too small for vectors: left to the reference
    ((3, 19, 7, 5), Blocked, (0, 0), False),
    ((3, 19, 7, 5), Blocked, (1, 0), True),
    ((2, 33, 1, 3), Blocked, (0, 2), False),
    ((19, 7), Features, (0, 0), False),
    ((19, 7), Features, (0, 0), True),  # left to the reference
]
PARTS = {"factor": (True, False), "factor and offset": (True, True), "offset": (False, True)}
ALL = {"to_factor": True, "to_offset": True, "to_x": True}


def passes(engine, laid, lay, case, parts, in_place, wanted):
    shape, kind, halos, own = case
    draw = np.random.default_rng(1)
    spread = (shape[0] if own else 1, shape[1], *(1,) * (len(shape) - 2))
    op = ops.make("scale", Context(), reference=engine == "reference", shape=shape, spread=spread)
    assert op.engine == engine
    small = [laid(draw.normal(size=shape[0 if own else 1 : 2]).astype(np.float32)) for _ in range(2)]
    factor, offset = (blob if has else None for blob, has in zip(small, parts, strict=True))
    values, gradient = (draw.normal(size=shape).astype(np.float32) for _ in range(2))
    kind = kind if engine == "tile" else None
    x = laid(values, kind, halos[0])
    y = x if in_place else laid(np.zeros_like(values), kind, halos[1])
    op.forward(x, factor, offset, y)
    places = [current(y.data_memory)]
    top = y.data.copy()
    if in_place:
        y.data = 7  # whoever comes after
    y.diff = gradient
    lay(y.diff_memory, kind, shape, halos[1])
    if not in_place:
        x.diff = 7
        lay(x.data_memory, kind, shape)
    wanted = dict(wanted, to_factor=wanted["to_factor"] and factor is not None)
    found = op.backward(y, x, factor, **wanted)
    places.append(current(x.diff_memory))
    return [top, x.diff.copy(), *(part.reshape(-1) for part in found if part is not None)], places, x.diff_memory


@pytest.mark.parametrize("in_place", [False, True], ids=["apart", "in place"])
@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_tile_equals_reference(laid, lay, check_surroundings, case, parts, in_place):
    expected, _, _ = passes("reference", laid, lay, case, PARTS[parts], in_place, ALL)
    found, places, memory = passes("tile", laid, lay, case, PARTS[parts], in_place, ALL)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, 1e-5, 1e-5)
    if case[1] and not (case[1] is Features and case[3]):
        assert all(isinstance(place, case[1]) for place in places), "the values left their layout"
    check_surroundings(memory)


@pytest.mark.parametrize("wanted", ["to_factor", "to_offset", "to_x"])
@pytest.mark.parametrize("in_place", [False, True], ids=["apart", "in place"])
def test_only_what_is_wanted(laid, lay, wanted, in_place):
    only = dict.fromkeys(ALL, False) | {wanted: True}
    case = CASES[3]
    expected, _, _ = passes("reference", laid, lay, case, (True, True), in_place, only)
    found, _, _ = passes("tile", laid, lay, case, (True, True), in_place, only)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, 1e-5, 1e-5)


@pytest.mark.parametrize("spread", [(3, 5, 7, 9), (1, 5, 7, 1), (1, 1, 1, 9), (3, 1, 1, 1)], ids=str)
def test_other_axes_are_left_to_the_reference(spread):
    assert ops.make("scale", Context(), shape=(3, 5, 7, 9), spread=spread).engine == "reference"


def test_rows_that_share_the_memory_of_images(laid):
    """A blob that shares the memory of a blocked one, under another shape, has other channels."""
    draw = np.random.default_rng(2)
    values, factors = draw.normal(size=(3, 16, 2, 2)).astype(np.float32), draw.normal(size=64).astype(np.float32)
    images, rows, y = laid(values, Blocked), Blob((3, 64)), Blob((3, 64))
    rows.share_data(images)
    op = ops.make("scale", Context(), shape=(3, 64), spread=(1, 64))
    op.forward(rows, laid(factors), None, y)
    np.testing.assert_allclose(y.data, values.reshape(3, 64) * factors, 1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case[3]], ids=str)
def test_a_product_plus_another_blob(laid, lay, check_surroundings, case):
    shape, kind, halos, _ = case
    draw = np.random.default_rng(3)
    values, more, gradient = (draw.normal(size=shape).astype(np.float32) for _ in range(3))
    factors = draw.normal(size=shape[:2]).astype(np.float32)
    op = ops.make("axpy", Context(), shape=shape)
    assert op.engine == "tile"
    a, x, y = laid(factors), laid(values, kind, halos[0]), laid(more, kind)
    z = laid(np.zeros_like(values), kind, halos[1], gradient)
    op.forward(a, x, y, z)
    check_surroundings(z.data_memory)
    wide = factors.reshape(*shape[:2], *(1,) * (len(shape) - 2))
    np.testing.assert_allclose(z.data, wide * values + more, 1e-5, 1e-6)
    lay(z.diff_memory, kind, shape, halos[1])
    op.backward(z, a, x, y, [True, True, True])
    if kind is Blocked:
        assert all(isinstance(current(blob.diff_memory), Blocked) for blob in (x, y)), "the values left their layout"
    axes = tuple(range(2, len(shape)))
    np.testing.assert_allclose(a.diff, (gradient * values).sum(axis=axes), 1e-5, 1e-5)
    np.testing.assert_allclose(x.diff, gradient * wide, 1e-6)
    np.testing.assert_array_equal(y.diff, gradient)


def test_a_fixed_factor_keeps_nothing_in_place(laid):
    draw = np.random.default_rng(4)
    values, factors = draw.normal(size=(2, 16, 3, 3)).astype(np.float32), np.full(16, 3, np.float32)
    op = ops.make("scale", Context(), shape=values.shape, spread=(1, 16, 1, 1))
    x, factor = laid(values, Blocked), laid(factors)
    op.fixed = True
    op.forward(x, factor, None, x)
    assert not op.channels.kept
    np.testing.assert_allclose(x.data, 3 * values, 1e-6)
    x.diff = values
    assert op.backward(x, x, factor, to_x=True) == (None, None)
    np.testing.assert_allclose(x.diff, 3 * values, 1e-6)
