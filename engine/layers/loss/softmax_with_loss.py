"""SoftmaxWithLoss. How surprised the net is by the right class."""

from __future__ import annotations

from ... import witness
from ...layer import Layer, layer
from . import _labels


@layer("SoftmaxWithLoss", param="softmax_param")
class SoftmaxWithLoss(Layer):
    r"""Cross entropy of the softmax of the scores.

    $$ L = -\frac{1}{N} \sum_n \log \frac{e^{x_{n,l_n}}}{\sum_c e^{x_{n,c}}} $$

    N is what `normalization` counts, and at least 1; labels equal to `ignore_label` take no part.

    Bottom: x (N, C, ...), scores with the classes along `axis`; l (N, ...), integers from 0 to C - 1.
    Top: L, one number.
    Reference: Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.4.
    Caffe quirk: probabilities count as at least the smallest normal float, so that no loss exceeds 87.3365 each.
    """

    bottoms = 2
    steady = True
    is_loss = True
    auto_tops = True
    no_gradient = (1,)

    def setup(self, bottom, top):
        loss = self.param.loss_param
        self.ignored = loss.ignore_label if loss.HasField("ignore_label") else None
        self.mode = _labels.normalization_of(loss)

    def reshape(self, bottom, top):
        _labels.check_first_lengths(bottom)
        axis = self.axis_of(bottom[0], self.settings.axis)
        self.outer, self.classes, self.inner = _labels.split_at(bottom[0].shape, axis)
        _labels.check_count(bottom, self.outer, self.inner)
        top[0].reshape()
        self.probability = self.make_blob(bottom[0].shape)
        self.softmax = self.op("softmax", shape=bottom[0].shape, axis=axis)
        self.surprise = self.op("surprise", shape=bottom[0].shape, axis=axis, ignored=self.ignored, mode=self.mode)
        self.surprise.label_name = self.bottom_name(1)

    def forward(self, bottom, top):
        self.softmax.forward(bottom[0], self.probability)
        if self.in_one_pass and self.softmax.loss(self.probability, bottom[1], self.ignored, self.divisor, top[0]):
            return
        witness.unsteady()
        self.surprise.forward(self.probability, bottom[1], top[0])

    def backward(self, top, propagate_down, bottom):
        _labels.refuse_gradient(self, propagate_down)
        if not propagate_down[0]:
            return
        given = self.probability, bottom[1], self.ignored, self.divisor, top[0], bottom[0]
        if self.in_one_pass and self.softmax.loss_backward(*given):
            return
        witness.unsteady()
        self.surprise.backward(self.probability, bottom[1], top[0], bottom[0])

    @property
    def in_one_pass(self):
        """Whether the softmax takes the labels too; where one is no class, the other op tells which."""
        return getattr(self.softmax, "has_loss", False)

    @property
    def steady_now(self):
        return self.steady and self.in_one_pass and self.softmax.steady

    @property
    def divisor(self):
        """What the summed loss is divided by; 0 stands for the number of labels that count, at least 1."""
        if self.mode == _labels.VALID:
            return 0
        return _labels.normalizer(self.mode, self.outer, self.inner, None)
