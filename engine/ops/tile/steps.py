"""Drivers of solver updates: one pass over the flat arenas, with a rule's whole arithmetic in registers."""

from __future__ import annotations

import numba
import numpy as np

from .drive import driver
from .vectors import array, read_float, read_int, record_view

PIECE = 1 << 14  # elements of one item
ARRAYS = ("w", "g", "h", "u")  # parameters, gradients, the first and the second history
NUMBERS = ("scale", "momentum", "rest", "momentum2", "rest2", "ahead", "delta")
UPDATE = np.dtype(
    [(name, np.int64) for name in (*ARRAYS, "count", "starts", "stops", "rates", "decays", "segments", "l1")]
    + [(name, np.float32) for name in NUMBERS]
)
update_view = record_view(UPDATE)
ONE = np.float32(1)


@numba.njit(inline="always")
def reach(d, segment, begin, end):
    """The part of a segment that lies in these items: its first element, and how many they are."""
    first = max(read_int(d.starts + 8 * segment), begin * PIECE)
    last = min(read_int(d.stops + 8 * segment), end * PIECE)
    return first, last - first


@numba.njit(inline="always")
def decayed(g, w, scale, decay, l1):
    """The gradient, normalised, and with what pulls the parameter to zero."""
    g = g * scale
    if decay != 0:
        g += decay * (np.float32(w > 0) - np.float32(w < 0) if l1 else w)
    return g


@driver
def sgd(address, begin, end):
    """h = momentum h + rate g; w -= h."""
    d = update_view(address)
    scale, momentum, l1 = d.scale, d.momentum, d.l1
    for segment in range(d.segments):
        first, length = reach(d, segment, begin, end)
        if length > 0:
            rate, decay = read_float(d.rates + 4 * segment), read_float(d.decays + 4 * segment)
            w, g, h = (array(d.w + 4 * first, length), array(d.g + 4 * first, length), array(d.h + 4 * first, length))
            for i in range(length):
                step = momentum * h[i] + rate * decayed(g[i], w[i], scale, decay, l1)
                h[i] = step
                g[i] = step
                w[i] -= step


@driver
def nesterov(address, begin, end):
    """h' = momentum h + rate g; w -= (1 + momentum) h' - momentum h."""
    d = update_view(address)
    scale, momentum, ahead, l1 = d.scale, d.momentum, d.ahead, d.l1
    for segment in range(d.segments):
        first, length = reach(d, segment, begin, end)
        if length > 0:
            rate, decay = read_float(d.rates + 4 * segment), read_float(d.decays + 4 * segment)
            w, g, h = (array(d.w + 4 * first, length), array(d.g + 4 * first, length), array(d.h + 4 * first, length))
            for i in range(length):
                before = momentum * h[i]
                moved = before + rate * decayed(g[i], w[i], scale, decay, l1)
                step = ahead * moved - before
                h[i] = moved
                g[i] = step
                w[i] -= step


@driver
def adagrad(address, begin, end):
    """h += g^2; w -= rate g / (sqrt(h) + delta)."""
    d = update_view(address)
    scale, delta, l1 = d.scale, d.delta, d.l1
    for segment in range(d.segments):
        first, length = reach(d, segment, begin, end)
        if length > 0:
            rate, decay = read_float(d.rates + 4 * segment), read_float(d.decays + 4 * segment)
            w, g, h = (array(d.w + 4 * first, length), array(d.g + 4 * first, length), array(d.h + 4 * first, length))
            for i in range(length):
                slope = decayed(g[i], w[i], scale, decay, l1)
                squares = h[i] + slope * slope
                step = rate * (slope / (np.sqrt(squares) + delta))
                h[i] = squares
                g[i] = step
                w[i] -= step


@driver
def rmsprop(address, begin, end):
    """h = momentum h + rest g^2; w -= rate g / (sqrt(h) + delta); rms_decay comes as the momentum."""
    d = update_view(address)
    scale, delta, l1, momentum, rest = d.scale, d.delta, d.l1, d.momentum, d.rest
    for segment in range(d.segments):
        first, length = reach(d, segment, begin, end)
        if length > 0:
            rate, decay = read_float(d.rates + 4 * segment), read_float(d.decays + 4 * segment)
            w, g, h = (array(d.w + 4 * first, length), array(d.g + 4 * first, length), array(d.h + 4 * first, length))
            for i in range(length):
                slope = decayed(g[i], w[i], scale, decay, l1)
                squares = momentum * h[i] + rest * (slope * slope)
                step = rate * (slope / (np.sqrt(squares) + delta))
                h[i] = squares
                g[i] = step
                w[i] -= step


@driver
def adadelta(address, begin, end):
    """h = momentum h + rest g^2; s = g sqrt((u + delta) / (h + delta)); u = momentum u + rest s^2; w -= rate s."""
    d = update_view(address)
    scale, delta, l1, momentum, rest = d.scale, d.delta, d.l1, d.momentum, d.rest
    for segment in range(d.segments):
        first, length = reach(d, segment, begin, end)
        if length > 0:
            rate, decay = read_float(d.rates + 4 * segment), read_float(d.decays + 4 * segment)
            w, g = array(d.w + 4 * first, length), array(d.g + 4 * first, length)
            h, u = array(d.h + 4 * first, length), array(d.u + 4 * first, length)
            for i in range(length):
                slope = decayed(g[i], w[i], scale, decay, l1)
                squares = momentum * h[i] + rest * (slope * slope)
                slope *= np.sqrt((u[i] + delta) / (squares + delta))
                h[i] = squares
                u[i] = momentum * u[i] + rest * (slope * slope)
                step = rate * slope
                g[i] = step
                w[i] -= step


@driver
def adam(address, begin, end):
    """h = momentum h + rest g; u = momentum2 u + rest2 g^2; w -= rate h / (sqrt(u) + delta), the rate corrected."""
    d = update_view(address)
    scale, delta, l1 = d.scale, d.delta, d.l1
    momentum, rest, momentum2, rest2 = d.momentum, d.rest, d.momentum2, d.rest2
    for segment in range(d.segments):
        first, length = reach(d, segment, begin, end)
        if length > 0:
            rate, decay = read_float(d.rates + 4 * segment), read_float(d.decays + 4 * segment)
            w, g = array(d.w + 4 * first, length), array(d.g + 4 * first, length)
            h, u = array(d.h + 4 * first, length), array(d.u + 4 * first, length)
            for i in range(length):
                slope = decayed(g[i], w[i], scale, decay, l1)
                mean = momentum * h[i] + rest * slope
                squares = momentum2 * u[i] + rest2 * (slope * slope)
                step = rate * (mean / (np.sqrt(squares) + delta))
                h[i] = mean
                u[i] = squares
                g[i] = step
                w[i] -= step


@driver
def sums_of_squares(address, begin, end):
    """h[item] = the sum of g^2 over an item's piece, summed in double precision."""
    d = update_view(address)
    sums = array(d.h, end)
    for item in range(begin, end):
        length = min(PIECE, d.count - item * PIECE)
        g = array(d.g + 4 * item * PIECE, length)
        squares = 0.0
        for i in range(length):
            squares += np.float64(g[i]) * np.float64(g[i])
        sums[item] = squares
