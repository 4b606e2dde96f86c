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

    steady = True

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        power, scale, shift = self.settings.power, self.settings.scale, self.settings.shift
        self.powered = self.op("power", shape=bottom[0].shape, power=power, scale=scale, shift=shift)

    def forward(self, bottom, top):
        self.powered.forward(bottom[0], top[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.powered.backward(top[0], bottom[0])
