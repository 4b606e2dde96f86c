"""InfogainLoss. Cross entropy with a price for each confusion."""

from __future__ import annotations

from ...errors import DefinitionError
from ...files import read_blob
from ...layer import Layer, between, layer
from . import _labels

SMALLEST = 1e-20


@layer("InfogainLoss", param="infogain_loss_param")
class InfogainLoss(Layer):
    r"""Cross entropy of the softmax of the scores, each pair of true and possible class weighed by a matrix.

    $$ L = -\frac{1}{N} \sum_n \sum_c H_{l_n,c} \log p_{n,c}, \quad p = \mathrm{softmax}(x) $$

    Bottom: x (N, C, ...), scores with the classes along `axis`; l (N, ...), integers from 0 to C - 1; optionally
        H (C, C), which otherwise comes from the file `source`.
    Top: L, one number; optionally p.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    Caffe quirk: probabilities count as at least 1e-20.
    """

    bottoms = between(2, 3)
    tops = between(1, 2)
    is_loss = True
    auto_tops = True
    no_gradient = (1, 2)
    forced = (2,)

    def setup(self, bottom, top):
        loss = self.param.loss_param
        self.ignored = loss.ignore_label if loss.HasField("ignore_label") else None
        if loss.HasField("normalize"):
            raise DefinitionError("normalize is not known here: give normalization.", "loss_param.normalize")
        self.mode = loss.normalization
        self.matrix = None
        if len(bottom) < 3:
            self.matrix = self.read_matrix()

    def read_matrix(self):
        """H from its file; where only shapes are wanted, its shape alone."""
        path, dry = self.context.find(self.settings.source, "source"), self.context.dry
        try:
            matrix = read_blob(path, shape_only=dry)
        except (OSError, ValueError) as error:
            raise DefinitionError(f"{error}.", "source") from error
        return matrix if dry else matrix.astype(self.context.dtype)

    def reshape(self, bottom, top):
        _labels.check_first_lengths(bottom)
        axis = self.axis_of(bottom[0], self.settings.axis)
        self.outer, self.classes, self.inner = _labels.split_at(bottom[0].shape, axis)
        _labels.check_count(bottom, self.outer, self.inner)
        count = bottom[2].count if self.matrix is None else self.matrix.size
        if count != self.classes**2:
            field = "bottom" if self.matrix is None else "source"
            raise DefinitionError(f"needs a matrix of {self.classes} x {self.classes}; got {count} numbers.", field)
        top[0].reshape()
        self.probability = top[1] if len(top) > 1 else self.make_blob()
        self.probability.reshape(*bottom[0].shape)
        self.softmax = self.op("softmax", shape=bottom[0].shape, axis=axis)

    def gain(self, bottom, label):
        """The row of H for each label: (outer, classes, inner)."""
        given = self.matrix
        matrix = bottom[2].read() if given is None else self.constant("matrix", None, lambda: given)
        return self.xp.moveaxis(matrix.reshape(self.classes, self.classes)[label[:, 0]], -1, 1)

    def labels(self, bottom):
        return _labels.read(self, bottom[1], (self.outer, 1, self.inner), self.classes, self.ignored)

    def forward(self, bottom, top):
        self.softmax.forward(bottom[0], self.probability)
        label, counts = self.labels(bottom)
        given = self.probability.read().reshape(self.outer, self.classes, self.inner)
        surprise = self.gain(bottom, label) * self.xp.log(self.xp.maximum(given, SMALLEST)) * counts
        top[0].write()[...] = -surprise.sum() / _labels.normalizer(self.mode, self.outer, self.inner, counts)

    def backward(self, top, propagate_down, bottom):
        for index in range(1, len(bottom)):
            _labels.refuse_gradient(self, propagate_down, index)
        if not propagate_down[0]:
            return
        label, counts = self.labels(bottom)
        gain = self.gain(bottom, label)
        given = self.probability.read().reshape(self.outer, self.classes, self.inner)
        out = bottom[0].write_diff().reshape(given.shape)
        self.xp.multiply(given, gain.sum(axis=1, keepdims=True), out=out)
        out -= gain
        out *= counts * (top[0].read_diff() / _labels.normalizer(self.mode, self.outer, self.inner, counts))
