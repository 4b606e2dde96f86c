"""Softmax on the GPU."""

from __future__ import annotations

from math import prod

import numpy as np

from ...blob import Blob
from ...context import Context
from ...ops import implements
from ._op import DeviceOp


@implements("softmax", "cuda")
class Softmax(DeviceOp):
    """y = exp(x) / sum exp(x) along `axis` of `shape`, the largest x being subtracted first."""

    def __init__(self, context: Context, *, shape: tuple[int, ...], axis: int):
        super().__init__(context)
        self.classes, self.inner = shape[axis], prod(shape[axis + 1 :])
        self.rows = prod(shape[:axis]) * self.inner

    def forward(self, x: Blob, y: Blob) -> None:
        lowest = float(np.finfo(self.context.dtype).min)
        self.launch_rows("softmax_forward", self.rows, x.read(), y.write(), self.classes, self.inner, lowest)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.data and y.diff."""
        arrays = y.read(), y.read_diff(), x.write_diff()
        self.launch_rows("softmax_backward", self.rows, *arrays, self.classes, self.inner)
