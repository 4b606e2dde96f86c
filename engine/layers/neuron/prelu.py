"""PReLU. A rectifier that learns its slope below zero."""

from __future__ import annotations

from ....proto.messages import FillerParameter
from ...errors import DefinitionError
from ...layer import layer
from ._elementwise import Elementwise


@layer("PReLU", param="prelu_param")
class PReLU(Elementwise):
    r"""Below zero a slope for each channel, or one for all, that is learned.

    $$ y_c = \max(0, x_c) + a_c \min(0, x_c) $$

    Bottom: x (N, C, ...), of 2 to 4 axes.
    Top: y, of the shape of x; may be x itself.
    Parameters: a (C), or () with `channel_shared`; 0.25 without a `filler`.
    Reference: He, Zhang, Ren and Sun, ICCV 2015.
    """

    def setup(self, bottom, top):
        if not 2 <= bottom[0].num_axes <= 4:
            raise DefinitionError(f"needs a bottom of 2 to 4 axes; its shape is {bottom[0].shape}.", "bottom")
        settings = self.settings
        filler = settings.filler if settings.HasField("filler") else FillerParameter(type="constant", value=0.25)
        self.add_param(() if settings.channel_shared else bottom[0].shape[1:2], filler, "filler")

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        if not self.settings.channel_shared and bottom[0].shape[1:2] != self.blobs[0].shape:
            raise DefinitionError(
                f"was set up for {self.blobs[0].count} channels; the bottom is now {bottom[0].shape}.", "bottom"
            )

    def slopes(self, x):
        """The slopes, one axis for each of x."""
        return self.blobs[0].read().reshape(-1, *(1,) * (x.ndim - 2))

    def forward(self, bottom, top):
        xp, x = self.xp, bottom[0].read()
        self.before = x.copy() if top[0] is bottom[0] else None
        below = xp.minimum(x, 0)
        below *= self.slopes(x)
        y = top[0].write()
        xp.maximum(x, 0, out=y)
        y += below

    def backward(self, top, propagate_down, bottom):
        xp, gradient = self.xp, top[0].read_diff()
        x = bottom[0].read() if self.before is None else self.before
        if self.param_propagate_down[0]:
            total = (gradient * xp.minimum(x, 0)).sum(axis=(0, *range(2, x.ndim)))
            self.blobs[0].modify_diff()[...] += total.sum() if self.settings.channel_shared else total
        if propagate_down[0]:
            slope = (x > 0).astype(x.dtype)
            slope += (x <= 0) * self.slopes(x)
            xp.multiply(gradient, slope, out=bottom[0].write_diff())
