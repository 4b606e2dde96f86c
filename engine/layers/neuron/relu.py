"""ReLU. Rectified linear unit."""

from __future__ import annotations

from ...layer import Layer, layer


@layer("ReLU", param="relu_param")
class ReLU(Layer):
    r"""Zero below zero, or a gentle slope.

    $$ y = \max(0, x) + \alpha \min(0, x), \quad \alpha = \mathtt{negative\_slope} $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself.
    Reference: Nair and Hinton, ICML 2010; with a slope: Maas, Hannun and Ng, ICML 2013.
    Caffe quirk: in place the gradient goes by the sign of y, which is wrong for a slope below zero.
    """

    steady = True
    in_place = True

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)
        self.relu = self.op("relu", shape=bottom[0].shape, slope=self.settings.negative_slope)

    def forward(self, bottom, top):
        self.relu.forward(bottom[0], top[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.relu.backward(top[0], bottom[0])
