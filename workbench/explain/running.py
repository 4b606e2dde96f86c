"""Progress and stop of the functions that take many passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import index
from typing import Any

Progress = Callable[[int, int], object]


class Stopped(Exception):
    """An explanation was stopped before it was complete."""


def counted(total: int, progress: Progress | None, stop: Any) -> Iterator[int]:
    """The numbers 0 to `total` - 1; after each is used, `progress(done, total)` is called. Raises Stopped."""
    wants_stop = asked(stop)
    for number in range(total):
        if wants_stop():
            raise Stopped(f"stopped after {number} of {total} steps")
        yield number
        if progress is not None:
            progress(number + 1, total)


def asked(stop: Any) -> Callable[[], bool]:
    """A function that says whether to stop, of None, a callable or an event. Raises TypeError for anything else."""
    if stop is None:
        return lambda: False
    if hasattr(stop, "is_set"):
        return stop.is_set
    if callable(stop):
        return lambda: bool(stop())
    raise TypeError(f"stop is a callable or an event; got {type(stop).__name__}")


def whole_number(value: Any, name: str, least: int = 1) -> int:
    """`value` as an int. Raises ValueError for what is no whole number from `least` up."""
    try:
        number = index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number; got {value!r}") from None
    if number < least or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number from {least} up; got {value!r}")
    return number
