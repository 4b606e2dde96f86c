"""Drivers of recurrent nets. Whatever belongs to one step lies turned: (rows, streams), streams filled up to vectors.

Then a step is a product whose vectors run along the streams, followed by arithmetic on whole vectors; and weights are
read one number at a time, from blocks of 16 of their columns: (blocks, rows, 16), good for a product with them and
for one with their transpose.
"""

from __future__ import annotations

import numba
import numpy as np

from ...addresses import array_address, keep_alive
from .denormals import flush_denormals, put_back
from .drive import driver
from .rows import hyperbolic, logistic
from .slide import layout
from .squares import turn_square
from .target import lanes
from .vectors import (
    all_of,
    array,
    choose,
    load,
    more,
    multiply_add,
    read_float,
    record_view,
    store,
    tile,
    total,
    write_float,
)

V = lanes()
BLOCK = 16  # columns of the weights side by side

PACK = layout("plain", "packed", "rows", "columns")
pack_view = record_view(PACK)


@driver
def pack(address, begin, end):
    """Weights (rows, columns) as (blocks, rows, 16), zeros beyond the last column; 16 rows an item."""
    d = pack_view(address)
    whole = d.columns // BLOCK
    for item in range(begin, end):
        first, last = item * BLOCK, min(d.rows, (item + 1) * BLOCK)
        for block in range(whole):
            for r in range(first, last):
                source = d.plain + 4 * (r * d.columns + block * BLOCK)
                target = d.packed + 4 * (block * d.rows + r) * BLOCK
                for j in range(0, BLOCK, V):
                    store(target + 4 * j, load(source + 4 * j))
        rest = d.columns - whole * BLOCK
        if rest:
            for r in range(first, last):
                source = array(d.plain + 4 * (r * d.columns + whole * BLOCK), rest)
                target = array(d.packed + 4 * (whole * d.rows + r) * BLOCK, BLOCK)
                for j in range(BLOCK):
                    target[j] = source[j] if j < rest else np.float32(0)


TURN = layout("source", "source_row", "source_step", "rows", "columns", "target", "target_row", "target_step", "bands")
turn_view = record_view(TURN)


@driver
def turn(address, begin, end):
    """target[t, c, r] = source[t, r, c], a band of V rows of one step an item; nothing else is written."""
    d = turn_view(address)
    for item in range(begin, end):
        t, first = item // d.bands, item % d.bands * V
        source = d.source + 4 * (t * d.source_step + first * d.source_row)
        target = d.target + 4 * (t * d.target_step + first)
        rows = min(V, d.rows - first)
        whole = d.columns // V * V if rows == V else 0
        for c in range(0, whole, V):
            turn_square(source + 4 * c, d.source_row, target + 4 * c * d.target_row, d.target_row)
        for r in range(rows):
            for c in range(whole, d.columns):
                write_float(target + 4 * (c * d.target_row + r), read_float(source + 4 * (r * d.source_row + c)))


SPREAD = layout("source", "target", "row")
spread_view = record_view(SPREAD)


@driver
def spread(address, begin, end):
    """target[r, :] = source[r], a row an item."""
    d = spread_view(address)
    for r in range(begin, end):
        value = all_of(read_float(d.source + 4 * r))
        for n in range(0, d.row, V):
            store(d.target + 4 * (r * d.row + n), value)


MARKS = layout("plain", "marks", "streams", "row", "state")
marks_view = record_view(MARKS)


@driver
def take_marks(address, begin, end):
    """The marks of a step an item, in rows filled up to whole vectors."""
    d = marks_view(address)
    for t in range(begin, end):
        for n in range(d.streams):
            write_float(d.marks + 4 * (t * d.row + n), read_float(d.plain + 4 * (t * d.streams + n)))


@driver
def mark_state(address, begin, end):
    """state[u, :] *= the marks of the first step, a unit an item."""
    d = marks_view(address)
    for u in range(begin, end):
        for n in range(0, d.row, V):
            at = d.state + 4 * (u * d.row + n)
            store(at, load(at) * load(d.marks + 4 * n))


