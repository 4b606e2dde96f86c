"""What the GPU's ops have in common."""

from __future__ import annotations

from typing import Any

from ...context import Context
from ...memory import READ, Memory
from ...ops import Op
from ...ops.scratch import scratch
from ..device import Device
from ..layout import channels_last, lies_last

SHARES = 1024  # a long sum is cut into about as many pieces of work as this, each for a warp
THREADS = 1 << 17  # or as this, where each is for a thread

Shape = tuple[int, ...]


class DeviceOp(Op):
    """An op whose blobs lie on a device.

    `rectify` and `affine` are what the net lets it take along of the layers that follow (see `engine/fusion.py`).
    """

    absorbs = False
    takes_affine = False
    rectify = False
    affine: Any = None

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

    def last_of(self, shape: Shape, *memories: Memory) -> Shape | None:
        """The shape, if one of the memories lies channels last by it; None where all lie plainly."""
        return shape if any(lies_last(memory, shape) for memory in memories) else None

    def flat(self, memory: Memory, last: Shape | None, access: str = READ) -> Any:
        """The elements as a flat array: plain ones, or as images of shape `last` whose channels come last."""
        if last is None:
            return memory.on(self.device, access)
        return channels_last(self.device, memory, last, access)

    @staticmethod
    def parts_of(outer: int, channels: int, inner: int) -> int:
        """Into how many shares a sum over outer and inner is cut, so that all multiprocessors have some."""
        if inner == 1:
            return max(1, min(outer // 64, THREADS // channels))
        return max(1, min(outer, SHARES // channels))

    def add_sums(self, values: Any, outer: int, channels: int, inner: int, total: Any) -> None:
        """total (channels) += the sums of values (outer, channels, inner) over outer and inner, in a fixed order."""
        self.sum_up("sums", (values,), (outer, channels, inner), (total,), add=True)

    def sum_up(
        self,
        kernel: str,
        arrays: tuple[Any, ...],
        lengths: tuple[int, int, int],
        totals: tuple[Any, ...],
        *numbers: int,
        add: bool = False,
    ) -> None:
        """Each total (channels) = what a kernel makes of arrays (outer, channels, inner), summed in a fixed order.

        With `add` it is added to them. The kernel comes in two forms: plane_... has a warp for each share of a channel,
        column_... a thread, for where there is no inner.
        """
        outer, channels, inner = lengths
        parts = self.parts_of(outer, channels, inner)
        shares = totals if parts == 1 else tuple(self.scratch("shares", (len(totals), parts, channels)))
        shape = (outer, channels) if inner == 1 else lengths
        launch, form = (self.launch, "column") if inner == 1 else (self.launch_rows, "plane")
        launch(f"{form}_{kernel}", parts * channels, *arrays, *shares, *shape, parts, add and parts == 1, *numbers)
        if parts > 1:
            for share, total in zip(shares, totals, strict=True):
                self.launch_rows("share_sums", channels, share, total, parts, channels, add)
