"""ShuffleChannel. Channels of several groups dealt out in turn."""

from __future__ import annotations

from math import prod

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("ShuffleChannel", param="shuffle_channel_param")
class ShuffleChannel(Layer):
    r"""Takes a channel of each of g groups in turn, so that the next grouped convolution sees all of them.

    $$ y_{j g + i} = x_{i C / g + j}, \quad g = \mathtt{group} $$

    Bottom: x (N, C, ...).
    Top: y, of the shape of x.
    Reference: Zhang, Zhou, Lin and Sun, CVPR 2018.
    Fork: farmingyard/ShuffleNet.
    """

    def setup(self, bottom, top):
        if self.settings.group < 1:
            raise DefinitionError(f"group must be at least 1; got {self.settings.group}.", "group")

    def reshape(self, bottom, top):
        shape, group = bottom[0].shape, self.settings.group
        if len(shape) < 2 or shape[1] % group:
            raise DefinitionError(f"group {group} must divide the channels of a bottom of shape {shape}.", "group")
        self.grouped = (shape[0], group, shape[1] // group, prod(shape[2:]))
        self.dealt = (shape[0], shape[1] // group, group, prod(shape[2:]))
        top[0].reshape(*shape)

    def forward(self, bottom, top):
        top[0].write().reshape(self.dealt)[...] = bottom[0].read().reshape(self.grouped).swapaxes(1, 2)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            gradient = top[0].read_diff().reshape(self.dealt)
            bottom[0].write_diff().reshape(self.grouped)[...] = gradient.swapaxes(1, 2)