PROJECT = layout(
    "kernel", "last_rows", "last_columns", "corner", "packed", "a_at", "runs", "rows", "rows_at_once", "b", "b_at",
    "b_step", "c", "c_step", "steps", "row", "groups", "columns", "start", "zeros", "chunk", "parts",
    "together",
)  # fmt: skip
project_view = record_view(PROJECT)


@driver
def project(address, begin, end):
    """C[t] = A B[t] for all steps, for a tile of A's rows an item; `together` of them stay in the second cache."""
    d = project_view(address)
    wide = d.columns * V
    groups = d.groups + (1 if d.last_columns else 0)
    mode = flush_denormals()
    for first in range(begin, end, d.together):
        for t in range(d.steps):
            for item in range(first, min(end, first + d.together)):
                m = item * d.rows_at_once
                here = m + d.rows_at_once <= d.rows
                for g in range(groups):
                    whole = d.kernel if g < d.groups else d.last_columns
                    rest = d.last_rows if g < d.groups else d.corner
                    tile(whole if here else rest, d.packed + 4 * m * BLOCK, d.a_at,
                         d.b + 4 * (t * d.b_step + g * wide), d.b_at, d.runs, BLOCK,
                         d.c + 4 * (t * d.c_step + m * d.row + g * wide), d.start, 0, 0, 1, d.row, V, d.row, V)
    put_back(mode)


