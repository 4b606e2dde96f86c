"""A small blob against a large one: a factor, an offset, or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..blob import Blob
from ..context import Context
from . import Op, implements

Shape = tuple[int, ...]


@implements("scale")
class Scale(Op):
    """y = a x + b, where a, or b, may be missing; y may be x.

    `shape` is that of x and y, `spread` that of a and b: as many axes, some of length 1, along which they are repeated.
    """

    anywhere: ClassVar[bool] = True
    fixed = False  # whether a has no gradient: then nothing need be kept for it

    def __init__(self, context: Context, *, shape: Shape, spread: Shape):
        super().__init__(context)
        self.spread = spread
        self.axes = tuple(k for k, length in enumerate(spread) if length == 1)
        self.before: Any = None  # x, if y has taken its place and a has a gradient

    def forward(self, x: Blob, factor: Blob | None, offset: Blob | None, y: Blob) -> None:
        xp, values = self.context.place.xp, x.read()
        self.before = values.copy() if y is x and factor is not None and not self.fixed else None
        out = y.write()
        if factor is not None:
            xp.multiply(values, factor.read().reshape(self.spread), out=out)
            if offset is not None:
                out += offset.read().reshape(self.spread)
        elif offset is not None:
            xp.add(values, offset.read().reshape(self.spread), out=out)

    def backward(
        self, y: Blob, x: Blob, factor: Blob | None, *, to_factor: bool = False, to_offset: bool = False, to_x: bool
    ) -> tuple[Any, Any]:
        """x.diff if wanted, from y.diff; returns the gradients of a and b, of any shape with their count, or None."""
        gradient, of_factor, of_offset = y.read_diff(), None, None
        if to_offset:
            of_offset = gradient.sum(axis=self.axes)
        if to_factor:
            of_factor = (gradient * (x.read() if self.before is None else self.before)).sum(axis=self.axes)
        if to_x and factor is not None:
            self.context.place.xp.multiply(gradient, factor.read().reshape(self.spread), out=x.write_diff())
        elif to_x and x is not y:
            x.write_diff()[...] = gradient
        return of_factor, of_offset


@implements("axpy")
class Axpy(Op):
    """z = a x + y for x, y (N, C, ...) and a number a for each channel of each image."""

    anywhere: ClassVar[bool] = True

    def __init__(self, context: Context, *, shape: Shape):
        super().__init__(context)
        self.spread = (*shape[:2], *(1,) * (len(shape) - 2))
        self.axes = tuple(range(2, len(shape)))

    def forward(self, a: Blob, x: Blob, y: Blob, z: Blob) -> None:
        out = z.write()
        self.context.place.xp.multiply(a.read().reshape(self.spread), x.read(), out=out)
        out += y.read()

    def backward(self, z: Blob, a: Blob, x: Blob, y: Blob, wanted: Sequence[bool]) -> None:
        """The diffs of those of a, x and y that are wanted, from z.diff and their data."""
        gradient = z.read_diff()
        if wanted[0]:
            a.write_diff()[...] = (gradient * x.read()).sum(axis=self.axes).reshape(a.shape)
        if wanted[1]:
            self.context.place.xp.multiply(gradient, a.read().reshape(self.spread), out=x.write_diff())
        if wanted[2]:
            y.write_diff()[...] = gradient
