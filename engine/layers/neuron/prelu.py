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

        self.rectifier = self.op("prelu", shape=bottom[0].shape, shared=self.settings.channel_shared)

    def forward(self, bottom, top):
        self.rectifier.forward(bottom[0], self.blobs[0], top[0])

    def backward(self, top, propagate_down, bottom):
        (slope,) = self.blobs
        wanted = {"to_slope": self.param_propagate_down[0], "to_x": propagate_down[0]}
        gradient = self.rectifier.backward(top[0], bottom[0], slope, **wanted)
        if gradient is not None:
            slope.modify_diff()[...] += gradient.reshape(slope.shape)
