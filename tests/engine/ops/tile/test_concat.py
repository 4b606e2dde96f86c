"""Concatenation and cutting: the tile engine against the reference, in every layout."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.context import Context
from brewbench.engine.ops.tile.layout import Blocked, Features, current

pytestmark = pytest.mark.usefixtures("each_thread_count")

CASES = [
    # lengths, the other axes, layouts of the parts, halos of parts and whole
    ((32, 16, 5), (3, 4), (Blocked,) * 3, (0, 0, 0, 0)),
    ((32, 16, 5), (3, 4), (Blocked,) * 3, (1, 0, 2, 1)),
    ((5, 7, 40, 1, 3), (3, 5), (Blocked,) * 5, (0, 1, 0, 0, 2, 1)),
    ((17, 16), (2, 2), (Blocked, None), (1, 0, 0)),
    ((16, 3), (5, 1), (None, Blocked), (0, 0, 2)),
    ((3, 50), (), (Features, Features), (0, 0, 0)),
    ((3, 50), (), (Features, None), (0, 0, 0)),
    ((4, 6), (2, 3), (None, None), (0, 0, 0)),
    ((20,), (3, 3), (Blocked,), (1, 0)),
]


def make(lengths, axes, engine="tile"):
    shape = (3, sum(lengths), *axes)
    op = ops.make("concat", Context(), reference=engine == "reference", shape=shape, axis=1, lengths=lengths)
    assert op.engine == engine
    return op


@pytest.mark.parametrize("what", ["data", "diff"])
@pytest.mark.parametrize("lengths, axes, kinds, halos", CASES, ids=str)
def test_joined_and_cut(laid, lay, check_surroundings, lengths, axes, kinds, halos, what):
    draw = np.random.default_rng(0)
    values = [draw.normal(size=(3, length, *axes)).astype(np.float32) for length in lengths]
    expected = np.concatenate(values, axis=1)
    op = make(lengths, axes)
    private = next((kind for kind in kinds if kind), None)
    for _ in range(2):  # what was prepared by the first pass serves the second
        parts = [laid(value, kind, halo, value) for value, kind, halo in zip(values, kinds, halos, strict=False)]
        whole = laid(np.zeros_like(expected), private, halos[-1], np.zeros_like(expected))
        memory = whole.data_memory if what == "data" else whole.diff_memory
        (op.join if what == "data" else op.join_diff)(parts, whole)
        place = current(memory)
        assert isinstance(place, private) if private else place is None
        check_surroundings(memory)
        np.testing.assert_array_equal(getattr(whole, what), expected)

        lay(memory, private, expected.shape)
        for part in parts:
            part.data, part.diff = 7, 7
        left = len(parts) - 1 if what == "diff" and len(parts) > 1 else None  # one that nobody wants
        wanted = [part if k != left else None for k, part in enumerate(parts)]
        (op.cut if what == "data" else op.cut_diff)(whole, wanted)
        for k, (part, value) in enumerate(zip(parts, values, strict=True)):
            memory = part.data_memory if what == "data" else part.diff_memory
            if k != left and private:
                assert isinstance(current(memory), private)
            check_surroundings(memory)
            np.testing.assert_array_equal(getattr(part, what), value if k != left else 7)


@pytest.mark.parametrize("axis", [0, 2, 3])
def test_other_axes_are_left_to_the_reference(axis):
    assert ops.make("concat", Context(), shape=(4, 32, 4, 4), axis=axis, lengths=(2, 2)).engine == "reference"


def test_rows_that_were_joined_from_images_are_cut_as_rows(laid, lay):
    """A blob that shares the memory of a blocked one, under another shape."""
    draw = np.random.default_rng(1)
    images = draw.normal(size=(3, 16, 2, 2)).astype(np.float32)
    one = laid(images, Blocked)
    rows = laid(np.zeros((3, 64), np.float32))
    rows.share_data(one)
    more = draw.normal(size=(3, 5)).astype(np.float32)
    whole = laid(np.zeros((3, 69), np.float32))
    make((64, 5), ()).join([rows, laid(more)], whole)
    np.testing.assert_array_equal(whole.data, np.concatenate([images.reshape(3, 64), more], axis=1))
    make((64, 5), ()).join([rows, laid(more, Features)], whole)
    np.testing.assert_array_equal(whole.data, np.concatenate([images.reshape(3, 64), more], axis=1))
