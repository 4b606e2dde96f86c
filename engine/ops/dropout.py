"""Dropout: a random mask over the values."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import rng
from ..blob import Blob
from ..context import Context
from . import Op, implements


@implements("dropout")
class Dropout(Op):
    """y = m x / (1 - ratio), m being 0 with probability `ratio`, else 1, drawn by (seed, layer, pass); y may be x."""

    def __init__(self, context: Context, *, ratio: float, layer: str):
        super().__init__(context)
        self.layer = layer
        self.threshold = ratio * 2**32  # random words below it drop
        self.scale = 1 / (1 - ratio) if ratio < 1 else 0
        self.factor: Any = None  # made by forward

    def forward(self, x: Blob, y: Blob) -> None:
        values = x.read()
        key = rng.key(self.context.seed, self.layer)
        kept = rng.bits(values.size, key, self.context.passes) >= np.uint64(self.threshold)
        self.factor = kept.reshape(values.shape).astype(values.dtype)
        self.factor *= self.scale
        np.multiply(values, self.factor, out=y.write())

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff, by the mask of the last forward."""
        np.multiply(y.read_diff(), self.factor, out=x.write_diff())
