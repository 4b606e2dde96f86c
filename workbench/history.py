"""The numbers of a training run, iteration by iteration, as arrays that grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

POINT = np.dtype([("iteration", np.int64), ("loss", np.float64), ("smoothed", np.float64), ("rate", np.float64)])
TEST_POINT = np.dtype([("iteration", np.int64), ("value", np.float64)])


class Table:
    """Rows of a structured type that grow at the end. One thread writes; what others read is whole and stays."""

    def __init__(self, dtype: np.dtype):
        self._rows = np.empty(256, dtype)
        self._count = 0

    @classmethod
    def of(cls, rows: np.ndarray) -> Table:
        """A table that begins with a copy of some rows."""
        made = cls(rows.dtype)
        if len(rows):
            made._rows, made._count = rows.copy(), len(rows)
        return made

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> np.ndarray:
        """All rows, as a view that later ones do not change."""
        count = self._count  # first: the rows read next hold at least as many
        return self._rows[:count]

    def append(self, *row: Any) -> None:
        if self._count == len(self._rows):
            grown = np.empty(2 * self._count, self._rows.dtype)
            grown[: self._count] = self._rows
            self._rows = grown
        self._rows[self._count] = row
        self._count += 1

    def truncate(self, count: int) -> None:
        """Forget all but the first `count` rows; views taken before keep theirs."""
        if count < self._count:
            self._count = count
            self._rows = self._rows.copy()


@dataclass(frozen=True)
class Points:
    """Rows of the history from number `start` on, with the fields iteration, loss, smoothed and rate.

    Whatever somebody holds from `start` on is no longer true: a run that was rewound begins with no rows at 0.
    """

    start: int
    rows: np.ndarray


@dataclass(frozen=True)
class Mark:
    """What changed in a run before the update of an iteration, as "base_lr 0.01 → 0.1"."""

    iteration: int
    text: str


class History:
    """Loss and rate of every iteration, and every output of every test.

    An iteration is counted as Caffe's log counts it: the loss at iteration i is that before update i.
    """

    def __init__(self) -> None:
        self.train = Table(POINT)
        self.tests: dict[tuple[int, str], Table] = {}  # by the number of the test net and the output's name
        self.marks: tuple[Mark, ...] = ()

    iterations = property(lambda self: self.train.rows["iteration"])
    loss = property(lambda self: self.train.rows["loss"])
    smoothed = property(lambda self: self.train.rows["smoothed"])
    rate = property(lambda self: self.train.rows["rate"])

    def __len__(self) -> int:
        return len(self.train)

    def test(self, name: str, net: int = 0) -> np.ndarray:
        """The rows (iteration, value) of one output of one test net; none before the first test."""
        return self.tests[net, name].rows if (net, name) in self.tests else np.empty(0, TEST_POINT)

    def since(self, start: int) -> Points:
        """The rows from number `start` on."""
        rows = self.train.rows
        return Points(min(start, len(rows)), rows[start:])

    def add_test(self, net: int, iteration: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.tests.setdefault((net, name), Table(TEST_POINT)).append(iteration, value)

    def mark(self, iteration: int, text: str) -> None:
        """Note a change; several at one iteration become one."""
        texts = [mark.text for mark in self.marks if mark.iteration == iteration]
        others = [mark for mark in self.marks if mark.iteration != iteration]
        marks = [*others, Mark(iteration, "; ".join([*texts, text]))]
        self.marks = tuple(sorted(marks, key=lambda mark: mark.iteration))

    def copy(self) -> History:
        """The rows as they are now, which later ones do not change."""
        made = History()
        made.train, made.marks = Table.of(self.train.rows), self.marks
        made.tests = {key: Table.of(table.rows) for key, table in list(self.tests.items())}
        return made

    def truncate(self, iteration: int) -> None:
        """Forget what lies at `iteration` and after it. Changes that were made there go with the points after them."""
        self.marks = tuple(mark for mark in self.marks if mark.iteration <= iteration) if iteration else ()
        for table in (self.train, *self.tests.values()):
            table.truncate(int(np.searchsorted(table.rows["iteration"], iteration)))
