"""Softmax in vectors, and the loss that follows it, over plain values or turned rows."""

from __future__ import annotations

from math import ceil, prod
from typing import Any

import numpy as np

from ...blob import Blob
from ...context import Context
from ...memory import HOST, READ, WRITE, Memory
from .. import implements
from ._op import Shape, TileOp, host_address, ready
from .layout import Features, current, laid_out
from .target import lanes


@implements("softmax", "tile")
class Softmax(TileOp):
    """y = exp(x) / sum exp(x) along `axis` of `shape`, the largest x being subtracted first."""

    steady = True

    def __init__(self, context: Context, *, shape: Shape, axis: int):
        super().__init__(context, shape=shape, axis=axis)
        self.shape, self.axis = shape, axis
        self.outer, self.classes, self.inner = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
        self._drivers: Any = None  # the module of the drivers, once it is needed
        self._records: dict[str, Any] = {}
        self._sums = np.zeros((2, 0), np.float32)
        self._wrong = np.zeros(1, np.float32)
        self._addresses: dict[str, int] = {}  # of these
        self._counted: tuple[Memory, int, float] | None = None  # the labels counted last, their version, how many count

    @classmethod
    def supports(cls, context: Context, *, shape: Shape, **spec: Any) -> bool:
        return super().supports(context) and 0 not in shape

    @property
    def drivers(self) -> Any:
        if self._drivers is None:
            from . import chances

            self._drivers = chances
        return self._drivers

    def record(self, name: str) -> Any:
        """The record of that name, made when first asked for."""
        record = self._records.get(name)
        if record is None:
            from .drive import Record

            record = self._records[name] = Record(self.drivers.CHANCES, classes=self.classes)
        return record

    def given(self, name: str, *operands: tuple[Memory, str]) -> tuple[Any, int, int]:
        """A record for values of one layout, that of the first which is read; its outer and inner lengths."""
        place = current(operands[0][0])
        if isinstance(place, Features) and place.shape == (self.outer, self.classes) and self.inner == 1:
            addresses = []
            for memory, access in operands:
                laid = laid_out(memory, Features, place.shape)
                memory.on(laid, access)
                addresses.append(laid.address)
            outer, inner, outer_step, class_step = 1, self.outer, 0, place.row
        else:
            addresses = [host_address(memory.on(HOST, access)) for memory, access in operands]
            outer, inner, outer_step, class_step = self.outer, self.inner, self.classes * self.inner, self.inner
        record = self.record(name).set(
            outer=outer, inner=inner, outer_step=outer_step, class_step=class_step,
            **dict(zip("abc", addresses, strict=False)),
        )  # fmt: skip
        return record, outer, 0 if class_step == 1 else inner

    def over(self, given: tuple[Any, int, int], rows: Any, columns: Any) -> None:
        """Run the driver that fits how the classes lie."""
        record, outer, inner = given
        if inner == 0:
            rows.run(record, ceil(outer / self.drivers.ROWS))
        else:
            bands = ceil(inner / lanes())
            columns.run(record.set(bands=bands), outer * bands)

    def forward(self, x: Blob, y: Blob) -> None:
        if not ready():
            return self.plain.forward(x, y)
        given = self.given("forward", (x.data_memory, READ), (y.data_memory, WRITE))
        self.over(given, self.drivers.rows, self.drivers.columns)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.data and y.diff."""
        if not ready():
            return self.plain.backward(y, x)
        given = self.given("backward", (y.data_memory, READ), (y.diff_memory, READ), (x.diff_memory, WRITE))
        self.over(given, self.drivers.rows_backward, self.drivers.columns_backward)

    @property
    def has_loss(self) -> bool:
        """Whether `loss`, `count` and `loss_backward` can be called."""
        return ready()

    def loss(self, y: Blob, label: Blob, ignored: int | None) -> tuple[float, float] | None:
        """The sum of -log y at the labels, and how many labels count. None where one that counts is no class."""
        return self.summed(*self.given("loss", (y.data_memory, READ)), label, ignored)

    def count(self, label: Blob, ignored: int | None) -> float | None:
        """How many labels count; None where one that counts is no class."""
        memory = label.data_memory
        if self._counted is not None and self._counted[:2] == (memory, memory.version) and not memory.lent:
            return self._counted[2]
        record = self.record("count").set(outer=self.outer, inner=self.inner)
        found = self.summed(record, self.outer, self.inner, label, ignored)
        return None if found is None else found[1]

    def loss_backward(self, y: Blob, label: Blob, ignored: int | None, x: Blob, factor: float) -> None:
        """x.diff = factor (y - 1 at the label), 0 where the label does not count. `count` has looked at the labels."""
        given = self.given("loss_backward", (y.data_memory, READ), (x.diff_memory, WRITE))
        record, items = self.labelled(*given, label, ignored)
        self.drivers.surprise_backward.run(record.set(factor=factor), items)

    def summed(
        self, record: Any, outer: int, inner: int, label: Blob, ignored: int | None
    ) -> tuple[float, float] | None:
        record, items = self.labelled(record, outer, inner, label, ignored)
        if self._sums.shape[1] != items:
            self._sums = np.zeros((2, items), np.float32)
            self._addresses = dict(zip(("losses", "counts"), map(host_address, self._sums), strict=True))
            self._addresses["wrong"] = host_address(self._wrong)
        record.set(**self._addresses)
        self._wrong[0] = 0
        self.drivers.surprise.run(record, items)
        if self._wrong[0]:
            return None
        loss, count = self._sums[:, 0] if items == 1 else self._sums.sum(axis=1, dtype=np.float64)
        memory = label.data_memory
        self._counted = None if memory.lent else (memory, memory.version, float(count))
        return float(loss), float(count)

    def labelled(self, record: Any, outer: int, inner: int, label: Blob, ignored: int | None) -> tuple[Any, int]:
        """Enter the labels into a record; its number of items, each of some places or some outer items."""
        bands = ceil(max(inner, 1) / self.drivers.PLACES)
        together = max(1, self.drivers.PLACES // (max(inner, 1) * self.classes))
        record.set(
            labels=host_address(label.read()), has_ignored=int(ignored is not None), ignored=ignored or 0,
            bands=bands, together=together,
        )  # fmt: skip
        return record, ceil(outer / together) * bands
