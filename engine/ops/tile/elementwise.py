"""Ops that work element by element, in whatever layout the values lie."""

from __future__ import annotations

from typing import Any

from ...blob import Blob
from ...context import Context
from ...memory import READ, WRITE
from .. import implements
from ._op import Shape, TileOp, ready


class Elementwise(TileOp):
    """An op whose passes go over rows."""

    def __init__(self, context: Context, **spec: Any):
        super().__init__(context, **spec)
        self._rows: dict[str, Any] = {}

    def over(self, name: str, *operands: Any, **numbers: float) -> None:
        """Run the driver of that name over (memory, access) pairs."""
        from . import rows

        if name not in self._rows:
            self._rows[name] = rows.Rows()
        self._rows[name].run(getattr(rows, name), operands, **numbers)


@implements("relu", "tile")
class ReLU(Elementwise):
    """y = max(x, 0) + slope min(x, 0); y may be x."""

    def __init__(self, context: Context, *, shape: Shape, slope: float):
        super().__init__(context, shape=shape, slope=slope)
        self.slope = slope

    def forward(self, x: Blob, y: Blob) -> None:
        if not ready():
            return self.plain.forward(x, y)
        self.over("relu", (x.data_memory, READ), (y.data_memory, WRITE), p=self.slope)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data and y.diff."""
        if not ready():
            return self.plain.backward(y, x)
        operands = (x.data_memory, READ), (y.diff_memory, READ), (x.diff_memory, WRITE)
        self.over("relu_backward", *operands, p=self.slope)
