"""Batch normalisation on the GPU: three readings of the values forward, two backward."""

from __future__ import annotations

from math import prod
from typing import Any

from ...blob import Blob
from ...context import Context
from ...ops import implements
from ._op import DeviceOp

Shape = tuple[int, ...]


@implements("batch_norm", "cuda")
class BatchNorm(DeviceOp):
    """y = (x - mean) / sqrt(variance + eps) for x (N, C, ...) or (N,); y may be x."""

    def __init__(self, context: Context, *, shape: Shape, eps: float):
        super().__init__(context)
        outer, channels, inner = shape[0], prod(shape[1:2]), prod(shape[2:])
        self.lengths, self.eps = (outer, channels, inner), float(eps)
        self.count = outer * inner  # values of one channel
        self.statistics: tuple[Any, Any] | None = None  # mean and variance that were last applied
        self.own: tuple[Any, Any, Any] | None = None  # mean, variance and y of the batch; made when first written
        self.of_batch = False

    @classmethod
    def supports(cls, context: Context, *, shape: Shape, **spec: Any) -> bool:
        return prod(shape) > 0

    def normalise(self, x: Blob, y: Blob) -> tuple[Any, Any]:
        """By the statistics of x itself; returns its mean and variance (C)."""
        outer, channels, inner = self.lengths
        if self.own is None:
            sizes = channels, channels, outer * channels * inner
            mean, variance, kept = (self.device.allocate(size, self.context.dtype) for size in sizes)
            self.own = mean, variance, kept
        values, parts = x.read(), self.parts_of(*self.lengths)
        totals, shares = self.scratch("totals", (2, channels)), self.scratch("shares", (parts, channels))
        self.launch_rows("plane_sums", shares.size, values, shares, *self.lengths, parts, False)
        self.launch("column_sums", channels, shares, totals[0], parts, channels, 1, False)
        self.launch_rows("plane_distances", shares.size, values, totals[0], shares, *self.lengths, parts, self.count)
        self.launch("column_sums", channels, shares, totals[1], parts, channels, 1, False)
        mean, variance, kept = self.own
        self.launch("batch_norm_statistics", channels, totals[0], totals[1], mean, variance, self.count)
        self.statistics, self.of_batch = (mean, variance), True
        self.write(values, y, kept)
        return mean, variance

    def apply(self, x: Blob, mean: Any, variance: Any, y: Blob) -> None:
        """By given statistics (C)."""
        self.statistics, self.of_batch = (mean, variance), False
        self.write(x.read(), y, None)

    def write(self, values: Any, y: Blob, kept: Any) -> None:
        assert self.statistics is not None
        arrays = values, *self.statistics, y.write(), kept
        self.launch("batch_norm_forward", values.size, *arrays, *self.lengths[1:], self.eps)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff, and what the last forward pass left here."""
        assert self.statistics is not None
        channels, gradient = self.lengths[1], y.read_diff()
        kept = total = along = None
        if self.of_batch and self.own is not None:
            kept, parts = self.own[2], self.parts_of(*self.lengths)
            totals, shares = self.scratch("totals", (2, channels)), self.scratch("shares", (2, parts, channels))
            arrays = gradient, kept, shares[0], shares[1]
            self.launch_rows("plane_products", parts * channels, *arrays, *self.lengths, parts)
            for share, sums in zip(shares, totals, strict=True):
                self.launch("column_sums", channels, share, sums, parts, channels, 1, False)
            total, along = totals[0], totals[1]
        arrays = gradient, kept, total, along, self.statistics[1], x.write_diff()
        self.launch("batch_norm_backward", gradient.size, *arrays, *self.lengths[1:], self.count, self.eps)
