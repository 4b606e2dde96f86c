"""Curves over an axis, drawn into a file: .html to look into, .svg and .png to print."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from ...proto.printable import printable

ENDINGS = (".html", ".svg", ".png")
COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
_INK, _GRID = "#333333", "#dddddd"
_WIDTH, _HEIGHT, _FONT = 800, 500, 13
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 780, 50, 450  # the edges of the plot
_TICKS = 6
_SHARPER = 3  # how many times larger a .png is drawn before it is made smooth

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """A named line through points. Where a value is not finite, the line is broken."""

    label: str
    points: list[Point] = field(default_factory=list)

    def pieces(self) -> Iterator[list[Point]]:
        """The parts of the line between breaks."""
        piece: list[Point] = []
        for point in self.points:
            if math.isfinite(point[0]) and math.isfinite(point[1]):
                piece.append(point)
            elif piece:
                yield piece
                piece = []
        if piece:
            yield piece


@dataclass(frozen=True)
class Chart:
    """Curves with a title, names of the axes, and a legend at the top or the bottom of the right side."""

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    legend_on_top: bool = True

    def write(self, path: str) -> None:
        """Draw into a file, in the format that its name ends in.

        Raises ValueError for another ending, and where there is nothing to draw; OSError.
        """
        from ...engine.atomic import atomic_write

        ending = Path(path).suffix.lower()
        if ending not in ENDINGS:
            raise ValueError(f"{path}: curves are drawn to {', '.join(ENDINGS)}")
        if not any(piece for curve in self.curves for piece in curve.pieces()):
            raise ValueError(f"there is nothing to draw of {self.title!r}")
        make = {".html": self.html, ".svg": self.svg, ".png": self.png}[ending]
        with atomic_write(path) as file:
            file.write(make())

    def html(self) -> bytes:
        """A page with Bokeh's tools, which needs no other file and no network."""
        from bokeh.embed import file_html
        from bokeh.plotting import figure
        from bokeh.resources import INLINE

        plot = figure(
            title=self.title,
            x_axis_label=self.x_label,
            y_axis_label=self.y_label,
            sizing_mode="stretch_width",
            height=_HEIGHT,
            tooltips=[(self.x_label, "$x"), (self.y_label, "$y")],
        )
        for index, curve in enumerate(self.curves):
            x, y = [list(axis) for axis in zip(*curve.points, strict=True)] or ([], [])
            plot.line(x, y, legend_label=printable(curve.label), color=_color(index), line_width=1.5)
            plot.scatter(x, y, legend_label=printable(curve.label), color=_color(index), size=4)
        plot.legend.location = "top_right" if self.legend_on_top else "bottom_right"
        plot.legend.click_policy = "hide"
        return file_html(plot, INLINE, self.title).encode()

    def svg(self) -> bytes:
        """A drawing in SVG."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
            f'height="{_HEIGHT}" font-family="sans-serif" font-size="{_FONT}">',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        ]
        for points, color, width in self._lines():
            places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="{width}"/>')
        for (x, y), text, anchor in self._texts():
            named = {"l": "start", "m": "middle", "r": "end"}[anchor]
            place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{named}" dominant-baseline="central"'
            parts.append(f'<text {place} fill="{_INK}">{escape(printable(text))}</text>')
        return "\n".join([*parts, "</svg>", ""]).encode()

    def png(self) -> bytes:
        """A picture."""
        from io import BytesIO

        from PIL import Image, ImageDraw, ImageFont

        image = Image.new("RGB", (_WIDTH * _SHARPER, _HEIGHT * _SHARPER), "white")
        draw = ImageDraw.Draw(image)
        font = ImageFont.load_default(_FONT * _SHARPER)
        for points, color, width in self._lines():
            places = [(x * _SHARPER, y * _SHARPER) for x, y in points]
            draw.line(places, fill=color, width=round(width * _SHARPER), joint="curve")
        for (x, y), text, anchor in self._texts():
            draw.text((x * _SHARPER, y * _SHARPER), text, fill=_INK, font=font, anchor=f"{anchor}m")
        file = BytesIO()
        image.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS).save(file, "PNG")
        return file.getvalue()

    # What is drawn, in pixels

    def _lines(self) -> Iterator[tuple[list[Point], str, float]]:
        """Points, colour and width of every line."""
        x_axis, y_axis = self._axes()
        for tick in x_axis.ticks:
            yield [(x_axis.at(tick), _TOP), (x_axis.at(tick), _BOTTOM)], _GRID, 1
        for tick in y_axis.ticks:
            yield [(_LEFT, y_axis.at(tick)), (_RIGHT, y_axis.at(tick))], _GRID, 1
        yield [(_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], _INK, 1
        for index, curve in enumerate(self.curves):
            for piece in curve.pieces():
                points = [(x_axis.at(x), y_axis.at(y)) for x, y in piece]
                if len(points) == 1:  # a dash where a line would have no length
                    points = [(points[0][0] - 3, points[0][1]), (points[0][0] + 3, points[0][1])]
                yield points, _color(index), 1.5
            y = self._legend_line(index)
            yield [(_RIGHT - 30, y), (_RIGHT - 8, y)], _color(index), 2

    def _texts(self) -> Iterator[tuple[Point, str, str]]:
        """Place, text and anchor (l, m, r) of every text."""
        x_axis, y_axis = self._axes()
        yield ((_LEFT + _RIGHT) / 2, 18), self.title, "m"
        yield ((_LEFT + _RIGHT) / 2, _HEIGHT - 14), self.x_label, "m"
        yield (10, _TOP - 16), self.y_label, "l"
        for tick in x_axis.ticks:
            yield (x_axis.at(tick), _BOTTOM + 14), f"{tick:.10g}", "m"
        for tick in y_axis.ticks:
            yield (_LEFT - 8, y_axis.at(tick)), f"{tick:.10g}", "r"
        for index, curve in enumerate(self.curves):
            yield (_RIGHT - 36, self._legend_line(index)), curve.label, "r"

    def _legend_line(self, index: int) -> float:
        first = _TOP + 12 if self.legend_on_top else _BOTTOM - 12 - 18 * (len(self.curves) - 1)
        return first + 18 * index

    def _axes(self) -> tuple[_Axis, _Axis]:
        points = [point for curve in self.curves for piece in curve.pieces() for point in piece]
        return _Axis([x for x, _ in points], _LEFT, _RIGHT), _Axis([y for _, y in points], _BOTTOM, _TOP)


class _Axis:
    """Where values lie between two edges, and which round ones are marked."""

    def __init__(self, values: Sequence[float], start: float, end: float):
        low, high = min(values), max(values)
        if low == high:
            room = abs(low) / 10 or 1.0
            low, high = low - room, high + room
        step = _round_step((high - low) / _TICKS)
        self.low, self.high = step * math.floor(low / step), step * math.ceil(high / step)
        self.start, self.end = start, end
        count = round((self.high - self.low) / step)
        self.ticks = [self.low + step * index for index in range(count + 1)]
        self.ticks = [0.0 if abs(tick) < step / 1e6 else tick for tick in self.ticks]

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def _round_step(step: float) -> float:
    """The nearest of 1, 2, 5 times a power of ten from `step` up."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _color(index: int) -> str:
    return COLORS[index % len(COLORS)]
