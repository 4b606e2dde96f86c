"""Eltwise. Sum, product or maximum, element by element."""

from __future__ import annotations

from ... import ops
from ...errors import DefinitionError
from ...layer import Layer, at_least, layer
from ...ops.eltwise import PROD


@layer("Eltwise", param="eltwise_param")
class Eltwise(Layer):
    r"""Combines blobs of one shape, element by element.

    $$ y = \sum_k a_k x_k \quad\text{or}\quad \prod_k x_k \quad\text{or}\quad \max_k x_k $$

    a are the `coeff`, one for each bottom, or all 1. With `stable_prod_grad` the gradient of a product
    multiplies the other factors; without, it divides by its own.

    Bottom: x_1 ... x_K, of one shape.
    Top: y, of that shape; may be x_1.
    Reference: sums as shortcuts: He, Zhang, Ren and Sun, CVPR 2016.
    Caffe quirk: a sum or a maximum in place loses x_1, and the gradient of a product in place overwrites that of y
        before it is used; of equal maxima x_2 goes before x_1, and both before later ones.
    """

    steady = True
    bottoms = at_least(2)
    in_place = True

    def setup(self, bottom, top):
        settings, given = self.settings, len(self.settings.coeff)
        if given and settings.operation == PROD:
            raise DefinitionError("coeff is for sums; the operation is PROD.", "coeff")
        if given not in (0, len(bottom)):
            raise DefinitionError(f"give one coeff for each of the {len(bottom)} bottoms; got {given}.", "coeff")
        self.coeff = list(settings.coeff) or [1.0] * len(bottom)

    def reshape(self, bottom, top):
        for blob in bottom:
            if blob.shape != bottom[0].shape:
                raise DefinitionError(f"bottoms must have one shape; got {bottom[0].shape} and {blob.shape}.", "bottom")
        top[0].reshape(*bottom[0].shape)
        self.combine = self.op(
            "eltwise",
            shape=bottom[0].shape,
            operation=self.settings.operation,
            coeff=self.coeff,
            stable=self.settings.stable_prod_grad,
        )

    def absorber(self):
        """The op, where it can also do what follows on the top."""
        return ops.absorber(self.combine)

    @staticmethod
    def run_op(op, bottom, blobs, top):
        """What `forward` does, by another op and with other blobs (see `engine/between.py`)."""
        op.forward(bottom, top)

    def forward(self, bottom, top):
        self.combine.forward(bottom, top[0])

    def backward(self, top, propagate_down, bottom):
        self.combine.backward(top[0], bottom, propagate_down)
