"""Sums, products and maxima of several blobs, in whatever layout the values lie."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ...blob import Blob
from ...context import Context
from ...memory import Memory
from ...witness import unsteady
from .. import implements
from ..eltwise import PROD, SUM
from ._op import Shape, TileOp, host_address, ready

MOST = 255  # blobs whose numbers a byte can hold


class Several(TileOp):
    """An op over any number of blobs of one shape."""

    steady = True

    def __init__(self, context: Context, **spec: Any):
        super().__init__(context, **spec)
        self._over: dict[Any, Any] = {}

    def over(self, driver: Any, sources: list[Memory], targets: list[Memory], *factors: Any, **how: Any) -> None:
        """Run a driver of `several.py`."""
        from .several import Several

        if driver not in self._over:
            self._over[driver] = Several()
        self._over[driver].run(driver, sources, targets, *factors, **how)


def among(memory: Memory, others: Sequence[Memory]) -> bool:
    """Whether a memory is one of the others."""
    return any(memory is other for other in others)


@implements("split", "tile")
class Split(Several):
    """The gradient of a blob that several layers read is the sum of theirs."""

    def __init__(self, context: Context, *, shape: Shape):
        super().__init__(context, shape=shape)

    def backward(self, tops: Sequence[Blob], x: Blob) -> None:
        """x.diff from the tops' diffs."""
        memories = [blob.diff_memory for blob in tops]
        if not ready() or among(x.diff_memory, memories):
            return self.plain.backward(tops, x)
        from .several import weighted_sum

        self.over(weighted_sum, memories, [x.diff_memory], [1.0] * len(tops))


@implements("eltwise", "tile")
class Eltwise(Several):
    """The sum (with coefficients), product or maximum of blobs of one shape; y may be the first of them.

    The gradient of a product that divides is left to the reference, and so is what is lost in place.
    """

    def __init__(self, context: Context, *, shape: Shape, operation: int, coeff: Sequence[float], stable: bool):
        super().__init__(context, shape=shape, operation=operation, coeff=coeff, stable=stable)
        self.count, self.operation, self.coeff, self.stable = prod(shape), operation, list(coeff), stable
        self.winner: Any = None  # the number of the blob that has the largest value, as a byte for each element
        self.common: Any = None  # how the elements lay then

    @classmethod
    def supports(cls, context: Context, *, coeff: Sequence[float], **spec: Any) -> bool:
        return super().supports(context) and len(coeff) <= MOST

    @property
    def absorbs(self) -> bool:
        return self.operation == SUM and ready()

    def forward(self, xs: Sequence[Blob], y: Blob) -> None:
        memories, out = [blob.data_memory for blob in xs], y.data_memory
        self.winner = None
        if not ready():
            return self.plain.forward(xs, y)
        from .several import common_place, largest, multiplied, room_for, weighted_sum

        if self.operation == SUM and not among(out, memories[1:]):
            first = 1 if memories[0] is out else 0
            self.over(weighted_sum, memories[first:], [out], self.coeff[first:], rectify=int(self.rectify))
        elif self.operation == PROD and not among(out, memories[2:]):
            self.over(multiplied, memories, [out])
        elif self.operation not in (SUM, PROD) and not among(out, memories):
            unsteady()
            self.common = common_place(memories)
            self.winner = np.empty(room_for(self.common, self.count), np.uint8)
            self.over(largest, memories, [out], where=host_address(self.winner), common=self.common)
        else:
            self.plain.forward(xs, y)

    def backward(self, y: Blob, xs: Sequence[Blob], wanted: Sequence[bool]) -> None:
        """The diffs of those xs that are wanted, from y.diff, and for products all data."""
        diffs = {k: blob.diff_memory for k, blob in enumerate(xs) if wanted[k]}
        targets, out = list(diffs.values()), y.diff_memory
        if not targets:
            return
        if self.operation == SUM and ready():
            from .several import weighted_copies

            self.over(weighted_copies, [out], targets, [self.coeff[k] for k in diffs])
        elif self.operation == PROD and self.stable and ready() and not among(out, targets):
            from .several import multiplied

            data = [blob.data_memory for blob in xs]
            for k, target in diffs.items():
                self.over(multiplied, [out, *data[:k], *data[k + 1 :]], [target])
        elif self.winner is not None:
            unsteady()
            from .several import shared_out

            where = host_address(self.winner)
            self.over(shared_out, [out], targets, list(diffs), where=where, common=self.common)
        else:
            self.plain.backward(y, xs, wanted)
