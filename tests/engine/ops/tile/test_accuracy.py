"""Accuracy in one pass against plain NumPy."""

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.errors import DefinitionError
from brewbench.engine.ops import accuracy, tile  # noqa: F401
from brewbench.engine.ops.tile.layout import Features, current

SHAPES = [((1, 2), 1), ((10, 2), 1), ((33, 1000), 1), ((2, 21, 5, 7), 1), ((7, 4), 0), ((3, 5, 6), 2)]


def case(shape, axis, seed=0):
    """Scores with many that are equal, some no numbers, and labels of which a few are to be ignored."""
    random = np.random.default_rng(seed)
    scores = random.integers(-3, 4, shape).astype(np.float32)
    scores.ravel()[random.integers(0, scores.size, 1 + scores.size // 20)] = np.nan
    labels = random.integers(0, shape[axis], np.delete(shape, axis)).astype(np.float32)
    labels.ravel()[1::4] = 255
    return scores, labels


def shares(engine, shape, axis, scores, labels, ignored=255, top_k=1, each=True):
    op = ops.TABLE["accuracy"][engine](Context(), shape=shape, axis=axis, ignored=ignored, top_k=top_k)
    label, top, tops = Blob(labels.shape), Blob(), Blob((shape[axis],)) if each else None
    label.data = labels
    op.forward(scores, label, top, tops)
    return top.data.copy(), tops.data.copy() if tops else None


def plain(values):
    blob = Blob(values.shape)
    blob.data = values
    return blob


@pytest.mark.usefixtures("each_thread_count")
@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("top_k", [1, 2])
@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
def test_shares_are_those_of_the_plain_engine(shape, axis, top_k, each):
    scores, labels = case(shape, axis)
    found, wanted = (
        shares(engine, shape, axis, plain(scores), labels, top_k=top_k, each=each) for engine in ("tile", "reference")
    )
    np.testing.assert_array_equal(found[0], wanted[0])
    if each:
        np.testing.assert_array_equal(found[1], wanted[1])


def test_turned_rows_are_read_as_they_are(laid):
    scores, labels = case((40, 10), 1)
    turned = laid(scores, Features)
    found = shares("tile", (40, 10), 1, turned, labels)
    assert current(turned.data_memory) is not None
    for ours, theirs in zip(found, shares("reference", (40, 10), 1, plain(scores), labels), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("wrong", [-1, 2, 3e9, 1e30, np.inf, np.nan])
def test_a_label_that_is_no_class_is_named(wrong):
    scores, labels = case((8, 2), 1)
    labels[:] = 0
    labels[5] = wrong
    with np.errstate(all="ignore"), pytest.raises(DefinitionError, match="at place 5 .*labels go from 0 to 1"):
        shares("tile", (8, 2), 1, plain(scores), labels)
