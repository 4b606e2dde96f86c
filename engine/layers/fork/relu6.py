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

    steady = True

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        self.rectifier = self.op("relu6", shape=bottom[0].shape, slope=self.settings.negative_slope)

    def forward(self, bottom, top):
        self.rectifier.forward(bottom[0], top[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.rectifier.backward(top[0], bottom[0])
