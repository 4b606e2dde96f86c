"""Dropout. Silences a random part of the units in training."""

from __future__ import annotations

from ... import rng
from ...errors import DefinitionError
from ...layer import layer
from ._elementwise import Elementwise


@layer("Dropout", param="dropout_param")
class Dropout(Elementwise):
    r"""In TRAIN each value is dropped with probability p, and the others make up for it; in TEST nothing happens.

    $$ y = \frac{m}{1 - p} \, x, \quad m \sim \mathrm{Bernoulli}(1 - p), \quad p = \mathtt{dropout\_ratio} $$

    The mask depends on the net's seed, the layer's name and the number of the forward pass alone.

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself.
    Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, JMLR 2014.
    """

    def setup(self, bottom, top):
        self.ratio = self.settings.dropout_ratio
        if not 0 <= self.ratio <= 1:
            raise DefinitionError(f"dropout_ratio must be from 0 to 1; got {self.ratio:g}.", "dropout_ratio")

    def forward(self, bottom, top):
        x, xp = bottom[0].read(), self.xp
        if not self.training:
            if top[0] is not bottom[0]:
                top[0].write()[...] = x
            return
        bits = rng.bits(x.size, rng.key(self.context.seed, self.name), self.context.passes, xp)
        kept = bits >= xp.uint64(self.ratio * 2**32)
        self.factor = kept.reshape(x.shape).astype(x.dtype)
        self.factor *= 1 / (1 - self.ratio) if self.ratio < 1 else 0
        xp.multiply(x, self.factor, out=top[0].write())

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        gradient = top[0].read_diff()
        if self.training:
            self.xp.multiply(gradient, self.factor, out=bottom[0].write_diff())
        elif top[0] is not bottom[0]:
            bottom[0].write_diff()[...] = gradient
