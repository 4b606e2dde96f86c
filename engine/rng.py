"""Random numbers by counter: the same key gives the same numbers, in any order, on any backend."""

from __future__ import annotations

import secrets
import zlib
from typing import Any

import numpy as np

_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10
_CHUNK = 1 << 16  # counters worked on at once: a few arrays of this length fit into the cache


def fresh_seed() -> int:
    """A seed nobody chose, for nets that were given none."""
    return secrets.randbits(31)


def key(seed: int, *words: int | str) -> tuple[int, int]:
    """A 64-bit key from a seed and what tells one stream from another (a layer's identity, a blob's index)."""
    text = "\0".join(str(word) for word in words).encode()
    return (seed & 0xFFFFFFFF, zlib.crc32(text) & 0xFFFFFFFF)


def bits(count: int, key: tuple[int, int], stream: int = 0, xp: Any = np) -> Any:
    """`count` uniform 32-bit integers of the Philox4x32-10 generator.

    The counter is (block, 0, stream low, stream high): `stream` is the iteration, so that a value depends only
    on (key, iteration, position). Reference: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
    as 1, 2, 3", SC 2011.
    """
    out = xp.empty((-(-count // 4), 4), xp.uint32)
    for start in range(0, len(out), _CHUNK):
        part = out[start : start + _CHUNK]
        c0 = xp.arange(start, start + len(part), dtype=xp.uint64)
        c1 = xp.zeros_like(c0)
        c2 = xp.full_like(c0, stream & 0xFFFFFFFF)
        c3 = xp.full_like(c0, (stream >> 32) & 0xFFFFFFFF)
        k0, k1 = key
        for _ in range(_ROUNDS):
            p0, p1 = c0 * xp.uint64(_MULTIPLIERS[0]), c2 * xp.uint64(_MULTIPLIERS[1])
            c0 = (p1 >> xp.uint64(32)) ^ c1 ^ xp.uint64(k0)
            c1 = p1 & xp.uint64(0xFFFFFFFF)
            c2 = (p0 >> xp.uint64(32)) ^ c3 ^ xp.uint64(k1)
            c3 = p0 & xp.uint64(0xFFFFFFFF)
            k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
        for lane, words in enumerate((c0, c1, c2, c3)):
            part[:, lane] = words
    return out.reshape(-1)[:count]


def uniform(count: int, key: tuple[int, int], stream: int = 0) -> np.ndarray:
    """`count` float64 values, evenly spread over [0, 1)."""
    return bits(count, key, stream) * 2.0**-32


def gaussian(count: int, key: tuple[int, int], stream: int = 0) -> np.ndarray:
    """`count` float64 values of mean 0 and deviation 1, by the transform of Box and Muller (1958)."""
    pairs = -(-count // 2)
    values = uniform(2 * pairs, key, stream)
    for start in range(0, pairs, _CHUNK):
        first = values[start : min(start + _CHUNK, pairs)]
        second = values[pairs + start : pairs + start + _CHUNK]
        radius = np.sqrt(-2.0 * np.log1p(-first))
        angle = 2.0 * np.pi * second
        first[:], second[:] = radius * np.cos(angle), radius * np.sin(angle)
    return values[:count]


def permutation(count: int, key: tuple[int, int], stream: int = 0) -> np.ndarray:
    """The integers 0 to `count` - 1 in a random order."""
    return np.argsort(bits(count, key, stream), kind="stable")
