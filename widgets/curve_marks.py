"""Marks on the curves: vertical lines that say what happened at an iteration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bokeh.models import ColumnDataSource, HoverTool, Range1d
from bokeh.plotting import figure

Kind = Literal["change", "bad", "here"]

COLOURS = {"change": "#8a8a8a", "bad": "#e0393e", "here": "#d9730d"}
"""Legible on light and dark."""
DASHES = {"change": "4 3", "bad": "solid", "here": "2 2"}


@dataclass(frozen=True)
class CurveMark:
    """A vertical line at `x`: a change of the run, a value that is not finite, or where the run stands."""

    x: float
    text: str
    kind: Kind = "change"


def columns_of(marks: Iterable[CurveMark]) -> dict[str, list[Any]]:
    """Marks as the columns of a data source."""
    marks = list(marks)
    return {
        "x": [mark.x for mark in marks],
        "text": [mark.text for mark in marks],
        "colour": [COLOURS[mark.kind] for mark in marks],
        "dash": [DASHES[mark.kind] for mark in marks],
        "y": [1.0] * len(marks),
    }


def add_marks(plot: figure, marks: Iterable[CurveMark]) -> None:
    """Draw marks into a figure, from a data source named "marks"; a triangle at the top tells by hovering."""
    source = ColumnDataSource(columns_of(marks), name="marks")
    plot.extra_y_ranges = {**plot.extra_y_ranges, "marks": Range1d(start=0, end=1)}
    plot.vspan(x="x", source=source, line_color="colour", line_dash="dash", line_width=1.2, level="underlay")
    tip: Any = plot.scatter(
        "x", "y", source=source, marker="inverted_triangle", size=11, color="colour", y_range_name="marks"
    )
    plot.add_tools(HoverTool(renderers=[tip], tooltips=[("iteration", "@x{0,0}"), ("", "@text")], visible=False))
