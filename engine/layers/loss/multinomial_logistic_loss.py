"""MultinomialLogisticLoss. How surprised given probabilities are by the right class."""

from __future__ import annotations

from math import prod

from ...layer import Layer, layer
from . import _labels

SMALLEST = 1e-20


@layer("MultinomialLogisticLoss")
class MultinomialLogisticLoss(Layer):
    r"""Minus the logarithm of the probability of the true class. SoftmaxWithLoss does it from scores, and better.

    $$ L = -\frac{1}{N} \sum_n \log p_{n,l_n} $$

    Bottom: p (N, C), probabilities, further axes counting as classes; l (N), integers from 0 to C - 1.
    Top: L, one number.
    Reference: Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.4.
    Caffe quirk: probabilities count as at least 1e-20.
    """

    bottoms = 2
    is_loss = True
    auto_tops = True
    no_gradient = (1,)

    def reshape(self, bottom, top):
        _labels.check_first_lengths(bottom)
        _labels.check_axes(*bottom)
        self.items, self.classes = bottom[0].shape[0], prod(bottom[0].shape[1:])
        _labels.check_count(bottom, self.items, 1)
        top[0].reshape()

    def chosen(self, bottom):
        """The labels and their probabilities, both (N, 1)."""
        label, _ = _labels.read(self, bottom[1], (self.items, 1), self.classes, None)
        given = self.xp.take_along_axis(bottom[0].read().reshape(self.items, self.classes), label, axis=1)
        return label, self.xp.maximum(given, SMALLEST)

    def forward(self, bottom, top):
        top[0].write()[...] = -self.xp.log(self.chosen(bottom)[1]).sum() / self.items

    def backward(self, top, propagate_down, bottom):
        _labels.refuse_gradient(self, propagate_down)
        if propagate_down[0]:
            label, given = self.chosen(bottom)
            slope = -top[0].read_diff() / self.items / given
            out = bottom[0].write_diff().reshape(self.items, self.classes)
            self.xp.multiply(self.xp.arange(self.classes) == label, slope, out=out)
