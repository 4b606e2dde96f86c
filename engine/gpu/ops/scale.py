"""A small blob against a large one on the GPU: a factor, an offset, or both, in one pass."""

from __future__ import annotations

from math import prod
from typing import Any

from ...blob import Blob
from ...context import Context
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
        self.lengths = prod(shape[:start]), prod(shape[start:stop]), prod(shape[stop:])
        self.count = prod(shape)
        self.room: Any = None  # for x, made when first written
        self.before: Any = None  # x, if y has taken its place and a has a gradient

    @classmethod
    def supports(cls, context: Context, *, shape: Shape, spread: Shape, **spec: Any) -> bool:
        start, stop = middle(spread)
        return prod(shape) > 0 and shape[start:stop] == spread[start:stop]

    def forward(self, x: Blob, factor: Blob | None, offset: Blob | None, y: Blob) -> None:
        self.before = None
        if y is x and factor is not None:
            if self.room is None:
                self.room = self.device.allocate(self.count, self.context.dtype)
            self.before = self.room
        a, b = (None if blob is None else blob.read() for blob in (factor, offset))
        self.launch("scale", self.count, x.read(), a, b, y.write(), self.before, *self.lengths[1:])

    def backward(
        self, y: Blob, x: Blob, factor: Blob | None, *, to_factor: bool = False, to_offset: bool = False, to_x: bool
    ) -> tuple[Any, Any]:
        """x.diff if wanted, from y.diff; returns the gradients of a and b, of any shape with their count, or None."""
        gradient, channels = y.read_diff(), self.lengths[1]
        totals, parts = self.scratch("totals", (2, channels)), self.parts_of(*self.lengths)
        shares = self.scratch("shares", (2, parts, channels))
        if to_factor:
            values = x.read() if self.before is None else self.before
            arrays = gradient, values, shares[0], shares[1]
            self.launch_rows("plane_products", parts * channels, *arrays, *self.lengths, parts)
        elif to_offset:
            self.launch_rows("plane_sums", parts * channels, gradient, shares[0], *self.lengths, parts, False)
        for share, sums, wanted in zip(shares, totals, (to_offset, to_factor), strict=True):
            if wanted:
                self.launch("column_sums", channels, share, sums, parts, channels, 1, False)
        if to_x and factor is not None:
            out = x.write_diff()
            self.launch("scale", self.count, gradient, factor.read(), None, out, None, *self.lengths[1:])
        elif to_x and x is not y:
            x.write_diff()[...] = gradient
        return totals[1] if to_factor else None, totals[0] if to_offset else None


def middle(spread: Shape) -> tuple[int, int]:
    """The first axis that is not of length 1, and the one after the last."""
    long = [k for k, length in enumerate(spread) if length != 1]
    return (long[0], long[-1] + 1) if long else (0, 0)
