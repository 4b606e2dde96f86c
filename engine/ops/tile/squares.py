"""Turning a square of V x V floats within the registers."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from .target import lanes
from .vectors import FLOATS, INT32, INT64, intrinsic


@intrinsic
def turn_square(typing: Any, source: Any, source_row: Any, target: Any, target_row: Any) -> Any:
    """Put V rows of V floats as columns; addresses in bytes, from row to row in floats."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        v = lanes()

        def row(base: Any, step: Any, k: int) -> Any:
            offset = builder.mul(step, ir.Constant(INT64, 4 * k))
            return builder.inttoptr(builder.add(base, offset), FLOATS.as_pointer())

        values = []
        for k in range(v):
            values.append(builder.load(row(args[0], args[1], k)))
            values[-1].align = 4
        distance = 1
        while distance < v:
            left = [k if not k & distance else v + k - distance for k in range(v)]
            right = [k + distance if not k & distance else v + k for k in range(v)]
            order = ir.VectorType(INT32, v)
            for k in range(v):
                if not k & distance:
                    a, b = values[k], values[k + distance]
                    values[k] = builder.shuffle_vector(a, b, ir.Constant(order, left))
                    values[k + distance] = builder.shuffle_vector(a, b, ir.Constant(order, right))
            distance *= 2
        for k, value in enumerate(values):
            builder.store(value, row(args[2], args[3], k)).align = 4
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), emit
