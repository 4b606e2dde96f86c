"""Drivers of the loss behind sigmoids: scores and targets from 0 to 1, in rows of which all have one length."""

from __future__ import annotations

import numba
import numpy as np

from ...addresses import array_address, keep_alive
from .drive import driver
from .rows import exponential, logistic
from .target import lanes
from .vectors import all_of, array, choose, floor, load, more, multiply_add, record_view, store, total

V = lanes()
BITS = np.dtype(
    [(name, np.int64) for name in (
        "x", "t", "out", "x_row", "t_row", "rows", "at_once", "length", "count", "has_ignored", "losses", "counts",
    )]
    + [("ignored", np.float32), ("factor", np.float32)]
)  # fmt: skip
bits_view = record_view(BITS)
UNSEEN = np.float32(2.0**-24)
SERIES = tuple(np.float32(2 / k) for k in (13, 11, 9, 7, 5, 3, 1))  # of log((1 + s) / (1 - s)) by odd powers of s


@numba.njit(inline="always")
def weights(d, t):
    """1 where a target counts, else 0; no number where the target is none."""
    zero, one = all_of(np.float32(0)), all_of(np.float32(1))
    if not d.has_ignored:
        return one
    below = more(zero, t)
    whole = floor(choose(below, zero - t, t))
    apart = choose(below, zero - whole, whole) - all_of(d.ignored)
    return choose(more(apart, zero), one, choose(more(zero, apart), one, apart))


@numba.njit(inline="always")
def surprise(x, t):
    """-t log s(x) - (1 - t) log(1 - s(x)); as for Caffe, what is too small to be seen beside 1 is nothing."""
    zero, one, two = all_of(np.float32(0)), all_of(np.float32(1)), all_of(np.float32(2))
    below = more(zero, x)
    small = exponential(choose(below, x, zero - x))
    small = choose(more(all_of(UNSEEN), small), zero, small)
    s = small / (two + small)
    square = s * s
    log = all_of(SERIES[0])
    for k in range(1, len(SERIES)):
        log = multiply_add(log, square, all_of(SERIES[k]))
    return s * log - x * (t - choose(below, zero, one))


@numba.njit(inline="always")
def last_of(address, length, room):
    """Less than a vector, filled up with what is there."""
    given, filled = array(address, length), array(room, length)
    for i in range(length):
        filled[i] = given[i]
    return load(room)


@driver
def bits_loss(address, begin, end):
    """losses[item] = the sum over some rows of those that count, counts[item] of how many; only counted without x."""
    d = bits_view(address)
    room = np.zeros(4 * V, np.float32)
    spare = array_address(room)
    steps = array(spare + 8 * V, V)
    for i in range(V):
        steps[i] = i
    losses, counts = array(d.losses, end), array(d.counts, end)
    zero = all_of(np.float32(0))
    for item in range(begin, end):
        loss, count = 0.0, 0.0
        for row in range(item * d.at_once, min(d.rows, (item + 1) * d.at_once)):
            x, t = d.x + 4 * row * d.x_row, d.t + 4 * row * d.t_row
            length = min(d.length, d.count - row * d.length)
            whole = length // V * V
            losses_here, counts_here = zero, zero
            for i in range(0, whole, V):
                targets = load(t + 4 * i)
                counted = weights(d, targets)
                counts_here = counts_here + counted
                if d.x:
                    losses_here = multiply_add(surprise(load(x + 4 * i), targets), counted, losses_here)
            if whole < length:
                targets = last_of(t + 4 * whole, length - whole, spare)
                within = more(all_of(np.float32(length - whole)), load(spare + 8 * V))
                counted = choose(within, weights(d, targets), zero)
                counts_here = counts_here + counted
                if d.x:
                    scores = last_of(x + 4 * whole, length - whole, spare + 4 * V)
                    losses_here = losses_here + choose(within, surprise(scores, targets) * counted, zero)
            loss += total(losses_here)
            count += total(counts_here)
        losses[item], counts[item] = loss, count
    keep_alive(room)


@driver
def bits_backward(address, begin, end):
    """out = factor (s(x) - t), or 0 where the target does not count; some rows an item."""
    d = bits_view(address)
    room = np.zeros(3 * V, np.float32)
    spare = array_address(room)
    factor = all_of(d.factor)
    for item in range(begin, end):
        for row in range(item * d.at_once, min(d.rows, (item + 1) * d.at_once)):
            x, t, out = d.x + 4 * row * d.x_row, d.t + 4 * row * d.t_row, d.out + 4 * row * d.x_row
            length = min(d.length, d.count - row * d.length)
            whole = length // V * V
            for i in range(0, whole, V):
                targets = load(t + 4 * i)
                store(out + 4 * i, (logistic(load(x + 4 * i)) - targets) * (weights(d, targets) * factor))
            if whole < length:
                targets = last_of(t + 4 * whole, length - whole, spare)
                scores = last_of(x + 4 * whole, length - whole, spare + 4 * V)
                store(spare + 8 * V, (logistic(scores) - targets) * (weights(d, targets) * factor))
                found, given = array(spare + 8 * V, length - whole), array(out + 4 * whole, length - whole)
                for i in range(length - whole):
                    given[i] = found[i]
    keep_alive(room)
