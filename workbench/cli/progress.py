"""Progress bars on a terminal that somebody sees; nothing elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

from ...engine.solver import Listener, Solver, TestResult
from .terminal import shows_bars

_COLUMNS, _ROWS = 80, 24  # of a terminal that does not tell


class Bar(tqdm):
    """A bar that asks what to show behind it, `tell()`, when it is drawn and not before."""

    tell: Callable[[], dict[str, str]] | None = None

    def __str__(self) -> str:
        if self.tell is not None:
            self.set_postfix(self.tell(), refresh=False)  # pyright: ignore[reportArgumentType]
        return super().__str__()


def progress_bar(total: int, start: int = 0, unit: str = "it") -> Any:
    """A bar on stderr, which goes away when it is closed. To be used in a `with`."""
    known = _size_is_known()
    return Bar(
        total=total,
        initial=start,
        unit=unit,
        leave=False,
        dynamic_ncols=known,
        ncols=None if known else _COLUMNS,
        nrows=None if known else _ROWS,
        disable=not shows_bars(sys.stderr),
    )


def _size_is_known() -> bool:
    """Whether the terminal tells how large it is, which some do not."""
    try:
        return min(os.get_terminal_size(sys.stderr.fileno())) > 0
    except (AttributeError, OSError, ValueError):
        return False


class Steps:
    """Moves a bar, and tells how far a long work is: what the engine calls as `progress(done, total)`.

    `begin(total)` is called first, `tell(done)` at every multiple of `every` and at the end, once for each number.
    """

    def __init__(self, bar: Any, begin: Callable[[int], None], tell: Callable[[int], None], every: int = 1000):
        self.bar, self.begin, self.tell, self.every = bar, begin, tell, every
        self._told = -1

    def __call__(self, done: int, total: int) -> None:
        if self._told < 0:
            self.begin(total)
            self._told = 0
        self.bar.total = total
        self.bar.update(done - self.bar.n)
        if done != self._told and (done % self.every == 0 or done == total):
            self.tell(done)
            self._told = done


class SolverBar(Listener):
    """Shows in a bar how far a solver is, with its loss and rate.

    The loss is read only when the bar is drawn: a device need not be waited for at every iteration.
    """

    def __init__(self, bar: Bar):
        self.bar = bar

    def on_advance(self, solver: Solver) -> None:
        if self.bar.tell is None:
            self.bar.tell = lambda: {"loss": f"{solver.smoothed_loss:.4g}", "rate": f"{solver.rate:.4g}"}
        self.bar.update(solver.iter - self.bar.n)

    def on_test_start(self, solver: Solver, net: int) -> None:
        self.bar.set_description_str(f"testing net #{net}")

    def on_test(self, solver: Solver, result: TestResult) -> None:
        self.bar.set_description_str("")
