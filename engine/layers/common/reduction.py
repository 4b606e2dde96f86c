"""Reduction. Many numbers become one."""

from __future__ import annotations

from math import prod

from ...layer import Layer, layer

SUM, ASUM, SUMSQ, MEAN = range(1, 5)


@layer("Reduction", param="reduction_param")
class Reduction(Layer):
    r"""Sums over all axes from `axis` on: the values, their sizes or their squares; or takes the mean.

    $$ y = a \sum_k x_k \quad\text{or}\quad a \sum_k |x_k| \quad\text{or}\quad a \sum_k x_k^2
       \quad\text{or}\quad \frac{a}{K} \sum_k x_k, \quad a = \mathtt{coeff} $$

    Bottom: x (M..., K...).
    Top: y (M...).
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    """

    def reshape(self, bottom, top):
        axis = self.axis_of(bottom[0], self.settings.axis)
        shape = bottom[0].shape
        top[0].reshape(*shape[:axis])
        self.matrix = (prod(shape[:axis]), prod(shape[axis:]))
        self.coeff = self.settings.coeff / (max(self.matrix[1], 1) if self.settings.operation == MEAN else 1)

    def forward(self, bottom, top):
        x = bottom[0].read().reshape(self.matrix)
        if self.settings.operation == ASUM:
            x = self.xp.abs(x)
        elif self.settings.operation == SUMSQ:
            x = x * x
        self.xp.multiply(x.sum(axis=1), self.coeff, out=top[0].write().reshape(-1))

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        x, out = bottom[0].read().reshape(self.matrix), bottom[0].write_diff().reshape(self.matrix)
        gradient = top[0].read_diff().reshape(-1, 1) * self.coeff
        if self.settings.operation == ASUM:
            self.xp.multiply(self.xp.sign(x), gradient, out=out)
        elif self.settings.operation == SUMSQ:
            self.xp.multiply(x, 2 * gradient, out=out)
        else:
            out[...] = gradient
