"""Pooling on the GPU: maximum, average, and a random draw."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ... import rng
from ...blob import Blob
from ...context import Context
from ...memory import WRITE
from ...ops import implements
from ..numbers import numbers_of
from ._op import DeviceOp

Pair = tuple[int, int]


class Pooling(DeviceOp):
    """Windows of `kernel` at every `stride` over an image (N, C, H, W) with `pad` added on every side."""

    def __init__(
        self, context: Context, *, image: tuple[int, ...], output: Pair, kernel: Pair, stride: Pair, pad: Pair
    ):
        super().__init__(context)
        self.inside, self.outside = prod(image), prod(image[:2]) * prod(output)
        self.image, self.top = image, (*image[:2], *output)
        self.windows = (*image[2:], *output, *kernel, *stride, *pad)
        self.last = False  # whether the channels came last in the last forward pass
        self.index: Any = None  # of each window's choice; made when first written

    def index_array(self) -> Any:
        if self.index is None:
            self.index = self.device.allocate(self.outside, np.dtype(np.int32))
        return self.index

    def backward_by_index(self, y: Blob, x: Blob) -> None:
        """x.diff = the gradient of each window at the place it chose."""
        gradient, out = self.diffs(y, x)
        self.launch("pooling_backward_by_index", self.inside, gradient, self.index, out, *self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """What kernels are told: how many channels lie side by side, then the windows."""
        return self.image[1] if self.last else 1, *self.windows

    def data(self, x: Blob, y: Blob, plain: bool = False) -> tuple[Any, Any]:
        """The values to read, and room for those of y, which lie as they do, or plainly."""
        self.last = not plain and self.last_of(self.image, x.data_memory) is not None
        image, top = (self.image, self.top) if self.last else (None, None)
        return self.flat(x.data_memory, image), self.flat(y.data_memory, top, WRITE)

    def diffs(self, y: Blob, x: Blob) -> tuple[Any, Any]:
        """The gradient to read, and room for that of x, in the order of the last forward pass."""
        image, top = (self.image, self.top) if self.last else (None, None)
        return self.flat(y.diff_memory, top), self.flat(x.diff_memory, image, WRITE)


@implements("max_pooling", "cuda")
class MaxPooling(Pooling):
    """The largest value of each window; the first of equals. Remembers where it was for backward."""

    def forward(self, x: Blob, y: Blob, mask: Blob | None = None) -> None:
        lowest = float(np.finfo(self.context.dtype).min)
        arrays = *self.data(x, y, plain=mask is not None), self.index_array(), None if mask is None else mask.write()
        self.launch("max_pooling_forward", self.outside, *arrays, lowest, *self.shape)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        self.backward_by_index(y, x)


@implements("average_pooling", "cuda")
class AveragePooling(Pooling):
    """The mean over each window, padding counting as zeros, what lies beyond the padding not counting."""

    def forward(self, x: Blob, y: Blob) -> None:
        self.launch("average_pooling_forward", self.outside, *self.data(x, y), *self.shape)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        self.launch("average_pooling_backward", self.inside, *self.diffs(y, x), *self.shape)


@implements("stochastic_pooling", "cuda")
class StochasticPooling(Pooling):
    """A value drawn from each window with probability in proportion to it; in test, their mean so weighted."""

    def __init__(self, context: Context, *, stream: tuple[int | str, ...], training: bool, **spec: Any):
        super().__init__(context, **spec)
        self.stream, self.training = stream, training

    def forward(self, x: Blob, y: Blob, mask: Blob | None = None) -> None:
        if not self.training:
            tiny = float(np.finfo(self.context.dtype).tiny)
            self.launch("stochastic_pooling_mean", self.outside, x.read(), y.write(), tiny, *self.shape)
            return
        numbers = numbers_of(self.context)
        numbers.set(passes=self.context.passes)
        arrays = x.read(), y.write(), self.index_array(), None if mask is None else mask.write()
        key = map(np.uint32, rng.key(self.context.seed, *self.stream))
        self.launch("stochastic_pooling_draw", self.outside, *arrays, numbers.values, *key, *self.shape)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff, after a forward pass in training."""
        if self.index is None:
            raise RuntimeError("stochastic pooling has a gradient in the TRAIN phase only")
        self.backward_by_index(y, x)
