"""SoftmaxWithLoss. How surprised the net is by the right class."""

from __future__ import annotations

from ...layer import Layer, layer
from . import _labels

SMALLEST = 2.0**-126  # of the normal float32 numbers


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

    def forward(self, bottom, top):
        self.softmax.forward(bottom[0], self.probability)
        if self.in_one_pass:
            found = self.softmax.loss(self.probability, bottom[1], self.ignored)
            if found is not None:
                loss, count = found
                top[0].write()[...] = loss / self.divisor(count)
                return
        xp = self.xp
        label, counts = self.labels(bottom[1])
        chosen = xp.take_along_axis(self.by_class(self.probability.read()), label, axis=1)  # (outer, 1, inner)
        surprise = xp.log(xp.maximum(chosen, SMALLEST))
        top[0].write()[...] = -(surprise * counts).sum() / self.normalizer(counts)

    def backward(self, top, propagate_down, bottom):
        _labels.refuse_gradient(self, propagate_down)
        if not propagate_down[0]:
            return
        if self.in_one_pass:
            count = self.softmax.count(bottom[1], self.ignored)
            if count is not None:
                factor = float(top[0].read_diff() / self.divisor(count))
                self.softmax.loss_backward(self.probability, bottom[1], self.ignored, bottom[0], factor)
                return
        xp = self.xp
        label, counts = self.labels(bottom[1])
        hot = xp.arange(self.classes)[:, None] == label  # (outer, classes, inner)
        gradient = self.by_class(bottom[0].write_diff())
        xp.subtract(self.by_class(self.probability.read()), hot, out=gradient)
        gradient *= counts * (top[0].read_diff() / self.normalizer(counts))

    @property
    def in_one_pass(self):
        """Whether the op takes the labels too; where one is no class, the way by arrays tells which."""
        return getattr(self.softmax, "has_loss", False)

    def by_class(self, array):
        return array.reshape(self.outer, self.classes, self.inner)

    def labels(self, blob):
        """Labels, and 1 or 0 by whether each counts: both (outer, 1, inner)."""
        return _labels.read(self, blob, (self.outer, 1, self.inner), self.classes, self.ignored)

    def normalizer(self, counts):
        return _labels.normalizer(self.mode, self.outer, self.inner, counts)

    def divisor(self, count):
        """The same for a plain number of labels that count."""
        return max(count, 1) if self.mode == _labels.VALID else self.normalizer(None)
