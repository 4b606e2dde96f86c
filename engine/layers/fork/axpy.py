"""Axpy. A scaled blob plus another."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("Axpy")
class Axpy(Layer):
    r"""Multiplies each channel by a number that another blob gives, and adds a third blob.

    $$ z_{n,c,i} = a_{n,c} \, x_{n,c,i} + y_{n,c,i} $$

    Bottom: a (N, C) or (N, C, 1, 1); x (N, C, ...); y, of the shape of x.
    Top: z, of the shape of x.
    Reference: Hu, Shen and Sun, CVPR 2018 (squeeze-and-excitation).
    Fork: hujie-frank/SENet.
    """

    bottoms = 3

    def reshape(self, bottom, top):
        factor, x, y = (blob.shape for blob in bottom)
        if len(x) < 2 or factor[:2] != x[:2] or any(length != 1 for length in factor[2:]):
            raise DefinitionError(f"needs one factor for each channel of {x}; the first bottom is {factor}.", "bottom")
        if x != y:
            raise DefinitionError(f"the second and third bottom must have one shape; got {x} and {y}.", "bottom")
        top[0].reshape(*x)
        self.axpy = self.op("axpy", shape=x)

    def forward(self, bottom, top):
        self.axpy.forward(*bottom, top[0])

    def backward(self, top, propagate_down, bottom):
        self.axpy.backward(top[0], *bottom, propagate_down)
