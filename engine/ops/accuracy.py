"""How often the right class is among the best."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from ..blob import Blob
from ..context import Context
from ..layers.loss import _labels
from . import Op, implements

Shape = tuple[int, ...]


@implements("accuracy")
class Accuracy(Op):
    """The share of labels with fewer than `top_k` rivals: other classes along `axis` of `shape` that score no less.

    Labels equal to `ignored` take no part. Raises DefinitionError for a label that is not a class; on a device nobody
    looks.
    """

    anywhere: ClassVar[bool] = True
    label_name = "1"  # how messages call the blob of labels; the layer that makes the op says it

    def __init__(self, context: Context, *, shape: Shape, axis: int, ignored: int | None, top_k: int):
        super().__init__(context)
        self.outer, self.classes, self.inner = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
        self.ignored, self.top_k = ignored, top_k

    @property
    def xp(self) -> Any:
        return self.context.place.xp

    def forward(self, x: Blob, label: Blob, share: Blob, shares: Blob | None) -> None:
        """`share` (1) of all labels, and where given `shares` (classes) of those of each class."""
        xp = self.xp
        labels, counts = _labels.read(self, label, (self.outer, 1, self.inner), self.classes, self.ignored)
        score = x.read().reshape(self.outer, self.classes, self.inner)
        rivals = (score >= xp.take_along_axis(score, labels, axis=1)).sum(axis=1, keepdims=True) - 1
        right = (rivals < self.top_k) * counts
        share.write()[...] = right.sum() / counts.sum().clip(1)
        if shares is not None:
            counts = counts * (labels == xp.arange(self.classes)[:, None])  # (outer, classes, inner)
            shares.write()[...] = (counts * right).sum(axis=(0, 2)) / counts.sum(axis=(0, 2)).clip(1)
