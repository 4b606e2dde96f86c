"""What compiled code of several threads needs: atomic whole numbers, a pause, and functions of the system by address.

All accesses are sequentially consistent. Addresses are in bytes, and those of numbers a multiple of 8.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from .vectors import INT32, INT64, intrinsic

_ORDER = "seq_cst"


def _at(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, INT64.as_pointer())


def _intrinsic(builder: Any, name: str, *arguments: Any) -> Any:
    """A function of LLVM's for one kind of processor, which returns nothing."""
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), arguments), name)


@intrinsic
def load_atomic(typing: Any, address: Any) -> Any:
    """The whole number at an address."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load_atomic(_at(builder, args[0]), _ORDER, 8)

    return types.int64(types.int64), emit


@intrinsic
def store_atomic(typing: Any, address: Any, value: Any) -> Any:
    """Put a whole number at an address."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _at(builder, args[0]), _ORDER, 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


@intrinsic
def add_atomic(typing: Any, address: Any, value: Any) -> Any:
    """Add to the whole number at an address; returns the number before."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _at(builder, args[0]), args[1], _ORDER)

    return types.int64(types.int64, types.int64), emit


@intrinsic
def swap_if(typing: Any, address: Any, expected: Any, value: Any) -> Any:
    """Put `value` at an address if `expected` is there; returns whether it was."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.extract_value(builder.cmpxchg(_at(builder, args[0]), args[1], args[2], _ORDER, _ORDER), 1)

    return types.boolean(*[types.int64] * 3), emit


@intrinsic
def pause(typing: Any) -> Any:
    """Let the processor know that a loop waits."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        machine = platform.machine().lower()
        if machine in ("x86_64", "amd64"):
            builder.call(_intrinsic(builder, "llvm.x86.sse2.pause"), [])
        elif machine in ("arm64", "aarch64"):
            builder.call(_intrinsic(builder, "llvm.aarch64.hint", INT32), [ir.Constant(INT32, 1)])  # yield
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def call_system(typing: Any, function: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Call a function of the system by its address. One that has fewer arguments does not look at the others."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        shape = ir.FunctionType(ir.VoidType(), [INT64] * 4)
        builder.call(builder.inttoptr(args[0], shape.as_pointer()), list(args[1:]))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), emit
