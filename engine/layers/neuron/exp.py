"""Exp. A base raised to a linear function."""

from __future__ import annotations

from math import exp, inf, log

from ...errors import DefinitionError
from ...layer import layer
from ._elementwise import Elementwise


def log_of_base(settings):
    """The natural logarithm of `base`, whose -1 stands for e. Raises DefinitionError unless it is above 0."""
    if settings.base != -1 and settings.base <= 0:
        raise DefinitionError(f"base must be above 0, or -1 for e; got {settings.base:g}.", "base")
    return 1.0 if settings.base == -1 else log(settings.base)


@layer("Exp", param="exp_param")
class Exp(Elementwise):
    r"""An exponential; `base` -1 stands for e.

    $$ y = \mathtt{base}^{\,\mathtt{shift} + \mathtt{scale} \cdot x} $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    """

    def setup(self, bottom, top):
        rate = log_of_base(self.settings)
        self.inside = rate * self.settings.scale
        try:
            self.outside = exp(rate * self.settings.shift)
        except OverflowError:
            self.outside = inf

    def forward(self, bottom, top):
        x = bottom[0].read()
        y = top[0].write()
        self.xp.multiply(x, self.inside, out=y)
        self.xp.exp(y, out=y)
        y *= self.outside

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            slope = top[0].read() * self.inside
            self.xp.multiply(top[0].read_diff(), slope, out=bottom[0].write_diff())
