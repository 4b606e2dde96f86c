"""ELU. Exponential linear unit."""

from __future__ import annotations

from ...layer import layer
from ._elementwise import Elementwise


@layer("ELU", param="elu_param")
class ELU(Elementwise):
    r"""Linear above zero, and saturating at -alpha below.

    $$ y = \max(0, x) + \alpha \bigl( e^{\min(0, x)} - 1 \bigr), \quad \alpha = \mathtt{alpha} $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself.
    Reference: Clevert, Unterthiner and Hochreiter, ICLR 2016.
    """

    steady = True

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        self.elu = self.op("elu", shape=bottom[0].shape, alpha=self.settings.alpha)

    def forward(self, bottom, top):
        self.elu.forward(bottom[0], top[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.elu.backward(top[0], bottom[0])
