"""Local response normalisation on the GPU."""

from __future__ import annotations

from math import prod
from typing import Any

from ...blob import Blob
from ...context import Context
from ...ops import implements
from ._op import DeviceOp


@implements("lrn", "cuda")
class LRN(DeviceOp):
    """y = x s^-beta, s = k + alpha mean(x^2) over `size` neighbours along each of `axes`, zeros outside counting."""

    def __init__(
        self,
        context: Context,
        *,
        shape: tuple[int, ...],
        axes: tuple[int, ...],
        size: int,
        alpha: float,
        beta: float,
        k: float,
    ):
        super().__init__(context)
        self.shape = shape
        images, channels, height, width = shape
        if axes == (1,):
            self.kernel, self.count, self.lengths = "lrn", images * height * width, (channels, height * width)
        else:
            self.kernel, self.count, self.lengths = "lrn_within", prod(shape), (height, width)
        self.half, self.alpha, self.beta, self.k = size // 2, float(alpha / size ** len(axes)), float(beta), float(k)
        self.scale: Any = None  # made when first written

    @classmethod
    def supports(cls, context: Context, *, axes: tuple[int, ...], **spec: Any) -> bool:
        return axes in ((1,), (2, 3))

    def forward(self, x: Blob, y: Blob) -> None:
        if self.scale is None:
            self.scale = self.device.allocate(prod(self.shape), x.dtype)
        numbers = self.half, self.alpha, self.beta, self.k
        self.launch(f"{self.kernel}_forward", self.count, x.read(), self.scale, y.write(), *self.lengths, *numbers)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data, y.data and y.diff."""
        arrays = x.read(), y.read(), y.read_diff(), self.scale, x.write_diff()
        self.launch(f"{self.kernel}_backward", self.count, *arrays, *self.lengths, self.half, self.alpha, self.beta)
