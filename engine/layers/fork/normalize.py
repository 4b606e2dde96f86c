"""Normalize. Features brought to one length, and scaled."""

from __future__ import annotations

from ....proto.messages import FillerParameter
from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("Normalize", param="norm_param")
class Normalize(Layer):
    r"""Divides the channels at each position by their length, or each item by its own, and scales by what is learned.

    $$ y_c = s_c \, \frac{x_c}{\sqrt{\epsilon + \sum_k x_k^2}} $$

    Bottom: x (N, C, ...); the sum runs over the channels, or with `across_spatial` over the whole item.
    Top: y, of the shape of x.
    Parameters: s (C), or () with `channel_shared`; 1 without a `scale_filler`.
    Reference: Liu, Rabinovich and Berg, "ParseNet", ICLR workshop 2016; Liu et al., "SSD", ECCV 2016.
    Fork: weiliu89/caffe, branch ssd, whose gradient leaves s out of the sum, and so is the slope only where all s are
        one number. A type of this name in happynear/caffe-windows has no s, and the same values while s is 1.
    """

    def setup(self, bottom, top):
        if bottom[0].num_axes < 2:
            raise DefinitionError(f"needs a bottom of 2 axes or more; its shape is {bottom[0].shape}.", "bottom")
        settings = self.settings
        filler = settings.scale_filler if settings.HasField("scale_filler") else FillerParameter(value=1)
        self.add_param(() if settings.channel_shared else bottom[0].shape[1:2], filler, "scale_filler")

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if len(shape) < 2 or (not self.settings.channel_shared and shape[1:2] != self.blobs[0].shape):
            raise DefinitionError(
                f"was set up for {self.blobs[0].count} channels; the bottom is now {shape}.", "bottom"
            )
        self.axes = tuple(range(1, len(shape))) if self.settings.across_spatial else (1,)
        self.spread = (1, -1, *(1,) * (len(shape) - 2))
        self.others = (0, *range(2, len(shape)))
        top[0].reshape(*shape)

    def forward(self, bottom, top):
        x, out = bottom[0].read(), top[0].write()
        self.length = self.xp.sqrt((x * x).sum(axis=self.axes, keepdims=True) + self.settings.eps)
        self.xp.divide(x, self.length, out=out)
        out *= self.blobs[0].read().reshape(self.spread)

    def backward(self, top, propagate_down, bottom):
        x, gradient = bottom[0].read(), top[0].read_diff()
        along = x * gradient
        if self.param_propagate_down[0]:
            total = (along / self.length).sum(axis=self.others)
            self.blobs[0].modify_diff()[...] += total.sum() if self.settings.channel_shared else total
        if propagate_down[0]:
            out = bottom[0].write_diff()
            share = along.sum(axis=self.axes, keepdims=True) / (self.length * self.length)
            self.xp.subtract(gradient, x * share, out=out)
            out /= self.length
            out *= self.blobs[0].read().reshape(self.spread)
