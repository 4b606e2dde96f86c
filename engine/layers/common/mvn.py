"""MVN. Mean-variance normalisation."""

from __future__ import annotations

from math import prod

from ...errors import DefinitionError
from ...layer import layer
from ..neuron._elementwise import Elementwise


@layer("MVN", param="mvn_param")
class MVN(Elementwise):
    r"""Gives each channel of each item, or each item, mean 0 and, with `normalize_variance`, variance 1.

    $$ y = \frac{x - \mu}{\sigma + \mathtt{eps}} $$

    Bottom: x (N, C, H, W), of at most 4 axes; mu and sigma are of a channel, or with `across_channels` of an item.
    Top: y, of the shape of x filled up to 4 axes; may be x itself.
    Reference: LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998, section 4.3.
    Caffe quirk: eps is added to the deviation, not to the variance.
    """

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if len(shape) > 4:
            raise DefinitionError(f"needs a bottom of at most 4 axes; its shape is {shape}.", "bottom")
        shape = (*shape, *(1,) * (4 - len(shape)))  # (N, C, H, W)
        top[0].reshape(*shape)
        split = 1 if self.settings.across_channels else 2
        self.matrix = (prod(shape[:split]), prod(shape[split:]))

    def forward(self, bottom, top):
        xp, x = self.xp, bottom[0].read().reshape(self.matrix)
        mean = x.mean(axis=1, keepdims=True)
        y = top[0].write().reshape(self.matrix)
        xp.subtract(x, mean, out=y)
        if self.settings.normalize_variance:
            self.deviation = xp.sqrt((y * y).mean(axis=1, keepdims=True)) + self.settings.eps
            y /= self.deviation

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        gradient, y = top[0].read_diff().reshape(self.matrix), top[0].read().reshape(self.matrix)
        centre = gradient.mean(axis=1, keepdims=True)
        along = (gradient * y).mean(axis=1, keepdims=True)
        out = bottom[0].write_diff().reshape(self.matrix)
        self.xp.subtract(gradient, centre, out=out)
        if self.settings.normalize_variance:
            out -= along * y
            out /= self.deviation
