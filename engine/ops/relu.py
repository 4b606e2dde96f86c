"""The rectifier: an op, so that an engine with a layout of its own need not leave it."""

from __future__ import annotations

import numpy as np

from ..blob import Blob
from ..context import Context
from . import Op, implements
from .scratch import scratch


@implements("relu")
class ReLU(Op):
    """y = max(x, 0) + slope min(x, 0); y may be x."""

    def __init__(self, context: Context, *, shape: tuple[int, ...], slope: float):
        super().__init__(context)
        self.slope = slope

    def forward(self, x: Blob, y: Blob) -> None:
        values = x.read()
        out = y.write()
        if self.slope:
            below = scratch(self.context, "relu", values.shape, values.dtype)
            np.minimum(values, 0, out=below)
            below *= self.slope
            np.maximum(values, 0, out=out)
            out += below
        else:
            np.maximum(values, 0, out=out)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data and y.diff."""
        values, gradient = x.read(), y.read_diff()
        factor = scratch(self.context, "relu", values.shape, values.dtype)
        np.greater(values, 0, out=factor, casting="unsafe")
        if self.slope:
            np.maximum(factor, 0, out=factor)
            factor *= 1 - self.slope
            factor += self.slope
        np.multiply(gradient, factor, out=x.write_diff())
