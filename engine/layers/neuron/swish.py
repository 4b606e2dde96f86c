"""Swish. A number times its own sigmoid."""

from __future__ import annotations

from ...layer import layer
from ._elementwise import Elementwise


@layer("Swish", param="swish_param")
class Swish(Elementwise):
    r"""The sigmoid as a gate on the value itself.

    $$ y = x \, \sigma(\beta x), \quad \beta = \mathtt{beta} $$

    Bottom: x, of any shape.
    Top: y, of the shape of x; may be x itself.
    Reference: Ramachandran, Zoph and Le, "Searching for activation functions", 2017.
    """

    def forward(self, bottom, top):
        x = bottom[0].read()
        gate = x * (0.5 * self.settings.beta)
        self.xp.tanh(gate, out=gate)
        gate *= 0.5
        gate += 0.5
        self.xp.multiply(x, gate, out=top[0].write())
        self.gate = gate

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            scaled = top[0].read() * self.settings.beta
            slope = scaled + self.gate * (1 - scaled)
            self.xp.multiply(top[0].read_diff(), slope, out=bottom[0].write_diff())
