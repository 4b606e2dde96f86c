"""Eltwise. Sum, product or maximum, element by element."""

from __future__ import annotations

from functools import reduce

from ...errors import DefinitionError
from ...layer import Layer, at_least, layer

PROD, SUM, MAX = range(3)


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

    def forward(self, bottom, top):
        xp, operation = self.xp, self.settings.operation
        if operation == SUM:
            out = top[0].write() if top[0] not in bottom else top[0].modify()
            out[...] = 0
            for blob, coeff in zip(bottom, self.coeff, strict=True):
                out += blob.read() if coeff == 1 else blob.read() * coeff
        elif operation == PROD:
            first, second = bottom[0].read(), bottom[1].read()
            out = top[0].write()
            xp.multiply(first, second, out=out)
            for blob in bottom[2:]:
                out *= blob.read()
        else:
            first, second = bottom[0].read(), bottom[1].read()
            if top[0] is bottom[0]:
                first = xp.full_like(first, xp.finfo(first.dtype).min)
            ahead = first > second
            best, self.winner = xp.where(ahead, first, second), xp.where(ahead, 0, 1)
            for index, blob in enumerate(bottom[2:], 2):
                value = blob.read()
                ahead = value > best
                best, self.winner = xp.where(ahead, value, best), xp.where(ahead, index, self.winner)
            top[0].write()[...] = best

    def backward(self, top, propagate_down, bottom):
        xp, operation = self.xp, self.settings.operation
        gradient = top[0].read_diff()
        for index, blob in enumerate(bottom):
            if not propagate_down[index]:
                continue
            if operation == SUM:
                factor = self.coeff[index]
            elif operation == MAX:
                factor = self.winner == index
            elif self.settings.stable_prod_grad:
                factor = reduce(xp.multiply, (other.read() for k, other in enumerate(bottom) if k != index))
            else:
                factor = top[0].read() / blob.read()
            out = blob.write_diff()
            if operation == PROD:
                out[...] = factor
                out *= gradient
            else:
                xp.multiply(gradient, factor, out=out)
