"""Threads that share the decoding of images, which Pillow and NumPy do without holding Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from ..threads import cores

Item = TypeVar("Item")
Result = TypeVar("Result")

_ITEMS_AT_ONCE = 64


class Workers:
    """As many threads as may compute. They start with the first work of a process, and end when forgotten."""

    def __init__(self, name: str):
        self._name = name
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0  # whose threads they are: a forked child has none of them

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """What `function` makes of each item, in order. Raises what it raised for the first item that failed."""
        if self._pool is None or self._process != os.getpid():
            self._pool, self._process = ThreadPoolExecutor(cores(), self._name), os.getpid()
        return list(self._pool.map(function, items))

    def stream(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The same for any number of items, some of which are taken at a time."""
        items = iter(items)
        while chunk := list(islice(items, _ITEMS_AT_ONCE)):
            yield from self.map(function, chunk)
