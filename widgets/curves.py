"""The curves: loss, accuracy and whatever else grows with the iterations, drawn by Bokeh as it grows."""

import json
import threading
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import bokeh
import numpy as np
from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, DataRange1d, HoverTool, Legend, LegendItem, LinearAxis, LinearScale
from bokeh.plotting import figure

from .curve_marks import CurveMark, add_marks, columns_of
from .pane import Pane

Axis = Literal["left", "right"]

BOKEHJS = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"
MAX_POINTS = 4000
"""Points of one series that the page holds at most."""
PALETTE = ("#2283c7", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#999999")
"""After Okabe and Ito, whose colours the colour-blind can tell apart; the blue is lighter, for the dark theme."""
TOOLS = "pan,box_zoom,wheel_zoom,reset,save"


def decimate(values: np.ndarray, limit: int) -> np.ndarray:
    """Which points to keep so that no peak and no best value is lost: at most `limit` increasing indices.

    The points are cut into equal runs; of each the lowest and the highest finite one stay, and the first that is not
    finite, and of the whole the first and the last. `limit` is at least 5.
    """
    count = len(values)
    if count <= limit:
        return np.arange(count)
    finite = np.isfinite(values)
    edges = np.linspace(0, count, (limit - 2) // (2 if finite.all() else 3) + 1).astype(int)
    low = np.where(np.isfinite(values), values, np.inf)
    high = np.where(np.isfinite(values), values, -np.inf)
    kept = {0, count - 1}
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        kept.add(int(start + low[start:end].argmin()))
        kept.add(int(start + high[start:end].argmax()))
        if not finite[start:end].all():
            kept.add(int(start + finite[start:end].argmin()))
    return np.array(sorted(kept))


class Smoother:
    """An exponential mean without a start-up bias; where a value is not finite it is NaN, and goes on after it.

    Args:
        span: the number of points over which the weights of older points fall to 1/e.
    """

    def __init__(self, span: float = 30):
        self._keep = np.exp(-1 / span)
        self._sum = self._weight = 0.0

    def update(self, value: float) -> float:
        """Take a value in; the mean so far, NaN for a value that is not finite."""
        if not np.isfinite(value):
            return float("nan")
        self._sum = self._keep * self._sum + value
        self._weight = self._keep * self._weight + 1
        return self._sum / self._weight


@dataclass
class Series:
    """All points of one curve, in full."""

    name: str
    run: str
    axis: Axis
    noisy: bool
    dim: bool = False
    x: array = field(default_factory=lambda: array("d"))
    y: array = field(default_factory=lambda: array("d"))
    smooth: array = field(default_factory=lambda: array("d"))
    rate: array = field(default_factory=lambda: array("d"))
    smoother: Smoother = field(default_factory=Smoother)
    in_page: int = 0

    @property
    def label(self) -> str:
        """The name, with the run's where there is one."""
        return f"{self.run}: {self.name}" if self.run else self.name

    @property
    def key(self) -> str:
        """Names the series in messages to the page."""
        return json.dumps([self.run, self.name])

    def extend(self, xs: Iterable[float], ys: Iterable[float], rates: Iterable[float] | None) -> int:
        """Append points; how many they were."""
        before = len(self.x)
        xs, ys = array("d", xs), array("d", ys)
        if len(xs) != len(ys):
            raise ValueError(f"{self.label}: as many xs as ys are needed; got {len(xs)} and {len(ys)}.")
        new_rates = array("d", rates) if rates is not None else array("d", [np.nan] * len(xs))
        if len(new_rates) != len(xs):
            raise ValueError(f"{self.label}: as many rates as xs are needed; got {len(new_rates)} and {len(xs)}.")
        self.x.extend(xs)
        self.y.extend(ys)
        self.rate.extend(new_rates)
        self.smooth.extend(self.smoother.update(y) for y in ys)
        return len(self.x) - before

    def columns(self, indices: Any = slice(None)) -> dict[str, np.ndarray]:
        """The points at some indices: float64 arrays x, y, smooth and rate."""
        names = ("x", "y", "smooth", "rate")
        if isinstance(indices, slice):  # cut before it is copied: a run has many points
            return {name: np.array(getattr(self, name)[indices], np.float64) for name in names}
        return {name: np.array(getattr(self, name), np.float64)[indices] for name in names}

    def decimated(self) -> dict[str, np.ndarray]:
        """Points for a page to begin with: it has room for as many more."""
        return self.columns(decimate(np.array(self.y), MAX_POINTS // 2))


def build_figure(
    series: Sequence[Series], x_label: str = "iteration", log: bool = False, marks: Sequence[CurveMark] = ()
) -> figure:
    """A Bokeh figure of the curves; each has a data source with its key as name.

    A noisy series is a faint line under its smoothed one, any other a line through its points; a dim one is its
    smoothed line alone, thin. Series of the right axis have a second, linear scale.
    """
    plot = figure(
        sizing_mode="stretch_both", min_height=120, tools=TOOLS, active_drag="box_zoom", active_scroll=None,
        toolbar_location="right", y_axis_type="log" if log else "linear", x_axis_label=x_label,
    )  # fmt: skip
    plot.toolbar.logo = None
    on_axis: dict[str, list[Any]] = {"left": [], "right": []}
    legend = []
    right = DataRange1d(default_span=0.2)  # about a single point: accuracies lie between 0 and 1
    if any(each.axis == "right" for each in series):
        plot.extra_y_ranges = {"right": right}
        plot.extra_y_scales = {"right": LinearScale()}
    colours = colours_of(series)
    for each, colour in zip(series, colours, strict=True):
        source = ColumnDataSource(each.decimated(), name=each.key)
        # A y range of its own is named; the first one is the default.
        place: dict[str, Any] = {"y_range_name": "right"} if each.axis == "right" else {}
        look: dict[str, Any] = {"source": source, "color": colour, **place}
        if each.dim:
            column = "smooth" if each.noisy else "y"
            main = plot.line("x", column, line_width=1.3, line_alpha=0.55, name=each.label, **look)
            renderers: list[Any] = [main]
        elif each.noisy:
            faint = plot.line("x", "y", line_alpha=0.3, line_width=1, **look)
            main = plot.line("x", "smooth", line_width=2, name=each.label, **look)
            renderers = [faint, main]
        else:
            main = plot.line("x", "y", line_width=2, name=each.label, **look)
            renderers = [main, plot.scatter("x", "y", size=6, **look)]
        on_axis[each.axis] += renderers
        legend.append(LegendItem(label=each.label, renderers=renderers))
        plot.add_tools(_hover(each, main, x_label))
    plot.y_range = DataRange1d(renderers=on_axis["left"] or on_axis["right"])
    plot.yaxis.axis_label = _axis_label(series, "left")
    if on_axis["right"]:
        right.renderers = on_axis["right"]
        plot.add_layout(LinearAxis(y_range_name="right", axis_label=_axis_label(series, "right")), "right")
    plot.x_range = DataRange1d(renderers=[one for renderers in on_axis.values() for one in renderers])
    add_marks(plot, marks)
    if legend:
        plot.add_layout(Legend(items=legend, click_policy="hide", orientation="horizontal", spacing=14), "above")
    return plot


def colours_of(series: Sequence[Series]) -> list[str]:
    """A colour each: those of the present run from the first on, so that they stay when other runs come and go."""
    order = sorted(range(len(series)), key=lambda i: bool(series[i].run))
    number = {i: at for at, i in enumerate(order)}
    return [PALETTE[number[i] % len(PALETTE)] for i in range(len(series))]


def _hover(series: Series, renderer: Any, x_label: str) -> HoverTool:
    rows = [("curve", "$name"), (x_label, "@x{0,0}"), (series.name, "@y{0.00000}")]
    if series.noisy:
        rows.append(("smoothed", "@smooth{0.00000}"))
    if not np.isnan(np.array(series.rate)).all():
        rows.append(("learning rate", "@rate{0.000000}"))
    return HoverTool(renderers=[renderer], tooltips=rows, mode="mouse", visible=False)


def _axis_label(series: Sequence[Series], axis: Axis) -> str:
    return ", ".join(dict.fromkeys(each.name for each in series if each.axis == axis))


class Curves(Pane, script="curves"):
    """Curves that grow.

    All points stay here; the page gets a few thousand of each curve, chosen so that no peak is lost. A view that
    opens later, or again, shows everything so far.

    Args:
        x_label: what the points are counted in.
        on_run: called with what the user asks for in the list of runs: "show" (name, on), "csv", "resume" or "remove"
            (name), "rename" or "note" (name, text).
    """

    def __init__(self, x_label: str = "iteration", on_run: Callable[..., Any] | None = None, **kwargs: Any):
        self.x_label, self.on_run = x_label, on_run
        self._runs: list[dict[str, Any]] = []
        self._series: dict[str, Series] = {}
        self._marks: tuple[CurveMark, ...] = ()
        self._lock = threading.RLock()
        super().__init__(**kwargs)

    def append(
        self,
        name: str,
        xs: Iterable[float],
        ys: Iterable[float],
        *,
        rates: Iterable[float] | None = None,
        run: str = "",
        axis: Axis = "left",
        noisy: bool = True,
    ) -> None:
        """Add points to a curve, which begins with its first points. From any thread; throttle it yourself.

        Args:
            name: the curve, such as "loss".
            xs, ys: the points, equally many; a y that is not finite leaves a gap.
            rates: learning rates at the points, for the hover text.
            run: keeps the curves of several runs apart.
            axis: "left", or "right" for another scale: accuracies beside losses.
            noisy: whether to draw a smoothed line over the raw one, else a line through dots.
        """
        with self._lock:
            series = Series(name, run, axis, noisy)
            known = self._series.get(series.key)
            series = known or series
            count = series.extend(xs, ys, rates)
            if known is None:
                self._series[series.key] = series
                series.in_page = len(series.decimated()["x"])
                self._open()
            elif count and series.in_page + count > MAX_POINTS:
                columns = series.decimated()
                series.in_page = len(columns["x"])
                self._send_points("replace", series, columns)
            elif count:
                series.in_page += count
                self._send_points("append", series, series.columns(slice(-count, None)))

    def set_series(
        self,
        name: str,
        xs: Iterable[float],
        ys: Iterable[float],
        *,
        rates: Iterable[float] | None = None,
        run: str = "",
        axis: Axis = "left",
        noisy: bool = True,
        dim: bool = False,
    ) -> None:
        """Put a whole curve in the place of what it was; see `append`. `dim` draws it thin, as of an earlier run."""
        with self._lock:
            series = Series(name, run, axis, noisy, dim)
            series.extend(xs, ys, rates)
            self._series[series.key] = series
            self._open()

    def mark(self, marks: Iterable[CurveMark]) -> None:
        """Show these marks, in place of those before."""
        marks = tuple(marks)
        with self._lock:
            if marks == self._marks:
                return
            self._marks = marks
            self.send({"type": "marks", "columns": columns_of(marks)})

    @property
    def series(self) -> list[Series]:
        """All curves, with all their points."""
        with self._lock:
            return list(self._series.values())

    def names(self, run: str = "") -> set[str]:
        """The curves of a run."""
        with self._lock:
            return {series.name for series in self._series.values() if series.run == run}

    @property
    def runs(self) -> set[str]:
        """The runs that have curves; "" is the one without a name."""
        with self._lock:
            return {series.run for series in self._series.values()}

    def offer_runs(self, runs: Iterable[Mapping[str, Any]]) -> None:
        """List these runs: each `name`, `about`, `notes`, `shown` (None for the one under way) and `can_resume`."""
        with self._lock:
            self._runs = [dict(run) for run in runs]
            self.send({"type": "runs", "runs": self._runs})

    def download(self, name: str, text: str) -> None:
        """Have the page offer a text as a file to keep."""
        self.send({"type": "file", "name": name, "text": text})

    def points(self, name: str, run: str = "") -> tuple[np.ndarray, np.ndarray]:
        """All points of a curve: xs and ys. Raises KeyError where there is no such curve."""
        with self._lock:
            series = self._series[json.dumps([run, name])]
            return np.array(series.x), np.array(series.y)

    def clear(self, run: str | None = None) -> None:
        """Remove all curves, or those of one run."""
        with self._lock:
            self._series = {} if run is None else {k: s for k, s in self._series.items() if s.run != run}
            self._open()

    def _open(self) -> None:
        """Have every view fetch the figure anew: each knows whether it wants a logarithmic scale."""
        self.send({"type": "reopen"})

    def _send_points(self, kind: str, series: Series, columns: dict[str, np.ndarray]) -> None:
        # A buffer, since JSON has no NaN.
        self.send({"type": kind, "series": series.key}, [np.stack(list(columns.values())).tobytes()])

    def _page_hello(self, content: dict, _buffers: Any) -> None:
        super()._page_hello(content, _buffers)
        self.send({"type": "library", "version": bokeh.__version__, "to": content["view"]})

    def _greeting(self) -> list[dict[str, Any]]:
        return [{"type": "runs", "runs": self._runs}]

    def _page_run(self, content: dict, _buffers: Any) -> None:
        self.run_callback(self.on_run, content["ask"], content["name"], *content.get("arguments", []))

    def _page_script(self, content: dict, _buffers: Any) -> None:
        self.send({"type": "script", "to": content["view"]}, [BOKEHJS.read_bytes()])

    def _page_open(self, content: dict, _buffers: Any) -> None:
        with self._lock:
            item = None
            if self._series:
                plot = build_figure(list(self._series.values()), self.x_label, bool(content["log"]), self._marks)
                item = json.loads(json.dumps(json_item(plot)))
                for series in self._series.values():
                    series.in_page = max(series.in_page, min(len(series.x), MAX_POINTS // 2))
            self.send({"type": "figure", "item": item, "to": content["view"]})
