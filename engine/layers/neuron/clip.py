"""Clip. Keeps numbers between two bounds."""

from __future__ import annotations

from ...layer import layer
from ._elementwise import Elementwise


@layer("Clip", param="clip_param")
class Clip(Elementwise):
    r"""What is out of bounds goes to the nearest bound; there the gradient is zero, on a bound it passes.

    $$ y = \min(\max(x, \mathtt{min}), \mathtt{max}) $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself, though the gradient then passes everywhere.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    Caffe quirk: in place the gradient reads the overwritten x; a `min` above `max` is all that comes out, and NaN too
        becomes `min`.
    """

    def forward(self, bottom, top):
        x = bottom[0].read()
        y = top[0].write()
        self.xp.minimum(x, self.settings.max, out=y)
        self.xp.fmax(y, self.settings.min, out=y)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            x = bottom[0].read()
            inside = (x >= self.settings.min) & (x <= self.settings.max)
            self.xp.multiply(top[0].read_diff(), inside, out=bottom[0].write_diff())
