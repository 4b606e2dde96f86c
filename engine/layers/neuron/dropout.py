"""Dropout. Silences a random part of the units in training."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import layer
from ._elementwise import Elementwise


@layer("Dropout", param="dropout_param")
class Dropout(Elementwise):
    r"""In TRAIN each value is dropped with probability p, and the others make up for it; in TEST nothing happens.

    $$ y = \frac{m}{1 - p} \, x, \quad m \sim \mathrm{Bernoulli}(1 - p), \quad p = \mathtt{dropout\_ratio} $$

    The mask depends on the net's seed, the layer's identity and the number of the forward pass alone. Where a fork's
    `scale_train` is false, y = m x in TRAIN, and (1 - p) x in TEST.

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself.
    Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, JMLR 2014.
    """

    def setup(self, bottom, top):
        self.ratio = self.settings.dropout_ratio
        if self.training and not 0 <= self.ratio <= 1:
            raise DefinitionError(f"dropout_ratio must be from 0 to 1; got {self.ratio:g}.", "dropout_ratio")

    @property
    def draws(self):
        return self.training and self.ratio > 0

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        self.dropout = self.op("dropout", ratio=self.ratio, layer=self.identity)

    def forward(self, bottom, top):
        if self.training:
            self.dropout.forward(bottom[0], top[0])
        elif top[0] is not bottom[0]:
            top[0].write()[...] = bottom[0].read()
        if not self.settings.scale_train:
            values = top[0].modify()
            values *= 1 - self.ratio

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        if self.training:
            self.dropout.backward(top[0], bottom[0])
        elif top[0] is not bottom[0]:
            bottom[0].write_diff()[...] = top[0].read_diff()
        if not self.settings.scale_train:
            gradient = bottom[0].modify_diff()
            gradient *= 1 - self.ratio
