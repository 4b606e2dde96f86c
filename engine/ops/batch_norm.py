"""Batch normalisation: mean 0 and variance 1 for each channel."""

from __future__ import annotations

from typing import Any, ClassVar

from ..blob import Blob
from ..context import Context
from . import Op, implements

Shape = tuple[int, ...]


@implements("batch_norm")
class BatchNorm(Op):
    """y = (x - mean) / sqrt(variance + eps) for x (N, C, ...) or (N,); y may be x."""

    anywhere: ClassVar[bool] = True

    def __init__(self, context: Context, *, shape: Shape, eps: float):
        super().__init__(context)
        self.axes = (0, *range(2, len(shape)))
        self.spread = (1, *shape[1:2], *(1,) * (len(shape) - 2))
        self.eps = eps
        self.normalised: Any = None  # y, if the statistics are of the batch: then they have a gradient, too
        self.deviation: Any = None

    def normalise(self, x: Blob, y: Blob) -> tuple[Any, Any]:
        """By the statistics of x itself; returns its mean and variance (C)."""
        xp, values = self.context.place.xp, x.read()
        mean = values.mean(axis=self.axes)
        out = y.write()
        xp.subtract(values, mean.reshape(self.spread), out=out)
        variance = (out * out).mean(axis=self.axes)
        self._divide(out, variance)
        self.normalised = out.copy()
        return mean, variance

    def apply(self, x: Blob, mean: Any, variance: Any, y: Blob) -> None:
        """By given statistics (C)."""
        values = x.read()
        out = y.write()
        self.context.place.xp.subtract(values, mean.reshape(self.spread), out=out)
        self._divide(out, variance)
        self.normalised = None

    def _divide(self, out: Any, variance: Any) -> None:
        self.deviation = self.context.place.xp.sqrt(variance + self.eps).reshape(self.spread)
        out /= self.deviation

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff, and what the last forward pass left here."""
        xp, gradient = self.context.place.xp, y.read_diff()
        if self.normalised is None:
            xp.divide(gradient, self.deviation, out=x.write_diff())
            return
        along = (gradient * self.normalised).mean(axis=self.axes).reshape(self.spread)
        centre = gradient.mean(axis=self.axes).reshape(self.spread)
        out = x.write_diff()
        xp.subtract(gradient, centre, out=out)
        out -= along * self.normalised
        out /= self.deviation
