"""Draws. The random numbers that fall to one row of a stream, one after the other."""

from __future__ import annotations

from math import prod

import numpy as np

from .. import rng

_FIRST = 64  # words made at once, and then twice as many as are needed


class Draws:
    """An endless run of random numbers that depends on a key and a row's position alone."""

    def __init__(self, key: tuple[int, int], position: int):
        self._key, self._position = key, position
        self._words = np.empty(0, np.uint32)
        self._used = 0

    def word(self) -> int:
        """The next 32 random bits."""
        return int(self._take(1)[0])

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number from `low` to `high`."""
        return low + (high - low) * (self.word() * 2.0**-32)

    def uniforms(self, *shape: int) -> np.ndarray:
        """Numbers from 0 to 1, float64."""
        return (self._take(prod(shape)) * 2.0**-32).reshape(shape)

    def integer(self, count: int) -> int:
        """A whole number from 0 to `count` - 1."""
        return self.word() % count

    def happens(self, chance: float) -> bool:
        """Whether something of that chance comes to pass."""
        return self.uniform() < chance

    def _take(self, count: int) -> np.ndarray:
        """The next words."""
        used = self._used + count
        if used > len(self._words):
            self._words = rng.bits(max(_FIRST, 2 * used), self._key, self._position)
        self._used = used
        return self._words[used - count : used]
