"""Drivers of matrix products over turned rows: the weights are read as they lie, the batch fills the vectors."""

from __future__ import annotations

import numba
import numpy as np

from ...addresses import array_address, keep_alive
from .denormals import flush_denormals, put_back
from .drive import driver
from .slide import layout
from .target import lanes
from .vectors import (
    all_of,
    array,
    load,
    multiply_add,
    read_float,
    record_view,
    store,
    tile,
    tile_ahead,
    total,
    write_float,
)

V = lanes()
PRODUCT = layout(
    "kernel", "last_rows", "last_columns", "corner", "a", "a_row", "a_step", "b", "b_step", "c", "c_row", "bias",
    "rows", "rows_at_once", "tiles", "length", "chunk", "groups", "columns", "zeros", "rectify",
)  # fmt: skip
product_view = record_view(PRODUCT)


@driver
def product(address, begin, end):
    """C[m, :] = bias[m] + sum over k of A[m, k] B[k, :], for some tiles of rows an item.

    There are `groups` groups of `columns` vectors, and one more, narrower, if it has a kernel. The sum goes by chunks
    of k, so that the chunk of B stays in the cache while the rows pass.
    """
    d = product_view(address)
    wide = d.columns * V
    groups = d.groups + (1 if d.last_columns else 0)
    mode = flush_denormals()
    for item in range(begin, end):
        first = item * d.tiles * d.rows_at_once
        last = min(d.rows, first + d.tiles * d.rows_at_once)
        if d.bias:
            for m in range(first, last):
                offset = all_of(read_float(d.bias + 4 * m))
                for i in range(0, d.c_row, V):
                    store(d.c + 4 * (m * d.c_row + i), offset)
        for g in range(groups):
            whole = d.kernel if g < d.groups else d.last_columns
            rest = d.last_rows if g < d.groups else d.corner
            for k in range(0, d.length, d.chunk):
                length = min(d.chunk, d.length - k)
                start = 1 if k or d.bias else 0
                rectify = d.rectify if k + length == d.length else 0
                b = d.b + 4 * (g * wide + k * d.b_step)
                for m in range(first, last, d.rows_at_once):
                    kernel = whole if m + d.rows_at_once <= last else rest
                    tile(kernel, d.a + 4 * (m * d.a_row + k * d.a_step), d.zeros, b, d.zeros, 1, length,
                         d.c + 4 * (m * d.c_row + g * wide), start, 0, rectify, d.a_step, d.b_step, V, d.c_row, V)
    put_back(mode)


AHEAD = 4096  # bytes beyond the weights that are multiplied, of what is fetched meanwhile
ROWWISE = layout(
    "kernel", "last_rows", "last_columns", "corner", "x", "x_row", "w", "w_group", "y", "y_row", "bias", "start",
    "rows", "rows_at_once", "length", "outputs", "columns", "zeros", "rectify",
)  # fmt: skip
rowwise_view = record_view(ROWWISE)


@driver
def rowwise(address, begin, end):
    """Y[n, o] = bias[o] + sum over k of X[n, k] W[k, o], all plain, one group of o, in which W is packed, an item."""
    d = rowwise_view(address)
    wide = d.columns * V
    room = np.empty(d.rows_at_once * wide, np.float32)
    spare = array_address(room)
    mode = flush_denormals()
    for g in range(begin, end):
        o = g * wide
        left = min(wide, d.outputs - o)
        narrow = left <= V < wide
        for m in range(0, d.rows, d.rows_at_once):
            here = min(d.rows_at_once, d.rows - m)
            full = here == d.rows_at_once
            kernel = (d.last_columns if full else d.corner) if narrow else d.kernel if full else d.last_rows
            whole = left == wide or (left == V and narrow)
            y = d.y + 4 * (m * d.y_row + o)
            tile_ahead(kernel, d.x + 4 * m * d.x_row, d.zeros, d.w + 4 * g * d.w_group, d.zeros, 1, d.length,
                       y if whole else spare, d.start, d.bias + 4 * o, d.rectify, 1, wide, V,
                       d.y_row if whole else wide, V, AHEAD)
            if not whole:
                for row in range(here):
                    for k in range(left):
                        write_float(y + 4 * (row * d.y_row + k), read_float(spare + 4 * (row * wide + k)))
    put_back(mode)
    keep_alive(room)


OUTER = layout(
    "kernel", "last_rows", "last_columns", "corner", "a", "a_row", "b", "b_row", "c", "c_row", "rows", "rows_at_once",
    "inputs", "block", "batch", "at_once", "columns", "start", "zeros", "bias",
)  # fmt: skip
outer_view = record_view(OUTER)


@numba.njit(inline="always")
def add_last(target, values, full, last, start):
    """target[full:last] (+)= the last of a vector of values that ends there."""
    for k in range(full, last):
        at, value = target + 4 * k, read_float(values + 4 * (V - last + k))
        write_float(at, read_float(at) + value if start else value)


@numba.njit(inline="always")
def dot(a, b, length, b_step):
    """The sum of products of `length` floats side by side with others a step apart."""
    products = np.float32(0)
    for i in range(length):
        products += read_float(a + 4 * i) * read_float(b + 4 * i * b_step)
    return products


