"""Convolution. Learned kernels slid over an image."""

from __future__ import annotations

from ... import ops
from ...errors import DefinitionError
from ...layer import Layer, at_least, layer
from . import _spatial


@layer("Convolution", param="convolution_param")
class Convolution(Layer):
    r"""Each output channel is the sum of the input channels under a learned kernel, plus a learned offset.

    $$ y_{n,o,i} = b_o + \sum_{c,k} w_{o,c,k} \; x_{n,c,\,s i + d k - p} $$

    Strides s, dilations d and paddings p are per axis, and x is zero outside. With `group` g, output
    channels see only the g-th part of the input channels that is theirs.

    Bottom: x (N, C, H, W), or any number of axes after the channel `axis`; several bottoms of one shape share
        the kernels.
    Top: y (N, num_output, H', W'), H' = floor((H + 2 p - d (k - 1) - 1) / s) + 1, one for each bottom.
    Parameters: w (num_output, C / group, kernel height, kernel width) and b (num_output).
    Reference: LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 1998; dilation: Yu and Koltun, ICLR 2016.
    """

    steady = True
    bottoms = tops = at_least(1)
    equal_counts = True

    def setup(self, bottom, top):
        if len(bottom) != len(top):
            raise DefinitionError(f"makes one top for each bottom; got {len(bottom)} and {len(top)}.", "top")
        settings = self.settings
        self.axis = self.axis_of(bottom[0], settings.axis)
        self.geometry = _spatial.geometry(settings, bottom[0].num_axes - self.axis - 1)
        self.channels, outputs, group = bottom[0].shape[self.axis], settings.num_output, settings.group
        if outputs < 1:
            raise DefinitionError(f"num_output must be at least 1; got {outputs}.", "num_output")
        if group < 1 or self.channels % group:
            raise DefinitionError(f"group must divide the bottom's {self.channels} channels; got {group}.", "group")
        if outputs % group:
            raise DefinitionError(f"group must divide num_output, {outputs}; got {group}.", "group")
        self.add_param((*self.kernel_channels(), *self.geometry["kernel"]), settings.weight_filler, "weight_filler")
        if settings.bias_term:
            self.add_param((outputs,), settings.bias_filler, "bias_filler")

    def kernel_channels(self):
        """The two leading lengths of the weights."""
        return self.settings.num_output, self.channels // self.settings.group

    def reshape(self, bottom, top):
        first = bottom[0].shape
        for blob in bottom:
            if blob.shape != first:
                raise DefinitionError(f"all bottoms must have one shape; got {first} and {blob.shape}.", "bottom")
        if len(first) <= self.axis or first[self.axis] != self.channels:
            raise DefinitionError(f"was set up for {self.channels} channels; the bottom is now {first}.", "bottom")
        before, lengths = first[: self.axis], first[self.axis + 1 :]
        outside = self.outside_lengths(lengths)
        for blob in top:
            blob.reshape(*before, self.settings.num_output, *outside)
        self.prepare(bottom[0], top[0])

    def outside_lengths(self, lengths):
        """Lengths of the top, from those of the bottom."""
        return _spatial.positions(lengths, **self.geometry)

    def prepare(self, x, y):
        """Make the op; its image is what the kernels slide over."""
        self.convolution = self.op("convolution", **self.spec(x))

    def spec(self, image):
        lengths = image.shape[self.axis :]
        step = {name: self.geometry[name] for name in ("stride", "pad", "dilation")}
        count = 1
        for length in image.shape[: self.axis]:
            count *= length
        return dict(image=(count, *lengths), weight=self.blobs[0].shape, group=self.settings.group, **step)

    @property
    def bias(self):
        return self.blobs[1] if self.settings.bias_term else None

    def absorber(self):
        """The op, where it can also do what follows on the top."""
        return ops.absorber(self.convolution)

    @staticmethod
    def run_op(op, bottom, blobs, top):
        """What `forward` does, by another op and with other blobs (see `engine/between.py`)."""
        op.forward(bottom[0], blobs[0], blobs[1] if len(blobs) > 1 else None, top)

    def forward(self, bottom, top):
        for x, y in zip(bottom, top, strict=True):
            self.convolution.forward(x, self.blobs[0], self.bias, y)

    def backward(self, top, propagate_down, bottom):
        weight, bias = self.wanted(self.blobs[0], 0), self.wanted(self.bias, 1)
        for x, y, wanted in zip(bottom, top, propagate_down, strict=True):
            if weight or bias:
                self.convolution.backward_weights(x, y, weight, bias)
            if wanted:
                self.convolution.backward_data(y, self.blobs[0], x)

    def wanted(self, blob, index):
        """The parameter blob if its gradient is asked for."""
        return blob if blob is not None and self.param_propagate_down[index] else None
