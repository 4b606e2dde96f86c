"""Inner product: one matrix product for the whole batch."""

from __future__ import annotations

import numpy as np

from ..blob import Blob
from ..context import Context
from . import Op, implements
from .scratch import scratch


@implements("inner_product")
class InnerProduct(Op):
    """y = x W^T + b for x (M, K) and W (N, K); with `transpose`, W is stored as (K, N)."""

    def __init__(self, context: Context, *, rows: int, inputs: int, outputs: int, transpose: bool):
        super().__init__(context)
        self.x_shape, self.y_shape = (rows, inputs), (rows, outputs)
        self.transpose = transpose

    def matrix(self, array: np.ndarray) -> np.ndarray:
        """A weight-like array as (K, N)."""
        inputs, outputs = self.x_shape[1], self.y_shape[1]
        return array.reshape(inputs, outputs) if self.transpose else array.reshape(outputs, inputs).T

    def forward(self, x: Blob, weight: Blob, bias: Blob | None, y: Blob) -> None:
        out = y.write().reshape(self.y_shape)
        np.matmul(x.read().reshape(self.x_shape), self.matrix(weight.read()), out=out)
        if bias is not None:
            out += bias.read().reshape(-1)

    def backward_data(self, y: Blob, weight: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        out = x.write_diff().reshape(self.x_shape)
        np.matmul(y.read_diff().reshape(self.y_shape), self.matrix(weight.read()).T, out=out)

    def backward_weights(self, x: Blob, y: Blob, weight: Blob | None, bias: Blob | None) -> None:
        """Add to weight.diff and bias.diff, where given, from x.data and y.diff."""
        gradient = y.read_diff().reshape(self.y_shape)
        if bias is not None:
            bias.modify_diff().reshape(-1)[...] += gradient.sum(axis=0)
        if weight is not None:
            total = weight.modify_diff()
            product = scratch(self.context, "weight", total.shape, total.dtype)
            np.matmul(x.read().reshape(self.x_shape).T, gradient, out=self.matrix(product))
            total += product
