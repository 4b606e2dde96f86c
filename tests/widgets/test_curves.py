"""The curves: points are kept, thinned without losing a peak, and streamed."""

import json

import numpy as np
import pytest
from bokeh.models import DataRange1d, LogScale

from brewbench.widgets.curve_marks import CurveMark
from brewbench.widgets.curves import MAX_POINTS, PALETTE, Curves, Series, Smoother, build_figure, colours_of, decimate


@pytest.fixture
def messages(monkeypatch):
    sent = []
    monkeypatch.setattr(Curves, "send", lambda self, content, buffers=None: sent.append((content, buffers)))
    return sent


def points(buffers):
    return np.frombuffer(buffers[0], np.float64).reshape(4, -1)


class TestDecimate:
    def test_few_points_stay(self):
        assert decimate(np.arange(10), 10).tolist() == list(range(10))

    @pytest.mark.parametrize("count", [101, 1000, 99_999])
    def test_keeps_the_best_the_worst_and_the_ends(self, count):
        rng = np.random.default_rng(count)
        values = rng.standard_normal(count)
        kept = decimate(values, 100)
        assert len(kept) <= 100 and (np.diff(kept) > 0).all()
        assert {0, count - 1, values.argmin(), values.argmax()} <= set(kept.tolist())

    def test_keeps_every_lonely_peak(self):
        values = np.zeros(10_000)
        peaks = np.arange(500, 10_000, 1000)
        values[peaks] = 1
        assert set(peaks) <= set(decimate(values, 100).tolist())

    def test_gaps_do_not_hide_values(self):
        values = np.full(1000, np.nan)
        values[[3, 700]] = 1, 2
        values[500] = np.inf
        assert {3, 700} <= set(decimate(values, 50).tolist())


def test_the_smoother_has_no_start_up_bias_and_breaks_where_a_value_is_not_finite():
    smoother = Smoother(10)
    assert np.isnan(smoother.update(float("nan")))
    assert smoother.update(3.0) == 3.0
    assert np.isnan(smoother.update(float("inf")))
    assert smoother.update(3.0) == 3.0
    for _ in range(200):
        last = smoother.update(1.0)
    assert last == pytest.approx(1)


def test_a_gap_stays_where_points_are_left_out():
    values = np.sin(np.arange(10_000.0))
    values[[4321, 4322, 9000]] = np.nan, np.inf, np.nan
    kept = decimate(values, 200)
    assert len(kept) <= 200 and {4321, 9000} <= set(kept.tolist())


class TestFigure:
    def test_marks_and_dim_curves_of_earlier_runs(self):
        series = [Series("loss", "before", "left", True, dim=True), Series("loss", "", "left", True)]
        for each in series:
            each.extend([0, 1], [1, 2], None)
        plot = build_figure(series, marks=[CurveMark(1, "base_lr 0.1 → 0.2"), CurveMark(2, "NaN", "bad")])
        (source,) = [one for one in plot.references() if getattr(one, "name", None) == "marks"]
        assert source.data["text"] == ["base_lr 0.1 → 0.2", "NaN"] and len(set(source.data["colour"])) == 2
        assert colours_of(series) == [PALETTE[1], PALETTE[0]]
        dim = [one for one in plot.renderers if one.name == "before: loss"]
        assert len(dim) == 1 and dim[0].glyph.line_alpha < 1

    def test_the_sources_are_named_and_the_axes_apart(self):
        loss, accuracy = Series("loss", "", "left", True), Series("accuracy", "a", "right", False)
        loss.extend([0, 1], [2, 1], [0.1, 0.1])
        accuracy.extend([0], [0.1], None)
        plot = build_figure([loss, accuracy])
        assert {r.data_source.name for r in plot.renderers} == {loss.key, accuracy.key, "marks"}
        assert isinstance(plot.y_range, DataRange1d)
        assert {r.data_source.name for r in plot.y_range.renderers} == {loss.key}
        right = plot.extra_y_ranges["right"]
        assert {r.data_source.name for r in right.renderers} == {accuracy.key}
        assert right.default_span < 1, "one accuracy alone is not shown between -1 and 1"
        assert [item.label.value for item in plot.legend[0].items] == ["loss", "a: accuracy"]
        assert any(row[0] == "learning rate" for row in plot.hover[0].tooltips)
        assert not any(row[0] == "learning rate" for row in plot.hover[1].tooltips)

    def test_logarithmic(self):
        loss = Series("loss", "", "left", True)
        loss.extend([0], [1], None)
        assert isinstance(build_figure([loss], log=True).y_scale, LogScale)


