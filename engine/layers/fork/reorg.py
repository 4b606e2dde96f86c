"""Reorg. Pixels become channels."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("Reorg", param="reorg_param")
class Reorg(Layer):
    r"""Trades height and width for channels, s by s at a time, or back with `reverse`.

    $$ y_{(a s + b) C' + c,\, i,\, j} = x'_{c,\, i s + a,\, j s + b}, \quad C' = C / s^2, \; s = \mathtt{stride} $$

    x' is the memory of x taken as C' channels of s times its height and width; y' likewise is the memory of y.

    Bottom: x (N, C, H, W), whose channels s squared divides, and without `reverse` s its height and width.
    Top: y (N, C s^2, H / s, W / s); with `reverse` (N, C / s^2, H s, W s).
    Reference: Redmon and Farhadi, CVPR 2017 (YOLO9000).
    Fork: gklz1982/caffe-yolov2, with darknet's order, in which neighbours in y need not have been neighbours in x.
        The gradient is the slope of that; the fork's own backward pass reads a buffer that nobody fills.
    """

    def setup(self, bottom, top):
        if self.settings.stride < 1:
            raise DefinitionError(f"stride must be given, and at least 1; got {self.settings.stride}.", "stride")

    def reshape(self, bottom, top):
        shape, s = bottom[0].shape, self.settings.stride
        if len(shape) != 4:
            raise DefinitionError(f"needs a bottom of 4 axes (N, C, H, W); its shape is {shape}.", "bottom")
        items, channels, height, width = shape
        if channels % (s * s):
            raise DefinitionError(f"the square of stride {s} must divide the bottom's {channels} channels.", "stride")
        if self.settings.reverse:
            top[0].reshape(items, channels // (s * s), height * s, width * s)
        elif height % s or width % s:
            raise DefinitionError(f"stride {s} must divide height and width of a bottom of shape {shape}.", "stride")
        else:
            top[0].reshape(items, channels * s * s, height // s, width // s)
        self.pixels = (items, channels // (s * s), height, s, width, s)  # (N, C', H, a, W, b)
        self.channels = (items, s, s, channels // (s * s), height, width)  # (N, a, b, C', H, W)

    def to_channels(self, pixels, channels):
        channels.reshape(self.channels)[...] = pixels.reshape(self.pixels).transpose(0, 3, 5, 1, 2, 4)

    def to_pixels(self, channels, pixels):
        pixels.reshape(self.pixels)[...] = channels.reshape(self.channels).transpose(0, 3, 4, 1, 5, 2)

    def forward(self, bottom, top):
        move = self.to_pixels if self.settings.reverse else self.to_channels
        move(bottom[0].read(), top[0].write())

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            move = self.to_channels if self.settings.reverse else self.to_pixels
            move(top[0].read_diff(), bottom[0].write_diff())
