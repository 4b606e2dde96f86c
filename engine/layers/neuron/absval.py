"""AbsVal. The size of a number without its sign."""

from __future__ import annotations

from ...layer import layer
from ._elementwise import Elementwise


@layer("AbsVal")
class AbsVal(Elementwise):
    r"""The absolute value; its gradient at zero is zero.

    $$ y = |x| $$

    Bottom: x, of any shape.
    Top: y, of the shape of x.
    Reference: Jarrett, Kavukcuoglu, Ranzato and LeCun, ICCV 2009 (rectification).
    """

    in_place = False

    def forward(self, bottom, top):
        self.xp.abs(bottom[0].read(), out=top[0].write())

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            sign = self.xp.sign(bottom[0].read())
            self.xp.multiply(top[0].read_diff(), sign, out=bottom[0].write_diff())
