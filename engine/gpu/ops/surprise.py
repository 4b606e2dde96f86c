"""The loss behind a softmax on the GPU: one kernel, two for many labels, and nobody waits for what they find."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...blob import Blob
from ...context import Context
from ...layers.loss import _labels
from ...ops import implements
from ...ops.scratch import scratch
from ...ops.surprise import SMALLEST
from ._op import DeviceOp

FEW = 4096  # labels that one warp adds up by itself
MANY = 256  # shares that more of them are cut into

Shape = tuple[int, ...]


@implements("surprise", "cuda")
class Surprise(DeviceOp):
    """loss = the sum of -log p at the labels over what `mode` counts; no number where a label is no class."""

    def __init__(self, context: Context, *, shape: Shape, axis: int, ignored: int | None, mode: int):
        super().__init__(context)
        self.classes, self.inner = shape[axis], prod(shape[axis + 1 :])
        self.rows, self.count = prod(shape[:axis]) * self.inner, prod(shape)
        self.ignored = ignored is not None, ignored or 0
        fixed = 0 if mode == _labels.VALID else _labels.normalizer(mode, prod(shape[:axis]), self.inner, None)
        self.fixed = float(fixed)
        self.divisor: Any = None  # one number, made when first written

    @classmethod
    def supports(cls, context: Context, *, shape: Shape, **spec: Any) -> bool:
        return prod(shape) > 0

    def forward(self, p: Blob, label: Blob, loss: Blob) -> None:
        if self.divisor is None:
            self.divisor = self.device.allocate(1, self.context.dtype)
        parts = 1 if self.rows <= FEW else MANY
        sums = None if parts == 1 else scratch(self.context, "surprise", (parts, 2), np.float64)
        found, lengths = (loss.write(), self.divisor), (self.rows, self.classes, self.inner)
        numbers = *self.ignored, SMALLEST, self.fixed
        self.launch_rows("surprise", parts, p.read(), label.read(), sums, *found, *lengths, *numbers)
        if sums is not None:
            self.launch_rows("surprise_total", 1, sums, *found, parts, self.fixed)

    def backward(self, p: Blob, label: Blob, loss: Blob, x: Blob) -> None:
        """x.diff from loss.diff, p being the softmax of x."""
        arrays = p.read(), label.read(), loss.read_diff(), self.divisor, x.write_diff()
        self.launch("surprise_backward", self.count, *arrays, self.classes, self.inner, *self.ignored)
