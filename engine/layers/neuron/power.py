"""Power. Shift, scale and raise to a power."""

from __future__ import annotations

from ...layer import layer
from ._elementwise import Elementwise


@layer("Power", param="power_param")
class Power(Elementwise):
    r"""Any power of a linear function.

    $$ y = (\mathtt{shift} + \mathtt{scale} \cdot x)^{\mathtt{power}} $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself, though the gradient is then wrong.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    Caffe quirk: in place the slope overwrites the gradient of y, and is then multiplied by itself.
    """

    def forward(self, bottom, top):
        settings = self.settings
        x = bottom[0].read()
        y = top[0].write()
        if settings.scale * settings.power == 0:
            y[...] = settings.shift**settings.power
            return
        self.xp.multiply(x, settings.scale, out=y)
        y += settings.shift
        if settings.power != 1:
            self.xp.power(y, settings.power, out=y)

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        power, scale, shift = self.settings.power, self.settings.scale, self.settings.shift
        if power * scale == 0 or power == 1:
            slope = power * scale
        else:
            base = bottom[0].read() * scale + shift
            slope = 2 * scale * base if power == 2 else power * scale * top[0].read() / base
        gradient = top[0].read_diff()
        out = bottom[0].write_diff()
        out[...] = slope
        out *= gradient
