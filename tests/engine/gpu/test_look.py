"""What pages show of a blob, reduced on the device, against the same done on the host."""

import numpy as np
import pytest

from brewbench.engine.blob import Blob
from brewbench.engine.gpu.look import Look
from brewbench.engine.memory import HOST
from brewbench.widgets import arrays

DRAW = np.random.RandomState(2)
EXAMPLES = {
    "normal": DRAW.randn(4, 3, 9, 9),
    "integers": DRAW.randint(-5, 6, (2, 3000)),
    "mostly zero": np.maximum(DRAW.randn(3, 700), 0),
    "with infinities": np.where(DRAW.rand(40, 50) < 0.1, np.inf, DRAW.randn(40, 50)),
    "one number": np.full((1, 1), 7.0),
    "all the same": np.full((30, 30), -2.5),
    "ties": np.round(DRAW.randn(20, 30)),
    "some are no numbers": np.where(DRAW.rand(30, 40) < 0.1, np.nan, DRAW.randn(30, 40)),
    "nothing finite": np.full((5, 5), np.nan),
}


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_look_at_the_device_shows_what_one_at_the_host_shows(name, dtype, gpu):
    values = EXAMPLES[name].astype(dtype)
    blob = Blob(values.shape, dtype, gpu)
    blob.data, blob.diff = values, values[::-1]
    for part, expected in (("data", values), ("diff", values[::-1])):
        look = Look(blob, part)
        statistics, wanted = look.statistics(), arrays.statistics(expected)
        assert statistics.keys() == wanted.keys()
        for key, value in wanted.items():
            assert statistics[key] == pytest.approx(value, rel=1e-5, abs=1e-6), key
        counts, low, high = look.histogram(32)
        wanted_counts, wanted_low, wanted_high = arrays.histogram(expected, 32)
        assert (low, high) == (wanted_low, wanted_high) and counts.sum() == wanted_counts.sum()
        if dtype == np.float64:  # NumPy finds the bins of float32 values in float32
            np.testing.assert_array_equal(counts, wanted_counts)
        else:
            assert np.abs(counts.astype(int) - wanted_counts).sum() <= 4
        np.testing.assert_array_equal(look.fetch(look.array[0]), expected[0])
        matrix, flat = look.array.reshape(len(expected), -1), expected.reshape(len(expected), -1)
        for block in ((1, 1), (2, 3), (3, 7), (len(flat), flat.shape[1])):
            np.testing.assert_array_equal(look.strongest(matrix, block), arrays.HostLook(flat).strongest(flat, block))



VIEWS = [
    ((4, 3, 9, 8), "activations"), ((4, 5, 9, 8), "activations"), ((4, 5000), "activations"), ((6,), "activations"),
    ((7, 3, 5, 5), "parameters"), ((7, 1, 5, 5), "parameters"), ((7, 4, 3, 3), "parameters"), ((1, 1), "parameters"),
    ((1200, 1500), "parameters"), ((9, 30, 1, 1), "parameters"), ((4000,), "parameters"), ((), "activations"),
]  # fmt: skip


@pytest.mark.parametrize("shape, kind", VIEWS)
def test_a_view_shows_of_a_device_what_it_shows_of_the_host_and_copies_what_is_shown(shape, kind, gpu, monkeypatch):
    blob = Blob(shape, np.float32, gpu)
    values = np.asarray(np.random.RandomState(1).randn(*shape), np.float32)
    blob.data = values
    blob.modify()
    copied, to_host = [], gpu.to_host
    monkeypatch.setattr(gpu, "to_host", lambda array, host: (copied.append(host.nbytes), to_host(array, host)))
    seen = []
    for read in (lambda part: arrays.look_at(blob, part), lambda part: values):
        view = arrays.ArrayView()
        frames = []
        view._views, view.send = 1, lambda content, buffers=(), frames=frames: frames.append((content, buffers))
        view.show("blob", read, kind)
        for mode in frames[0][0]["modes"]:
            view._page_set({"settings": {"mode": mode, "image": 0}}, None)
            view._page_probe({"tile": 0, "y": 1, "x": 0, "ask": 1, "view": 1}, None)
        seen.append(frames)
    assert HOST not in blob.data_memory.valid and max(copied) <= 4 * arrays.MAX_PIXELS
    if values.nbytes > 100_000:
        assert max(copied) < values.nbytes
    assert len(seen[0]) == len(seen[1])
    for (mine, my_buffers), (theirs, their_buffers) in zip(*seen, strict=True):
        for key in ("stats", "low", "high"):
            assert (mine.pop(key, None) or 0) == pytest.approx(theirs.pop(key, None) or 0, rel=1e-5, abs=1e-6)
        assert mine == theirs
        if mine.get("shown") == "histogram":
            counts = (np.frombuffer(one[0], np.uint32).astype(int) for one in (my_buffers, their_buffers))
            assert np.abs(np.subtract(*counts)).sum() <= max(4, values.size / 1e5)  # NumPy's bins are float32
        else:
            assert list(my_buffers) == list(their_buffers)


def test_what_the_host_has_anyway_is_looked_at_there(gpu):
    blob = Blob((5, 6), np.float32, gpu)
    assert isinstance(arrays.look_at(blob, "data"), arrays.HostLook)
    blob.write()[...] = 2
    assert isinstance(arrays.look_at(blob, "data"), Look)
    blob.look()
    assert isinstance(arrays.look_at(blob, "data"), arrays.HostLook)
