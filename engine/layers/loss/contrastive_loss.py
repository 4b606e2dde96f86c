"""ContrastiveLoss. Draws like together and pushes unlike apart."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, layer
from . import _labels


@layer("ContrastiveLoss", param="contrastive_loss_param")
class ContrastiveLoss(Layer):
    r"""The squared distance of like pairs, and of unlike ones what their distance lacks to the margin, squared.

    $$ L = \frac{1}{2N} \sum_n s_n d_n^2 + (1 - s_n) \max(m - d_n, 0)^2, \quad d_n = \lVert a_n - b_n \rVert $$

    m is the `margin`; with `legacy_version` unlike pairs pay max(m - d^2, 0) instead.

    Bottom: a and b (N, C), each of which gets a gradient; s (N), 1 for like pairs and 0 for unlike.
    Top: L, one number.
    Reference: Hadsell, Chopra and LeCun, CVPR 2006.
    Caffe quirk: the gradient divides by d + 1e-4.
    """

    bottoms = 3
    is_loss = True
    auto_tops = True
    no_gradient = (2,)

    def reshape(self, bottom, top):
        _labels.check_first_lengths(bottom)
        _labels.check_axes(*bottom)
        a, b, alike = (blob.shape for blob in bottom)
        if a != b or any(length != 1 for length in a[2:]):
            raise DefinitionError(f"needs two bottoms of one shape (N, C); got {a} and {b}.", "bottom")
        if bottom[2].count != a[0]:
            raise DefinitionError(f"needs one mark for each of {a[0]} pairs; got {alike}.", "bottom")
        self.pairs = (a[0], bottom[0].count // max(a[0], 1))
        top[0].reshape()

    def forward(self, bottom, top):
        xp, margin = self.xp, self.settings.margin
        a, b = (blob.read().reshape(self.pairs) for blob in bottom[:2])
        self.difference = a - b
        self.square = (self.difference * self.difference).sum(axis=1)
        self.alike = xp.trunc(bottom[2].read().reshape(-1)) != 0
        if self.settings.legacy_version:
            apart = xp.maximum(margin - self.square, 0)
        else:
            apart = xp.maximum(margin - xp.sqrt(self.square), 0) ** 2
        top[0].write()[...] = xp.where(self.alike, self.square, apart).sum() / (2 * self.pairs[0])

    def backward(self, top, propagate_down, bottom):
        _labels.refuse_gradient(self, propagate_down, 2)
        xp, margin = self.xp, self.settings.margin
        if self.settings.legacy_version:
            apart = -(self.square < margin).astype(self.square.dtype)
        else:
            distance = xp.sqrt(self.square)
            apart = -xp.maximum(margin - distance, 0) / (distance + 1e-4)
        slope = xp.where(self.alike, 1, apart).astype(self.square.dtype)[:, None] * self.difference
        weight = top[0].read_diff() / self.pairs[0]
        for blob, wanted, sign in zip(bottom, propagate_down, (1, -1, 0), strict=True):
            if wanted:
                xp.multiply(slope.reshape(blob.shape), sign * weight, out=blob.write_diff())
