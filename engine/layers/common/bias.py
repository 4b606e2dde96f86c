"""Bias. Adds a small blob to a large one."""

from __future__ import annotations

from ...layer import layer
from ._broadcast import Broadcast


@layer("Bias", param="bias_param")
class Bias(Broadcast):
    r"""Adds a learned blob, or a second bottom, to every place of the axes it does not have.

    $$ y = x + b $$

    Bottom: x; optionally b, which spans axes of x from `axis` on.
    Top: y, of the shape of x; may be x itself.
    Parameters: b, of `num_axes` axes of x, unless it is a bottom.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    """

    def setup(self, bottom, top):
        if len(bottom) == 1:
            self.add_param(self.operand_shape(bottom), self.settings.filler, "filler")

    def reshape(self, bottom, top):
        self.match(bottom, self.operand(bottom))
        top[0].reshape(*bottom[0].shape)

    def operand(self, bottom):
        return bottom[1] if len(bottom) > 1 else self.blobs[0]

    def forward(self, bottom, top):
        x, offset = bottom[0].read(), self.operand(bottom).read().reshape(self.spread)
        self.xp.add(x, offset, out=top[0].write())

    def backward(self, top, propagate_down, bottom):
        gradient = top[0].read_diff()
        if len(bottom) == 1:
            if self.param_propagate_down[0]:
                self.blobs[0].modify_diff()[...] += self.reduce(gradient, self.blobs[0].shape)
        elif propagate_down[1]:
            bottom[1].write_diff()[...] = self.reduce(gradient, bottom[1].shape)
        if propagate_down[0] and top[0] is not bottom[0]:
            bottom[0].write_diff()[...] = gradient
