"""ELU. Exponential linear unit."""

from __future__ import annotations

from ...layer import layer
from ._elementwise import Elementwise


@layer("ELU", param="elu_param")
class ELU(Elementwise):
    r"""Linear above zero, and saturating at -alpha below.

    $$ y = \max(0, x) + \alpha \bigl( e^{\min(0, x)} - 1 \bigr), \quad \alpha = \mathtt{alpha} $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself.
    Reference: Clevert, Unterthiner and Hochreiter, ICLR 2016.
    """

    def forward(self, bottom, top):
        xp, x = self.xp, bottom[0].read()
        below = xp.expm1(xp.minimum(x, 0))
        below *= self.settings.alpha
        y = top[0].write()
        xp.maximum(x, 0, out=y)
        y += below

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            xp, x, gradient = self.xp, bottom[0].read(), top[0].read_diff()
            below = top[0].read() + self.settings.alpha
            xp.copyto(below, 1, where=x > 0)
            xp.multiply(gradient, below, out=bottom[0].write_diff())
