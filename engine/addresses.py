"""The address of an array in compiled code, and the promise that the array outlives its use.

numba frees an array after the last line that names it. An address is a plain number, so that loads and stores by it
are no use of the array: a compiled function that takes the address of an array ends with `keep_alive(array)`, on every
path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types

BYTES = ir.IntType(8).as_pointer()


def _intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    return extending.intrinsic(function)


@_intrinsic
def array_address(typing: Any, array: Any) -> Any:
    """The address of an array's first element, good until the array is freed: see `keep_alive`."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.ptrtoint(_first(context, builder, sig.args[0], args[0]), ir.IntType(64))

    return (types.int64(array), emit) if isinstance(array, types.Array) else None


@_intrinsic
def keep_alive(typing: Any, array: Any) -> Any:
    """Let an array live until here.

    numba releases a variable after its last use, which this is. For LLVM it is code that gets the array's address and
    may read and write any memory: loads and stores before it and the release after it cannot change places with it.
    """

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = builder.bitcast(_first(context, builder, sig.args[0], args[0]), BYTES)
        builder.asm(ir.FunctionType(ir.VoidType(), [BYTES]), "", "r,~{memory}", [pointer], True)
        return context.get_dummy_value()

    return (types.void(array), emit) if isinstance(array, types.Array) else None


def _first(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data
