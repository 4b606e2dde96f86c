"""What the GPU's ops have in common."""

from __future__ import annotations

from typing import Any

from ...context import Context
from ...ops import Op
from ...ops.scratch import scratch
from ..device import Device

SHARES = 1024  # a long sum is cut into about as many pieces of work as this


class DeviceOp(Op):
    """An op whose blobs lie on a device."""

    def __init__(self, context: Context, **spec: Any):
        super().__init__(context)
        assert isinstance(context.place, Device)
        self.device = context.place

    def launch(self, kernel: str, count: int, *args: Any) -> None:
        """Run a kernel over `count` elements."""
        self.device.launch(kernel, self.context.dtype, count, *args)

    def launch_rows(self, kernel: str, rows: int, *args: Any) -> None:
        """Run a kernel with a warp for each row."""
        self.device.launch_rows(kernel, self.context.dtype, rows, *args)

    def gemm(self, a: Any, b: Any, c: Any, transpose: tuple[bool, bool] = (False, False), beta: float = 0.0) -> None:
        """c = a b + beta c."""
        self.device.gemm(a, b, c, precision=self.context.precision, transpose=transpose, beta=beta)

    def scratch(self, slot: str, shape: tuple[int, ...]) -> Any:
        """Working memory, good until the slot is asked for again."""
        return scratch(self.context, slot, shape, self.context.dtype)

    @staticmethod
    def parts_of(outer: int, channels: int, inner: int) -> int:
        """Into how many shares a sum over outer and inner is cut, so that all multiprocessors have some."""
        return max(1, min(outer // 16 if inner == 1 else outer, SHARES // channels))

    def add_sums(self, values: Any, outer: int, channels: int, inner: int, total: Any) -> None:
        """total (channels) += the sums of values (outer, channels, inner) over outer and inner, in a fixed order."""
        parts = self.parts_of(outer, channels, inner)
        out = total if parts == 1 else self.scratch("sums", (parts, channels))
        if inner == 1:
            self.launch("column_sums", parts * channels, values, out, outer, channels, parts, parts == 1)
        else:
            self.launch_rows("plane_sums", parts * channels, values, out, outer, channels, inner, parts, parts == 1)
        if parts > 1:
            self.launch("column_sums", channels, out, total, parts, channels, 1, True)
