"""Denormal numbers, those below 1.2e-38, as zero while a driver multiplies weights.

Weights that decay come to such numbers by themselves, and many processors take a hundred times as long over each. So
drivers of matrix products begin with `flush_denormals`: the control register of the thread says from then on that
denormal operands are zero and denormal results become zero. They end with `put_back`, so that whatever else runs on
the thread has its own setting. Drivers that go over values once keep each bit.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from .vectors import BYTE, INT32, INT64, intrinsic

X86, ARM = ("x86_64", "amd64"), ("arm64", "aarch64")
MACHINE = platform.machine().lower()
FLUSH_X86 = 0x8040  # of MXCSR: results to zero, and denormal operands as zero
FLUSH_ARM = 1 << 24  # of FPCR: both


def _function(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)


def _fence(builder: Any) -> None:
    """Let the compiler move no load or store past here, and so nothing that computes with what is loaded."""
    builder.asm(ir.FunctionType(ir.VoidType(), []), "", "~{memory}", [], True)


def _read(builder: Any, machine: str) -> Any:
    """The control register of floating-point arithmetic."""
    if machine in X86:
        place = cgutils.alloca_once(builder, INT32)
        read = _function(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), BYTE.as_pointer())
        builder.call(read, [builder.bitcast(place, BYTE.as_pointer())])
        return builder.zext(builder.load(place), INT64)
    if machine in ARM:
        return builder.call(_function(builder, "llvm.aarch64.get.fpcr", INT64), [])
    return ir.Constant(INT64, 0)


def _write(builder: Any, machine: str, mode: Any) -> None:
    if machine in X86:
        place = cgutils.alloca_once(builder, INT32)
        builder.store(builder.trunc(mode, INT32), place)
        write = _function(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), BYTE.as_pointer())
        builder.call(write, [builder.bitcast(place, BYTE.as_pointer())])
    elif machine in ARM:
        builder.call(_function(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), INT64), [mode])


@intrinsic
def flush_denormals(typing: Any) -> Any:
    """Let denormal numbers be zero on this thread; gives the setting that was there, for `put_back`."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        mode = _read(builder, MACHINE)
        bits = FLUSH_X86 if MACHINE in X86 else FLUSH_ARM
        _write(builder, MACHINE, builder.or_(mode, ir.Constant(INT64, bits)))
        _fence(builder)
        return mode

    return types.int64(), emit


@intrinsic
def put_back(typing: Any, mode: Any) -> Any:
    """Let the thread have a setting that it had before."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _fence(builder)
        _write(builder, MACHINE, args[0])
        return context.get_dummy_value()

    return types.void(types.int64), emit
