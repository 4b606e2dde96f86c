"""Batch normalisation, in whatever layout the values lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...blob import Blob
from ...context import Context
from ...memory import READ, WRITE
from .. import implements
from ._op import Shape
from .per_channel import PerChannel


@implements("batch_norm", "tile")
class BatchNorm(PerChannel):
    """y = (x - mean) / sqrt(variance + eps) for x (N, C, ...); y may be x."""

    def __init__(self, context: Context, *, shape: Shape, eps: float):
        super().__init__(context, shape=shape, eps=eps)
        self.eps = eps
        self.kind: Any = None  # the layout of the last forward pass; None where the plain op did it
        self.batch = False  # whether it went by the batch's own statistics
        self.factor: Any = None

    def normalise(self, x: Blob, y: Blob) -> tuple[np.ndarray, np.ndarray]:
        """By the statistics of x itself; returns its mean and variance (C)."""
        self.batch = True
        self.kind = self.layout_of(x.data_memory)
        if self.kind is None:
            return self.plain.normalise(x, y)
        from .channels import centred, moments

        over, kind = self.channels, self.kind
        source = over.at(x.data_memory, kind, READ)
        found = over.run(moments, kind, (source,), (), "st")
        means, squares = (part.astype(np.float64) for part in found)
        mean = means.mean(axis=0)
        variance = (squares.sum(axis=0) * len(squares) / self.count + np.square(means - mean).sum(axis=0)) / len(means)
        self.factor = 1 / np.sqrt(variance + self.eps)
        target = over.at(y.data_memory, kind, WRITE)
        numbers = over.numbers("p", kind, mean), over.numbers("q", kind, self.factor)
        over.run(centred, kind, (source, target, over.keep(kind)), numbers)
        return mean.astype(np.float32), variance.astype(np.float32)

    @property
    def count(self) -> int:
        """How many values have one mean."""
        return self.channels.images * self.channels.places

    def apply(self, x: Blob, mean: np.ndarray, variance: np.ndarray, y: Blob) -> None:
        """By given statistics (C)."""
        self.batch = False
        self.kind = self.layout_of(x.data_memory)
        if self.kind is None:
            return self.plain.apply(x, mean, variance, y)
        from .channels import centred

        over, kind = self.channels, self.kind
        self.factor = 1 / np.sqrt(variance + np.float64(self.eps))
        source, target = over.at(x.data_memory, kind, READ), over.at(y.data_memory, kind, WRITE)
        numbers = over.numbers("p", kind, mean), over.numbers("q", kind, self.factor)
        over.run(centred, kind, (source, target, None), numbers)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff, and what the last forward pass left here."""
        if self.kind is None:
            return self.plain.backward(y, x)
        from .channels import affine, affine_backward, centred_backward

        over, kind = self.channels, self.kind
        gradient = over.at(y.diff_memory, kind, READ)
        if not self.batch:
            target = over.at(x.diff_memory, kind, WRITE)
            numbers = over.numbers("p", kind, self.factor), over.numbers("q", kind, 0)
            over.run(affine, kind, (gradient, target, None), numbers)
            return
        kept = over.keep(kind)
        centre, along = (
            part.sum(axis=0, dtype=np.float64) / self.count
            for part in over.run(affine_backward, kind, (gradient, kept, None), (), "st")
        )
        target = over.at(x.diff_memory, kind, WRITE)
        numbers = [over.numbers(*one) for one in (("p", kind, centre), ("q", kind, along), ("r", kind, self.factor))]
        over.run(centred_backward, kind, (gradient, kept, target), tuple(numbers))