@numba.njit(inline="always")
def product_back(d, b, c, begin, end):
    """C = A^T B of one step, for some parts of blocks of A's columns, B going by in chunks that stay in the cache."""
    wide, height = d.columns * V, BLOCK // d.parts
    groups = d.groups + (1 if d.last_columns else 0)
    for first in range(0, d.rows, d.chunk):
        length = min(d.chunk, d.rows - first)
        for item in range(begin, end):
            a = d.packed + 4 * ((item // d.parts * d.rows + first) * BLOCK + item % d.parts * height)
            for g in range(groups):
                tile(d.kernel if g < d.groups else d.last_columns, a, d.zeros, b + 4 * (first * d.row + g * wide),
                     d.zeros, 1, length, c + 4 * (item * height * d.row + g * wide), 1 if first else 0, 0, 0, BLOCK,
                     d.row, V, d.row, V)


@driver
def project_back(address, begin, end):
    """C[t] = A^T B[t] for all steps, for a part of a block of A's columns an item."""
    d = project_view(address)
    mode = flush_denormals()
    for first in range(begin, end, d.together):
        for t in range(d.steps):
            last = min(end, first + d.together)
            product_back(d, d.b + 4 * t * d.b_step, d.c + 4 * t * d.c_step, first, last)
    put_back(mode)


GATHER = layout(
    "kernel", "last_rows", "last_columns", "corner", "a", "a_at", "a_row", "a_step", "rows", "rows_at_once", "b",
    "b_at", "b_row", "runs", "chunk", "length", "c", "inputs", "columns", "bias", "sums",
)  # fmt: skip
gather_view = record_view(GATHER)


@driver
def gather(address, begin, end):
    """C[m, i] += sum over t, n of A[t, m, n] B[t, n, i], for a tile of rows an item.

    `sums` gets A's own sums over t, and to `bias` those over t and n are added. `a_at` has the offsets of A's steps.
    B has whole vectors; what they hold beyond `inputs` does not count.
    """
    d = gather_view(address)
    vectors = -(-d.inputs // V)
    exact = vectors * V == d.inputs
    room = np.zeros(d.rows_at_once * vectors * V, np.float32)
    mode = flush_denormals()
    for item in range(begin, end):
        m = item * d.rows_at_once
        rows = min(d.rows_at_once, d.rows - m)
        a = d.a + 4 * m * d.a_row
        if d.sums:
            for r in range(rows):
                one = np.float32(0)
                for i in range(0, d.a_row, V):
                    s = all_of(np.float32(0))
                    for t in range(d.runs):
                        s = s + load(a + 4 * (t * d.a_step + r * d.a_row + i))
                    store(d.sums + 4 * ((m + r) * d.a_row + i), s)
                    one += total(s)
                if d.bias:
                    write_float(d.bias + 4 * (m + r), read_float(d.bias + 4 * (m + r)) + one)
    for first in range(0, d.runs if d.c else 0, d.chunk):
        runs = min(d.chunk, d.runs - first)
        for item in range(begin, end):
            m = item * d.rows_at_once
            rows = min(d.rows_at_once, d.rows - m)
            here = rows == d.rows_at_once
            a, a_at, b_at = d.a + 4 * m * d.a_row, d.a_at + 8 * first, d.b_at + 8 * first
            c = d.c + 4 * m * d.inputs if exact else array_address(room)
            start = 1 if exact else 0
            i = 0
            while i < vectors:
                if i + d.columns <= vectors:
                    kernel, step = d.kernel if here else d.last_rows, d.columns
                else:
                    kernel, step = d.last_columns if here else d.corner, 1
                tile(kernel, a, a_at, d.b + 4 * i * V, b_at, runs, d.length, c + 4 * i * V, start, 0, 0, 1, d.b_row,
                     V, vectors * V, V)
                i += step
            if not exact:
                target = array(d.c + 4 * m * d.inputs, rows * d.inputs)
                for r in range(rows):
                    for i in range(d.inputs):
                        target[r * d.inputs + i] += room[r * vectors * V + i]
    put_back(mode)
    keep_alive(room)


STEP = layout(
    "kernel", "last_rows", "last_columns", "corner", "packed", "a_at", "b_at", "runs", "rows", "rows_at_once", "row",
    "groups", "columns", "zeros", "chunk", "parts", "units", "steps", "first", "last", "whole", "items", "gates",
    "offset", "given", "given_step", "past", "past_step", "hidden", "cells", "marks", "gradient", "gradient_step",
    "hidden_diff", "cell_diff", "given_diff",
)  # fmt: skip
step_view = record_view(STEP)


@driver
def advance(address, begin, end):
    """Steps `first` to `last`, for some tiles of units: what the past gives, then the gates or the tanh.

    `given` (steps, gates * units, row) holds what the inputs give, and afterwards the gates. A mark is 0 where a
    sequence begins. With `whole` all items are done, whatever was asked for.
    """
    d = step_view(address)
    if d.whole:
        begin, end = 0, d.items
    wide = d.columns * V
    groups = d.groups + (1 if d.last_columns else 0)
    size = d.units * d.row
    zero = all_of(np.float32(0))
    mode = flush_denormals()
    for t in range(d.first, d.last):
        given = d.given + 4 * t * d.given_step
        past = d.past + 4 * t * d.past_step
        for item in range(begin, end):
            u = item * d.rows_at_once
            last = min(d.units, u + d.rows_at_once)
            here = u + d.rows_at_once <= d.units
            for gate in range(d.gates):
                m = gate * d.units + u
                for g in range(groups):
                    full = d.kernel if g < d.groups else d.last_columns
                    rest = d.last_rows if g < d.groups else d.corner
                    tile(full if here else rest, d.packed + 4 * m * BLOCK, d.a_at, past + 4 * g * wide, d.b_at,
                         d.runs, BLOCK, given + 4 * (m * d.row + g * wide), 1, 0, 0, 1, d.row, V, d.row, V)
            for at in range(4 * u * d.row, 4 * last * d.row, 4 * V):
                n = at % (4 * d.row)
                if d.gates == 4:
                    i_at, f_at, o_at, g_at = at, at + 4 * size, at + 8 * size, at + 12 * size
                    entered = logistic(load(given + i_at) + load(d.offset + i_at))
                    mark = load(d.marks + 4 * t * d.row + n)
                    kept = logistic(load(given + f_at) + load(d.offset + f_at))
                    kept = choose(more(mark, zero), kept * mark, choose(more(zero, mark), kept * mark, mark))
                    shown = logistic(load(given + o_at) + load(d.offset + o_at))
                    candidate = hyperbolic(load(given + g_at) + load(d.offset + g_at))
                    store(given + i_at, entered)
                    store(given + f_at, kept)
                    store(given + o_at, shown)
                    store(given + g_at, candidate)
                    cell = multiply_add(kept, load(d.cells + 4 * t * size + at), entered * candidate)
                    store(d.cells + 4 * (t + 1) * size + at, cell)
                    hidden = shown * hyperbolic(cell)
                else:
                    hidden = hyperbolic(load(given + at) + load(d.offset + at))
                store(d.hidden + 4 * t * d.past_step + at, hidden)
                if t + 1 < d.steps:
                    mark = load(d.marks + 4 * (t + 1) * d.row + n)
                    store(past + 4 * d.past_step + at, hidden * mark)
    put_back(mode)


@driver
def retreat(address, begin, end):
    """Steps `last` to `first` backward, for some parts of blocks of units: `given_diff` becomes the gates' gradient."""
    d = step_view(address)
    if d.whole:
        begin, end = 0, d.items
    size, height = d.units * d.row, BLOCK // d.parts
    one = all_of(np.float32(1))
    mode = flush_denormals()
    for t in range(d.last - 1, d.first - 1, -1):
        inner = t + 1 < d.steps
        if inner:
            product_back(d, d.given_diff + 4 * (t + 1) * d.given_step, d.hidden_diff, begin, end)
        given, given_diff = d.given + 4 * t * d.given_step, d.given_diff + 4 * t * d.given_step
        for at in range(4 * begin * height * d.row, 4 * min(d.units, end * height) * d.row, 4 * V):
            gradient = load(d.gradient + 4 * t * d.gradient_step + at)
            if inner:
                mark = load(d.marks + 4 * (t + 1) * d.row + at % (4 * d.row))
                gradient = multiply_add(load(d.hidden_diff + at), mark, gradient)
            if d.gates == 4:
                i_at, f_at, o_at, g_at = at, at + 4 * size, at + 8 * size, at + 12 * size
                entered, kept = load(given + i_at), load(given + f_at)
                shown, candidate = load(given + o_at), load(given + g_at)
                seen = hyperbolic(load(d.cells + 4 * (t + 1) * size + at))
                due = gradient * shown * (one - seen * seen)
                if inner:
                    due = due + load(d.cell_diff + at)
                store(given_diff + i_at, due * candidate * entered * (one - entered))
                store(given_diff + f_at, due * load(d.cells + 4 * t * size + at) * kept * (one - kept))
                store(given_diff + o_at, gradient * seen * shown * (one - shown))
                store(given_diff + g_at, due * entered * (one - candidate * candidate))
                store(d.cell_diff + at, due * kept)
            else:
                hidden = load(d.hidden + 4 * t * d.past_step + at)
                store(given_diff + at, gradient * (one - hidden * hidden))
    put_back(mode)


SHOW = layout("values", "offset", "gradient", "out", "size")
show_view = record_view(SHOW)


@driver
def show(address, begin, end):
    """values[t] = tanh(values[t] + offset), a step an item."""
    d = show_view(address)
    for t in range(begin, end):
        for at in range(0, 4 * d.size, 4 * V):
            here = d.values + 4 * t * d.size + at
            store(here, hyperbolic(load(here) + load(d.offset + at)))


@driver
def show_back(address, begin, end):
    """out[t] = gradient[t] (1 - values[t]^2), a step an item."""
    d = show_view(address)
    one = all_of(np.float32(1))
    for at in range(4 * begin * d.size, 4 * end * d.size, 4 * V):
        shown = load(d.values + at)
        store(d.out + at, load(d.gradient + at) * (one - shown * shown))
