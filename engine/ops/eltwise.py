"""Several blobs of one shape combined element by element, and one blob's gradient from those of its copies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

from ..blob import Blob
from ..context import Context
from . import Op, implements

Shape = tuple[int, ...]
PROD, SUM, MAX = range(3)


@implements("split")
class Split(Op):
    """The gradient of a blob that several layers read is the sum of theirs."""

    anywhere: ClassVar[bool] = True

    def __init__(self, context: Context, *, shape: Shape):
        super().__init__(context)

    def backward(self, tops: Sequence[Blob], x: Blob) -> None:
        """x.diff from the tops' diffs."""
        total = x.write_diff()
        total[...] = tops[0].read_diff()
        for blob in tops[1:]:
            total += blob.read_diff()


@implements("eltwise")
class Eltwise(Op):
    """The sum (with coefficients), product or maximum of blobs of one shape; y may be the first of them.

    A sum or a maximum in place loses the first blob, and the gradient of a product in place overwrites that of y
    before it is used: so does Caffe. `stable`: a product's gradient multiplies the other factors, else it divides.
    """

    anywhere: ClassVar[bool] = True

    def __init__(self, context: Context, *, shape: Shape, operation: int, coeff: Sequence[float], stable: bool):
        super().__init__(context)
        self.operation, self.coeff, self.stable = operation, coeff, stable
        self.winner: Any = None  # the number of the blob that has the largest value

    def forward(self, xs: Sequence[Blob], y: Blob) -> None:
        xp = self.context.place.xp
        if self.operation == SUM:
            out = y.write() if y not in xs else y.modify()
            out[...] = 0
            for blob, coeff in zip(xs, self.coeff, strict=True):
                out += blob.read() if coeff == 1 else blob.read() * coeff
        elif self.operation == PROD:
            first, second = xs[0].read(), xs[1].read()
            out = y.write()
            xp.multiply(first, second, out=out)
            for blob in xs[2:]:
                out *= blob.read()
        else:
            first, second = xs[0].read(), xs[1].read()
            if y is xs[0]:
                first = xp.full_like(first, xp.finfo(first.dtype).min)
            ahead = first > second
            best, self.winner = xp.where(ahead, first, second), xp.where(ahead, 0, 1)
            for index, blob in enumerate(xs[2:], 2):
                value = blob.read()
                ahead = value > best
                best, self.winner = xp.where(ahead, value, best), xp.where(ahead, index, self.winner)
            y.write()[...] = best

    def backward(self, y: Blob, xs: Sequence[Blob], wanted: Sequence[bool]) -> None:
        """The diffs of those xs that are wanted, from y.diff, and for products all data."""
        xp = self.context.place.xp
        gradient = y.read_diff()
        for index, blob in enumerate(xs):
            if not wanted[index]:
                continue
            if self.operation == SUM:
                factor = self.coeff[index]
            elif self.operation == MAX:
                factor = self.winner == index
            elif self.stable:
                factor = reduce(xp.multiply, (other.read() for k, other in enumerate(xs) if k != index))
            else:
                factor = y.read() / blob.read()
            out = blob.write_diff()
            if self.operation == PROD:
                out[...] = factor
                out *= gradient
            else:
                xp.multiply(gradient, factor, out=out)
