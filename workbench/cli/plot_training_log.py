"""`brewbench plot_training_log`: curves of training logs."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .chart import ENDINGS, Chart, Curve
from .flags import Parser

# Caffe's numbers: what goes up, and what goes to the right.
_UP = ("Test accuracy", "Test loss", "Train learning rate", "Train loss")
_RIGHT = {"Iters": "NumIters", "Seconds": "Seconds"}
CHARTS = [f"{up} vs. {right}" for up in _UP for right in _RIGHT]

_LOSS = re.compile(r"Iteration (\d+)(?: \(.*\))?, loss = (\S+)")
_RATE = re.compile(r"Iteration (\d+), lr = (\S+)")
_LIST = "\n".join(f"    {number}  {name}" for number, name in enumerate(CHARTS))
_EPILOG = f"""
CHART is one of

{_LIST}

FILE ends in .html: a page to move and zoom in, which needs no network; or in .svg or .png: a drawing. Every LOG of
brewbench or of caffe gives a curve, under its name without .log. The loss of training is the smoothed one that the log
shows; of a test, every output whose name speaks of loss or accuracy is drawn.
"""


def run(words: Sequence[str]) -> None:
    """Draw. Raises UsageError, ValueError, OSError."""
    parser = Parser("plot_training_log", _EPILOG)
    parser.add_argument("chart", metavar="CHART", type=_chart, help="number of the chart")
    parser.add_argument("file", metavar="FILE", type=_file, help=f"what to write: {', '.join(ENDINGS)}")
    parser.add_argument("logs", metavar="LOG", nargs="+", help="logs of trainings")
    args = parser.parse(words)
    up, right = _UP[args.chart // len(_RIGHT)], list(_RIGHT)[args.chart % len(_RIGHT)]
    curves = [curve for log in args.logs for curve in _curves(log, up, _RIGHT[right])]
    Chart(CHARTS[args.chart], right, up, curves, legend_on_top=up != "Test accuracy").write(args.file)


def _chart(text: str) -> int:
    if not text.isdecimal() or int(text) >= len(CHARTS):
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {len(CHARTS) - 1}; got {text}")
    return int(text)


def _file(text: str) -> str:
    if Path(text).suffix.lower() not in ENDINGS:
        raise argparse.ArgumentTypeError(f"must end in {', '.join(ENDINGS)}; got {text}")
    return text


def _curves(log: str, up: str, right: str) -> Iterator[Curve]:
    """The curves of one log. Raises ValueError with its name where it has none."""
    from ..training_log import Row, parse_log

    phase, _, what = up.partition(" ")
    what = what.replace(" ", "_")
    path = Path(log)
    with path.open(encoding="utf-8", errors="replace") as file:
        lines: Iterable[str] = _displays(file) if phase == "Train" else file
        try:
            tables = parse_log(lines)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    rows: list[Row] = tables.train if phase == "Train" else tables.test
    outputs = list(dict.fromkeys(name for row in rows for name in list(row)[3:]))
    drawn = [name for name in outputs if (name == what if phase == "Train" else what in name.lower())]
    if not drawn:
        found = f"; its outputs: {', '.join(outputs)}" if outputs and phase == "Test" else ""
        raise ValueError(f"{path}: shows no {up.lower()}{found}")
    label = path.name.removesuffix(".log")
    for name in drawn:
        points = [(row[right], row[name]) for row in rows if name in row]
        yield Curve(label if len(drawn) == 1 else f"{label}: {name}", points)


def _displays(lines: Iterable[str]) -> Iterator[str]:
    """A log's displays alone, their loss and learning rate worded as outputs, so that a table can be made of them."""
    for line in lines:
        if found := _LOSS.search(line):
            yield _LOSS.sub(rf"Iteration {found[1]}, Train net output #0: loss = {found[2]}", line)
        elif found := _RATE.search(line):
            yield _RATE.sub(rf"Iteration {found[1]}, Train net output #1: learning_rate = {found[2]}", line)
        elif "Solving" in line:
            yield line
