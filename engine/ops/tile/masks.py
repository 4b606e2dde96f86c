"""Drivers of dropout: Philox4x32-10 by counter in vectors, its words used where they are made."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types

from ... import rng
from ...addresses import array_address, keep_alive
from .drive import driver
from .target import lanes
from .vectors import (
    INT32,
    INTS,
    all_of,
    all_of_int,
    array,
    choose,
    intrinsic,
    ints,
    load,
    mask,
    record_view,
    store,
)

V = lanes()
LONGS = ir.VectorType(ir.IntType(64), V)
MULTIPLIERS, WEYL, ROUNDS = rng._MULTIPLIERS, rng._WEYL, rng._ROUNDS
FOUR: Any = types.UniTuple(ints, 4)
CHUNK = 2048  # blocks of four values in an item

DROP = np.dtype(
    [(name, np.int64) for name in (
        "a", "b", "count", "key", "second_key", "stream", "second_stream", "threshold", "blocks", "row"
    )]
    + [("scale", np.float32)]
)  # fmt: skip
drop_view = record_view(DROP)


def _spread(builder: Any, value: Any) -> Any:
    one = builder.insert_element(ir.Constant(INTS, ir.Undefined), builder.trunc(value, INT32), ir.Constant(INT32, 0))
    return builder.shuffle_vector(one, one, ir.Constant(INTS, [0] * V))


def _all(kind: Any, value: int) -> Any:
    return ir.Constant(kind, [value] * V)


@intrinsic
def words(typing: Any, first: Any, step: Any, key: Any, second_key: Any, stream: Any, second_stream: Any) -> Any:
    """The four words of the blocks `first`, `first + step`, ..., one block a lane."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        def product(values: Any, multiplier: int) -> tuple[Any, Any]:
            long = builder.mul(builder.zext(values, LONGS), _all(LONGS, multiplier))
            high = builder.trunc(builder.lshr(long, _all(LONGS, 32)), INTS)
            return high, builder.trunc(long, INTS)

        start, stride, *rest = (_spread(builder, argument) for argument in args)
        k0, k1, c2, c3 = rest
        c0 = builder.add(start, builder.mul(stride, ir.Constant(INTS, list(range(V)))))
        c1 = _all(INTS, 0)
        for number in range(ROUNDS):
            if number:
                k0, k1 = builder.add(k0, _all(INTS, WEYL[0])), builder.add(k1, _all(INTS, WEYL[1]))
            (high0, low0), (high1, low1) = product(c0, MULTIPLIERS[0]), product(c2, MULTIPLIERS[1])
            c0, c1 = builder.xor(builder.xor(high1, c1), k0), low1
            c2, c3 = builder.xor(builder.xor(high0, c3), k1), low0
        return context.make_tuple(builder, sig.return_type, [c0, c1, c2, c3])

    return FOUR(*[types.int64] * 6), emit


@intrinsic
def in_order(typing: Any, blocks: Any) -> Any:
    """Four vectors, one word of a block each, as four that have block after block."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        c = [builder.extract_value(args[0], k) for k in range(4)]
        order = ir.VectorType(INT32, V)

        def shuffled(a: Any, b: Any, picks: list[int]) -> Any:
            return builder.shuffle_vector(a, b, ir.Constant(order, picks))

        out = []
        for j in range(4):
            at = [j * V // 4 + lane // 4 for lane in range(V)]
            pairs = [shuffled(c[k], c[k + 1], [at[i] + V * (i % 2) for i in range(V)]) for k in (0, 2)]
            out.append(shuffled(pairs[0], pairs[1], [i if i % 4 < 2 else V + i for i in range(V)]))
        return context.make_tuple(builder, sig.return_type, out)

    return FOUR(blocks), emit


@intrinsic
def reach(typing: Any, words: Any, threshold: Any) -> Any:
    """Where a word, which has no sign, is not below another."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.icmp_unsigned(">=", *args)

    return mask(ints, ints), emit


@numba.njit(inline="always")
def factor(word, threshold, scale):
    """What a value is multiplied by."""
    return choose(reach(word, threshold), scale, all_of(np.float32(0)))


@driver
def drop(address, begin, end):
    """b = a where the word is not below the threshold, times the scale, and else times 0; in plain order."""
    d = drop_view(address)
    threshold, scale = all_of_int(d.threshold), all_of(d.scale)
    room = np.zeros(4 * V, np.float32)
    at = array_address(room)
    for block in range(begin * CHUNK, min(d.blocks, end * CHUNK), V):
        one = in_order(words(block, 1, d.key, d.second_key, d.stream, d.second_stream))
        a, b = d.a + 16 * block, d.b + 16 * block
        left = d.count - 4 * block
        if left >= 4 * V:
            store(b, load(a) * factor(one[0], threshold, scale))
            store(b + 4 * V, load(a + 4 * V) * factor(one[1], threshold, scale))
            store(b + 8 * V, load(a + 8 * V) * factor(one[2], threshold, scale))
            store(b + 12 * V, load(a + 12 * V) * factor(one[3], threshold, scale))
        else:
            store(at, factor(one[0], threshold, scale))
            store(at + 4 * V, factor(one[1], threshold, scale))
            store(at + 8 * V, factor(one[2], threshold, scale))
            store(at + 12 * V, factor(one[3], threshold, scale))
            source, target = array(a, left), array(b, left)
            for i in range(left):
                target[i] = source[i] * room[i]
    keep_alive(room)


@driver
def drop_turned(address, begin, end):
    """The same over turned rows, whose length is a multiple of 4: `blocks` to a row; four features an item."""
    d = drop_view(address)
    threshold, scale = all_of_int(d.threshold), all_of(d.scale)
    for item in range(begin, end):
        for n in range(0, d.row, V):
            one = words(n * d.blocks + item, d.blocks, d.key, d.second_key, d.stream, d.second_stream)
            at = 4 * (4 * item * d.row + n)
            a, b, row = d.a + at, d.b + at, 4 * d.row
            store(b, load(a) * factor(one[0], threshold, scale))
            store(b + row, load(a + row) * factor(one[1], threshold, scale))
            store(b + 2 * row, load(a + 2 * row) * factor(one[2], threshold, scale))
            store(b + 3 * row, load(a + 3 * row) * factor(one[3], threshold, scale))
