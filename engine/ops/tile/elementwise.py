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

    steady = True

    def __init__(self, context: Context, **spec: Any):
        super().__init__(context, **spec)
        self._rows: dict[Any, Any] = {}

    def over(self, driver: Any, *operands: Any, **numbers: float) -> None:
        """Run a driver over the rows of (memory, access) pairs."""
        from .rows import Rows

        if driver not in self._rows:
            self._rows[driver] = Rows()
        self._rows[driver].run(driver, operands, **numbers)


class Rectifier(Elementwise):
    """y from x, with a slope below 0, and x.diff by x itself; y may be x."""

    def __init__(self, context: Context, *, shape: Shape, slope: float):
        super().__init__(context, shape=shape, slope=slope)
        self.slope = slope

    def drivers(self) -> Any:
        """The drivers of both passes: b = f(a); c = b f'(a)."""
        raise NotImplementedError

    def forward(self, x: Blob, y: Blob) -> None:
        if not ready():
            return self.plain.forward(x, y)
        self.over(self.drivers()[0], (x.data_memory, READ), (y.data_memory, WRITE), p=self.slope)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data and y.diff."""
        if not ready():
            return self.plain.backward(y, x)
        operands = (x.data_memory, READ), (y.diff_memory, READ), (x.diff_memory, WRITE)
        self.over(self.drivers()[1], *operands, p=self.slope)


@implements("relu", "tile")
class ReLU(Rectifier):
    """y = max(x, 0) + slope min(x, 0)."""

    def drivers(self) -> Any:
        from .rows import relu, relu_backward

        return relu, relu_backward


@implements("relu6", "tile")
class ReLU6(Rectifier):
    """y = x, but at least 0 (or slope x) and at most 6."""

    def drivers(self) -> Any:
        from .curves import relu6, relu6_backward

        return relu6, relu6_backward


class Curve(Elementwise):
    """y = f(x), whose slope its value tells; y may be x."""

    def __init__(self, context: Context, *, shape: Shape, **numbers: float):
        super().__init__(context, shape=shape, **numbers)
        self.numbers = numbers

    def drivers(self) -> Any:
        """The drivers of both passes: b = f(a); c = b f' from a = f(x)."""
        raise NotImplementedError

    def forward(self, x: Blob, y: Blob) -> None:
        if not ready():
            return self.plain.forward(x, y)
        p = self.numbers.get("alpha", 0.0)
        self.over(self.drivers()[0], (x.data_memory, READ), (y.data_memory, WRITE), p=p)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.data and y.diff."""
        if not ready():
            return self.plain.backward(y, x)
        operands = (y.data_memory, READ), (y.diff_memory, READ), (x.diff_memory, WRITE)
        self.over(self.drivers()[1], *operands, p=self.numbers.get("alpha", 0.0))


@implements("sigmoid", "tile")
class Sigmoid(Curve):
    """y = 1 / (1 + e^-x)."""

    def drivers(self) -> Any:
        from .rows import sigmoid, sigmoid_backward

        return sigmoid, sigmoid_backward


@implements("tanh", "tile")
class TanH(Curve):
    """y = tanh x."""

    def drivers(self) -> Any:
        from .rows import tanh, tanh_backward

        return tanh, tanh_backward


@implements("elu", "tile")
class ELU(Curve):
    """y = x above 0, else alpha (e^x - 1), for alpha from 0 on: then y has the sign of x."""

    @classmethod
    def supports(cls, context: Context, *, alpha: float, **spec: Any) -> bool:
        return super().supports(context) and alpha >= 0

    def drivers(self) -> Any:
        from .curves import elu, elu_backward

        return elu, elu_backward


@implements("power", "tile")
class Power(Elementwise):
    """y = (shift + scale x)^power, for the powers 1 and 2."""

    def __init__(self, context: Context, *, shape: Shape, power: float, scale: float, shift: float):
        super().__init__(context, shape=shape, power=power, scale=scale, shift=shift)
        self.power, self.scale, self.shift = power, scale, shift

    @classmethod
    def supports(cls, context: Context, *, power: float, scale: float, **spec: Any) -> bool:
        return super().supports(context) and power in (1, 2) and scale != 0

    def forward(self, x: Blob, y: Blob) -> None:
        if not ready():
            return self.plain.forward(x, y)
        from .curves import line, square

        driver = line if self.power == 1 else square
        self.over(driver, (x.data_memory, READ), (y.data_memory, WRITE), p=self.scale, q=self.shift)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data and y.diff."""
        if not ready() or y.diff_memory is x.diff_memory:
            return self.plain.backward(y, x)
        if self.power == 1:
            from .curves import line

            self.over(line, (y.diff_memory, READ), (x.diff_memory, WRITE), p=self.scale, q=0.0)
            return
        from .curves import square_backward

        operands = (x.data_memory, READ), (y.diff_memory, READ), (x.diff_memory, WRITE)
        self.over(square_backward, *operands, p=2 * self.scale * self.scale, q=2 * self.scale * self.shift)
