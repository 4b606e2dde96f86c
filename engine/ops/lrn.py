"""Local response normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..blob import Blob
from ..context import Context
from . import Op, implements
from .scratch import scratch


@implements("lrn")
class LRN(Op):
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
        self.shape, self.axes, self.size, self.beta, self.k = shape, axes, size, beta, k
        self.alpha = alpha / size ** len(axes)  # of each neighbour
        self.scale: Any = None  # made when first written

    def forward(self, x: Blob, y: Blob) -> None:
        values = x.read()
        out = y.write()
        if self.scale is None:
            self.scale = np.empty(self.shape, values.dtype)
        np.multiply(values, values, out=self.scale)
        self.sum_neighbours(self.scale)
        self.scale *= self.alpha
        self.scale += self.k
        np.power(self.scale, -self.beta, out=out)
        out *= values

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data, y.data and y.diff."""
        gradient, scale = y.read_diff(), self.scale
        shared = scratch(self.context, "values", self.shape, gradient.dtype)
        np.multiply(gradient, y.read(), out=shared)
        shared /= scale
        self.sum_neighbours(shared)
        shared *= x.read()
        shared *= -2 * self.alpha * self.beta
        out = x.write_diff()
        np.power(scale, -self.beta, out=out)
        out *= gradient
        out += shared

    def sum_neighbours(self, values: np.ndarray) -> None:
        """Replace each value by the sum over its neighbourhood, one axis after the other."""
        before = scratch(self.context, "image", self.shape, values.dtype)
        for axis in self.axes:
            before[...] = values
            along = [slice(None)] * len(self.shape)
            for shift in range(1, min(self.size // 2, self.shape[axis] - 1) + 1):
                lower, upper = list(along), list(along)
                lower[axis], upper[axis] = slice(None, -shift), slice(shift, None)
                values[tuple(lower)] += before[tuple(upper)]
                values[tuple(upper)] += before[tuple(lower)]
