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

    def forward(self, bottom, top):
        x = bottom[0].read()
        y = top[0].write()
        self.xp.multiply(x, 0.5, out=y)
        self.xp.tanh(y, out=y)
        y *= 0.5
        y += 0.5

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            y, gradient = top[0].read(), top[0].read_diff()
            self.xp.multiply(gradient, y * (1 - y), out=bottom[0].write_diff())
