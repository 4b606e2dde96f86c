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
        top[0].reshape()

    def counts(self, target):
        """1 or 0 by whether each target counts."""
        if self.ignored is None:
            return self.xp.ones_like(target)
        return (self.xp.trunc(target) != self.ignored).astype(target.dtype)

    def forward(self, bottom, top):
        xp = self.xp
        x, target = bottom[0].read().reshape(-1), bottom[1].read().reshape(-1)
        counts = self.counts(target)
        agreement = x * (target - (x >= 0)) - xp.log(1 + xp.exp(-xp.abs(x)))
        normalizer = _labels.normalizer(self.mode, self.outer, self.inner, counts)
        top[0].write()[...] = -(agreement * counts).sum() / normalizer

    def backward(self, top, propagate_down, bottom):
        _labels.refuse_gradient(self, propagate_down)
        if not propagate_down[0]:
            return
        xp = self.xp
        x, target = bottom[0].read(), bottom[1].read().reshape(bottom[0].shape)
        counts = self.counts(target)
        normalizer = _labels.normalizer(self.mode, self.outer, self.inner, counts)
        out = bottom[0].write_diff()
        xp.subtract(0.5 * xp.tanh(0.5 * x) + 0.5, target, out=out)
        out *= counts * (top[0].read_diff() / normalizer)
