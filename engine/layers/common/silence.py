"""Silence. The end of blobs nobody reads."""

from __future__ import annotations

from ...layer import Layer, at_least, layer


@layer("Silence")
class Silence(Layer):
    r"""Takes blobs and does nothing, so that they are no outputs of the net.

    $$ \frac{\partial L}{\partial x} = 0 $$

    Bottom: one or more blobs, of any shape.
    Top: none.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    """

    bottoms = at_least(1)
    tops = 0

    def reshape(self, bottom, top):
        """There is nothing to give a shape to."""

    def forward(self, bottom, top):
        """Nothing."""

    def backward(self, top, propagate_down, bottom):
        for blob, wanted in zip(bottom, propagate_down, strict=True):
            if wanted:
                blob.write_diff()[...] = 0
