"""TanH. Squashes any number into (-1, 1)."""

from __future__ import annotations

from ...layer import layer
from ._elementwise import Elementwise


@layer("TanH", param="tanh_param")
class TanH(Elementwise):
    r"""The hyperbolic tangent.

    $$ y = \tanh x = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}} $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself.
    Reference: LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998.
    """

    def forward(self, bottom, top):
        self.xp.tanh(bottom[0].read(), out=top[0].write())

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            y, gradient = top[0].read(), top[0].read_diff()
            self.xp.multiply(gradient, 1 - y * y, out=bottom[0].write_diff())
