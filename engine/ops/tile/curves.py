"""More drivers over rows: functions of one number and their slopes."""

from __future__ import annotations

import numpy as np

from .drive import driver
from .rows import exponential, length_of, place_of, rows_view
from .target import lanes
from .vectors import all_of, array, choose, load, more, store

V = lanes()


@driver
def elu(address, begin, end):
    """b = a above 0, else p (e^a - 1); near 0 by the first terms of its series, where e^a - 1 would lose digits."""
    d = rows_view(address)
    zero, one, alpha = all_of(np.float32(0)), all_of(np.float32(1)), all_of(d.p)
    near, half, third = all_of(np.float32(-0.05)), all_of(np.float32(0.5)), all_of(np.float32(1 / 3))
    quarter, fifth = all_of(np.float32(0.25)), all_of(np.float32(0.2))
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            x = load(a + 4 * i)
            below = choose(more(zero, x), x, zero)
            series = one + below * third * (one + below * quarter * (one + below * fifth))
            series = below * (one + below * half * series)
            rise = choose(more(near, below), exponential(below) - one, series)
            store(b + 4 * i, choose(more(zero, x), alpha * rise, x))
        for i in range(whole, length):
            x = array(a, length)[i]
            array(b, length)[i] = d.p * np.expm1(x) if x < 0 else x


@driver
def elu_backward(address, begin, end):
    """c = b where a, a value of the function, is above 0, else b (a + p)."""
    d = rows_view(address)
    zero, alpha = all_of(np.float32(0)), all_of(d.p)
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        c = place_of(d, item, d.c, d.c_image, d.c_block, d.c_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            y, gradient = load(a + 4 * i), load(b + 4 * i)
            store(c + 4 * i, choose(more(y, zero), gradient, gradient * (y + alpha)))
        for i in range(whole, length):
            y, gradient = array(a, length)[i], array(b, length)[i]
            array(c, length)[i] = gradient if y > 0 else gradient * (y + d.p)


@driver
def relu6(address, begin, end):
    """b = a, but not below p a where a is below 0, and at most 6."""
    d = rows_view(address)
    zero, slope, most = all_of(np.float32(0)), all_of(d.p), all_of(np.float32(6))
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            x = load(a + 4 * i)
            store(b + 4 * i, choose(more(zero, x), slope * x, choose(more(x, most), most, x)))
        for i in range(whole, length):
            x = array(a, length)[i]
            array(b, length)[i] = d.p * x if x < 0 else np.float32(6) if x > 6 else x


@driver
def relu6_backward(address, begin, end):
    """c = b where a lies between 0 and 6, p b where it does not lie above 0, else 0."""
    d = rows_view(address)
    zero, slope, most = all_of(np.float32(0)), all_of(d.p), all_of(np.float32(6))
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        c = place_of(d, item, d.c, d.c_image, d.c_block, d.c_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            x, gradient = load(a + 4 * i), load(b + 4 * i)
            inside = choose(more(most, x), gradient, zero)
            store(c + 4 * i, choose(more(x, zero), inside, slope * gradient))
        for i in range(whole, length):
            x, gradient = array(a, length)[i], array(b, length)[i]
            array(c, length)[i] = d.p * gradient if not x > 0 else gradient if x < 6 else np.float32(0)


@driver
def line(address, begin, end):
    """b = p a + q."""
    d = rows_view(address)
    p, q = all_of(d.p), all_of(d.q)
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            store(b + 4 * i, p * load(a + 4 * i) + q)
        for i in range(whole, length):
            array(b, length)[i] = d.p * array(a, length)[i] + d.q


@driver
def square(address, begin, end):
    """b = (p a + q)^2."""
    d = rows_view(address)
    p, q = all_of(d.p), all_of(d.q)
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            base = p * load(a + 4 * i) + q
            store(b + 4 * i, base * base)
        for i in range(whole, length):
            base = d.p * array(a, length)[i] + d.q
            array(b, length)[i] = base * base


@driver
def square_backward(address, begin, end):
    """c = b (p a + q)."""
    d = rows_view(address)
    p, q = all_of(d.p), all_of(d.q)
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        c = place_of(d, item, d.c, d.c_image, d.c_block, d.c_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            store(c + 4 * i, load(b + 4 * i) * (p * load(a + 4 * i) + q))
        for i in range(whole, length):
            array(c, length)[i] = array(b, length)[i] * (d.p * array(a, length)[i] + d.q)
