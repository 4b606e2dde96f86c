"""Softmax. Scores become probabilities."""

from __future__ import annotations

from ...layer import Layer, layer


@layer("Softmax", param="softmax_param")
class Softmax(Layer):
    r"""Positive numbers that sum to one along an axis.

    $$ y_c = \frac{e^{x_c}}{\sum_j e^{x_j}} $$

    Bottom: x, of any shape with the classes along `axis`.
    Top: y, of the shape of x; may be x itself.
    Reference: Bridle, Neurocomputing (NATO ASI Series F 68) 1990.
    """

    steady = True
    in_place = True

    def reshape(self, bottom, top):
        axis = self.axis_of(bottom[0], self.settings.axis)
        top[0].reshape(*bottom[0].shape)
        self.softmax = self.op("softmax", shape=bottom[0].shape, axis=axis)

    def forward(self, bottom, top):
        self.softmax.forward(bottom[0], top[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.softmax.backward(top[0], bottom[0])
