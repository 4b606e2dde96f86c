"""Draws. The random numbers that fall to one row of a stream, one after the other."""

from __future__ import annotations

import numpy as np

from .. import rng

_FIRST = 64  # words made at once, then twice as many


class Draws:
    """An endless run of random numbers that depends on a key and a row's position alone."""

    def __init__(self, key: tuple[int, int], position: int):
        self._key, self._position = key, position
        self._words = np.empty(0, np.uint32)
        self._used = 0

    def word(self) -> int:
        """The next 32 random bits."""
        if self._used == len(self._words):
            self._words = rng.bits(max(_FIRST, 2 * len(self._words)), self._key, self._position)
        self._used += 1
        return int(self._words[self._used - 1])

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number from `low` to `high`."""
        return low + (high - low) * (self.word() * 2.0**-32)

    def integer(self, count: int) -> int:
        """A whole number from 0 to `count` - 1."""
        return self.word() % count

    def happens(self, chance: float) -> bool:
        """Whether something of that chance comes to pass."""
        return self.uniform() < chance
