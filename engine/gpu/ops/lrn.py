"""Local response normalisation on the GPU."""

from __future__ import annotations

from math import prod
from typing import Any

from ...blob import Blob
from ...context import Context
from ...memory import WRITE
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
        self.shape, self.count, self.across = shape, prod(shape), axes == (1,)
        self.kernel = "lrn" if self.across else "lrn_within"
        self.last: tuple[int, ...] | None = None  # how x lay in the last forward pass
        self.half, self.alpha, self.beta, self.k = size // 2, float(alpha / size ** len(axes)), float(beta), float(k)
        self.scale: Any = None  # made when first written

    @classmethod
    def supports(cls, context: Context, *, axes: tuple[int, ...], **spec: Any) -> bool:
        return axes in ((1,), (2, 3))

    @property
    def lengths(self) -> tuple[int, int]:
        """Channels and the elements between two of them, as they lie; or height and width."""
        if not self.across:
            return self.shape[2], self.shape[3]
        return self.shape[1], prod(self.shape[2:]) if self.last is None else 1

    def forward(self, x: Blob, y: Blob) -> None:
        if self.scale is None:
            self.scale = self.device.allocate(self.count, x.dtype)
        self.last = self.last_of(self.shape, x.data_memory) if self.across else None
        arrays = self.flat(x.data_memory, self.last), self.scale, self.flat(y.data_memory, self.last, WRITE)
        numbers = self.half, self.alpha, self.beta, self.k
        self.launch(f"{self.kernel}_forward", self.count, *arrays, *self.lengths, *numbers)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data, y.data and y.diff."""
        read = (self.flat(memory, self.last) for memory in (x.data_memory, y.data_memory, y.diff_memory))
        arrays = *read, self.scale, self.flat(x.diff_memory, self.last, WRITE)
        self.launch(f"{self.kernel}_backward", self.count, *arrays, *self.lengths, self.half, self.alpha, self.beta)
