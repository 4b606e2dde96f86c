"""A page that may not be touched behind every array of NumPy's: whoever reads or writes past the end dies at once."""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from brewbench.engine.ops.tile.vectors import read_int

PAGE = mmap.PAGESIZE
HEAD = 16  # bytes before an array, for its size
LEAST = 512  # bytes from which on an array is guarded: a process may have some ten thousand mappings only
READ_WRITE, PRIVATE_ANONYMOUS = 3, 0x22
SET_HANDLER = 304  # PyDataMem_SetHandler's place in NumPy's table of functions
INT64 = ir.IntType(64)

_kept: list[Any] = []


class Handler(ctypes.Structure):
    """PyDataMem_Handler."""

    _fields_ = (
        ("name", ctypes.c_char * 127), ("version", ctypes.c_uint8), ("context", ctypes.c_void_p),
        *((name, ctypes.c_void_p) for name in ("malloc", "calloc", "realloc", "free")),
    )  # fmt: skip


@intrinsic
def call_c(typing: Any, function: Any, arguments: Any) -> Any:
    """Call a function of C's by its address, with whole numbers."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        shape = ir.FunctionType(INT64, [INT64] * len(arguments))
        values = [builder.extract_value(args[1], k) for k in range(len(arguments))]
        return builder.call(builder.inttoptr(args[0], shape.as_pointer()), values)

    return types.int64(types.int64, arguments), emit


@intrinsic
def write_int(typing: Any, address: Any, value: Any) -> Any:
    """Put a whole number at an address."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], INT64.as_pointer())).align = 1
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


def _address(name: str) -> int:
    found = ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value
    assert found is not None
    return found


MMAP, MUNMAP, PROTECT, MALLOC, FREE, COPY = map(_address, ("mmap", "munmap", "mprotect", "malloc", "free", "memcpy"))
CLEAR = _address("memset")


@numba.njit
def span(size):
    """Bytes of whole pages that hold an array and, before it, its size."""
    return (size + HEAD + PAGE - 1) // PAGE * PAGE


@numba.njit
def malloc(context, size):
    """The array ends where the forbidden page begins."""
    if size < LEAST:
        found = call_c(MALLOC, (size + HEAD,)) + HEAD
    else:
        start = call_c(MMAP, (0, span(size) + PAGE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0))
        if start == -1:
            return 0
        call_c(PROTECT, (start + span(size), PAGE, 0))
        found = start + span(size) - size
    write_int(found - HEAD, size)
    return found


@numba.njit
def calloc(context, count, each):
    found = malloc(context, count * each)
    if found and count * each < LEAST:
        call_c(CLEAR, (found, 0, count * each))
    return found


@numba.njit
def free(context, pointer, size):
    if pointer:
        size = read_int(pointer - HEAD)
        if size < LEAST:
            call_c(FREE, (pointer - HEAD,))
        else:
            call_c(MUNMAP, (pointer + size - span(size), span(size) + PAGE))


@numba.njit
def realloc(context, pointer, size):
    found = malloc(context, size)
    if found and pointer:
        call_c(COPY, (found, pointer, min(size, read_int(pointer - HEAD))))
        free(context, pointer, 0)
    return found


def guard() -> None:
    """From now on have this thread's new arrays guarded."""
    functions = {}
    for function, count in ((malloc, 2), (calloc, 3), (realloc, 3), (free, 3)):
        name = function.py_func.__name__
        result = types.void if name == "free" else types.int64
        functions[name] = numba.cfunc(result(*[types.int64] * count))(function.py_func)
    handler = Handler(b"guard pages", 1, None, **{name: one.address for name, one in functions.items()})
    api = ctypes.pythonapi
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    api.PyCapsule_New.restype = ctypes.py_object
    api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    table = api.PyCapsule_GetPointer(np._core._multiarray_umath._ARRAY_API, None)  # pyright: ignore
    place = ctypes.c_void_p.from_address(table + SET_HANDLER * ctypes.sizeof(ctypes.c_void_p))
    set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(place.value)
    _kept.extend((functions, handler, set_handler))
    set_handler(api.PyCapsule_New(ctypes.addressof(handler), b"mem_handler", None))