@driver
def outer(address, begin, end):
    """C[o, k] (+)= sum over n of A[o, n] B[n, k], for a block of k an item; `start` is 0 where C counts as zero."""
    d = outer_view(address)
    room = np.empty(d.rows_at_once * V, np.float32)
    spare = array_address(room)
    wide = d.columns * V
    mode = flush_denormals()
    for item in range(begin, end):
        first = item * d.block
        last = min(d.inputs, first + d.block)
        full = first + (last - first) // V * V
        for m in range(0, d.rows, d.rows_at_once):
            here = m + d.rows_at_once <= d.rows
            a, c = d.a + 4 * m * d.a_row, d.c + 4 * m * d.c_row
            k = first
            while k + wide <= full:
                tile(d.kernel if here else d.last_rows, a, d.zeros, d.b + 4 * k, d.zeros, 1, d.batch, c + 4 * k,
                     d.start, 0, 0, 1, d.b_row, V, d.c_row, V)
                k += wide
            while k < full:
                tile(d.last_columns if here else d.corner, a, d.zeros, d.b + 4 * k, d.zeros, 1, d.batch, c + 4 * k,
                     d.start, 0, 0, 1, d.b_row, V, d.c_row, V)
                k += V
            if full < last and d.inputs >= V:
                # The last few are the end of a whole vector that begins among those already done.
                tile(d.last_columns if here else d.corner, a, d.zeros, d.b + 4 * (last - V), d.zeros, 1, d.batch, spare,
                     0, 0, 0, 1, d.b_row, V, V, V)
                for row in range(min(d.rows_at_once, d.rows - m)):
                    add_last(c + 4 * row * d.c_row, spare + 4 * row * V, full, last, d.start)
            elif full < last:
                for row in range(min(d.rows_at_once, d.rows - m)):
                    for k in range(full, last):
                        products = dot(a + 4 * row * d.a_row, d.b + 4 * k, d.batch, d.b_row)
                        at = c + 4 * (row * d.c_row + k)
                        write_float(at, read_float(at) + products if d.start else products)
    put_back(mode)
    keep_alive(room)


@driver
def few_rows(address, begin, end):
    """C[m, k] = sum over o of A[m, o] B[o, k] for a block of k an item, with as many rows as one tile has.

    Some rows of B pass at a time, from left to right, so that they are read as they lie; the sums wait in C.
    """
    d = outer_view(address)
    wide = d.columns * V
    mode = flush_denormals()
    for item in range(begin, end):
        first = item * d.block
        last = min(d.inputs, first + d.block)
        full = first + (last - first) // V * V
        for o in range(0, d.batch, d.at_once):
            length = min(d.at_once, d.batch - o)
            a, b = d.a + 4 * o, d.b + 4 * o * d.b_row
            start = 1 if o else 0
            k = first
            while k + wide <= full:
                tile(d.kernel, a, d.zeros, b + 4 * k, d.zeros, 1, length, d.c + 4 * k, start, 0, 0, 1, d.b_row, V,
                     d.c_row, V)
                k += wide
            while k < full:
                tile(d.last_columns, a, d.zeros, b + 4 * k, d.zeros, 1, length, d.c + 4 * k, start, 0, 0, 1, d.b_row,
                     V, d.c_row, V)
                k += V
            for m in range(d.rows if full < last else 0):
                for k in range(full, last):
                    at = d.c + 4 * (m * d.c_row + k)
                    before = read_float(at) if start else np.float32(0)
                    write_float(at, before + dot(a + 4 * m * d.a_row, b + 4 * k, length, d.b_row))
    put_back(mode)


DOTS = layout("w", "x", "x_row", "y", "y_row", "bias", "inputs", "batch", "rectify")
dots_view = record_view(DOTS)


@driver
def dots(address, begin, end):
    """y[n, o] = bias[o] + sum over k of W[o, k] x[n, k], one o an item: for so few n that reading W is all there is."""
    d = dots_view(address)
    step = 4 * V
    zero = all_of(np.float32(0))
    mode = flush_denormals()
    for o in range(begin, end):
        w = d.w + 4 * o * d.inputs
        whole = d.inputs // step * step
        for n in range(d.batch):
            x = d.x + 4 * n * d.x_row
            first = second = third = fourth = zero
            for k in range(0, whole, step):
                at, values = w + 4 * k, x + 4 * k
                first = multiply_add(load(at), load(values), first)
                second = multiply_add(load(at + 4 * V), load(values + 4 * V), second)
                third = multiply_add(load(at + 8 * V), load(values + 8 * V), third)
                fourth = multiply_add(load(at + 12 * V), load(values + 12 * V), fourth)
            result = total((first + second) + (third + fourth))
            for k in range(whole, d.inputs):
                result += read_float(w + 4 * k) * read_float(x + 4 * k)
            if d.bias:
                result += read_float(d.bias + 4 * o)
            if d.rectify and result < 0:
                result = np.float32(0)
            write_float(d.y + 4 * (n * d.y_row + o), result)
    put_back(mode)


@driver
def row_sums(address, begin, end):
    """bias[o] += sum over n of A[o, n]; what fills A's rows up to whole vectors does not count."""
    d = outer_view(address)
    full = d.batch // V * V
    for o in range(begin, end):
        sums = all_of(np.float32(0))
        for n in range(0, full, V):
            sums = sums + load(d.a + 4 * (o * d.a_row + n))
        result = total(sums)
        for n in range(full, d.batch):
            result += read_float(d.a + 4 * (o * d.a_row + n))
        array(d.bias + 4 * o, 1)[0] += result
