"""cuBLAS through an own handle: CuPy's refuses to work while a graph is captured."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_double, c_float, c_int, c_longlong, c_size_t, c_void_p
from functools import cache
from typing import Any

WORKSPACE = 32 << 20  # bytes, as NVIDIA advises for Hopper
DEFAULT_MATH, TF32_MATH = 0, 3
PREFIX = {"float32": ("S", c_float), "float64": ("D", c_double)}


@cache
def library() -> Any:
    """The shared library, from wherever CuPy finds its own. Raises RuntimeError when there is none."""
    try:
        from cuda.pathfinder import load_nvidia_dynamic_lib  # pyright: ignore[reportMissingImports]

        found = ctypes.CDLL(load_nvidia_dynamic_lib("cublas").abs_path)
    except (ImportError, OSError, RuntimeError) as error:
        raise RuntimeError(f"cuBLAS cannot be loaded ({error}); install Brewbench with the extra gpu") from error
    for name, kinds in {
        "cublasCreate_v2": [c_void_p],
        "cublasSetStream_v2": [c_void_p, c_void_p],
        "cublasSetWorkspace_v2": [c_void_p, c_void_p, c_size_t],
        "cublasSetMathMode": [c_void_p, c_int],
    }.items():
        getattr(found, name).argtypes = kinds
    matrix = [c_void_p, c_int, c_longlong]
    for letter, _ in PREFIX.values():
        function = getattr(found, f"cublas{letter}gemmStridedBatched")
        function.argtypes = [c_void_p, *[c_int] * 5, c_void_p, *matrix, *matrix, c_void_p, *matrix, c_int]
    return found


class Blas:
    """One handle, for one precision."""

    def __init__(self, xp: Any, precision: str):
        self.xp = xp
        self.library = library()
        self.handle = c_void_p()
        self._check("create", self.library.cublasCreate_v2(byref(self.handle)))
        mode = TF32_MATH if precision == "tf32" else DEFAULT_MATH
        self._check("math mode", self.library.cublasSetMathMode(self.handle, mode))
        self.workspace = xp.empty(WORKSPACE, xp.uint8)
        self.stream: int | None = None

    def _check(self, what: str, status: int) -> None:
        if status:
            raise RuntimeError(f"cuBLAS: {what} failed with status {status}")

    def _follow_stream(self) -> None:
        """Work on the thread's current stream. Setting the stream forgets the workspace."""
        stream = self.xp.cuda.get_current_stream().ptr
        if stream != self.stream:
            self._check("set stream", self.library.cublasSetStream_v2(self.handle, stream))
            memory = self.workspace.data.ptr
            self._check("set workspace", self.library.cublasSetWorkspace_v2(self.handle, memory, WORKSPACE))
            self.stream = stream

    def gemm(self, a: Any, b: Any, c: Any, transpose: tuple[bool, bool], beta: float) -> None:
        """c = a b + beta c. cuBLAS counts columns first, so it is told c^T = b^T a^T, which is the same memory."""
        self._follow_stream()
        (rows, columns), batch = c.shape[-2:], c.shape[0] if c.ndim == 3 else 1
        inner = a.shape[-2] if transpose[0] else a.shape[-1]
        letter, number = PREFIX[c.dtype.name]
        one, scale = number(1), number(beta)
        status = getattr(self.library, f"cublas{letter}gemmStridedBatched")(
            self.handle, int(transpose[1]), int(transpose[0]), columns, rows, inner,
            byref(one), *_described(b), *_described(a), byref(scale), *_described(c), batch,
        )  # fmt: skip
        self._check(f"gemm of {a.shape} and {b.shape}", status)


def _described(array: Any) -> tuple[int, int, int]:
    """Address, length of a row, and elements from one matrix to the next."""
    return array.data.ptr, array.shape[-1], array.shape[-2] * array.shape[-1]
