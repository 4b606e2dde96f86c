"""Softmax in vectors, and the loss that follows it, over plain values or turned rows."""

from __future__ import annotations

from math import ceil, prod
from typing import Any

import numpy as np

from ... import witness
from ...blob import Blob
from ...context import Context
from ...memory import HOST, READ, WRITE, Memory
from .. import implements
from ._op import Shape, TileOp, host_address, own_address, ready
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
        self._sums = np.zeros((2, 0), np.float32)  # of each item, the losses and how many labels count
        self._found = np.zeros(2, np.int64)  # whether a label is no class, and how many labels count
        self._factor = np.zeros(1, np.float32)
        self._counted: tuple[Memory, int] | None = None  # the labels counted last, and their version
        self._told: Any = None  # who has written down that they are counted

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
        """Whether `loss` and `loss_backward` can be called."""
        return ready()

    def loss(self, y: Blob, label: Blob, ignored: int | None, divisor: int, top: Blob) -> bool:
        """top = the sum of -log y at the labels, over `divisor`, or over how many labels count where that is 0.

        False, and nothing done, where a label that counts is no class.
        """
        given = self.given("loss", (y.data_memory, READ))
        return self.counted(*given, label, ignored, divisor=divisor, top=host_address(top.data_memory.on(HOST, WRITE)))

    def loss_backward(
        self, y: Blob, label: Blob, ignored: int | None, divisor: int, top: Blob, x: Blob
    ) -> bool:
        """x.diff = top.diff (y - 1 at the label), divided as the loss is, 0 where the label does not count.

        False, and nothing done, where a label that counts is no class.
        """
        if not self.known(label):
            record = self.record("count").set(outer=self.outer, inner=self.inner)
            if not self.counted(record, self.outer, self.inner, label, ignored):
                return False
        slope = host_address(top.diff_memory.on(HOST, READ))
        given = self.given("loss_backward", (y.data_memory, READ), (x.diff_memory, WRITE))
        record, items = self.labelled(*given, label, ignored)
        record.set(slope=slope, divisor=divisor, factor=own_address(self._factor), found=own_address(self._found))
        self.drivers.gradient_factor.run(record, 1)
        self.drivers.surprise_backward.run(record, items)
        return True

    def counted(
        self, record: Any, outer: int, inner: int, label: Blob, ignored: int | None, divisor: int = 0, top: int = 0
    ) -> bool:
        """Go over the labels, and sum their losses up at the address `top`; whether all that count are classes."""
        record, items = self.labelled(record, outer, inner, label, ignored)
        if self._sums.shape[1] < items:
            self._sums = np.zeros((2, items), np.float32)
        losses, memory = own_address(self._sums), label.data_memory
        record.set(
            losses=losses, counts=losses + 4 * self._sums.shape[1], items=items, found=own_address(self._found),
            divisor=divisor, top=top,
        )  # fmt: skip
        self.drivers.surprise.run(record, items)
        self.drivers.settle.run(record, 1)
        self._counted, self._told = None, witness.now
        if self._found[0]:
            return False
        witness.checked(self._found)
        witness.noting(lambda: self.note(memory), prepares=False)
        self.note(memory)
        return True

    def note(self, labels: Memory) -> None:
        """It is these that were counted. While somebody has them as an array, they can change unseen."""
        self._counted = None if labels.lent else (labels, labels.version)

    def known(self, label: Blob) -> bool:
        """Whether it is these labels that were counted, and all that count are classes."""
        memory = label.data_memory

        def holds() -> bool:
            return self._counted == (memory, memory.version) and not memory.lent

        if not holds():
            return False
        if self._told is None or self._told is not witness.now:
            witness.provided(holds)
        return True

    def labelled(self, record: Any, outer: int, inner: int, label: Blob, ignored: int | None) -> tuple[Any, int]:
        """Enter the labels into a record; its number of items, each of some places or some outer items."""
        bands = ceil(max(inner, 1) / self.drivers.PLACES)
        together = max(1, self.drivers.PLACES // (max(inner, 1) * self.classes))
        record.set(
            labels=host_address(label.read()), has_ignored=int(ignored is not None), ignored=ignored or 0,
            bands=bands, together=together,
        )  # fmt: skip
        return record, ceil(outer / together) * bands
