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
        self.sum = self.op("scale", shape=bottom[0].shape, spread=self.spread)

    def operand(self, bottom):
        return bottom[1] if len(bottom) > 1 else self.blobs[0]

    def forward(self, bottom, top):
        self.sum.forward(bottom[0], None, self.operand(bottom), top[0])

    def backward(self, top, propagate_down, bottom):
        wanted = propagate_down[1] if len(bottom) > 1 else self.param_propagate_down[0]
        _, offset = self.sum.backward(top[0], bottom[0], None, to_offset=wanted, to_x=propagate_down[0])
        if offset is not None and len(bottom) > 1:
            bottom[1].write_diff()[...] = offset.reshape(bottom[1].shape)
        elif offset is not None:
            self.blobs[0].modify_diff()[...] += offset.reshape(self.blobs[0].shape)
