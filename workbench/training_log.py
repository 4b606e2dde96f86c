"""Training logs read back: the numbers of every display and every test, as rows."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

Row = dict[str, float]

# `I1123 02:02:09.351818 ...` of older glog, `I20261123 02:02:09.351818 ...` of newer.
_TIME = re.compile(r"^[IWEF](\d{4})?(\d{2})(\d{2}) (\d{2}:\d{2}:\d{2}\.\d{6})")
_ITERATION = re.compile(r"Iteration (\d+)")
_RATE = re.compile(r"\blr = (\S+)")
_OUTPUT = re.compile(r"(Train|Test) net output #\d+: (\S+) = (\S+)")
_ANY_YEAR = 2000  # where the log tells none: a leap year


@dataclass
class TrainingLog:
    """The tables of a log. A row holds NumIters, Seconds since "Solving", LearningRate, and every output by name."""

    train: list[Row] = field(default_factory=list)
    test: list[Row] = field(default_factory=list)


def parse_log(lines: Iterable[str]) -> TrainingLog:
    """Read a log of Caffe's or of Brewbench's, line by line, as Caffe's parse_log.py does.

    The learning rate of a row is the last one logged before it; that of the first row, which comes before any, is
    the second's. Raises ValueError for text in which no training begins.
    """
    log = TrainingLog()
    start: datetime | None = None
    last: datetime | None = None
    years = 0
    iteration, rate = math.nan, math.nan
    for line in lines:
        time = _time_of(line)
        if time is not None and last is not None and time.month < last.month and not line[5:9].isdigit():
            years = 1  # a log that tells no years ran into the next one
        if time is not None:
            last = time
            time = time.replace(year=time.year + years)
        if start is None:
            if "Solving" in line and time is not None:
                start = time
            continue
        if found := _ITERATION.search(line):
            iteration = float(found[1])
        if time is None or math.isnan(iteration):
            continue
        if found := _RATE.search(line):
            rate = float(found[1])
        if found := _OUTPUT.search(line):
            table = log.train if found[1] == "Train" else log.test
            if not table or table[-1]["NumIters"] != iteration or found[2] in table[-1]:
                seconds = (time - start).total_seconds()
                table.append({"NumIters": iteration, "Seconds": seconds, "LearningRate": rate})
            table[-1][found[2]] = float(found[3])
    if start is None:
        raise ValueError("no training begins in this log: there is no line 'Solving ...'")
    for table in (log.train, log.test):
        if len(table) > 1 and math.isnan(table[0]["LearningRate"]):
            table[0]["LearningRate"] = table[1]["LearningRate"]
    return log


def table_text(rows: Iterable[Row], delimiter: str = ",") -> str:
    """Rows as lines of values under a line of names, the names in the order in which they first appear."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _time_of(line: str) -> datetime | None:
    found = _TIME.match(line)
    if not found:
        return None
    year, month, day, clock = found.groups()
    try:
        return datetime.strptime(f"{year or _ANY_YEAR} {month} {day} {clock}", "%Y %m %d %H:%M:%S.%f")
    except ValueError:
        return None
