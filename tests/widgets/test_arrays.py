"""The array view: how a blob is cut into pictures, and what of it travels to the page."""

import json

import numpy as np
import pytest

from brewbench.widgets.arrays import (
    ArrayView,
    bars,
    histogram,
    modes,
    quantise,
    shrink,
    statistics,
    tile_ranges,
    tiles,
    value_range,
)


def test_filters_become_one_tile_for_each_pair_of_units_and_channels():
    weights = np.arange(4 * 2 * 5 * 5, dtype=np.float32).reshape(4, 2, 5, 5)
    shown = tiles(weights, "tiles", "parameters")
    assert shown.values.shape == (8, 5, 5, 1)
    np.testing.assert_array_equal(shown.values[5, ..., 0], weights[1, 1])  # a column is a unit, a row an input


def test_filters_of_colour_images_are_seen_in_colour():
    weights = np.random.default_rng(0).random((4, 3, 5, 5), np.float32)
    assert modes(weights.shape, "parameters") == ("tiles", "histogram")
    assert tiles(weights, "tiles", "parameters").values.shape == (4, 5, 5, 3)


def test_activations_are_those_of_one_image():
    blob = np.random.default_rng(0).random((8, 6, 4, 4), np.float32)
    shown = tiles(blob, "tiles", "activations", image=5)
    np.testing.assert_array_equal(shown.values[2, ..., 0], blob[5, 2])
    values, run = bars(np.arange(20.0).reshape(2, 10), "activations", image=1)
    assert run == 1 and values.tolist() == list(range(10, 20))


def test_ranges_are_symmetric_about_zero_where_asked_and_ignore_what_is_not_finite():
    values = np.array([-1.0, 3.0, np.nan, np.inf])
    assert value_range(values, True) == (-3, 3)
    assert value_range(values, False) == (-1, 3)
    low, high = tile_ranges(np.array([1.0, -2.0, 0.5, 0.25]).reshape(2, 1, 2, 1), True)
    assert np.ravel(high).tolist() == [2, 0.5] and np.ravel(low).tolist() == [-2, -0.5]


def test_quantising_covers_the_range_and_keeps_one_level_for_what_is_not_finite():
    levels = quantise(np.array([-1.0, 0.0, 1.0, np.nan], np.float32), -1.0, 1.0)
    assert levels.dtype == np.uint8
    assert levels[0] < levels[1] < levels[2] and levels[3] not in levels[:3]


def test_large_matrices_shrink_to_a_bound():
    small, block = shrink(np.ones((3000, 500)), 1000)
    assert max(small.shape) <= 1000 and block[0] >= 3
    assert small.max() == 1


def test_statistics_count_what_is_wrong():
    found = statistics(np.array([0.0, 0.0, 1.0, -1.0, np.nan]))
    assert (found["min"], found["max"], found["mean"]) == (-1, 1, 0)
    assert 1 in found.values()  # the NaN
    counts, low, high = histogram(np.array([0.0, 1.0, 1.0]))
    assert counts.sum() == 3 and (low, high) == (0, 1)


@pytest.fixture
def messages(monkeypatch):
    sent = []
    monkeypatch.setattr(ArrayView, "send", lambda self, content, buffers=None: sent.append((content, buffers)))
    return sent


def test_only_what_is_seen_travels_and_only_when_the_page_is_ready(messages):
    blob = np.random.default_rng(0).random((64, 20, 24, 24), np.float32)
    reads = []

    def read(part):
        reads.append(part)
        return blob

    view = ArrayView()
    view.show("conv1", read)
    assert not messages and not reads  # nobody looks yet
    view._receive(view, {"type": "hello", "view": "a"}, [])
    frames = [(content, buffers) for content, buffers in messages if content["type"] == "frame"]
    content, (buffer,) = frames[-1]
    assert len(buffer) == 20 * 24 * 24 and json.dumps(content)
    for _ in range(5):
        view.refresh()
    assert len([1 for content, _ in messages if content["type"] == "frame"]) == len(frames)  # not drawn yet
    view._receive(view, {"type": "drawn", "frame": content["frame"]}, [])
    assert len([1 for content, _ in messages if content["type"] == "frame"]) == len(frames) + 1


def test_a_reader_that_fails_is_said_in_the_view(messages):
    def read(part):
        raise RuntimeError("the net is gone")

    view = ArrayView()
    view.show("conv1", read)
    view._receive(view, {"type": "hello", "view": "a"}, [])
    said = [content for content, _ in messages if content["type"] == "say"]
    assert "the net is gone" in said[-1]["text"]
