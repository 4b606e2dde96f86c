"""EuclideanLoss. Half the mean squared distance."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, layer
from . import _labels


@layer("EuclideanLoss")
class EuclideanLoss(Layer):
    r"""Half the squared distance of each item to its target, averaged over the batch.

    $$ L = \frac{1}{2N} \sum_n \lVert a_n - b_n \rVert^2 $$

    Bottom: a and b (N, ...), both of one count per item; each gets a gradient.
    Top: L, one number.
    Reference: Bishop, Pattern Recognition and Machine Learning, 2006, section 3.1.
    """

    bottoms = 2
    is_loss = True
    auto_tops = True

    def reshape(self, bottom, top):
        _labels.check_first_lengths(bottom)
        _labels.check_axes(bottom[0])
        if bottom[0].count != bottom[1].count:
            raise DefinitionError(
                f"bottoms must have the same length per item; got {bottom[0].shape} and {bottom[1].shape}.", "bottom"
            )
        top[0].reshape()

    def forward(self, bottom, top):
        difference = bottom[0].read().reshape(-1) - bottom[1].read().reshape(-1)
        top[0].write()[...] = (difference * difference).sum() / (2 * bottom[0].shape[0])
        self.difference = difference

    def backward(self, top, propagate_down, bottom):
        weight = top[0].read_diff() / bottom[0].shape[0]
        for blob, wanted, sign in zip(bottom, propagate_down, (1, -1), strict=True):
            if wanted:
                self.xp.multiply(self.difference.reshape(blob.shape), sign * weight, out=blob.write_diff())
