"""Threshold. One above, zero up to it."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import layer
from ._elementwise import Elementwise


@layer("Threshold", param="threshold_param")
class Threshold(Elementwise):
    r"""Whether a number is above the threshold; there is no gradient.

    $$ y = [\, x > \mathtt{threshold} \,] $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself.
    Reference: McCulloch and Pitts, Bulletin of Mathematical Biophysics 1943.
    """

    def forward(self, bottom, top):
        x = bottom[0].read()
        self.xp.greater(x, self.settings.threshold, out=top[0].write(), casting="unsafe")

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            raise DefinitionError(f"a step has no gradient to give to bottom {self.param.bottom[0]!r}.", "bottom")
