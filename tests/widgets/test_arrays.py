"""The array view: how blobs are cut, reduced and quantised, and how frames follow the page's pace."""

import json

import numpy as np
import pytest

from brewbench.widgets import arrays
from brewbench.widgets.arrays import (
    MAX_BARS,
    MAX_PIXELS,
    MAX_TILES,
    NAN,
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


def counted(*shape):
    """An array whose values are all different, in float32."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def check_index(shown, array):
    """Each pixel of the tiles is the element of the array that its index names."""
    count, height, width, channels = shown.values.shape
    rng = np.random.default_rng(0)
    for _ in range(50):
        tile, y, x = (int(rng.integers(size)) for size in (count, height, width))
        picked = np.atleast_1d(array[shown.index(tile, y, x)])
        assert picked.shape == (channels,) and (picked == shown.values[tile, y, x]).all()


class TestModes:
    @pytest.mark.parametrize(
        "shape, kind, first",
        [
            ((64, 20, 24, 24), "activations", "tiles"),
            ((64, 3, 24, 24), "activations", "image"),
            ((64, 1, 28, 28), "activations", "tiles"),
            ((64, 10), "activations", "bars"),
            ((64, 10, 1, 1), "activations", "bars"),
            ((64,), "activations", "bars"),
            ((1,), "activations", "bars"),
            ((20, 1, 5, 5), "parameters", "tiles"),
            ((500, 800), "parameters", "tiles"),
            ((50, 20, 1, 1), "parameters", "tiles"),
            ((20,), "parameters", "bars"),
            ((1, 1, 1, 20), "parameters", "tiles"),
        ],
    )
    def test_the_first_mode_is_the_most_telling(self, shape, kind, first):
        assert modes(shape, kind)[0] == first
        assert modes(shape, kind)[-1] == "histogram"


class TestTiles:
    @pytest.mark.parametrize("shape", [(2, 5, 4, 3), (3, 1, 2, 2), (2, 3, 4, 4)])
    def test_maps_of_one_item(self, shape):
        array = counted(*shape)
        shown = tiles(array, "tiles", "activations", 1)
        assert shown.values.shape == (*shape[1:], 1) and shown.total == shape[1]
        check_index(shown, array)

    def test_three_channels_as_one_image(self):
        array = counted(2, 3, 4, 5)
        shown = tiles(array, "image", "activations", 1)
        assert shown.values.shape == (1, 4, 5, 3)
        check_index(shown, array)

    def test_filters_of_one_channel(self):
        array = counted(20, 1, 5, 5)
        shown = tiles(array, "tiles", "parameters")
        assert shown.values.shape == (20, 5, 5, 1)
        check_index(shown, array)

    def test_filters_of_three_channels_are_coloured(self):
        array = counted(96, 3, 11, 11)
        shown = tiles(array, "tiles", "parameters")
        assert shown.values.shape == (96, 11, 11, 3)
        check_index(shown, array)

    def test_filters_of_many_channels_are_a_column_of_inputs_each(self):
        array = counted(50, 20, 5, 4)
        shown = tiles(array, "tiles", "parameters")
        assert shown.values.shape == (1000, 5, 4, 1) and shown.columns == 50
        check_index(shown, array)

    @pytest.mark.parametrize("shape", [(512, 256, 3, 3), (5000, 4, 2, 2), (4, 5000, 2, 2), (8, 8, 400, 400)])
    def test_too_many_filters_are_cut_off(self, shape):
        array = np.broadcast_to(np.float32(1), shape)
        shown = tiles(array, "tiles", "parameters")
        assert len(shown.values) <= MAX_TILES and shown.total == shape[0] * shape[1]
        assert shown.values.size <= max(MAX_PIXELS, shown.columns * shape[2] * shape[3])

    def test_a_matrix_is_one_tile(self):
        array = counted(30, 40)
        shown = tiles(array, "tiles", "parameters")
        assert shown.values.shape == (1, 30, 40, 1)
        check_index(shown, array)

    def test_kernels_of_one_pixel_are_a_matrix(self):
        array = counted(6, 4, 1, 1)
        shown = tiles(array, "tiles", "parameters")
        assert shown.matrix and (shown.values[0, :, :, 0] == array[:, :, 0, 0]).all()

    def test_a_large_matrix_keeps_its_largest_values(self):
        array = np.zeros((3000, 1000), np.float32)
        array[1234, 567] = -9
        array[2999, 999] = 3
        shown = tiles(array, "tiles", "parameters")
        assert shown.values.size <= MAX_PIXELS
        assert shown.values.min() == -9 and shown.values.max() == 3
        _, y, x, _ = (int(place[0]) for place in np.nonzero(shown.values == -9))
        assert shown.block[0] * y <= 1234 < shown.block[0] * (y + 1)
        assert shown.block[1] * x <= 567 < shown.block[1] * (x + 1)


class TestReductions:
    def test_shrink_leaves_what_is_small(self):
        matrix = counted(3, 4)
        reduced, block = shrink(matrix, 12)
        assert reduced is matrix and block == (1, 1)

    @pytest.mark.parametrize("shape", [(1, 10_001), (7, 999), (500, 500)])
    def test_shrink_holds_the_limit_and_the_extremes(self, shape):
        matrix = np.random.default_rng(0).standard_normal(shape)
        reduced, block = shrink(matrix, 1000)
        assert reduced.size <= 1000
        assert reduced.shape == tuple(-(-size // step) for size, step in zip(shape, block, strict=True))
        assert np.abs(reduced).max() == np.abs(matrix).max()

    def test_bars_of_one_item(self):
        array = counted(4, 10)
        values, run = bars(array, "activations", 2)
        assert run == 1 and values.tolist() == array[2].tolist()

    def test_many_bars_keep_their_peaks(self):
        array = np.zeros(100_000, np.float32)
        array[77_777] = 5
        values, run = bars(array, "parameters")
        assert len(values) <= MAX_BARS and values[77_777 // run] == 5

    def test_statistics(self):
        array = np.array([[0, 1, np.nan], [3, -4, np.inf]], np.float32)
        assert statistics(array) == pytest.approx(
            {"count": 6, "nonfinite": 2, "min": -4, "max": 3, "mean": 0, "std": np.sqrt(6.5), "zeros": 0.25}
        )
        assert statistics(np.full(3, np.nan)) == {"count": 3, "nonfinite": 3}

    def test_a_large_blob_does_not_lose_its_mean(self):
        array = np.full(2_000_000, 0.1, np.float32)
        assert statistics(array)["mean"] == pytest.approx(0.1, rel=1e-6)

    def test_histogram(self):
        counts, low, high = histogram(np.array([0, 0, 1, 4, np.nan]), 4)
        assert counts.tolist() == [2, 1, 0, 1] and (low, high) == (0, 4) and counts.dtype == np.uint32
        assert histogram(np.full(2, np.nan))[0].sum() == 0


class TestQuantise:
    def test_levels(self):
        levels = quantise(np.array([-9.0, -1, 0, 0.5, 1, 9, np.nan, np.inf, -np.inf]), -1, 1)
        assert levels.tolist() == [0, 0, 127, 190, 254, 254, NAN, 254, 0]
        assert levels.dtype == np.uint8

    def test_ranges(self):
        assert value_range(np.array([-1.0, 3, np.nan]), symmetric=True) == (-3, 3)
        assert value_range(np.array([-1.0, 3]), symmetric=False) == (-1, 3)
        low, high = value_range(np.zeros(3), symmetric=True)
        assert low == -high < 0
        assert value_range(np.array([np.nan]), symmetric=False) == (0, 1)

    def test_each_tile_its_own_range(self):
        pictures = np.stack([counted(2, 2), 100 * counted(2, 2)])[..., None]
        low, high = tile_ranges(pictures, symmetric=False)
        levels = quantise(pictures, low, high)
        assert (levels[0] == levels[1]).all() and levels.max() == 254


class TestView:
    @pytest.fixture
    def messages(self, monkeypatch):
        sent = []
        monkeypatch.setattr(ArrayView, "send", lambda self, content, buffers=None: sent.append((content, buffers)))
        return sent

    @staticmethod
    def receive(view, **content):
        view._receive(view, {"view": "a", **content}, [])

    def test_nothing_is_read_before_a_page_looks(self, messages):
        reads = []
        view = ArrayView()
        view.show("conv1", lambda part: reads.append(part))
        assert reads == [] and messages == []
        self.receive(view, type="hello")
        assert reads == ["data"] and messages[-1][0]["shape"] is None

    def test_only_the_latest_frame_is_sent_when_the_page_is_ready(self, messages):
        array = counted(2, 4, 3, 3)
        view = ArrayView()
        view.show("conv1", lambda part: array)
        self.receive(view, type="hello")
        (first, buffers) = messages[-1]
        assert (first["count"], first["height"], first["width"], first["channels"]) == (4, 3, 3, 1)
        assert len(buffers[0]) == 36 and json.dumps(first)
        for _ in range(5):
            view.refresh()
        assert len(messages) == 1
        array += 100
        self.receive(view, type="drawn", frame=first["frame"])
        assert len(messages) == 2 and messages[-1][0]["stats"]["max"] == 171
        self.receive(view, type="drawn", frame=messages[-1][0]["frame"])
        assert len(messages) == 2

    def test_a_page_that_is_gone_does_not_stop_it(self, messages, monkeypatch):
        monkeypatch.setattr(arrays, "SILENCE", 0.0)
        view = ArrayView()
        self.receive(view, type="hello")
        view.show("ip", lambda part: counted(2, 3))
        before = len(messages)
        view.refresh()
        assert len(messages) == before + 1

    def test_settings(self, messages):
        blobs = {"data": counted(2, 4, 3, 3), "diff": -counted(2, 4, 3, 3)}
        view = ArrayView()
        view.show("conv1", blobs.get)
        self.receive(view, type="hello")
        self.receive(view, type="set", settings={"part": "diff", "image": 9, "no such": 1})
        content = messages[-1][0]
        assert content["settings"]["part"] == "diff" and content["settings"]["image"] == 1
        assert content["stats"]["min"] == -71 and (content["low"], content["high"]) == (-71, 71)
        self.receive(view, type="set", settings={"range": "held", "part": "data", "image": 0})
        assert messages[-1][0]["high"] == 35
        blobs["data"] *= 2
        view.show("conv1", blobs.get)
        assert messages[-1][0]["high"] == 35
        self.receive(view, type="set", settings={"mode": "histogram"})
        assert messages[-1][0]["shown"] == "histogram"
        assert np.frombuffer(messages[-1][1][0], np.uint32).sum() == 72

    def test_bars_begin_at_zero_also_where_there_is_only_one(self, messages):
        view = ArrayView()
        self.receive(view, type="hello")
        for value, low, high in [(0.25, 0, 0.25), (-2, -2, 0), (0, -0.5, 0.5)]:
            view.show("loss", lambda part, value=value: np.full((), value, np.float32))
            assert (messages[-1][0]["shown"], messages[-1][0]["low"], messages[-1][0]["high"]) == ("bars", low, high)

    def test_another_blob_starts_with_its_own_mode(self, messages):
        view = ArrayView()
        self.receive(view, type="hello")
        view.show("conv1", lambda part: counted(2, 4, 3, 3))
        view.show("ip1", lambda part: counted(2, 10))
        assert messages[-1][0]["shown"] == "bars"

    @pytest.mark.parametrize(
        "shape, kind, place, index, value",
        [
            ((2, 4, 3, 3), "activations", (2, 1, 0), "0, 2, 1, 0", "21"),
            ((50, 20, 5, 5), "parameters", (53, 0, 1), "3, 1, 0, 1", "1526"),
            ((3, 4), "parameters", (0, 2, 1), "2, 1", "9"),
            ((5, 3, 2, 2), "parameters", (4, 0, 1), "4, :, 0, 1", "49, 53, 57"),
        ],
    )
    def test_the_exact_value_can_be_asked_for(self, messages, shape, kind, place, index, value):
        view = ArrayView()
        self.receive(view, type="hello")
        view.show("blob", lambda part: counted(*shape), kind)
        self.receive(view, type="probe", ask=3, **dict(zip(("tile", "y", "x"), place, strict=True)))
        assert messages[-1][0] == {"type": "value", "ask": 3, "index": index, "value": value, "to": "a"}

    def test_what_reading_raises_is_shown(self, messages):
        view = ArrayView()
        self.receive(view, type="hello")
        view.show("conv1", lambda part: 1 / 0)
        assert messages[-1][0] == {"type": "say", "text": "conv1: division by zero", "kind": "error"}

    @pytest.mark.parametrize("array", [None, np.zeros((0, 3)), np.float32(2), np.zeros(1), np.array([[np.nan]])])
    @pytest.mark.parametrize("kind", ["activations", "parameters"])
    def test_odd_arrays(self, messages, array, kind):
        view = ArrayView()
        self.receive(view, type="hello")
        view.show("odd", lambda part: array, kind)
        assert messages[-1][0]["type"] == "frame"


@pytest.mark.browser
class TestPage:
    @pytest.fixture
    def wired(self, demo, monkeypatch):
        """A pane and the kernel's half of it, joined by hand."""
        outbox, units = [], []
        monkeypatch.setattr(ArrayView, "send", lambda self, content, buffers=None: outbox.append((content, buffers)))
        view, pane = ArrayView(on_select=units.append), demo("arrays")
        answered = 0

        def exchange():
            nonlocal answered
            for _ in range(6):
                while outbox:
                    content, buffers = outbox.pop(0)
                    pane.receive({**content, "to": None}, np.frombuffer(buffers[0], np.uint8) if buffers else None)
                for message in pane.sent()[answered:]:
                    answered += 1
                    view._receive(view, message | {"view": "demo"}, [])
                if not outbox:
                    pane.page.wait_for_timeout(30)

        view._receive(view, {"type": "hello", "view": "demo"}, [])
        return view, pane, exchange, units

    @staticmethod
    def pixel(pane, x, y):
        context = "document.querySelector('.bb-arrays-frame canvas').getContext('2d')"
        return pane.js(f"[...{context}.getImageData({x}, {y}, 1, 1).data]")

    def test_tiles_are_coloured_about_zero(self, wired):
        view, pane, exchange, _ = wired
        array = np.zeros((1, 2, 2, 2), np.float32)
        array[0, 0, 0] = -1, np.nan
        array[0, 1, 1, 1] = 1
        view.show("a <b>blob</b>", lambda part: array)
        exchange()
        assert pane.page.locator(".bb-arrays-head strong").inner_text() == "a <b>blob</b>"
        assert self.pixel(pane, 1, 1) == [5, 48, 97, 255]  # the lowest
        assert self.pixel(pane, 2, 1) == [255, 0, 255, 255]  # not a number
        assert self.pixel(pane, 1, 2) == [247, 247, 247, 255]  # zero
        assert self.pixel(pane, 5, 2) == [103, 0, 31, 255]  # the highest
        assert self.pixel(pane, 3, 1) == [0, 0, 0, 0]  # between two tiles
        assert "1 not finite" in pane.page.locator(".bb-stats").inner_text()
        pane.page.locator("[data-setting=map]").select_option("grey")
        exchange()
        assert self.pixel(pane, 5, 2) == [255, 255, 255, 255]

    def test_pointer_and_keys_find_values_and_units(self, wired):
        view, pane, exchange, units = wired
        view.show("ip", lambda part: counted(1, 6, 4, 4))
        exchange()
        canvas = pane.page.locator(".bb-arrays-frame canvas")
        box = canvas.bounding_box()
        scale = box["width"] / canvas.evaluate("canvas => canvas.width")
        canvas.hover(position={"x": 8.5 * scale, "y": 2.5 * scale})  # tile 1, row 1, column 2
        pane.page.wait_for_timeout(100)
        exchange()
        assert pane.page.locator(".bb-status output").inner_text() == "[0, 1, 1, 2] = 22"
        canvas.click(position={"x": 8.5 * scale, "y": 2.5 * scale})
        exchange()
        assert units == [1]
        pane.page.locator(".bb-arrays-frame").focus()
        pane.page.keyboard.press("ArrowRight")
        pane.page.keyboard.press("Enter")
        exchange()
        assert units == [1, 2]

    def test_controls_fit_the_blob(self, wired):
        view, pane, exchange, _ = wired
        view.show("prob", lambda part: counted(4, 10) if part == "data" else None)
        exchange()
        assert pane.page.locator("[data-setting=mode]").input_value() == "bars"
        assert pane.page.locator("[data-setting=map]").is_hidden()
        pane.page.locator("input[type=number]").fill("3")
        exchange()
        pane.page.locator(".bb-arrays-frame canvas").hover(position={"x": 5, "y": 5})
        assert pane.page.locator(".bb-status output").inner_text() == "[0] = 30"
        pane.page.get_by_role("button", name="diff").click()
        exchange()
        assert pane.page.locator(".bb-arrays-empty").inner_text() == "No diff in prob."

    def test_filters_fill_the_space_they_have(self, demo):
        pane = demo("arrays")
        layout = pane.js("script.arrange({count: 96, width: 11, height: 11, columns: 0}, {width: 600, height: 300})")
        assert layout["across"] * layout["down"] >= 96 and layout["scale"] >= 2
        assert (layout["across"] * 12 + 1) * layout["scale"] <= 600
        assert (layout["down"] * 12 + 1) * layout["scale"] <= 300
