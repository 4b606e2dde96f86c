"""Dropout in vectors: the same masks as plain NumPy's, to the bit."""

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.ops import dropout, tile  # noqa: F401
from brewbench.engine.ops.tile.layout import Blocked, Features, current

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-42, 3e38], np.float32)


def both(x, ratio, seed, passes, kind=None, laid=None, in_place=False, diff=None):
    """Forward and backward of each engine: y and x.diff."""
    results = []
    for engine in ("tile", "reference"):
        context = Context(seed=seed)
        context.passes = passes
        op = ops.TABLE["dropout"][engine](context, ratio=ratio, layer="drop6")
        bottom = laid(x, kind) if engine == "tile" and kind else Blob(x.shape)
        if engine != "tile" or not kind:
            bottom.data = x
        top = bottom if in_place else Blob(x.shape)
        with np.errstate(all="ignore"):
            op.forward(bottom, top)
            if kind is Features and engine == "tile":
                assert (current(top.data_memory) is not None) == (x.shape[1] % 4 == 0)
            y = top.data.copy()
            context.passes += 5  # the mask of the last forward pass counts, whatever the pass is by now
            top.diff = diff
            if engine == "tile" and kind:
                laid(top.diff, kind)
            op.backward(top, bottom)
        results += [y, bottom.diff.copy()]
    return results


def check(found):
    y, slope, wanted_y, wanted_slope = found
    np.testing.assert_array_equal(y.view(np.uint32), wanted_y.view(np.uint32))
    np.testing.assert_array_equal(slope.view(np.uint32), wanted_slope.view(np.uint32))


@pytest.mark.usefixtures("each_thread_count")
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("count", [1, 3, 15, 64, 67, 8192, 30_001])
def test_plain_values_get_the_masks_of_the_plain_engine(count, in_place):
    rng = np.random.default_rng(count)
    x, diff = rng.standard_normal((2, count)).astype(np.float32)
    check(both(x, 0.5, 3, 7, in_place=in_place, diff=diff))


@pytest.mark.parametrize(("seed", "passes"), [(0, 0), (2**31 - 1, 2**32 + 5), (12345, 2**33 - 1)])
@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 0.999999, 1.0])
def test_any_ratio_seed_and_pass(ratio, seed, passes):
    x = np.concatenate([np.random.default_rng(0).standard_normal(500).astype(np.float32), np.tile(SPECIAL, 40)])
    check(both(x, ratio, seed, passes, diff=x[::-1].copy()))


@pytest.mark.usefixtures("each_thread_count")
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("shape", [(1, 4), (5, 8), (16, 12), (33, 100), (3, 7)], ids=str)
def test_turned_rows_get_the_same_masks(shape, in_place, laid):
    rng = np.random.default_rng(2)
    x, diff = rng.standard_normal((2, *shape)).astype(np.float32)
    check(both(x, 0.3, 9, 2, Features, laid, in_place, diff))


def test_blocked_images_get_the_same_masks(laid):
    x, diff = np.random.default_rng(2).standard_normal((2, 2, 20, 3, 5)).astype(np.float32)
    check(both(x, 0.4, 9, 2, Blocked, laid, False, diff))


def test_the_share_that_is_dropped_is_the_ratio():
    x, y = Blob((1_000_000,)), Blob((1_000_000,))
    x.data = 1
    op = ops.make("dropout", Context(seed=1), ratio=0.25, layer="drop")
    assert op.engine == "tile"
    op.forward(x, y)
    assert set(np.unique(y.data)) == {0, np.float32(1 / 0.75)}
    assert (y.data == 0).mean() == pytest.approx(0.25, abs=0.002)
