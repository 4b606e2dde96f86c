"""Inner product on the GPU: one matrix product for the whole batch."""

from __future__ import annotations

from ...blob import Blob
from ...context import Context
from ...ops import implements
from ._op import DeviceOp


@implements("inner_product", "cuda")
class InnerProduct(DeviceOp):
    """y = x W^T + b for x (M, K) and W (N, K); with `transpose`, W is stored as (K, N)."""

    absorbs = True

    def __init__(self, context: Context, *, rows: int, inputs: int, outputs: int, transpose: bool):
        super().__init__(context)
        self.x_shape, self.y_shape = (rows, inputs), (rows, outputs)
        self.w_shape = (inputs, outputs) if transpose else (outputs, inputs)
        self.transpose = transpose

    def forward(self, x: Blob, weight: Blob, bias: Blob | None, y: Blob) -> None:
        out = y.write().reshape(self.y_shape)
        values, table = x.read().reshape(self.x_shape), weight.read().reshape(self.w_shape)
        self.gemm(values, table, out, (False, not self.transpose))
        if bias is not None or self.rectify:
            arrays = out, None, None if bias is None else bias.read(), out, None
            self.launch("scale", out.size, *arrays, self.y_shape[1], 1, self.rectify)

    def backward_data(self, y: Blob, weight: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        gradient, table = y.read_diff().reshape(self.y_shape), weight.read().reshape(self.w_shape)
        self.gemm(gradient, table, x.write_diff().reshape(self.x_shape), (False, self.transpose))

    def backward_weights(self, x: Blob, y: Blob, weight: Blob | None, bias: Blob | None) -> None:
        """Add to weight.diff and bias.diff, where given, from x.data and y.diff."""
        gradient = y.read_diff().reshape(self.y_shape)
        if bias is not None:
            self.add_sums(gradient, *self.y_shape, 1, bias.modify_diff())
        if weight is not None:
            values, total = x.read().reshape(self.x_shape), weight.modify_diff().reshape(self.w_shape)
            first, second = (values, gradient) if self.transpose else (gradient, values)
            self.gemm(first, second, total, (True, False), beta=1.0)
