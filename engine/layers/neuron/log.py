"""Log. The logarithm of a linear function."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import layer
from ._elementwise import Elementwise
from .exp import log_of_base


@layer("Log", param="log_param")
class Log(Elementwise):
    r"""A logarithm; `base` -1 stands for e.

    $$ y = \log_{\mathtt{base}} (\mathtt{shift} + \mathtt{scale} \cdot x) $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself, though the gradient is then wrong.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    Caffe quirk: in place the gradient reads the overwritten x, and the slope overwrites the gradient of y, and is then
        multiplied by itself.
    """

    def setup(self, bottom, top):
        rate = log_of_base(self.settings)
        if rate == 0:
            raise DefinitionError("base 1 has no logarithm.", "base")
        self.outside = 1 / rate

    def forward(self, bottom, top):
        x = bottom[0].read()
        y = top[0].write()
        self.xp.multiply(x, self.settings.scale, out=y)
        y += self.settings.shift
        self.xp.log(y, out=y)
        y *= self.outside

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            scale, shift = self.settings.scale, self.settings.shift
            inside = bottom[0].read() * scale
            slope = scale * self.outside / (inside + shift if shift else inside) if scale else 0
            gradient = top[0].read_diff()
            out = bottom[0].write_diff()
            out[...] = slope
            out *= gradient
