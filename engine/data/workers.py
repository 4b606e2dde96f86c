"""Threads that share the decoding of images, which Pillow and NumPy do without holding Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_ITEMS_AT_ONCE = 64


class Workers:
    """As many threads as there are cores to run on. They start with the first work, and end when forgotten."""

    def __init__(self, name: str):
        self._name = name
        self._pool: ThreadPoolExecutor | None = None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """What `function` makes of each item, in order. Raises what it raised for the first item that failed."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_cores(), self._name)
        return list(self._pool.map(function, items))

    def stream(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The same for any number of items, some of which are taken at a time."""
        items = iter(items)
        while chunk := list(islice(items, _ITEMS_AT_ONCE)):
            yield from self.map(function, chunk)


def _cores() -> int:
    affinity: Any = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(affinity(0)) if affinity else os.cpu_count() or 1
