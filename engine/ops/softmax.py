"""Softmax along one axis."""

from __future__ import annotations

import numpy as np

from ..blob import Blob
from ..context import Context
from . import Op, implements
from .scratch import scratch


@implements("softmax")
class Softmax(Op):
    """y = exp(x) / sum exp(x) along `axis` of `shape`, the largest x being subtracted first."""

    def __init__(self, context: Context, *, shape: tuple[int, ...], axis: int):
        super().__init__(context)
        self.axis = axis

    def forward(self, x: Blob, y: Blob) -> None:
        values = x.read()
        out = y.write()
        np.subtract(values, values.max(axis=self.axis, keepdims=True, initial=-np.inf), out=out)
        np.exp(out, out=out)
        out /= out.sum(axis=self.axis, keepdims=True)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.data and y.diff."""
        values, gradient = y.read(), y.read_diff()
        product = scratch(self.context, "softmax", values.shape, values.dtype)
        np.multiply(gradient, values, out=product)
        out = x.write_diff()
        np.subtract(gradient, product.sum(axis=self.axis, keepdims=True), out=out)
        out *= values
