"""How often the right class is among the best, in one pass over plain scores or turned rows."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ... import witness
from ...blob import Blob
from ...context import Context
from ...memory import HOST, READ, WRITE
from .. import implements
from ._op import Shape, TileOp, host_address, own_address, ready
from .layout import Features, current


@implements("accuracy", "tile")
class Accuracy(TileOp):
    """The plain op's shares; where a label is no class, that one says which."""

    steady = True
    label_name = "1"

    def __init__(self, context: Context, *, shape: Shape, axis: int, ignored: int | None, top_k: int):
        super().__init__(context, shape=shape, axis=axis, ignored=ignored, top_k=top_k)
        self.outer, self.classes, self.inner = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
        self.ignored, self.top_k = ignored, top_k
        self._found = np.zeros(1, np.int64)  # whether a label is no class
        self._sums: Any = None  # for each class, how many labels are right, and how many there are
        self._record: Any = None

    @classmethod
    def supports(cls, context: Context, *, shape: Shape, **spec: Any) -> bool:
        return super().supports(context) and 0 not in shape

    def forward(self, x: Blob, label: Blob, share: Blob, shares: Blob | None) -> None:
        if not ready() or not self.counted(x, label, share, shares):
            self.plain.label_name = self.label_name
            self.plain.forward(x, label, share, shares)

    def counted(self, x: Blob, label: Blob, share: Blob, shares: Blob | None) -> bool:
        """Fill the tops; False, and nothing done, where a label that counts is no class."""
        from .drive import Record
        from .ranks import RANKS, ranks

        if self._record is None:
            self._record = Record(RANKS, classes=self.classes, top_k=self.top_k, ignored=self.ignored or 0,
                has_ignored=int(self.ignored is not None), found=own_address(self._found))  # fmt: skip
        if shares is not None and self._sums is None:
            self._sums = np.zeros((2, self.classes), np.float32)
        place = current(x.data_memory)
        if isinstance(place, Features) and place.shape == (self.outer, self.classes) and self.inner == 1:
            x.data_memory.on(place, READ)
            scores, outer, inner, outer_step, class_step = place.address, 1, self.outer, 0, place.row
        else:
            scores, outer, inner = host_address(x.read()), self.outer, self.inner
            outer_step, class_step = self.classes * self.inner, self.inner
        self._record.set(
            scores=scores, outer=outer, inner=inner, outer_step=outer_step, class_step=class_step,
            labels=host_address(label.read()), share=host_address(share.data_memory.on(HOST, WRITE)),
            shares=0 if shares is None else host_address(shares.data_memory.on(HOST, WRITE)),
            sums=0 if shares is None else own_address(self._sums),
        )  # fmt: skip
        ranks.run(self._record, 1)
        if self._found[0]:
            return False
        witness.checked(self._found)
        return True
