"""A small blob against a large one on the GPU: a factor, an offset, or both, in one pass."""

from __future__ import annotations

from math import prod
from typing import Any

from ...blob import Blob
from ...context import Context
from ...memory import WRITE
from ...ops import implements
from ._op import DeviceOp

Shape = tuple[int, ...]


@implements("scale", "cuda")
class Scale(DeviceOp):
    """y = a x + b, where a, or b, may be missing; y may be x.

    `shape` is that of x and y, `spread` that of a and b: as many axes, some of length 1, along which they are repeated.
    """

    def __init__(self, context: Context, *, shape: Shape, spread: Shape):
        super().__init__(context)
        start, stop = middle(spread)
        self.shape, self.count = shape, prod(shape)
        self.plain = prod(shape[:start]), prod(shape[start:stop]), prod(shape[stop:])
        self.by_channel = len(shape) == 4 and (start, stop) == (1, 2)
        self.room: Any = None  # for x, made when first written
        self.before: Any = None  # x, if y has taken its place and a has a gradient
        self.last: Shape | None = None  # how x and y lay in the last forward pass

    @classmethod
    def supports(cls, context: Context, *, shape: Shape, spread: Shape, **spec: Any) -> bool:
        start, stop = middle(spread)
        return prod(shape) > 0 and shape[start:stop] == spread[start:stop]

    @property
    def lengths(self) -> tuple[int, int, int]:
        """What lies before, along and after a and b, as x and y lie."""
        outer, channels, inner = self.plain
        return self.plain if self.last is None else (outer * inner, channels, 1)

    def forward(self, x: Blob, factor: Blob | None, offset: Blob | None, y: Blob) -> None:
        self.before = None
        if y is x and factor is not None:
            if self.room is None:
                self.room = self.device.allocate(self.count, self.context.dtype)
            self.before = self.room
        self.last = self.last_of(self.shape, x.data_memory) if self.by_channel else None
        a, b = (None if blob is None else blob.read() for blob in (factor, offset))
        values = self.flat(x.data_memory, self.last)
        arrays = values, a, b, self.flat(y.data_memory, self.last, WRITE), self.before
        self.launch("scale", self.count, *arrays, *self.lengths[1:], False)

    def backward(
        self, y: Blob, x: Blob, factor: Blob | None, *, to_factor: bool = False, to_offset: bool = False, to_x: bool
    ) -> tuple[Any, Any]:
        """x.diff if wanted, from y.diff; returns the gradients of a and b, of any shape with their count, or None."""
        gradient = self.flat(y.diff_memory, self.last)
        totals = self.scratch("totals", (2, self.lengths[1]))
        if to_factor:
            values = self.flat(x.data_memory, self.last) if self.before is None else self.before
            self.sum_up("products", (gradient, values), self.lengths, (totals[0], totals[1]))
        elif to_offset:
            self.sum_up("sums", (gradient,), self.lengths, (totals[0],))
        if to_x and (factor is not None or x is not y):
            a = None if factor is None else factor.read()
            arrays = gradient, a, None, self.flat(x.diff_memory, self.last, WRITE), None
            self.launch("scale", self.count, *arrays, *self.lengths[1:], False)
        return totals[1] if to_factor else None, totals[0] if to_offset else None


def middle(spread: Shape) -> tuple[int, int]:
    """The first axis that is not of length 1, and the one after the last."""
    long = [k for k, length in enumerate(spread) if length != 1]
    return (long[0], long[-1] + 1) if long else (0, 0)
