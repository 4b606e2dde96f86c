"""Accuracy. How often the right class is among the best."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, between, layer
from . import _labels


@layer("Accuracy", param="accuracy_param")
class Accuracy(Layer):
    r"""The share of items whose true class has fewer than `top_k` rivals.

    $$ A = \frac{1}{N} \sum_n \left[\, \bigl|\{c \ne l_n : x_{n,c} \ge x_{n,l_n}\}\bigr| < k \,\right] $$

    Labels equal to `ignore_label` take no part. There is no gradient.

    Bottom: x (N, C, ...), scores with the classes along `axis`; l (N, ...), integers from 0 to C - 1.
    Top: A, one number; optionally the accuracy of each class (C).
    Reference: top-k error: Russakovsky et al., IJCV 2015.
    Caffe quirk: a class with the same score as the true one is a rival.
    """

    steady = True
    bottoms = 2
    tops = between(1, 2)

    def setup(self, bottom, top):
        settings = self.settings
        self.ignored = settings.ignore_label if settings.HasField("ignore_label") else None

    def reshape(self, bottom, top):
        settings = self.settings
        axis = self.axis_of(bottom[0], settings.axis)
        self.outer, self.classes, self.inner = _labels.split_at(bottom[0].shape, axis)
        _labels.check_count(bottom, self.outer, self.inner)
        if settings.top_k > self.classes:
            raise DefinitionError(f"top_k {settings.top_k} is more than the {self.classes} classes.", "top_k")
        self.ranks = self.op(
            "accuracy", shape=bottom[0].shape, axis=axis, ignored=self.ignored, top_k=settings.top_k
        )
        self.ranks.label_name = self.bottom_name(1)
        top[0].reshape()
        if len(top) > 1:
            top[1].reshape(self.classes)

    def forward(self, bottom, top):
        self.ranks.forward(bottom[0], bottom[1], top[0], top[1] if len(top) > 1 else None)

    def backward(self, top, propagate_down, bottom):
        for index in range(2):
            _labels.refuse_gradient(self, propagate_down, index)
