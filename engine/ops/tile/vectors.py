"""Vectors in numba: a type for one register of floats, and the few things drivers do with them.

A driver reads like arithmetic on scalars: `best = load(x); y = load(x + step); best = choose(more(y, best), y, best)`.
Addresses are plain integers in bytes. Nothing here checks bounds: who calls has laid out the memory.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import lower_builtin, register_model, type_callable

from .target import lanes

LANES = lanes()
carray: Any = numba.carray  # pyright: ignore[reportPrivateImportUsage]
FLOAT, INT32, INT64, BYTE = ir.FloatType(), ir.IntType(32), ir.IntType(64), ir.IntType(8)
FLOATS, INTS, BYTES = (ir.VectorType(kind, LANES) for kind in (FLOAT, INT32, BYTE))
BITS = ir.VectorType(ir.IntType(1), LANES)


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """numba's decorator, typed: the first argument of what it decorates is not for who calls."""
    return extending.intrinsic(function)


class VectorType(types.Type):
    """A register of values, known to numba by what LLVM calls it."""

    def __init__(self, name: str):
        super().__init__(name=f"{name}x{LANES}")


class FloatVector(VectorType):
    """Floats."""


class IntVector(VectorType):
    """Whole numbers of 32 bits."""


class MaskVector(VectorType):
    """Yes or no."""


floats, ints, mask = FloatVector("floats"), IntVector("ints"), MaskVector("mask")


def _model(kind: type[VectorType], layout: ir.Type) -> None:
    @register_model(kind)
    class _Model(models.PrimitiveModel):
        def __init__(self, manager: Any, described: Any):
            super().__init__(manager, described, layout)


_model(FloatVector, FLOATS)
_model(IntVector, INTS)
_model(MaskVector, BITS)


def _arithmetic(function: Any, kind: VectorType, emit: Any) -> None:
    @type_callable(function)
    def typer(context: Any) -> Any:
        def type_of(a: Any, b: Any) -> Any:
            return kind if (a, b) == (kind, kind) else None

        return type_of

    @lower_builtin(function, kind, kind)
    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return emit(builder, *args)


