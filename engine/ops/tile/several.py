"""Drivers over the rows of any number of operands: several into one, or one into several."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numba
import numpy as np
from numba import types

from ...memory import HOST, READ, WRITE, Memory
from ._op import host_address, table
from .drive import Record, driver
from .layout import Blocked, laid_out
from .rows import CHUNK, common_place, length_of
from .slide import layout
from .target import lanes
from .vectors import (
    all_of,
    all_of_int,
    array,
    carray,
    choose,
    equal,
    intrinsic,
    load,
    load_bytes,
    more,
    read_float,
    read_int,
    record_view,
    store,
    store_bytes,
)

V = lanes()
# A table has a row for each operand: where it begins, then the strides of image, block and row in floats.
ENTRY = 4
SEVERAL = layout(
    "sources", "source_count", "targets", "target_count", "factors", "where", "blocks", "rows", "length", "count",
    "rectify",
)  # fmt: skip
several_view = record_view(SEVERAL)


@intrinsic
def byte_pointer(typing: Any, address: Any) -> Any:
    """A pointer to bytes, for `carray`."""
    pointer = types.CPointer(types.uint8)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(pointer))

    return pointer(types.int64), emit


@numba.njit(inline="always")
def byte_array(address, length):
    """The bytes at an address as an array."""
    return carray(byte_pointer(address), length)


@numba.njit(inline="always")
def operand(d, entries, k, item):
    """Where the row of an operand begins."""
    at = entries + 8 * ENTRY * k
    image, block, row = item // (d.blocks * d.rows), item // d.rows % d.blocks, item % d.rows
    return read_int(at) + 4 * (image * read_int(at + 8) + block * read_int(at + 16) + row * read_int(at + 24))


@driver
def weighted_sum(address, begin, end):
    """The target is the sum of factor times source, or 0 where that is below, with `rectify`."""
    d = several_view(address)
    zero = all_of(np.float32(0))
    for item in range(begin, end):
        c, a = operand(d, d.targets, 0, item), operand(d, d.sources, 0, item)
        length = length_of(d, item)
        whole = length // V * V
        p = read_float(d.factors)
        first = all_of(p)
        if d.source_count == 1:
            for i in range(0, whole, V):
                store(c + 4 * i, first * load(a + 4 * i))
            for i in range(whole, length):
                array(c, length)[i] = p * array(a, length)[i]
        else:
            b, q = operand(d, d.sources, 1, item), read_float(d.factors + 4)
            second = all_of(q)
            for i in range(0, whole, V):
                store(c + 4 * i, first * load(a + 4 * i) + second * load(b + 4 * i))
            for i in range(whole, length):
                array(c, length)[i] = p * array(a, length)[i] + q * array(b, length)[i]
        for k in range(2, d.source_count):
            a, p = operand(d, d.sources, k, item), read_float(d.factors + 4 * k)
            first = all_of(p)
            for i in range(0, whole, V):
                store(c + 4 * i, load(c + 4 * i) + first * load(a + 4 * i))
            for i in range(whole, length):
                array(c, length)[i] += p * array(a, length)[i]
        if d.rectify:
            for i in range(0, whole, V):
                value = load(c + 4 * i)
                store(c + 4 * i, choose(more(zero, value), zero, value))
            for i in range(whole, length):
                if array(c, length)[i] < 0:
                    array(c, length)[i] = 0


@driver
def weighted_copies(address, begin, end):
    """Each target is its factor times the source, which may be the first of them."""
    d = several_view(address)
    for item in range(begin, end):
        a = operand(d, d.sources, 0, item)
        length = length_of(d, item)
        whole = length // V * V
        for k in range(d.target_count):
            c, p = operand(d, d.targets, k, item), read_float(d.factors + 4 * k)
            factor = all_of(p)
            for i in range(0, whole, V):
                store(c + 4 * i, factor * load(a + 4 * i))
            for i in range(whole, length):
                array(c, length)[i] = p * array(a, length)[i]


@driver
def multiplied(address, begin, end):
    """The target is the product of the sources, of which there are at least two."""
    d = several_view(address)
    for item in range(begin, end):
        c = operand(d, d.targets, 0, item)
        a, b = operand(d, d.sources, 0, item), operand(d, d.sources, 1, item)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            store(c + 4 * i, load(a + 4 * i) * load(b + 4 * i))
        for i in range(whole, length):
            array(c, length)[i] = array(a, length)[i] * array(b, length)[i]
        for k in range(2, d.source_count):
            a = operand(d, d.sources, k, item)
            for i in range(0, whole, V):
                store(c + 4 * i, load(c + 4 * i) * load(a + 4 * i))
            for i in range(whole, length):
                array(c, length)[i] *= array(a, length)[i]


@driver
def largest(address, begin, end):
    """The target is the largest of the sources, `where` the number of the source; of the first two equals the second.

    The numbers lie in the order of the items, without gaps.
    """
    d = several_view(address)
    for item in range(begin, end):
        c = operand(d, d.targets, 0, item)
        a, b = operand(d, d.sources, 0, item), operand(d, d.sources, 1, item)
        length = length_of(d, item)
        whole = length // V * V
        where = d.where + item * d.length
        zero, one = all_of_int(0), all_of_int(1)
        for i in range(0, whole, V):
            x, y = load(a + 4 * i), load(b + 4 * i)
            ahead = more(x, y)
            store(c + 4 * i, choose(ahead, x, y))
            store_bytes(where + i, choose(ahead, zero, one))
        for i in range(whole, length):
            first, second = array(a, length)[i], array(b, length)[i]
            array(c, length)[i] = first if first > second else second
            byte_array(where, length)[i] = 0 if first > second else 1
        for k in range(2, d.source_count):
            a = operand(d, d.sources, k, item)
            for i in range(0, whole, V):
                x, y = load(a + 4 * i), load(c + 4 * i)
                ahead = more(x, y)
                store(c + 4 * i, choose(ahead, x, y))
                store_bytes(where + i, choose(ahead, all_of_int(k), load_bytes(where + i)))
            for i in range(whole, length):
                if array(a, length)[i] > array(c, length)[i]:
                    array(c, length)[i] = array(a, length)[i]
                    byte_array(where, length)[i] = k


@driver
def shared_out(address, begin, end):
    """Each target is the source where its number, its factor as a whole number, is the one in `where`; else 0."""
    d = several_view(address)
    zero = all_of(np.float32(0))
    for item in range(begin, end):
        a = operand(d, d.sources, 0, item)
        length = length_of(d, item)
        whole = length // V * V
        where = d.where + item * d.length
        for k in range(d.target_count):
            c, own = operand(d, d.targets, k, item), np.int64(read_float(d.factors + 4 * k))
            number = all_of_int(own)
            for i in range(0, whole, V):
                store(c + 4 * i, choose(equal(load_bytes(where + i), number), load(a + 4 * i), zero))
            for i in range(whole, length):
                here = byte_array(where, length)[i] == own
                array(c, length)[i] = array(a, length)[i] if here else np.float32(0)


class Several:
    """Goes over any number of memories of one count with a driver of this module."""

    def __init__(self) -> None:
        self.record = Record(SEVERAL)
        self.key: Any = None
        self.tables: Any = None
        self.items = 0

    def run(
        self, driver: Any, sources: Sequence[Memory], targets: Sequence[Memory], factors: Sequence[float] = (),
        where: int = 0, common: Any = ..., rectify: int = 0,
    ) -> None:  # fmt: skip
        """Run the driver, in a `common` place (see `common_place`) or else the one in which one of the sources lies."""
        if common is ...:
            common = common_place(sources)
        accesses = [(memory, READ) for memory in sources] + [(memory, WRITE) for memory in targets]
        if common is None:
            arrays = [memory.on(HOST, access) for memory, access in accesses]
            entries = [(host_address(array), 0, 0, CHUNK) for array in arrays]
            self._prepare(None, entries, len(sources), factors, count=arrays[0].size)
        else:
            kind, shape = common
            places = []
            for memory, access in accesses:
                place = laid_out(memory, kind, shape)
                memory.on(place, access)
                places.append(place)
            if kind is Blocked and any(place.halo for place in places):
                entries = [(place.first, place.image, place.block, place.row) for place in places]
                self._prepare(shape, entries, len(sources), factors, blocks=places[0].blocks)
            else:
                entries = [(place.address, 0, 0, CHUNK) for place in places]
                self._prepare(None, entries, len(sources), factors, count=places[0].size)
        driver.run(self.record.set(where=where, rectify=rectify), self.items)

    def _prepare(
        self, shape: Any, entries: Any, sources: int, factors: Sequence[float], count: int = 0, blocks: int = 1
    ) -> None:
        key = shape, entries, sources, factors, count, blocks
        if key == self.key:
            return
        self.key = key
        self.tables = table(entries[:sources]), table(entries[sources:]), table(factors, np.float32)
        if shape is None:
            self.items, rows, length = -(-count // CHUNK), max(1, -(-count // CHUNK)), CHUNK
        else:
            rows, length = shape[2], shape[3] * V
            self.items = shape[0] * blocks * rows
            count = self.items * length
        self.record.set(
            sources=self.tables[0][1], source_count=sources, targets=self.tables[1][1],
            target_count=len(entries) - sources, factors=self.tables[2][1], blocks=blocks, rows=rows,
            length=length, count=count,
        )  # fmt: skip


def room_for(common: Any, count: int) -> int:
    """How many elements a `common` place has, those of nobody too."""
    if common is None:
        return count
    kind, shape = common
    return shape[0] * -(-shape[1] // V) * V * prod(shape[2:]) if kind is Blocked else shape[1] * -(-shape[0] // V) * V
