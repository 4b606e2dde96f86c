"""Drivers of softmax and of its loss, over values (outer, classes, inner) or turned rows.

Turned rows (classes, N) are one outer item with N inner places. Where classes lie side by side vectors run along them,
else along the places.
"""

from __future__ import annotations

import numba
import numpy as np

from ...addresses import array_address, keep_alive
from .drive import driver
from .rows import exponential
from .target import lanes
from .vectors import (
    all_of,
    array,
    choose,
    load,
    more,
    read_float,
    read_int,
    record_view,
    store,
    total,
    write_float,
    write_int,
)  # fmt: skip

V = lanes()
SMALLEST = np.float32(2.0**-126)  # of the normal numbers: a chance counts as at least that much in a loss
ROWS = 16  # rows of one item where classes lie side by side
PLACES = 4096  # inner places of one item of a loss
CHANCES = np.dtype(
    [(name, np.int64) for name in (
        "a", "b", "c", "outer", "classes", "inner", "outer_step", "class_step", "bands", "labels", "has_ignored",
        "ignored", "losses", "counts", "together", "items", "found", "divisor", "top", "slope", "factor",
    )]
)  # fmt: skip
chances_view = record_view(CHANCES)


NO_CLASS = -1 << 62


@numba.njit(inline="always")
def class_of(label):
    """A label cut to a whole number; what is no number, or far beyond all classes, is NO_CLASS."""
    return np.int64(label) if abs(label) < np.float32(1e18) else NO_CLASS


@numba.njit(inline="always")
def weight(x):
    """e to the x for x up to 0, down to the smallest floats."""
    half = exponential(x * all_of(np.float32(0.5)))
    return half * half


@numba.njit(inline="always")
def largest(a, b):
    return choose(more(a, b), a, b)


@numba.njit(inline="always")
def copied(source, target, length):
    """Copy less than a vector."""
    given, room = array(source, length), array(target, length)
    for i in range(length):
        room[i] = given[i]


@driver
def rows(address, begin, end):
    """b = softmax of a, classes side by side; some rows an item."""
    d = chances_view(address)
    room = np.empty(2 * V, np.float32)
    at = array_address(room)
    scalars = room[V:]
    whole = d.classes // V * V
    rest = d.classes - whole
    lowest = all_of(np.float32(-np.inf))
    for n in range(begin * ROWS, min(d.outer, end * ROWS)):
        a, b = d.a + 4 * n * d.classes, d.b + 4 * n * d.classes
        best = lowest
        for c in range(0, whole, V):
            best = largest(load(a + 4 * c), best)
        if rest:
            store(at, lowest)
            copied(a + 4 * whole, at, rest)
            best = largest(load(at), best)
        store(at + 4 * V, best)
        top = scalars[0]
        for i in range(1, V):
            top = max(top, scalars[i])
        best = all_of(top)
        sums = all_of(np.float32(0))
        for c in range(0, whole, V):
            one = weight(load(a + 4 * c) - best)
            store(b + 4 * c, one)
            sums = sums + one
        if rest:
            one = weight(load(at) - best)
            store(at, one)
            sums = sums + one
        divisor = all_of(total(sums))
        for c in range(0, whole, V):
            store(b + 4 * c, load(b + 4 * c) / divisor)
        if rest:
            store(at, load(at) / divisor)
            copied(at, b + 4 * whole, rest)
    keep_alive(room)


@numba.njit(inline="always")
def column(a, a_step, b, b_step, classes):
    """b = softmax of a for a vector of places."""
    best = all_of(np.float32(-np.inf))
    for c in range(classes):
        best = largest(load(a + 4 * c * a_step), best)
    sums = all_of(np.float32(0))
    for c in range(classes):
        one = weight(load(a + 4 * c * a_step) - best)
        store(b + 4 * c * b_step, one)
        sums = sums + one
    for c in range(classes):
        store(b + 4 * c * b_step, load(b + 4 * c * b_step) / sums)


