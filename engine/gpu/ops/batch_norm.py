"""Batch normalisation on the GPU: three readings of the values forward, two backward."""

from __future__ import annotations

from math import prod
from typing import Any

from ...blob import Blob
from ...context import Context
from ...memory import WRITE
from ...ops import implements
from ._op import DeviceOp

Shape = tuple[int, ...]


@implements("batch_norm", "cuda")
class BatchNorm(DeviceOp):
    """y = (x - mean) / sqrt(variance + eps) for x (N, C, ...) or (N,); y may be x."""

    def __init__(self, context: Context, *, shape: Shape, eps: float):
        super().__init__(context)
        self.shape, self.eps = shape, float(eps)
        outer, channels, inner = shape[0], prod(shape[1:2]), prod(shape[2:])
        self.channels, self.plain = channels, (outer, channels, inner)
        self.count = outer * inner  # values of one channel
        self.statistics: tuple[Any, Any] | None = None  # mean and variance that were last applied
        self.own: tuple[Any, Any, Any] | None = None  # mean, variance and y of the batch; made when first written
        self.of_batch = False
        self.last: Shape | None = None  # how x and y lay in the last forward pass

    @classmethod
    def supports(cls, context: Context, *, shape: Shape, **spec: Any) -> bool:
        return prod(shape) > 0

    @property
    def lengths(self) -> tuple[int, int, int]:
        """Outer, channels and inner, as x and y lie."""
        return self.plain if self.last is None else (self.count, self.channels, 1)

    def normalise(self, x: Blob, y: Blob) -> tuple[Any, Any]:
        """By the statistics of x itself; returns its mean and variance (C)."""
        if self.own is None:
            sizes = self.channels, self.channels, self.count * self.channels
            mean, variance, kept = (self.device.allocate(size, self.context.dtype) for size in sizes)
            self.own = mean, variance, kept
        self.last = self.last_of(self.shape, x.data_memory)
        values, totals = self.flat(x.data_memory, self.last), self.scratch("totals", (2, self.channels))
        self.sum_up("sums", (values,), self.lengths, (totals[0],))
        self.sum_up("distances", (values, totals[0]), self.lengths, (totals[1],), self.count)
        mean, variance, kept = self.own
        self.launch("batch_norm_statistics", self.channels, totals[0], totals[1], mean, variance, self.count)
        self.statistics, self.of_batch = (mean, variance), True
        self.write(values, y, kept)
        return mean, variance

    def apply(self, x: Blob, mean: Any, variance: Any, y: Blob) -> None:
        """By given statistics (C)."""
        self.statistics, self.of_batch = (mean, variance), False
        self.last = self.last_of(self.shape, x.data_memory)
        self.write(self.flat(x.data_memory, self.last), y, None)

    def write(self, values: Any, y: Blob, kept: Any) -> None:
        assert self.statistics is not None
        arrays = values, *self.statistics, self.flat(y.data_memory, self.last, WRITE), kept
        self.launch("batch_norm_forward", values.size, *arrays, *self.lengths[1:], self.eps)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff, and what the last forward pass left here."""
        assert self.statistics is not None
        gradient = self.flat(y.diff_memory, self.last)
        kept = total = along = None
        if self.of_batch and self.own is not None:
            kept, totals = self.own[2], self.scratch("totals", (2, self.channels))
            total, along = totals[0], totals[1]
            self.sum_up("products", (gradient, kept), self.lengths, (total, along))
        arrays = gradient, kept, total, along, self.statistics[1], self.flat(x.diff_memory, self.last, WRITE)
        self.launch("batch_norm_backward", gradient.size, *arrays, *self.lengths[1:], self.count, self.eps)