class TestCurves:
    def open(self, curves, messages, log=False):
        messages.clear()
        curves._receive(curves, {"type": "open", "log": log, "view": "a"}, [])
        return messages[-1][0]

    def test_points_are_streamed_and_kept(self, messages):
        curves = Curves()
        curves.append("loss", [0], [2.5])
        assert messages[-1][0] == {"type": "reopen"}
        curves.append("loss", [1, 2], [2.0, float("nan")], rates=[0.1, 0.2])
        content, buffers = messages[-1]
        assert content == {"type": "append", "series": json.dumps(["", "loss"])}
        x, y, smooth, rate = points(buffers)
        assert x.tolist() == [1, 2] and y[0] == 2 and np.isnan(y[1]) and rate.tolist() == [0.1, 0.2]
        assert 2 < smooth[0] < 2.5
        xs, ys = curves.points("loss")
        assert xs.tolist() == [0, 1, 2] and ys[0] == 2.5

    def test_a_long_run_stays_small_in_the_page(self, messages):
        curves = Curves()
        rng = np.random.default_rng(0)
        curves.append("loss", [0], [0.0])
        in_page = 1
        for start in range(1, 50_000, 100):
            values = rng.standard_normal(100)
            if start == 20_001:
                values[50] = 1000
            curves.append("loss", range(start, start + 100), values)
            content, buffers = messages[-1]
            count = points(buffers).shape[1]
            in_page = count if content["type"] == "replace" else in_page + count
            assert in_page <= MAX_POINTS
        replaced = [points(b) for c, b in messages if c["type"] == "replace"]
        assert replaced[-1][1].max() == 1000
        assert len(curves.points("loss")[0]) == 50_001

    def test_a_view_that_opens_later_gets_all_so_far(self, messages):
        curves = Curves()
        assert self.open(curves, messages)["item"] is None
        curves.append("loss", range(10), range(10))
        curves.append("loss", range(10, 20), range(10), run="second")
        item = self.open(curves, messages)["item"]
        text = json.dumps(item)
        assert "second: loss" in text and item["root_id"]

    def test_clear_and_replace(self, messages):
        curves = Curves()
        curves.append("loss", [0], [1], run="a")
        curves.append("loss", [0], [1], run="b")
        curves.set_series("loss", [5, 6], [7, 8], run="b")
        assert curves.points("loss", "b")[1].tolist() == [7, 8]
        curves.clear("b")
        with pytest.raises(KeyError):
            curves.points("loss", "b")
        curves.clear()
        assert self.open(curves, messages)["item"] is None

    def test_lists_of_unequal_length_are_refused(self):
        with pytest.raises(ValueError, match="loss: as many xs as ys are needed; got 1 and 2"):
            Curves().append("loss", [0], [1, 2])

    def test_bokehjs_comes_from_the_wheel_once_asked_for(self, messages):
        curves = Curves()
        curves._receive(curves, {"type": "hello", "view": "a"}, [])
        assert messages[-1][0]["type"] == "library"
        curves._receive(curves, {"type": "script", "view": "a"}, [])
        assert messages[-1][1][0][:100].strip() and len(messages[-1][1][0]) > 500_000


@pytest.mark.browser
class TestPage:
    @pytest.fixture
    def wired(self, demo, monkeypatch):
        """A pane and the kernel's half of it, joined by hand."""
        outbox = []
        monkeypatch.setattr(Curves, "send", lambda self, content, buffers=None: outbox.append((content, buffers)))
        curves, pane = Curves(), demo("curves")
        answered = 0

        def exchange(rounds=5):
            nonlocal answered
            for _ in range(rounds):
                while outbox:
                    content, buffers = outbox.pop(0)
                    pane.receive({**content, "to": None}, np.frombuffer(buffers[0], np.uint8) if buffers else None)
                for message in pane.sent()[answered:]:
                    answered += 1
                    curves._receive(curves, message | {"view": "demo"}, [])
                if not outbox:
                    pane.page.wait_for_timeout(50)

        curves._receive(curves, {"type": "hello", "view": "demo"}, [])
        exchange()
        return curves, pane, exchange

    def test_draws_streams_and_redraws(self, wired):
        curves, pane, exchange = wired
        assert pane.page.locator(".bb-curves-empty").is_visible()
        curves.append("<b>loss</b>", range(10), range(1, 11))
        exchange()
        pane.page.locator(".bb-curves-plot canvas").first.wait_for()
        assert pane.page.locator(".bb-curves-empty").is_hidden()
        curves.append("<b>loss</b>", range(10, 30), [float("nan"), *range(19)])
        exchange()
        pane.page.wait_for_function("() => document.querySelector('.bb-curves').dataset.points === '30'")
        pane.page.locator(".bb-log").check()
        exchange()
        pane.page.wait_for_function("() => window.Bokeh.documents.length === 1")
        assert pane.js("Bokeh.documents[0].roots()[0].y_scale.type") == "LogScale"
        curves.mark([CurveMark(12, "base_lr 0.1 → 0.2")])
        exchange()
        texts = "Bokeh.documents[0].roots()[0].select('marks')[0].data.text"
        pane.page.wait_for_function(f"() => {texts}.length === 1")
        curves.clear()
        exchange()
        pane.page.locator(".bb-curves-empty").wait_for()
        assert pane.js("Bokeh.documents.length") == 0

    def test_follows_the_theme(self, wired):
        curves, pane, exchange = wired
        curves.append("loss", range(10), range(10))
        exchange()
        pane.page.wait_for_function("() => window.Bokeh.documents.length === 1")
        pane.page.evaluate("() => document.body.style.setProperty('--jp-layout-color1', '#111111')")
        pane.page.wait_for_function(
            "() => Bokeh.documents[0].roots()[0].background_fill_color.toString().startsWith('#111111')"
        )
