"""A factor and an offset for each channel, or each channel of each image, in whatever layout the values lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...blob import Blob
from ...context import Context
from ...memory import READ, WRITE, Memory
from .. import implements
from ._op import Shape
from .eltwise import Split
from .layout import Features
from .per_channel import PerChannel


@implements("scale", "tile")
class Scale(PerChannel):
    """y = a x + b for x (N, C, ...) and a, b (C) or (N, C), either of which may be missing; y may be x."""

    fixed = False  # whether a has no gradient: then nothing need be kept for it

    def __init__(self, context: Context, *, shape: Shape, spread: Shape):
        super().__init__(context, shape=shape, spread=spread)
        self.single = spread[0] == 1  # one number for all images
        self.kept: Any = None  # the layout in which x is kept, if y has taken its place and a has a gradient
        self.left = False  # whether the last forward pass was left to the reference

    @classmethod
    def supports(cls, context: Context, *, shape: Shape, spread: Shape, **spec: Any) -> bool:
        if not super().supports(context, shape=shape):
            return False
        return spread[0] in (1, shape[0]) and spread[1] == shape[1] and set(spread[2:]) <= {1}

    def layout_of(self, *memories: Memory) -> Any:
        """The layout to work in; None where that is for the reference."""
        kind = super().layout_of(*memories)
        return None if kind is Features and not self.single else kind

    def numbers(self, kind: Any, factor: Blob | None, offset: Blob | None) -> tuple[Any, ...]:
        """The fields for both."""
        shape = (self.shape[1],) if self.single else self.shape[:2]
        p = 1 if factor is None else factor.read().reshape(shape)
        q = 0 if offset is None else offset.read().reshape(shape)
        return self.channels.numbers("p", kind, p), self.channels.numbers("q", kind, q)

    def forward(self, x: Blob, factor: Blob | None, offset: Blob | None, y: Blob) -> None:
        kind = self.layout_of(x.data_memory)
        self.left = kind is None
        if kind is None:
            self.plain.fixed = self.fixed
            return self.plain.forward(x, factor, offset, y)
        from .channels import affine

        over = self.channels
        self.kept = kind if y is x and factor is not None and not self.fixed else None
        source, target = over.at(x.data_memory, kind, READ), over.at(y.data_memory, kind, WRITE)
        kept = over.keep(kind) if self.kept else None
        over.run(affine, kind, (source, target, kept), self.numbers(kind, factor, offset))

    def backward(
        self, y: Blob, x: Blob, factor: Blob | None, *, to_factor: bool = False, to_offset: bool = False, to_x: bool
    ) -> tuple[Any, Any]:
        """x.diff if wanted, from y.diff; returns the gradients of a and b, of any shape with their count, or None."""
        kind = self.kept or self.layout_of(y.diff_memory, *([x.data_memory] if to_factor else []))
        if self.left or kind is None:
            wanted = dict(to_factor=to_factor, to_offset=to_offset, to_x=to_x)
            return self.plain.backward(y, x, factor, **wanted)
        from .channels import affine, affine_backward

        over = self.channels
        to_x = to_x and (factor is not None or x is not y)
        numbers = self.numbers(kind, factor, None)
        gradient = over.at(y.diff_memory, kind, READ)
        if not (to_factor or to_offset):
            if to_x:
                over.run(affine, kind, (gradient, over.at(x.diff_memory, kind, WRITE), None), numbers)
            return None, None
        values = gradient
        if to_factor:
            values = over.keep(kind) if self.kept else over.at(x.data_memory, kind, READ)
        target = over.at(x.diff_memory, kind, WRITE) if to_x else None
        sums = over.run(affine_backward, kind, (gradient, values, target), numbers, "st")
        of_offset, of_factor = (self.total(one) for one in sums)
        return of_factor if to_factor else None, of_offset if to_offset else None

    def total(self, sums: np.ndarray) -> np.ndarray:
        """The sums of all images, where they have one number."""
        return sums.sum(axis=0, dtype=np.float64).astype(np.float32) if self.single else sums


@implements("axpy", "tile")
class Axpy(PerChannel):
    """z = a x + y for x, y (N, C, ...) and a number a for each channel of each image."""

    def __init__(self, context: Context, *, shape: Shape):
        super().__init__(context, shape=shape)
        spread = (*shape[:2], *(1,) * (len(shape) - 2))
        self.product = Scale(context, shape=shape, spread=spread)
        self.copy = Split(context, shape=shape)

    def forward(self, a: Blob, x: Blob, y: Blob, z: Blob) -> None:
        kind = self.product.layout_of(x.data_memory, y.data_memory)
        if kind is None:
            return self.plain.forward(a, x, y, z)
        from .channels import affine_plus

        over = self.channels
        sources = [over.at(blob.data_memory, kind, READ) for blob in (x, y)]
        target = over.at(z.data_memory, kind, WRITE)
        factors = over.numbers("p", kind, a.read().reshape(self.shape[:2]))
        over.run(affine_plus, kind, (*sources, target), (factors,))

    def backward(self, z: Blob, a: Blob, x: Blob, y: Blob, wanted: Sequence[bool]) -> None:
        """The diffs of those of a, x and y that are wanted, from z.diff and their data."""
        gradient, _ = self.product.backward(z, x, a, to_factor=wanted[0], to_x=wanted[1])
        if gradient is not None:
            a.write_diff()[...] = gradient.reshape(a.shape)
        if wanted[2]:
            self.copy.backward([z], y)
