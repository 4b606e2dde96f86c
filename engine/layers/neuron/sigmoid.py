"""Sigmoid. Squashes any number into (0, 1)."""

from __future__ import annotations

from ...layer import layer
from ._elementwise import Elementwise


@layer("Sigmoid", param="sigmoid_param")
class Sigmoid(Elementwise):
    r"""The logistic function, by way of the hyperbolic tangent, which cannot overflow.

    $$ y = \frac{1}{1 + e^{-x}} = \tfrac12 \tanh \tfrac{x}{2} + \tfrac12 $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself.
    Reference: Rumelhart, Hinton and Williams, Nature 1986.
    """

    steady = True

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        self.sigmoid = self.op("sigmoid", shape=bottom[0].shape)

    def forward(self, bottom, top):
        self.sigmoid.forward(bottom[0], top[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.sigmoid.backward(top[0], bottom[0])
