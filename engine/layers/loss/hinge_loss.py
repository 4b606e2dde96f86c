"""HingeLoss. Nothing to pay beyond the margin."""

from __future__ import annotations

from math import prod

from ...layer import Layer, layer
from . import _labels

L2 = 2


@layer("HingeLoss", param="hinge_loss_param")
class HingeLoss(Layer):
    r"""One-against-all hinge loss, or with `norm` L2 its square.

    $$ L = \frac{1}{N} \sum_{n,c} \max(0,\; 1 - s_{n,c} \, x_{n,c})^p, \quad s_{n,c} = \pm 1 \text{ as } l_n = c $$

    Bottom: x (N, C), scores, further axes counting as classes; l (N), integers from 0 to C - 1.
    Top: L, one number.
    Reference: Cortes and Vapnik, Machine Learning 1995.
    Caffe quirk: forward leaves the margins in the diff of x, and backward takes them from there: who clears or changes
        that diff in between changes the gradient.
    """

    bottoms = 2
    is_loss = True
    auto_tops = True
    no_gradient = (1,)

    def reshape(self, bottom, top):
        _labels.check_first_lengths(bottom)
        _labels.check_axes(bottom[0])
        self.items, self.classes = bottom[0].shape[0], prod(bottom[0].shape[1:])
        _labels.check_count(bottom, self.items, 1)
        top[0].reshape()

    def forward(self, bottom, top):
        xp = self.xp
        label, _ = _labels.read(self, bottom[1], (self.items, 1), self.classes, None)
        x = bottom[0].read().reshape(self.items, self.classes)
        self.side = xp.where(xp.arange(self.classes) == label, -1, 1).astype(x.dtype)
        margin = bottom[0].write_diff().reshape(x.shape)
        xp.multiply(self.side, x, out=margin)
        margin += 1
        xp.maximum(margin, 0, out=margin)
        paid = margin * margin if self.settings.norm == L2 else margin
        top[0].write()[...] = paid.sum() / self.items

    def backward(self, top, propagate_down, bottom):
        _labels.refuse_gradient(self, propagate_down)
        if propagate_down[0]:
            slope = bottom[0].modify_diff().reshape(self.side.shape)  # the margins that forward left there
            if self.settings.norm == L2:
                slope *= 2
            else:
                self.xp.sign(slope, out=slope)
            slope *= self.side
            slope *= top[0].read_diff() / self.items
