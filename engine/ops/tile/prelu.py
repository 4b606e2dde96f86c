"""Rectifiers with a slope for each channel, in whatever layout the values lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...blob import Blob
from ...context import Context
from ...memory import READ, WRITE
from .. import implements
from ._op import Shape
from .per_channel import PerChannel


@implements("prelu", "tile")
class PReLU(PerChannel):
    """y = x above 0, else a x, for a slope a for each channel (C) of x (N, C, ...), or one for all; y may be x."""

    def __init__(self, context: Context, *, shape: Shape, shared: bool):
        super().__init__(context, shape=shape, shared=shared)
        self.shared = shared
        self.kept: Any = None  # the layout in which x is kept, if y has taken its place
        self.left = False  # whether the last forward pass was left to the reference

    def slopes(self, kind: Any, slope: Blob) -> tuple[Any, ...]:
        """The fields for the slopes."""
        return (self.channels.numbers("p", kind, slope.read().reshape(-1)),)

    def forward(self, x: Blob, slope: Blob, y: Blob) -> None:
        kind = self.layout_of(x.data_memory)
        self.left = kind is None
        if kind is None:
            return self.plain.forward(x, slope, y)
        from .channels import rectified

        over = self.channels
        self.kept = kind if y is x else None
        source, target = over.at(x.data_memory, kind, READ), over.at(y.data_memory, kind, WRITE)
        kept = over.keep(kind) if self.kept else None
        over.run(rectified, kind, (source, target, kept), self.slopes(kind, slope))

    def backward(self, y: Blob, x: Blob, slope: Blob, *, to_slope: bool, to_x: bool) -> Any:
        """x.diff if wanted, from y.diff; returns the gradient of a if wanted, of any shape with its count."""
        kind = self.kept or self.layout_of(y.diff_memory, x.data_memory)
        if self.left or kind is None:
            return self.plain.backward(y, x, slope, to_slope=to_slope, to_x=to_x)
        if not (to_slope or to_x):
            return None
        from .channels import rectified_backward

        over = self.channels
        gradient = over.at(y.diff_memory, kind, READ)
        values = over.keep(kind) if self.kept else over.at(x.data_memory, kind, READ)
        target = over.at(x.diff_memory, kind, WRITE) if to_x else None
        (sums,) = over.run(rectified_backward, kind, (gradient, values, target), self.slopes(kind, slope), "s")
        if not to_slope:
            return None
        total = sums.sum(axis=0, dtype=np.float64)
        return (total.sum() if self.shared else total).astype(np.float32)
