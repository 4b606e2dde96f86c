"""Im2col. Every window of an image as a column."""

from __future__ import annotations

from math import prod

from ...errors import DefinitionError
from ...layer import Layer, layer
from . import _spatial


@layer("Im2col", param="convolution_param")
class Im2col(Layer):
    r"""Lays out the windows that a convolution would look at, one under each other's place.

    $$ y_{n,(c,k),i} = x_{n,c,\,s i + d k - p} $$

    Bottom: x (N, C, H, W), or any number of axes after the channel `axis`.
    Top: y (N, C * kernel height * kernel width, H', W').
    Reference: Chellapilla, Puri and Simard, IWFHR 2006.
    """

    def setup(self, bottom, top):
        self.axis = self.axis_of(bottom[0], self.settings.axis)
        if self.axis == bottom[0].num_axes - 1:
            raise DefinitionError(f"after axis {self.axis} of {bottom[0].shape} no axis is left to slide over.", "axis")
        self.geometry = _spatial.geometry(self.settings, bottom[0].num_axes - self.axis - 1)

    def reshape(self, bottom, top):
        before, (channels, *lengths) = bottom[0].shape[: self.axis], bottom[0].shape[self.axis :]
        step = dict(self.geometry)
        output = _spatial.positions(tuple(lengths), **step)
        kernel = step.pop("kernel")
        top[0].reshape(*before, channels * prod(kernel), *output)
        image = (prod(before), channels, *lengths)
        self.im2col = self.op("im2col", image=image, weight=(1, channels, *kernel), group=1, **step)

    def forward(self, bottom, top):
        self.im2col.forward(bottom[0], top[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.im2col.backward(top[0], bottom[0])
