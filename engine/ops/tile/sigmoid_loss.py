"""The cross entropy of sigmoids in vectors, over plain values or turned rows."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np

from ...blob import Blob
from ...context import Context
from ...memory import HOST, READ, WRITE, Memory
from .. import implements
from ._op import TileOp, host_address, ready
from .layout import Features, current, laid_out, touch

CHUNK = 4096  # plain values of one row
WORK = 16384  # values of one item, about


@implements("sigmoid_loss", "tile")
class SigmoidLoss(TileOp):
    """The sum of -t log s(x) - (1 - t) log(1 - s(x)), with the sigmoid s, over scores x and targets t of one count."""

    def __init__(self, context: Context, *, count: int, ignored: int | None):
        super().__init__(context, count=count, ignored=ignored)
        self.values = count
        self.ignored = ignored
        self._record: Any = None
        self._sums = np.zeros((2, 0), np.float32)

    @classmethod
    def supports(cls, context: Context, *, count: int, **spec: Any) -> bool:
        return super().supports(context) and count > 0

    def given(self, x: Memory | None, target: Memory, out: Memory | None = None) -> tuple[Any, int]:
        """The record for values in the layout of the scores, and how many items they make."""
        from .bits import BITS
        from .drive import Record

        if self._record is None:
            ignored = dict(has_ignored=int(self.ignored is not None), ignored=self.ignored or 0)
            self._record = Record(BITS, **ignored)
        operands = [("x", x, READ), ("t", target, READ), ("out", out, WRITE)]
        operands = [(name, memory, access) for name, memory, access in operands if memory is not None]
        lying = current(operands[0][1])
        addresses = {"x": 0}
        if isinstance(lying, Features) and lying.rows * lying.features == self.values:
            rows, length, step = lying.features, lying.rows, lying.row
            for name, memory, access in operands:
                addresses[name] = touch(memory, laid_out(memory, Features, lying.shape), access).address
        else:
            rows, length, step = ceil(self.values / CHUNK), CHUNK, CHUNK
            for name, memory, access in operands:
                addresses[name] = host_address(memory.on(HOST, access))
        at_once = max(1, WORK // length)
        fields = dict(x_row=step, t_row=step, rows=rows, at_once=at_once, length=length, count=self.values)
        record = self._record.set(**addresses, **fields)
        return record, ceil(rows / at_once)

    def summed(self, record: Any, items: int) -> tuple[float, float]:
        from .bits import bits_loss

        if self._sums.shape[1] != items:
            self._sums = np.zeros((2, items), np.float32)
        record.set(losses=host_address(self._sums[0]), counts=host_address(self._sums[1]))
        bits_loss.run(record, items)
        loss, count = self._sums.sum(axis=1, dtype=np.float64)
        return loss, count

    def forward(self, x: Blob, target: Blob) -> tuple[Any, Any]:
        """The sum, and how many targets count."""
        if not ready():
            return self.plain.forward(x, target)
        return self.summed(*self.given(x.data_memory, target.data_memory))

    def count(self, target: Blob) -> Any:
        """How many targets count."""
        if not ready():
            return self.plain.count(target)
        return self.summed(*self.given(None, target.data_memory))[1]

    def backward(self, x: Blob, target: Blob, factor: Any) -> None:
        """x.diff = factor (s(x) - t), or 0 where the target does not count."""
        if not ready():
            return self.plain.backward(x, target, factor)
        from .bits import bits_backward

        record, items = self.given(x.data_memory, target.data_memory, x.diff_memory)
        bits_backward.run(record.set(factor=float(factor)), items)
