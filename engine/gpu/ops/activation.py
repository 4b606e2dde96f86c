"""Functions of one number on the GPU: the plain ones, in whatever order the values lie."""

from __future__ import annotations

from typing import Any

from ...blob import Blob
from ...context import Context
from ...memory import WRITE
from ...ops import TABLE, implements
from ._op import DeviceOp, Shape


class Seen:
    """A blob as the plain op asks for it, its values and gradients in the order of `last`."""

    def __init__(self, op: DeviceOp, blob: Blob, last: Shape | None):
        self.op, self.blob, self.last = op, blob, last

    def read(self) -> Any:
        return self.op.flat(self.blob.data_memory, self.last)

    def write(self) -> Any:
        return self.op.flat(self.blob.data_memory, self.last, WRITE)

    def read_diff(self) -> Any:
        return self.op.flat(self.blob.diff_memory, self.last)

    def write_diff(self) -> Any:
        return self.op.flat(self.blob.diff_memory, self.last, WRITE)


class InAnyOrder(DeviceOp):
    """y = f(x) by the op in `engine/ops/activation.py`; y may be x."""

    def __init__(self, context: Context, *, shape: Shape, **numbers: float):
        super().__init__(context)
        self.shape = shape
        self.plain: Any = TABLE[self.name]["reference"](context, shape=shape, **numbers)

    def forward(self, x: Blob, y: Blob) -> None:
        last = self.last_of(self.shape, x.data_memory)
        self.plain.forward(Seen(self, x, last), Seen(self, y, last))

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff, and the data that the slope depends on."""
        last = self.last_of(self.shape, y.data_memory, x.data_memory)
        self.plain.backward(Seen(self, y, last), Seen(self, x, last))


@implements("sigmoid", "cuda")
class Sigmoid(InAnyOrder):
    """y = 1 / (1 + e^-x)."""


@implements("tanh", "cuda")
class TanH(InAnyOrder):
    """y = tanh x."""


@implements("elu", "cuda")
class ELU(InAnyOrder):
    """y = x above 0, else alpha (e^x - 1)."""


@implements("relu6", "cuda")
class ReLU6(InAnyOrder):
    """y = x, but at least 0 (or slope x) and at most 6."""


@implements("power", "cuda")
class Power(InAnyOrder):
    """y = (shift + scale x)^power."""
