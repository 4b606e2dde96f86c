"""Split. One blob for several readers."""

from __future__ import annotations

from ...layer import Layer, at_least, layer


@layer("Split")
class Split(Layer):
    r"""Gives the same values to several layers, and adds up the gradients they give back.

    $$ y_i = x, \quad \frac{\partial L}{\partial x} = \sum_i \frac{\partial L}{\partial y_i} $$

    Nets put it in where one top is the bottom of more than one layer.

    Bottom: x, of any shape.
    Top: one or more blobs that share the memory of x.
    Reference: the sum rule of differentiation.
    """

    steady = shares_memory = True
    tops = at_least(1)

    def reshape(self, bottom, top):
        for blob in top:
            blob.reshape(*bottom[0].shape)
        self.sum = self.op("split", shape=bottom[0].shape)

    def forward(self, bottom, top):
        for blob in top:
            blob.share_data(bottom[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.sum.backward(top, bottom[0])
