"""ReLU6. A rectifier with a ceiling."""

from __future__ import annotations

from ...layer import layer
from ..neuron._elementwise import Elementwise


@layer("ReLU6", param="relu6_param")
class ReLU6(Elementwise):
    r"""Zero (or a gentle slope) below zero, and never more than 6.

    $$ y = \min(6, \; \max(0, x) + \alpha \min(0, x)), \quad \alpha = \mathtt{negative\_slope} $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself.
    Reference: Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010; Sandler et al., CVPR 2018.
    Fork: eric612/MobileNet-YOLO. As with ReLU, in place the gradient goes by the sign of y.
    """

    def forward(self, bottom, top):
        xp, x, slope = self.xp, bottom[0].read(), self.settings.negative_slope
        below = xp.minimum(x, 0) * slope if slope else None
        y = top[0].write()
        xp.clip(x, 0, 6, out=y)
        if below is not None:
            y += below

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            x, slope = bottom[0].read(), self.settings.negative_slope
            factor = ((x > 0) & (x < 6)).astype(x.dtype)
            if slope:
                factor += (x <= 0) * x.dtype.type(slope)
            self.xp.multiply(top[0].read_diff(), factor, out=bottom[0].write_diff())
