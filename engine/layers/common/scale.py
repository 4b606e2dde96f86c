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
        self.product = self.op("scale", shape=bottom[0].shape, spread=self.spread)

    def operand(self, bottom):
        return bottom[1] if len(bottom) > 1 else self.blobs[0]

    def forward(self, bottom, top):
        offset = self.blobs[-1] if self.settings.bias_term else None
        self.product.forward(bottom[0], self.operand(bottom), offset, top[0])

    def backward(self, top, propagate_down, bottom):
        operand = self.operand(bottom)
        factor, offset = self.product.backward(
            top[0],
            bottom[0],
            operand,
            to_factor=propagate_down[1] if len(bottom) > 1 else self.param_propagate_down[0],
            to_offset=self.settings.bias_term and self.param_propagate_down[-1],
            to_x=propagate_down[0],
        )
        if offset is not None:
            self.blobs[-1].modify_diff()[...] += offset.reshape(operand.shape)
        if factor is not None and len(bottom) > 1:
            operand.write_diff()[...] = factor.reshape(operand.shape)
        elif factor is not None:
            operand.modify_diff()[...] += factor.reshape(operand.shape)
