"""BNLL. A smooth rectifier."""

from __future__ import annotations

from ...layer import layer
from ._elementwise import Elementwise

LARGEST = 50  # beyond it the slope is 1 to the last digit


@layer("BNLL")
class BNLL(Elementwise):
    r"""Binomial normal log likelihood, also known as softplus.

    $$ y = \log(1 + e^x) = \max(0, x) + \log(1 + e^{-|x|}) $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself, though the gradient is then wrong.
    Reference: Dugas, Bengio, Belisle, Nadeau and Garcia, NIPS 2000.
    Caffe quirk: in place the gradient reads the overwritten x.
    """

    def forward(self, bottom, top):
        xp, x = self.xp, bottom[0].read()
        above = xp.maximum(x, 0)
        y = top[0].write()
        xp.abs(x, out=y)
        xp.negative(y, out=y)
        xp.exp(y, out=y)
        xp.log1p(y, out=y)
        y += above

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            grown = self.xp.exp(self.xp.minimum(bottom[0].read(), LARGEST))
            self.xp.multiply(top[0].read_diff(), grown / (grown + 1), out=bottom[0].write_diff())