OPERATORS = {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv"}
for _function, _name in OPERATORS.items():
    _arithmetic(_function, floats, lambda builder, a, b, name=_name: getattr(builder, name)(a, b))


def _spread(builder: Any, value: Any, layout: Any) -> Any:
    one = builder.insert_element(ir.Constant(layout, ir.Undefined), value, ir.Constant(INT32, 0))
    return builder.shuffle_vector(one, one, ir.Constant(INTS, [0] * LANES))


def _at(builder: Any, address: Any, layout: Any) -> Any:
    return builder.inttoptr(address, layout.as_pointer())


def _llvm(builder: Any, name: str, args: Any) -> Any:
    """One of LLVM's own functions of vectors of floats."""
    shape = ir.FunctionType(FLOATS, [FLOATS] * len(args))
    return builder.call(cgutils.get_or_insert_function(builder.module, shape, f"llvm.{name}.v{LANES}f32"), args)


@intrinsic
def load(typing: Any, address: Any) -> Any:
    """The floats at an address."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        found = builder.load(_at(builder, args[0], FLOATS))
        found.align = 4
        return found

    return floats(types.int64), emit


@intrinsic
def store(typing: Any, address: Any, values: Any) -> Any:
    """Put floats at an address."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[1], _at(builder, args[0], FLOATS)).align = 4
        return context.get_dummy_value()

    return types.void(types.int64, floats), emit


@intrinsic
def turn_square(typing: Any, source: Any, source_step: Any, target: Any, target_step: Any) -> Any:
    """Transpose a square of as many rows as a vector has lanes, from one place to another; steps in bytes."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        source, source_step, target, target_step = args
        rows = []
        for k in range(LANES):
            address = builder.add(source, builder.mul(source_step, ir.Constant(INT64, k)))
            row = builder.load(_at(builder, address, FLOATS))
            row.align = 4
            rows.append(row)
        step = 1
        while step < LANES:  # each stage exchanges the halves of pairs of rows, `step` lanes wide
            for k in range(LANES):
                if k & step:
                    continue
                lower, upper = rows[k], rows[k + step]
                lanes_below = [lane if not lane & step else LANES + lane - step for lane in range(LANES)]
                lanes_above = [lane + step if not lane & step else LANES + lane for lane in range(LANES)]
                rows[k] = builder.shuffle_vector(lower, upper, ir.Constant(INTS, lanes_below))
                rows[k + step] = builder.shuffle_vector(lower, upper, ir.Constant(INTS, lanes_above))
            step *= 2
        for k in range(LANES):
            address = builder.add(target, builder.mul(target_step, ir.Constant(INT64, k)))
            builder.store(rows[k], _at(builder, address, FLOATS)).align = 4
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), emit


@intrinsic
def load_bytes(typing: Any, address: Any) -> Any:
    """Small whole numbers, a byte each."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        found = builder.load(_at(builder, args[0], BYTES))
        found.align = 1
        return builder.zext(found, INTS)

    return ints(types.int64), emit


@intrinsic
def store_bytes(typing: Any, address: Any, values: Any) -> Any:
    """Put whole numbers below 256, a byte each."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(builder.trunc(args[1], BYTES), _at(builder, args[0], BYTES)).align = 1
        return context.get_dummy_value()

    return types.void(types.int64, ints), emit


@intrinsic
def all_of(typing: Any, value: Any) -> Any:
    """A vector of one float everywhere."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _spread(builder, args[0], FLOATS)

    return floats(types.float32), emit


@intrinsic
def all_of_int(typing: Any, value: Any) -> Any:
    """A vector of one whole number everywhere."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _spread(builder, builder.trunc(args[0], INT32), INTS)

    return ints(types.int64), emit


@intrinsic
def multiply_add(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _llvm(builder, "fma", args)

    return floats(floats, floats, floats), emit


@intrinsic
def root(typing: Any, x: Any) -> Any:
    """The square root."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _llvm(builder, "sqrt", args)

    return floats(floats), emit


@intrinsic
def floor(typing: Any, x: Any) -> Any:
    """The largest whole number not above."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _llvm(builder, "floor", args)

    return floats(floats), emit


@intrinsic
def power_of_two(typing: Any, exponent: Any) -> Any:
    """2 to a whole number between -126 and 127, which comes as floats."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        whole = builder.add(builder.fptosi(args[0], INTS), ir.Constant(INTS, [127] * LANES))
        return builder.bitcast(builder.shl(whole, ir.Constant(INTS, [23] * LANES)), FLOATS)

    return floats(floats), emit


@intrinsic
def total(typing: Any, x: Any) -> Any:
    """The sum over a vector."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        shape = ir.FunctionType(FLOAT, [FLOAT, FLOATS])
        function = cgutils.get_or_insert_function(builder.module, shape, f"llvm.vector.reduce.fadd.v{LANES}f32")
        return builder.call(function, [ir.Constant(FLOAT, 0.0), args[0]], fastmath=("reassoc",))

    return types.float32(floats), emit


@intrinsic
def more(typing: Any, a: Any, b: Any) -> Any:
    """Where a > b; not where either is no number."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fcmp_ordered(">", *args)

    return mask(floats, floats), emit


@intrinsic
def equal(typing: Any, a: Any, b: Any) -> Any:
    """Where two vectors of whole numbers agree."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.icmp_signed("==", *args)

    return mask(ints, ints), emit


@intrinsic
def choose(typing: Any, where: Any, a: Any, b: Any) -> Any:
    """a where the mask holds, else b: floats or whole numbers."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(*args)

    return a(mask, a, b), emit


@intrinsic
def read_int(typing: Any, address: Any) -> Any:
    """The 64-bit whole number at an address."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_at(builder, args[0], INT64))

    return types.int64(types.int64), emit


@intrinsic
def read_float(typing: Any, address: Any) -> Any:
    """The float at an address."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_at(builder, args[0], FLOAT))

    return types.float32(types.int64), emit


@intrinsic
def write_float(typing: Any, address: Any, value: Any) -> Any:
    """Put a float at an address."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[1], _at(builder, args[0], FLOAT))
        return context.get_dummy_value()

    return types.void(types.int64, types.float32), emit


@intrinsic
def write_int(typing: Any, address: Any, value: Any) -> Any:
    """Put a 64-bit whole number at an address."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[1], _at(builder, args[0], INT64))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


@intrinsic
def float_array(typing: Any, address: Any) -> Any:
    """A pointer for `numba.carray`."""
    pointer = types.CPointer(types.float32)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(pointer))

    return pointer(types.int64), emit


def _by_address(count: int) -> tuple[Any, Any]:
    """What an intrinsic gives back that calls a function of so many whole numbers, its first argument the address."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        function = builder.inttoptr(args[0], ir.FunctionType(ir.VoidType(), [INT64] * count).as_pointer())
        builder.call(function, list(args[1:]))
        return context.get_dummy_value()

    return types.void(types.int64, *[types.int64] * count), emit


@intrinsic
def tile(
    typing: Any, kernel: Any, a: Any, a_at: Any, b: Any, b_at: Any, runs: Any, length: Any, c: Any, start: Any,
    bias: Any, rectify: Any, a_step: Any, b_step: Any, b_next: Any, c_row: Any, c_next: Any,
) -> Any:  # fmt: skip
    """Call a tile kernel (see `tiles.py`) by its address."""
    return _by_address(15)


@intrinsic
def tile_ahead(
    typing: Any, kernel: Any, a: Any, a_at: Any, b: Any, b_at: Any, runs: Any, length: Any, c: Any, start: Any,
    bias: Any, rectify: Any, a_step: Any, b_step: Any, b_next: Any, c_row: Any, c_next: Any, ahead: Any,
) -> Any:  # fmt: skip
    """Call a tile kernel that looks ahead."""
    return _by_address(16)


@intrinsic
def call(typing: Any, function: Any, record: Any, begin: Any, end: Any) -> Any:
    """Call a driver by its address."""
    return _by_address(3)


@numba.njit(inline="always")
def array(address, length):
    """The floats at an address as an array, to be gone over one by one."""
    return carray(float_array(address), length)


def record_view(layout: np.dtype) -> Any:
    """A function from an address to the record of that layout there."""
    kind = numba.from_dtype(layout)

    @intrinsic
    def pointer(typing: Any, address: Any) -> Any:
        target = types.CPointer(kind)

        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(target))

        return target(types.int64), emit

    @numba.njit(inline="always")
    def view(address):
        return carray(pointer(address), 1)[0]

    return view
