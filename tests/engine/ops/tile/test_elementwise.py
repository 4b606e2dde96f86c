"""Functions of one number: the tile engine against the reference, in every layout."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.memory import READ
from brewbench.engine.ops.tile.layout import Blocked, Features, current, laid_out

pytestmark = pytest.mark.usefixtures("each_thread_count")

SPECS = {
    "relu": {"slope": 0.25}, "relu6": {"slope": 0.0}, "relu6 leaky": {"slope": 0.25},
    "sigmoid": {}, "tanh": {}, "elu": {"alpha": 0.5},
    "power": {"power": 1.0, "scale": -0.5, "shift": 2.0}, "power 2": {"power": 2.0, "scale": 0.5, "shift": 1.0},
}  # fmt: skip
LAYOUTS = {"plain": (None, (3, 37)), "blocked": (Blocked, (2, 19, 3, 5)), "features": (Features, (7, 33))}


def blob(values, kind=None, halo=0, diff=None):
    """A blob with values, and a gradient, that lie in a private layout if asked to."""
    made = Blob(values.shape)
    made.data = values
    if diff is not None:
        made.diff = diff
    for memory in (made.data_memory, made.diff_memory) if kind else ():
        memory.on(laid_out(memory, kind, values.shape, halo), READ)
    return made


def outcome(name, engine, values, gradient, kind, halos, in_place):
    """Data and diff after a pass forward and back, and the layout in which the diff lies then."""
    spec = SPECS[name]
    op = ops.make(name.split()[0], Context(), reference=engine == "reference", shape=values.shape, **spec)
    assert op.engine == engine
    x = blob(values, kind, halos[0])
    y = x if in_place else blob(np.zeros_like(values), kind, halos[1])
    op.forward(x, y)
    forward = y.data_memory
    lies = current(forward)
    top = y.data.copy()
    y.diff = gradient
    if kind:
        y.diff_memory.on(laid_out(y.diff_memory, kind, values.shape, halos[1]), READ)
    if kind and not in_place:
        y.data_memory.on(laid_out(y.data_memory, kind, values.shape), READ)
    op.backward(y, x)
    return top, x.diff.copy(), lies


@pytest.mark.parametrize("in_place", [False, True], ids=["apart", "in place"])
@pytest.mark.parametrize("halos", [(0, 0), (1, 0), (0, 2)], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", SPECS)
def test_tile_equals_reference(name, layout, halos, in_place):
    kind, shape = LAYOUTS[layout]
    draw = np.random.default_rng(5)
    values = draw.normal(0, 3, shape).astype(np.float32)
    values.flat[:6] = 0, 1e-4, -1e-4, -30, 6, 7
    gradient = draw.normal(size=shape).astype(np.float32)
    expected = outcome(name, "reference", values, gradient, None, halos, in_place)
    found = outcome(name, "tile", values, gradient, kind, halos, in_place)
    assert type(found[2]) is (kind or type(None)), "the values left their layout"
    np.testing.assert_allclose(found[0], expected[0], 2e-6, 1e-7)
    np.testing.assert_allclose(found[1], expected[1], 2e-6, 1e-6)


@pytest.mark.parametrize("name", ["relu", "relu6", "sigmoid", "tanh", "elu", "power"])
def test_halos_stay_zero_and_lanes_of_nobody_finite(name):
    values = np.random.default_rng(6).normal(size=(2, 19, 3, 4)).astype(np.float32)
    op = ops.make(name, Context(), shape=values.shape, **SPECS[name])
    x, y = blob(values, Blocked, 1), blob(np.zeros_like(values), Blocked, 2)
    op.forward(x, y)
    place = current(y.data_memory)
    assert isinstance(place, Blocked) and place.halo == 2
    whole = y.data_memory.held(place)[: place.size].reshape(2, place.blocks, 3 + 4, 4 + 4, -1)
    assert np.isfinite(whole).all()
    inside = whole[:, :, 2:-2, 2:-2].copy()
    whole[:, :, 2:-2, 2:-2] = 0
    assert not whole.any()
    assert inside.any()


def test_one_layout_for_all_operands_whichever_has_it():
    shape = (2, 20, 3, 3)
    values = np.ones(shape, np.float32)
    op = ops.make("sigmoid", Context(), shape=shape)
    x = y = blob(values)
    op.forward(x, y)
    assert current(y.data_memory) is None  # all plain: nothing is laid out for it
    y.diff = values
    y.diff_memory.on(laid_out(y.diff_memory, Blocked, shape), READ)
    x = blob(values)
    op.backward(y, x)
    assert isinstance(current(x.diff_memory), Blocked)
    slope = 1 / (1 + np.exp(-1)) * (1 - 1 / (1 + np.exp(-1)))
    np.testing.assert_allclose(x.diff, slope, 1e-6)


@pytest.mark.parametrize("name", ["relu", "relu6", "elu", "tanh", "sigmoid"])
def test_what_is_no_number_stays_so(name):
    values = np.full((2, 40), np.nan, np.float32)
    op = ops.make(name, Context(), shape=values.shape, **SPECS[name])
    x = blob(values)
    op.forward(x, x)
    assert np.isnan(x.data).all()
