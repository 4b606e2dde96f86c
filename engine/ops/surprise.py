"""How surprised a net is by the right classes: the loss behind a softmax."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from ..blob import Blob
from ..context import Context
from ..layers.loss import _labels
from . import Op, implements

Shape = tuple[int, ...]
SMALLEST = 2.0**-126  # of the normal float32 numbers


@implements("surprise")
class Surprise(Op):
    """loss = the sum of -log p at the labels over N, for p with the classes along `axis` of `shape`.

    `mode` is Caffe's normalization, which says what N counts; labels equal to `ignored` take no part. Raises
    DefinitionError for a label that is not a class. On a device nobody looks: there the loss is no number.
    """

    anywhere: ClassVar[bool] = True
    label_name = "1"  # how messages call the blob of labels; the layer that makes the op says it

    def __init__(self, context: Context, *, shape: Shape, axis: int, ignored: int | None, mode: int):
        super().__init__(context)
        self.outer, self.classes, self.inner = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
        self.ignored, self.mode = ignored, mode

    @property
    def xp(self) -> Any:
        return self.context.place.xp

    def forward(self, p: Blob, label: Blob, loss: Blob) -> None:
        xp = self.xp
        labels, counts = self.labels(label)
        chosen = xp.take_along_axis(self.by_class(p.read()), labels, axis=1)  # (outer, 1, inner)
        surprise = xp.log(xp.maximum(chosen, SMALLEST))
        loss.write()[...] = -(surprise * counts).sum() / self.normalizer(counts)

    def backward(self, p: Blob, label: Blob, loss: Blob, x: Blob) -> None:
        """x.diff from loss.diff, p being the softmax of x."""
        xp = self.xp
        labels, counts = self.labels(label)
        hot = xp.arange(self.classes)[:, None] == labels  # (outer, classes, inner)
        gradient = self.by_class(x.write_diff())
        xp.subtract(self.by_class(p.read()), hot, out=gradient)
        gradient *= counts * (loss.read_diff() / self.normalizer(counts))

    def by_class(self, array: Any) -> Any:
        return array.reshape(self.outer, self.classes, self.inner)

    def labels(self, blob: Blob) -> tuple[Any, Any]:
        """Labels, and 1 or 0 by whether each counts: both (outer, 1, inner)."""
        return _labels.read(self, blob, (self.outer, 1, self.inner), self.classes, self.ignored)

    def normalizer(self, counts: Any) -> Any:
        return _labels.normalizer(self.mode, self.outer, self.inner, counts)
