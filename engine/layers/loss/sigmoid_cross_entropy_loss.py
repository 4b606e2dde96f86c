"""SigmoidCrossEntropyLoss. How surprised the net is, one yes or no at a time."""

from __future__ import annotations

from math import prod

from ...errors import DefinitionError
from ...layer import Layer, layer
from . import _labels


@layer("SigmoidCrossEntropyLoss", param="loss_param")
class SigmoidCrossEntropyLoss(Layer):
    r"""Cross entropy of the sigmoid of each score with its target.

    $$ L = -\frac{1}{N} \sum_n t_n \log \sigma(x_n) + (1 - t_n) \log (1 - \sigma(x_n)) $$

    N is what `normalization` counts, and at least 1; targets equal to `ignore_label` take no part.

    Bottom: x (N, ...), scores; t, as many targets from 0 to 1.
    Top: L, one number.
    Reference: Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.2.
    Caffe quirk: N is the batch size unless `normalization` or `normalize` is given; a target is cut to an integer
        before it is compared with `ignore_label`.
    """

    bottoms = 2
    is_loss = True
    auto_tops = True
    no_gradient = (1,)

    def setup(self, bottom, top):
        loss = self.param.loss_param
        self.ignored = loss.ignore_label if loss.HasField("ignore_label") else None
        self.mode = _labels.normalization_of(loss, _labels.BATCH_SIZE)

    def reshape(self, bottom, top):
        _labels.check_first_lengths(bottom)
        if bottom[0].count != bottom[1].count:
            scores, targets = (blob.shape for blob in bottom)
            raise DefinitionError(f"needs a target for each score of {scores}; got {targets}.", "bottom")
        self.outer, self.inner = bottom[0].shape[0], prod(bottom[0].shape[1:])
        self.surprise = self.op("sigmoid_loss", count=bottom[0].count, ignored=self.ignored)
        top[0].reshape()

    def forward(self, bottom, top):
        loss, count = self.surprise.forward(*bottom)
        top[0].write()[...] = loss / self.normalizer(count)

    def backward(self, top, propagate_down, bottom):
        _labels.refuse_gradient(self, propagate_down)
        if propagate_down[0]:
            count = self.surprise.count(bottom[1]) if self.mode == _labels.VALID else None
            self.surprise.backward(*bottom, top[0].read_diff() / self.normalizer(count))

    def normalizer(self, count):
        """What the sum is divided by, of whose terms that many count."""
        return _labels.normalizer(self.mode, self.outer, self.inner, count)
