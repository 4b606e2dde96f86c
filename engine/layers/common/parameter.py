"""Parameter. A learned blob as a top."""

from __future__ import annotations

from ...layer import Layer, layer
from ..data.input import shape_of


@layer("Parameter", param="parameter_param")
class Parameter(Layer):
    r"""Hands out a parameter, so that other layers can use it as a bottom.

    $$ y = w $$

    Bottom: none.
    Top: y, of `shape`, which shares the memory of w.
    Parameters: w.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    """

    bottoms = 0
    shares_memory = True

    def setup(self, bottom, top):
        self.add_param(shape_of(self.settings.shape))

    def reshape(self, bottom, top):
        top[0].reshape(*self.blobs[0].shape)

    def forward(self, bottom, top):
        top[0].share_data(self.blobs[0])
        top[0].share_diff(self.blobs[0])

    def backward(self, top, propagate_down, bottom):
        """The top's diff is the parameter's."""
