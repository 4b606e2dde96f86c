"""Scale. Multiplies a large blob by a small one."""

from __future__ import annotations

from ....proto.messages import FillerParameter
from ...layer import layer
from ._broadcast import Broadcast


@layer("Scale", param="scale_param")
class Scale(Broadcast):
    r"""Multiplies by a learned blob, or a second bottom, at every place of the axes it does not have.

    $$ y = a x + b $$

    Bottom: x; optionally a, which spans axes of x from `axis` on.
    Top: y, of the shape of x; may be x itself.
    Parameters: a, of `num_axes` axes of x, unless it is a bottom; with `bias_term` b, of the shape of a. Without a
        `filler`, a begins as 1.
    Reference: Ioffe and Szegedy, ICML 2015 (gamma and beta).
    """

    def setup(self, bottom, top):
        settings = self.settings
        shape = self.operand_shape(bottom) if len(bottom) == 1 else bottom[1].shape
        if len(bottom) == 1:
            filler = settings.filler if settings.HasField("filler") else FillerParameter(type="constant", value=1)
            self.add_param(shape, filler, "filler")
        if settings.bias_term:
            self.axis_of(bottom[0], settings.axis)
            self.add_param(shape, settings.bias_filler, "bias_filler")

    def reshape(self, bottom, top):
        self.match(bottom, self.operand(bottom))
        top[0].reshape(*bottom[0].shape)

    def operand(self, bottom):
        return bottom[1] if len(bottom) > 1 else self.blobs[0]

    def forward(self, bottom, top):
        x, factor = bottom[0].read(), self.operand(bottom).read().reshape(self.spread)
        self.before = x.copy() if top[0] is bottom[0] else None
        y = top[0].write()
        self.xp.multiply(x, factor, out=y)
        if self.settings.bias_term:
            y += self.blobs[-1].read().reshape(self.spread)

    def backward(self, top, propagate_down, bottom):
        gradient, operand = top[0].read_diff(), self.operand(bottom)
        if self.settings.bias_term and self.param_propagate_down[-1]:
            self.blobs[-1].modify_diff()[...] += self.reduce(gradient, operand.shape)
        if propagate_down[1] if len(bottom) > 1 else self.param_propagate_down[0]:
            x = bottom[0].read() if self.before is None else self.before
            product = self.reduce(gradient * x, operand.shape)
            if len(bottom) > 1:
                bottom[1].write_diff()[...] = product
            else:
                operand.modify_diff()[...] += product
        if propagate_down[0]:
            factor = operand.read().reshape(self.spread)
            self.xp.multiply(gradient, factor, out=bottom[0].write_diff())