@driver
def columns(address, begin, end):
    """The same where classes are `class_step` apart; a vector of places an item."""
    d = chances_view(address)
    room = np.zeros(d.classes * V, np.float32)
    at = array_address(room)
    for item in range(begin, end):
        i = item % d.bands * V
        start = 4 * (item // d.bands * d.outer_step + i)
        a, b, width = d.a + start, d.b + start, min(V, d.inner - i)
        if width == V:
            column(a, d.class_step, b, d.class_step, d.classes)
        else:
            for c in range(d.classes):
                copied(a + 4 * c * d.class_step, at + 4 * c * V, width)
            column(at, V, at, V, d.classes)
            for c in range(d.classes):
                copied(at + 4 * c * V, b + 4 * c * d.class_step, width)
    keep_alive(room)


@driver
def rows_backward(address, begin, end):
    """c = a (b - sum of a b) over a row, a being chances and b their gradient."""
    d = chances_view(address)
    for n in range(begin * ROWS, min(d.outer, end * ROWS)):
        at = 4 * n * d.classes
        a, b, c = array(d.a + at, d.classes), array(d.b + at, d.classes), array(d.c + at, d.classes)
        shared = np.float32(0)
        for k in range(d.classes):
            shared += a[k] * b[k]
        for k in range(d.classes):
            c[k] = a[k] * (b[k] - shared)


@driver
def columns_backward(address, begin, end):
    """The same where classes are `class_step` apart."""
    d = chances_view(address)
    shared = np.empty(V, np.float32)
    for item in range(begin, end):
        i = item % d.bands * V
        start = 4 * (item // d.bands * d.outer_step + i)
        width = min(V, d.inner - i)
        shared[:] = 0
        for k in range(d.classes):
            at = start + 4 * k * d.class_step
            a, b = array(d.a + at, width), array(d.b + at, width)
            for j in range(width):
                shared[j] += a[j] * b[j]
        for k in range(d.classes):
            at = start + 4 * k * d.class_step
            a, b, c = array(d.a + at, width), array(d.b + at, width), array(d.c + at, width)
            for j in range(width):
                c[j] = a[j] * (b[j] - shared[j])


@driver
def surprise(address, begin, end):
    """losses[item] = the sum of -log of the chances a of the right classes, counts[item] of how many.

    An item is `together` outer ones, or a band of places of one. The count is -1 where a label that counts is no class.
    Without `a` the labels are only counted.
    """
    d = chances_view(address)
    losses, counts = array(d.losses, end), array(d.counts, end)
    for item in range(begin, end):
        first = item % d.bands * PLACES
        last = min(d.inner, first + PLACES)
        loss, count, wrong = 0.0, 0, False
        for n in range(item // d.bands * d.together, min(d.outer, (item // d.bands + 1) * d.together)):
            labels = array(d.labels + 4 * n * d.inner, d.inner)
            chances = array(d.a + 4 * n * d.outer_step, (d.classes - 1) * d.class_step + d.inner)
            for i in range(first, last):
                label = class_of(labels[i])
                if d.has_ignored and label == d.ignored:
                    continue
                if label < 0 or label >= d.classes:
                    wrong = True
                    continue
                count += 1
                if d.a:
                    chance = chances[label * d.class_step + i]
                    loss -= np.log(SMALLEST if chance < SMALLEST else chance)
        losses[item] = loss
        counts[item] = -1 if wrong else count


@driver
def settle(address, begin, end):
    """The sums over all items of `surprise`: the loss, divided, goes to `top`, unless that is 0.

    `found` becomes (whether a label that counts is no class, how many labels count); where one is not, only the first.
    """
    d = chances_view(address)
    losses, counts = array(d.losses, d.items), array(d.counts, d.items)
    loss, count, wrong = 0.0, 0, 0
    for item in range(d.items):
        wrong |= counts[item] < 0
        loss += losses[item]
        count += np.int64(counts[item])
    write_int(d.found, wrong)
    if not wrong:
        write_int(d.found + 8, count)
        if d.top:
            write_float(d.top, np.float32(loss / divisor_of(d)))


@numba.njit(inline="always")
def divisor_of(d):
    """What the loss is divided by: a number that is given, or how many labels count, at least 1."""
    return d.divisor if d.divisor else max(read_int(d.found + 8), 1)


@driver
def gradient_factor(address, begin, end):
    """The factor of `surprise_backward`: the gradient of the loss, divided as the loss is."""
    d = chances_view(address)
    write_float(d.factor, read_float(d.slope) / np.float32(divisor_of(d)))


@driver
def surprise_backward(address, begin, end):
    """b = factor (a - 1 at the right class); 0 where the label does not count. The labels are known to be classes."""
    d = chances_view(address)
    given = read_float(d.factor)
    factors = np.empty(PLACES, np.float32)
    for item in range(begin, end):
        first = item % d.bands * PLACES
        length = min(d.inner - first, PLACES)
        for n in range(item // d.bands * d.together, min(d.outer, (item // d.bands + 1) * d.together)):
            labels = array(d.labels + 4 * (n * d.inner + first), length)
            a, b = d.a + 4 * (n * d.outer_step + first), d.b + 4 * (n * d.outer_step + first)
            for i in range(length):
                counts = not d.has_ignored or np.int64(labels[i]) != d.ignored
                factors[i] = given if counts else np.float32(0)
            if d.class_step == 1:
                here, there = array(a, d.classes), array(b, d.classes)
                label, factor = np.int64(labels[0]), factors[0]
                for k in range(d.classes):
                    there[k] = (here[k] - (np.float32(1) if k == label else np.float32(0))) * factor
                continue
            for k in range(d.classes):
                here = array(a + 4 * k * d.class_step, length)
                there = array(b + 4 * k * d.class_step, length)
                for i in range(length):
                    hot = np.float32(1) if np.int64(labels[i]) == k else np.float32(0)
                    there[i] = (here[i] - hot) * factors[i]
