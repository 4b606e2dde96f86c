"""Drivers that go over values one after the other, wherever they lie: up to three operands, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np

from ...memory import HOST, READ, Memory
from ._op import Shape, host_address
from .drive import Record, driver
from .layout import Blocked, Features, Layout, current, laid_out
from .target import lanes
from .vectors import all_of, array, choose, floor, load, more, multiply_add, power_of_two, record_view, store

V = lanes()
CHUNK = 8192  # floats of one item where nothing parts them
STRIDES = ("image", "block", "row")
OPERANDS = ("a", "b", "c")
ROWS = np.dtype(
    [(name, np.int64) for name in (*OPERANDS, *(f"{o}_{s}" for o in OPERANDS for s in STRIDES))]
    + [(name, np.int64) for name in ("blocks", "rows", "length", "count")]
    + [(name, np.float32) for name in ("p", "q", "r")]
)
rows_view = record_view(ROWS)


@numba.njit(inline="always")
def place_of(d, item, address, image, block, row):
    """Where an operand's row begins."""
    return address + 4 * (item // (d.blocks * d.rows) * image + item // d.rows % d.blocks * block + item % d.rows * row)


@numba.njit(inline="always")
def length_of(d, item):
    """Floats in a row; the last of all may be shorter."""
    return min(d.length, d.count - item * d.length)


@driver
def relu(address, begin, end):
    """b = max(a, 0) + p min(a, 0)."""
    d = rows_view(address)
    zero, slope, p = all_of(np.float32(0)), all_of(d.p), d.p
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            x = load(a + 4 * i)
            store(b + 4 * i, choose(more(zero, x), x * slope, x))
        for i in range(whole, length):
            x = array(a, length)[i]
            array(b, length)[i] = x * p if x < 0 else x


@driver
def relu_backward(address, begin, end):
    """c = b where a > 0, else p b."""
    d = rows_view(address)
    zero, slope, p = all_of(np.float32(0)), all_of(d.p), d.p
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        c = place_of(d, item, d.c, d.c_image, d.c_block, d.c_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            gradient = load(b + 4 * i)
            store(c + 4 * i, choose(more(load(a + 4 * i), zero), gradient, gradient * slope))
        for i in range(whole, length):
            gradient = array(b, length)[i]
            array(c, length)[i] = gradient if array(a, length)[i] > 0 else gradient * p


@numba.njit(inline="always")
def exponential(x):
    """e to the x, to the last bit or two; 0 and infinity beyond what a float holds are the nearest powers of two."""
    top, bottom = all_of(np.float32(88.0)), all_of(np.float32(-87.0))
    x = choose(more(x, top), top, x)
    x = choose(more(bottom, x), bottom, x)
    n = floor(multiply_add(x, all_of(np.float32(1.44269504)), all_of(np.float32(0.5))))
    r = multiply_add(n, all_of(np.float32(-0.693359375)), x)
    r = multiply_add(n, all_of(np.float32(2.12194440e-4)), r)
    y = all_of(np.float32(1.9875691500e-4))
    y = multiply_add(y, r, all_of(np.float32(1.3981999507e-3)))
    y = multiply_add(y, r, all_of(np.float32(8.3334519073e-3)))
    y = multiply_add(y, r, all_of(np.float32(4.1665795894e-2)))
    y = multiply_add(y, r, all_of(np.float32(1.6666665459e-1)))
    y = multiply_add(y, r, all_of(np.float32(0.5)))
    y = multiply_add(y, r * r, r + all_of(np.float32(1)))
    return y * power_of_two(n)


@numba.njit(inline="always")
def logistic(x):
    """1 / (1 + e^-x); 0 where a float has no e^-x."""
    zero, one = all_of(np.float32(0)), all_of(np.float32(1))
    value = one / (one + exponential(zero - x))
    return choose(more(all_of(np.float32(-88.7228)), x), zero, value)


@numba.njit(inline="always")
def hyperbolic(x):
    """tanh x; near 0, where 1 - 2 / (1 + e^2x) would lose digits, by its series."""
    zero, one, two = all_of(np.float32(0)), all_of(np.float32(1)), all_of(np.float32(2))
    below = more(zero, x)
    size = choose(below, zero - x, x)
    far = one - two / (one + exponential(size + size))
    far = choose(below, zero - far, far)
    square = x * x
    near = all_of(np.float32(-5.70498872745e-3))
    near = multiply_add(near, square, all_of(np.float32(2.06390887954e-2)))
    near = multiply_add(near, square, all_of(np.float32(-5.37397155531e-2)))
    near = multiply_add(near, square, all_of(np.float32(1.33314422036e-1)))
    near = multiply_add(near, square, all_of(np.float32(-3.33332819422e-1)))
    near = multiply_add(near * square, x, x)
    return choose(more(square, all_of(np.float32(0.390625))), far, near)


@driver
def sigmoid(address, begin, end):
    """b = 1 / (1 + e^-a)."""
    d = rows_view(address)
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            store(b + 4 * i, logistic(load(a + 4 * i)))
        for i in range(whole, length):
            array(b, length)[i] = np.float32(0.5) * np.tanh(np.float32(0.5) * array(a, length)[i]) + np.float32(0.5)


@driver
def sigmoid_backward(address, begin, end):
    """c = b a (1 - a)."""
    d = rows_view(address)
    one = all_of(np.float32(1))
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        c = place_of(d, item, d.c, d.c_image, d.c_block, d.c_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            y = load(a + 4 * i)
            store(c + 4 * i, load(b + 4 * i) * y * (one - y))
        for i in range(whole, length):
            y = array(a, length)[i]
            array(c, length)[i] = array(b, length)[i] * y * (np.float32(1) - y)


@driver
def tanh(address, begin, end):
    """b = tanh a."""
    d = rows_view(address)
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            store(b + 4 * i, hyperbolic(load(a + 4 * i)))
        for i in range(whole, length):
            array(b, length)[i] = np.tanh(array(a, length)[i])


@driver
def tanh_backward(address, begin, end):
    """c = b (1 - a^2)."""
    d = rows_view(address)
    one = all_of(np.float32(1))
    for item in range(begin, end):
        a = place_of(d, item, d.a, d.a_image, d.a_block, d.a_row)
        b = place_of(d, item, d.b, d.b_image, d.b_block, d.b_row)
        c = place_of(d, item, d.c, d.c_image, d.c_block, d.c_row)
        length = length_of(d, item)
        whole = length // V * V
        for i in range(0, whole, V):
            y = load(a + 4 * i)
            store(c + 4 * i, load(b + 4 * i) * (one - y * y))
        for i in range(whole, length):
            y = array(a, length)[i]
            array(c, length)[i] = array(b, length)[i] * (np.float32(1) - y * y)


def common_place(memories: Sequence[Memory]) -> tuple[type[Layout], Shape] | None:
    """The private layout in which one of these memories is now, blocks before others; None where all are plain."""
    found = None
    for memory in memories:
        place = current(memory)
        if isinstance(place, Blocked):
            return Blocked, place.shape
        if isinstance(place, Features):
            found = found or (Features, place.shape)
    return found


class Rows:
    """Goes over up to three memories of one shape with a driver of this module."""

    def __init__(self) -> None:
        self.record = Record(ROWS)
        self.places: tuple[Any, ...] | None = None
        self.items = 0

    def run(self, driver: Any, operands: Sequence[tuple[Memory, str]], **numbers: float) -> None:
        """Run the driver with (memory, access) for a, b, c. A memory that is read comes before it is written."""
        memories = [memory for memory, _ in operands]
        common = common_place([memory for memory, access in operands if access == READ])
        if common is None:
            self._plain(operands)
        else:
            kind, shape = common
            places = tuple(laid_out(memory, kind, shape) for memory in memories)  # pyright: ignore
            for (memory, access), place in zip(operands, places, strict=True):
                memory.on(place, access)
            if self.places != places:
                self._spread(places, shape)
                self.places = places
            self.record.set(
                **{name: place.address + 4 * getattr(place, "start", 0)
                   for name, place in zip(OPERANDS, places, strict=False)}
            )
        driver.run(self.record.set(**numbers), self.items)

    def _plain(self, operands: Sequence[tuple[Memory, str]]) -> None:
        arrays = [memory.on(HOST, access) for memory, access in operands]
        count = arrays[0].size
        if self.places is not None or self.record.values["count"] != count:
            self.places = None
            self._flat(count)
        self.record.set(**{name: host_address(each) for name, each in zip(OPERANDS, arrays, strict=False)})

    def _flat(self, count: int) -> None:
        steps = {f"{name}_row": CHUNK for name in OPERANDS}
        none = {f"{name}_{step}": 0 for name in OPERANDS for step in ("image", "block")}
        self.items = -(-count // CHUNK)
        self.record.set(blocks=1, rows=max(1, self.items), length=CHUNK, count=count, **steps, **none)

    def _spread(self, places: Sequence[Any], shape: Shape) -> None:
        if isinstance(places[0], Features) or not any(place.halo for place in places):
            self._flat(places[0].size)
            return
        height, width = shape[2:]
        steps = {
            f"{name}_{step}": getattr(place, step)
            for name, place in zip(OPERANDS, places, strict=False)
            for step in STRIDES
        }
        length, blocks = width * V, places[0].blocks
        self.items = shape[0] * blocks * height
        self.record.set(blocks=blocks, rows=height, length=length, count=self.items * length, **steps)
