"""Drivers that go over values channel by channel, wherever they lie, with a number or a sum for each channel.

An item is one unit of one image: a block of channels, whose numbers are a vector; or, where a channel's values lie side
by side, one channel, whose number is spread over a vector (`each` is then 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numba
import numpy as np

from ...memory import HOST, Memory
from ._op import Shape, host_address, own_address
from .drive import Record, driver
from .layout import Blocked, Features, Layout, laid_out
from .rows import common_place
from .target import lanes
from .vectors import all_of, array, choose, load, more, read_float, record_view, store, total, write_float

V = lanes()
OPERANDS = ("a", "b", "c")
STRIDES = ("image", "unit", "row")
NUMBERS = ("p", "q", "r")  # one for each channel, or for each channel of each image
SUMS = ("s", "t")
FIELDS = (
    *OPERANDS, *(f"{o}_{s}" for o in OPERANDS for s in STRIDES), *NUMBERS, *(f"{n}_image" for n in NUMBERS), *SUMS,
    "units", "rows", "length", "each",
)  # fmt: skip
CHANNELS = np.dtype([(name, np.int64) for name in FIELDS])
channels_view = record_view(CHANNELS)


@numba.njit(inline="always")
def number(d, address, image, item):
    """The numbers of an item, as a vector."""
    n, u = item // d.units, item % d.units
    if d.each == 1:
        found = all_of(read_float(address + 4 * (n * image + u)))
    else:
        found = load(address + 4 * (n * image + u * V))
    return found


@numba.njit(inline="always")
def single(d, address, image, item):
    """The number of an item of one channel; of no meaning for a block."""
    return read_float(address + 4 * (item // d.units * image + item % d.units))


@numba.njit(inline="always")
def start_of(d, item, address, image, unit):
    """Where the values of an item begin."""
    return address + 4 * (item // d.units * image + item % d.units * unit)


@numba.njit(inline="always")
def put(d, address, item, sums, rest):
    """Write the sums of an item, `rest` being that of values beyond the last whole vector."""
    if d.each == 1:
        write_float(address + 4 * item, total(sums) + rest)
    else:
        store(address + 4 * V * item, sums)


@driver
def moments(address, begin, end):
    """s = the mean of a, t = the sum of squared distances from it, for each item."""
    d = channels_view(address)
    zero = all_of(np.float32(0))
    whole = d.length // V * V
    four = whole // (4 * V) * (4 * V)
    count = np.float32(d.rows * d.length // d.each)
    for item in range(begin, end):
        a = start_of(d, item, d.a, d.a_image, d.a_unit)
        s, rest = zero, np.float32(0)
        for h in range(d.rows):
            at = a + 4 * h * d.a_row
            s0, s1, s2, s3 = zero, zero, zero, zero
            for i in range(0, four, 4 * V):
                s0 = s0 + load(at + 4 * i)
                s1 = s1 + load(at + 4 * (i + V))
                s2 = s2 + load(at + 4 * (i + 2 * V))
                s3 = s3 + load(at + 4 * (i + 3 * V))
            for i in range(four, whole, V):
                s0 = s0 + load(at + 4 * i)
            s = s + ((s0 + s1) + (s2 + s3))
            for i in range(whole, d.length):
                rest += array(at, d.length)[i]
        if d.each == 1:
            middle = (total(s) + rest) / count
            mean = all_of(middle)
        else:
            middle = np.float32(0)
            mean = s / all_of(count)
        s, rest = zero, np.float32(0)
        for h in range(d.rows):
            at = a + 4 * h * d.a_row
            s0, s1, s2, s3 = zero, zero, zero, zero
            for i in range(0, four, 4 * V):
                x0, x1 = load(at + 4 * i) - mean, load(at + 4 * (i + V)) - mean
                x2, x3 = load(at + 4 * (i + 2 * V)) - mean, load(at + 4 * (i + 3 * V)) - mean
                s0 = s0 + x0 * x0
                s1 = s1 + x1 * x1
                s2 = s2 + x2 * x2
                s3 = s3 + x3 * x3
            for i in range(four, whole, V):
                x0 = load(at + 4 * i) - mean
                s0 = s0 + x0 * x0
            s = s + ((s0 + s1) + (s2 + s3))
            for i in range(whole, d.length):
                x = array(at, d.length)[i] - middle
                rest += x * x
        if d.each == 1:
            write_float(d.s + 4 * item, middle)
        else:
            store(d.s + 4 * V * item, mean)
        put(d, d.t, item, s, rest)


@driver
def centred(address, begin, end):
    """b = (a - p) q; and c too, where there is one."""
    d = channels_view(address)
    whole = d.length // V * V
    for item in range(begin, end):
        a = start_of(d, item, d.a, d.a_image, d.a_unit)
        b = start_of(d, item, d.b, d.b_image, d.b_unit)
        c = start_of(d, item, d.c, d.c_image, d.c_unit)
        p, q = number(d, d.p, d.p_image, item), number(d, d.q, d.q_image, item)
        for h in range(d.rows):
            for i in range(0, whole, V):
                y = (load(a + 4 * (h * d.a_row + i)) - p) * q
                store(b + 4 * (h * d.b_row + i), y)
                if d.c:
                    store(c + 4 * (h * d.c_row + i), y)
            if whole < d.length:
                first, second = single(d, d.p, d.p_image, item), single(d, d.q, d.q_image, item)
                for i in range(whole, d.length):
                    value = (array(a, d.length)[i] - first) * second
                    array(b, d.length)[i] = value
                    if d.c:
                        array(c, d.length)[i] = value


@driver
def centred_backward(address, begin, end):
    """c = (a - p - q b) r."""
    d = channels_view(address)
    whole = d.length // V * V
    for item in range(begin, end):
        a = start_of(d, item, d.a, d.a_image, d.a_unit)
        b = start_of(d, item, d.b, d.b_image, d.b_unit)
        c = start_of(d, item, d.c, d.c_image, d.c_unit)
        p, q = number(d, d.p, d.p_image, item), number(d, d.q, d.q_image, item)
        r = number(d, d.r, d.r_image, item)
        for h in range(d.rows):
            for i in range(0, whole, V):
                gradient, y = load(a + 4 * (h * d.a_row + i)), load(b + 4 * (h * d.b_row + i))
                store(c + 4 * (h * d.c_row + i), (gradient - p - q * y) * r)
            if whole < d.length:
                first, second = single(d, d.p, d.p_image, item), single(d, d.q, d.q_image, item)
                third = single(d, d.r, d.r_image, item)
                for i in range(whole, d.length):
                    value = array(a, d.length)[i] - first - second * array(b, d.length)[i]
                    array(c, d.length)[i] = value * third


@driver
def affine(address, begin, end):
    """b = p a + q; and c = a, where there is one."""
    d = channels_view(address)
    whole = d.length // V * V
    for item in range(begin, end):
        a = start_of(d, item, d.a, d.a_image, d.a_unit)
        b = start_of(d, item, d.b, d.b_image, d.b_unit)
        c = start_of(d, item, d.c, d.c_image, d.c_unit)
        p, q = number(d, d.p, d.p_image, item), number(d, d.q, d.q_image, item)
        for h in range(d.rows):
            for i in range(0, whole, V):
                x = load(a + 4 * (h * d.a_row + i))
                store(b + 4 * (h * d.b_row + i), p * x + q)
                if d.c:
                    store(c + 4 * (h * d.c_row + i), x)
            if whole < d.length:
                first, second = single(d, d.p, d.p_image, item), single(d, d.q, d.q_image, item)
                for i in range(whole, d.length):
                    value = array(a, d.length)[i]
                    array(b, d.length)[i] = first * value + second
                    if d.c:
                        array(c, d.length)[i] = value


@driver
def affine_plus(address, begin, end):
    """c = p a + b."""
    d = channels_view(address)
    whole = d.length // V * V
    for item in range(begin, end):
        a = start_of(d, item, d.a, d.a_image, d.a_unit)
        b = start_of(d, item, d.b, d.b_image, d.b_unit)
        c = start_of(d, item, d.c, d.c_image, d.c_unit)
        p = number(d, d.p, d.p_image, item)
        for h in range(d.rows):
            for i in range(0, whole, V):
                store(c + 4 * (h * d.c_row + i), p * load(a + 4 * (h * d.a_row + i)) + load(b + 4 * (h * d.b_row + i)))
            if whole < d.length:
                factor = single(d, d.p, d.p_image, item)
                for i in range(whole, d.length):
                    array(c, d.length)[i] = factor * array(a, d.length)[i] + array(b, d.length)[i]


@driver
def affine_backward(address, begin, end):
    """s = the sum of a, t = the sum of a b, for each item; c = p a where there is one, which may be a."""
    d = channels_view(address)
    zero = all_of(np.float32(0))
    whole = d.length // V * V
    for item in range(begin, end):
        a = start_of(d, item, d.a, d.a_image, d.a_unit)
        b = start_of(d, item, d.b, d.b_image, d.b_unit)
        c = start_of(d, item, d.c, d.c_image, d.c_unit)
        p = zero
        if d.c:
            p = number(d, d.p, d.p_image, item)
        s, t, rest, more_rest = zero, zero, np.float32(0), np.float32(0)
        for h in range(d.rows):
            s0, s1, t0, t1 = zero, zero, zero, zero
            two = whole // (2 * V) * (2 * V)
            for i in range(0, two, 2 * V):
                g0, g1 = load(a + 4 * (h * d.a_row + i)), load(a + 4 * (h * d.a_row + i + V))
                s0, s1 = s0 + g0, s1 + g1
                t0 = t0 + g0 * load(b + 4 * (h * d.b_row + i))
                t1 = t1 + g1 * load(b + 4 * (h * d.b_row + i + V))
                if d.c:
                    store(c + 4 * (h * d.c_row + i), p * g0)
                    store(c + 4 * (h * d.c_row + i + V), p * g1)
            for i in range(two, whole, V):
                g0 = load(a + 4 * (h * d.a_row + i))
                s0 = s0 + g0
                t0 = t0 + g0 * load(b + 4 * (h * d.b_row + i))
                if d.c:
                    store(c + 4 * (h * d.c_row + i), p * g0)
            s, t = s + (s0 + s1), t + (t0 + t1)
            for i in range(whole, d.length):
                gradient = array(a, d.length)[i]
                rest += gradient
                more_rest += gradient * array(b, d.length)[i]
                if d.c:
                    array(c, d.length)[i] = single(d, d.p, d.p_image, item) * gradient
        put(d, d.s, item, s, rest)
        put(d, d.t, item, t, more_rest)


@driver
def rectified(address, begin, end):
    """b = a above 0, else p a; and c = a, where there is one."""
    d = channels_view(address)
    zero = all_of(np.float32(0))
    whole = d.length // V * V
    for item in range(begin, end):
        a = start_of(d, item, d.a, d.a_image, d.a_unit)
        b = start_of(d, item, d.b, d.b_image, d.b_unit)
        c = start_of(d, item, d.c, d.c_image, d.c_unit)
        p = number(d, d.p, d.p_image, item)
        for h in range(d.rows):
            for i in range(0, whole, V):
                x = load(a + 4 * (h * d.a_row + i))
                store(b + 4 * (h * d.b_row + i), choose(more(zero, x), p * x, x))
                if d.c:
                    store(c + 4 * (h * d.c_row + i), x)
            if whole < d.length:
                slope = single(d, d.p, d.p_image, item)
                for i in range(whole, d.length):
                    value = array(a, d.length)[i]
                    array(b, d.length)[i] = slope * value if value < 0 else value
                    if d.c:
                        array(c, d.length)[i] = value


@driver
def rectified_backward(address, begin, end):
    """s = the sum of a min(b, 0) for each item; c, where there is one, is a where b > 0, else p a; it may be a."""
    d = channels_view(address)
    zero = all_of(np.float32(0))
    whole = d.length // V * V
    for item in range(begin, end):
        a = start_of(d, item, d.a, d.a_image, d.a_unit)
        b = start_of(d, item, d.b, d.b_image, d.b_unit)
        c = start_of(d, item, d.c, d.c_image, d.c_unit)
        p = number(d, d.p, d.p_image, item)
        s, rest = zero, np.float32(0)
        for h in range(d.rows):
            s0 = zero
            for i in range(0, whole, V):
                gradient, x = load(a + 4 * (h * d.a_row + i)), load(b + 4 * (h * d.b_row + i))
                s0 = s0 + gradient * choose(more(x, zero), zero, x)
                if d.c:
                    store(c + 4 * (h * d.c_row + i), choose(more(x, zero), gradient, p * gradient))
            s = s + s0
            if whole < d.length:
                slope = single(d, d.p, d.p_image, item)
                for i in range(whole, d.length):
                    gradient, value = array(a, d.length)[i], array(b, d.length)[i]
                    rest += gradient * min(value, np.float32(0))
                    if d.c:
                        array(c, d.length)[i] = gradient if value > 0 else slope * gradient
        put(d, d.s, item, s, rest)


Operand = tuple[int, int, int, int, bool]  # address of the first value, strides of image, unit and row, whether haloed
Numbers = tuple[str, int, int]  # name, address, and stride of the images


class Channels:
    """Goes over values (N, C, ...) with the drivers of this module."""

    def __init__(self, shape: Shape):
        self.shape = shape
        self.images, self.channels, self.places = shape[0], shape[1], prod(shape[2:])
        self.own: dict[str, np.ndarray] = {}
        self.kept: dict[Any, tuple[Any, np.ndarray]] = {}
        self.plans: dict[Any, tuple[Any, Record, int, list[np.ndarray], list[np.ndarray]]] = {}

    def layout_of(self, memories: Sequence[Memory]) -> Any:
        """The layout to go over them in: the one in which one of them is now; HOST for plain; None to leave it."""
        common = common_place(memories)
        if common is not None:
            kind, shape = common
            if shape == (self.shape if kind is Blocked else (self.images, self.channels * self.places)):
                if kind is Blocked or self.places == 1:
                    return kind
        return HOST if self.places >= V else None

    def _operand(self, place: Layout | None, array: Any) -> Operand:
        if isinstance(place, Blocked):
            return place.first, place.image, place.block, place.row, place.halo > 0
        if isinstance(place, Features):
            return place.address, 0, place.row, 0, False
        return host_address(array), self.channels * self.places, self.places, 0, False

    def at(self, memory: Memory, kind: Any, access: str) -> Operand:
        """A memory's values in that layout."""
        if kind is HOST:
            return self._operand(None, memory.on(HOST, access))
        place = laid_out(memory, kind, self.shape if kind is Blocked else self.shape[:2])
        memory.on(place, access)
        return self._operand(place, None)

    def keep(self, kind: Any) -> Operand:
        """Room of the op's own for as many values in that layout."""
        if kind not in self.kept:
            if kind is HOST:
                self.kept = {kind: (None, np.empty(prod(self.shape), np.float32))}
            else:
                place = kind(self.shape if kind is Blocked else self.shape[:2])
                self.kept = {kind: (place, place.allocate(0, np.dtype(np.float32)))}
        place, array = self.kept[kind]
        own_address(array)
        return self._operand(place, array)

    def units(self, kind: Any) -> tuple[int, int, int]:
        """(images, units of each, numbers of a unit)."""
        if kind is Blocked:
            return self.images, -(-self.channels // V), V
        return (1 if kind is Features else self.images), self.channels, 1

    def numbers(self, name: str, kind: Any, values: Any) -> Numbers:
        """Gives the drivers, under that name, a number for each channel (C), or each channel of each image (N, C)."""
        width = -(-self.channels // V) * V if kind is Blocked else self.channels
        rows = 1 if np.ndim(values) < 2 else len(values)
        found = self.own.get(name)
        if found is None or found.shape != (rows, width):
            found = self.own[name] = np.zeros((rows, width), np.float32)
        found[:, : self.channels] = values
        return name, own_address(found), width if rows > 1 else 0

    def run(
        self, driver: Any, kind: Any, operands: tuple[Operand | None, ...], numbers: tuple[Numbers, ...], sums: str = ""
    ) -> list[np.ndarray]:
        """Run a driver over operands a, b, c; the `sums` it makes come back as arrays (images, C)."""
        plan, key = self.plans.get(driver), (kind, operands, numbers, sums)
        if plan is None or plan[0] != key:
            plan = self.plans[driver] = self._plan(key)
        _, record, items, _, found = plan
        driver.run(record, items)
        return found

    def _plan(self, key: Any) -> Any:
        """A record for a driver, its number of items, and the sums that it makes."""
        kind, operands, numbers, sums = key
        images, units, each = self.units(kind)
        if kind is Blocked and any(one is not None and one[-1] for one in operands):
            rows, length = self.shape[2], self.shape[3] * V
        else:
            rows, length = 1, self.places * each if kind is not Features else self.images
        values: dict[str, int] = dict(units=units, rows=rows, length=length, each=each)
        for name, one in zip(OPERANDS, operands, strict=False):
            if one is not None:
                values.update(zip((name, *(f"{name}_{step}" for step in STRIDES)), one[:-1], strict=True))
        for name, address, image in numbers:
            values.update({name: address, f"{name}_image": image})
        arrays = [np.empty((images, units * each), np.float32) for _ in sums]
        values.update({name: own_address(array) for name, array in zip(sums, arrays, strict=True)})
        found = [array[:, : self.channels] for array in arrays]
        return key, Record(CHANNELS, **values), images * units, arrays, found
