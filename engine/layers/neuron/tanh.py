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

    steady = True

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        self.tanh = self.op("tanh", shape=bottom[0].shape)

    def forward(self, bottom, top):
        self.tanh.forward(bottom[0], top[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.tanh.backward(top[0], bottom[0])
