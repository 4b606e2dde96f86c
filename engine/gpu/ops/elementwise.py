"""Rectifier and dropout on the GPU."""

from __future__ import annotations

from math import prod

import numpy as np

from ... import rng
from ...blob import Blob
from ...context import Context
from ...memory import WRITE, Memory
from ...ops import implements
from ..numbers import numbers_of
from ._op import DeviceOp


@implements("relu", "cuda")
class ReLU(DeviceOp):
    """y = max(x, 0) + slope min(x, 0); y may be x."""

    def __init__(self, context: Context, *, shape: tuple[int, ...], slope: float):
        super().__init__(context)
        self.shape, self.count, self.slope = shape, prod(shape), slope

    def forward(self, x: Blob, y: Blob) -> None:
        last = self.last_of(self.shape, x.data_memory)
        arrays = self.flat(x.data_memory, last), self.flat(y.data_memory, last, WRITE)
        self.launch("relu_forward", self.count, *arrays, self.slope)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data and y.diff."""
        last = self.last_of(self.shape, x.data_memory)
        arrays = self.flat(x.data_memory, last), self.flat(y.diff_memory, last), self.flat(x.diff_memory, last, WRITE)
        self.launch("relu_backward", self.count, *arrays, self.slope)


@implements("dropout", "cuda")
class Dropout(DeviceOp):
    """y = m x / (1 - ratio), m being 0 with probability `ratio`, else 1, drawn by (seed, layer, pass); y may be x.

    No mask is kept: backward draws the same one.
    """

    def __init__(self, context: Context, *, ratio: float, layer: str):
        super().__init__(context)
        self.layer = layer
        self.threshold = np.float64(int(ratio * 2**32))
        self.factor = 1 / (1 - ratio) if ratio < 1 else 0.0
        self.passes = 0

    def forward(self, x: Blob, y: Blob) -> None:
        self.passes = self.context.passes
        self.apply(x.shape, x.data_memory, y.data_memory)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff, by the mask of the last forward."""
        self.apply(y.shape, y.diff_memory, x.diff_memory)

    def apply(self, shape: tuple[int, ...], values: Memory, out: Memory) -> None:
        """out = the values under the mask, which goes by the plain order of elements."""
        numbers, last = numbers_of(self.context), self.last_of(shape, values)
        numbers.set(passes=self.passes)
        key = map(np.uint32, rng.key(self.context.seed, self.layer))
        arrays = self.flat(values, last), self.flat(out, last, WRITE), numbers.values
        order = (1, 1) if last is None else (shape[1], prod(shape[2:]))
        self.launch("dropout", arrays[0].size, *arrays, *key, self.threshold, self.factor, *order)
