"""Pooling. One value for each window of an image."""

from __future__ import annotations

from typing import Any

from ...errors import DefinitionError
from ...layer import Layer, between, layer
from . import _spatial

OPS = ("max_pooling", "average_pooling", "stochastic_pooling")  # in the order of PoolMethod
MAX, AVE, STOCHASTIC = range(3)
FLOOR = 1


@layer("Pooling", param="pooling_param")
class Pooling(Layer):
    r"""The largest value of each window, its mean, or a value drawn from it.

    $$ y = \max_{w} x_w \quad\text{or}\quad \frac{1}{|w|} \sum_w x_w \quad\text{or}\quad
       x_w \text{ with probability } \frac{x_w}{\sum_w x_w} $$

    Bottom: x (N, C, H, W).
    Top: y (N, C, H', W'), H' = ceil((H + 2 p - k) / s) + 1, less one if there is padding and the last window would
        start beyond the bottom and its first padding; for the maximum optionally also where it was (row * W + column).
    Reference: Ranzato, Huang, Boureau and LeCun, CVPR 2007; stochastic: Zeiler and Fergus, ICLR 2013.
    Caffe quirk: sizes are rounded up unless `round_mode` says FLOOR (or a fork's `ceil_mode` false); padding counts
        into the mean, what lies beyond it does not; the first of equal values is the maximum. STOCHASTIC exists on
        Caffe's GPU side only.
    """

    steady = True
    tops = between(1, 2)

    def setup(self, bottom, top):
        settings = self.settings
        if bottom[0].num_axes != 4:
            raise DefinitionError(f"needs a bottom of 4 axes (N, C, H, W); its shape is {bottom[0].shape}.", "bottom")
        if settings.pool == AVE and len(top) > 1:
            raise DefinitionError(f"average pooling makes 1 top; got {len(top)}.", "top")
        self.kernel, self.stride, self.pad = self.kernel_of(), self.pair("stride"), self.pair("pad")
        if settings.global_pooling and (self.pad != (0, 0) or self.stride != (1, 1)):
            raise DefinitionError("global_pooling takes no pad, and stride 1 only.", "global_pooling")
        for length, field in ((self.kernel, "kernel_size"), (self.stride, "stride")):
            if length and min(length) < 1:
                raise DefinitionError(f"{field} must be at least 1; got {min(length)}.", field)
        if any(self.pad):
            if settings.pool == STOCHASTIC:
                raise DefinitionError("pad is for MAX and AVE pooling only.", "pad")
            if self.kernel and any(p >= k for p, k in zip(self.pad, self.kernel, strict=True)):
                raise DefinitionError(f"pad {self.pad} must be smaller than the kernel {self.kernel}.", "pad")

    def kernel_of(self):
        """(height, width) of the window; None when it follows the bottom."""
        settings = self.settings
        both = settings.HasField("kernel_h") and settings.HasField("kernel_w")
        if settings.global_pooling:
            if any(settings.HasField(field) for field in ("kernel_size", "kernel_h", "kernel_w")):
                raise DefinitionError("global_pooling has the whole bottom as window: give no kernel.", "kernel_size")
            return None
        if settings.HasField("kernel_size") == both:
            raise DefinitionError("give either kernel_size or both kernel_h and kernel_w.", "kernel_size")
        return self.pair("kernel_size", "kernel")

    def pair(self, field, name=None):
        """(height, width) from a field or its _h and _w twins."""
        settings, name = self.settings, name or field
        height, width = f"{name}_h", f"{name}_w"
        if not settings.HasField(height) and not settings.HasField(width):
            return (getattr(settings, field),) * 2
        if settings.HasField(field):
            raise DefinitionError(f"give either {field} or {height} and {width}, not both.", field)
        if not (settings.HasField(height) and settings.HasField(width)):
            raise DefinitionError(f"{height} and {width} must be given together.", height)
        return getattr(settings, height), getattr(settings, width)

    @property
    def draws(self):
        return self.training and self.settings.pool == STOCHASTIC

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        kernel = self.kernel or shape[2:]
        if 0 in kernel:
            raise DefinitionError(f"global_pooling has no window in a bottom of {shape}.", "global_pooling")
        floor = self.settings.round_mode == FLOOR or not self.settings.ceil_mode
        output = _spatial.windows(shape[2:], kernel, self.stride, self.pad, floor)
        for blob in top:
            blob.reshape(*shape[:2], *output)
        spec: dict[str, Any] = dict(image=shape, output=output, kernel=kernel, stride=self.stride, pad=self.pad)
        if self.settings.pool == STOCHASTIC:
            spec.update(stream=(self.identity,), training=self.training)
        self.pooling = self.op(OPS[self.settings.pool], **spec)

    def forward(self, bottom, top):
        self.pooling.forward(bottom[0], *top)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.pooling.backward(top[0], bottom[0])
