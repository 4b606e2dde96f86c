"""Functions of one number, element by element, in whatever place and layout the values lie."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..blob import Blob
from ..context import Context
from . import Op, implements

Shape = tuple[int, ...]


class Activation(Op):
    """y = f(x), with numbers that f needs; y may be x. `shape` is that of both."""

    anywhere: ClassVar[bool] = True

    def __init__(self, context: Context, *, shape: Shape, **numbers: float):
        super().__init__(context)
        self.numbers = numbers

    @property
    def xp(self) -> Any:
        return self.context.place.xp


@implements("sigmoid")
class Sigmoid(Activation):
    """y = 1 / (1 + e^-x), by way of the hyperbolic tangent, which cannot overflow."""

    def forward(self, x: Blob, y: Blob) -> None:
        values = x.read()
        out = y.write()
        self.xp.multiply(values, 0.5, out=out)
        self.xp.tanh(out, out=out)
        out *= 0.5
        out += 0.5

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.data and y.diff."""
        values, gradient = y.read(), y.read_diff()
        self.xp.multiply(gradient, values * (1 - values), out=x.write_diff())


@implements("tanh")
class TanH(Activation):
    """y = tanh x."""

    def forward(self, x: Blob, y: Blob) -> None:
        self.xp.tanh(x.read(), out=y.write())

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.data and y.diff."""
        values, gradient = y.read(), y.read_diff()
        self.xp.multiply(gradient, 1 - values * values, out=x.write_diff())


@implements("elu")
class ELU(Activation):
    """y = x above 0, else alpha (e^x - 1)."""

    def forward(self, x: Blob, y: Blob) -> None:
        xp, values = self.xp, x.read()
        below = xp.expm1(xp.minimum(values, 0))
        below *= self.numbers["alpha"]
        out = y.write()
        xp.maximum(values, 0, out=out)
        out += below

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data, y.data and y.diff."""
        xp, values, gradient = self.xp, x.read(), y.read_diff()
        slope = xp.empty_like(values)  # an array even of a blob without axes
        xp.add(y.read(), self.numbers["alpha"], out=slope)
        xp.copyto(slope, 1, where=values > 0)
        xp.multiply(gradient, slope, out=x.write_diff())


@implements("relu6")
class ReLU6(Activation):
    """y = x, but at least 0 (or slope x) and at most 6."""

    def forward(self, x: Blob, y: Blob) -> None:
        xp, values, slope = self.xp, x.read(), self.numbers["slope"]
        below = xp.minimum(values, 0) * slope if slope else None
        out = y.write()
        xp.clip(values, 0, 6, out=out)
        if below is not None:
            out += below

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data and y.diff."""
        values, slope = x.read(), self.numbers["slope"]
        factor = ((values > 0) & (values < 6)).astype(values.dtype)
        if slope:
            factor += (values <= 0) * values.dtype.type(slope)
        self.xp.multiply(y.read_diff(), factor, out=x.write_diff())


@implements("power")
class Power(Activation):
    """y = (shift + scale x)^power."""

    def forward(self, x: Blob, y: Blob) -> None:
        power, scale, shift = (self.numbers[name] for name in ("power", "scale", "shift"))
        values = x.read()
        out = y.write()
        if scale * power == 0:
            out[...] = np.power(out.dtype.type(shift), out.dtype.type(power))  # infinite or no number, as C has it
            return
        self.xp.multiply(values, scale, out=out)
        out += shift
        if power != 1:
            self.xp.power(out, power, out=out)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data, y.data and y.diff; where both diffs are one, the slope is multiplied by itself."""
        power, scale, shift = (self.numbers[name] for name in ("power", "scale", "shift"))
        if power * scale == 0 or power == 1:
            slope = power * scale
        else:
            base = x.read() * scale + shift
            slope = 2 * scale * base if power == 2 else power * scale * y.read() / base
        gradient = y.read_diff()
        out = x.write_diff()
        out[...] = slope
        out *= gradient


@implements("prelu")
class PReLU(Activation):
    """y = x above 0, else a x, for a slope a for each channel (C) of x (N, C, ...), or one for all."""

    def __init__(self, context: Context, *, shape: Shape, shared: bool):
        super().__init__(context, shape=shape)
        self.spread = (1 if shared else shape[1], *(1,) * (len(shape) - 2))
        self.axes = (0, *range(1 if shared else 2, len(shape)))
        self.before: Any = None  # x, if y has taken its place

    def forward(self, x: Blob, slope: Blob, y: Blob) -> None:
        xp, values = self.xp, x.read()
        self.before = values.copy() if y is x else None
        below = xp.minimum(values, 0)
        below *= slope.read().reshape(self.spread)
        out = y.write()
        xp.maximum(values, 0, out=out)
        out += below

    def backward(self, y: Blob, x: Blob, slope: Blob, *, to_slope: bool, to_x: bool) -> Any:
        """x.diff if wanted, from y.diff; returns the gradient of a if wanted, of any shape with its count."""
        xp, gradient, found = self.xp, y.read_diff(), None
        values = x.read() if self.before is None else self.before
        if to_slope:
            found = (gradient * xp.minimum(values, 0)).sum(axis=self.axes)
        if to_x:
            factor = (values > 0).astype(values.dtype)
            factor += (values <= 0) * slope.read().reshape(self.spread)
            xp.multiply(gradient, factor, out=x.write_diff())
        return found
