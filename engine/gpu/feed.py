"""From a data layer to the device: copied beside the work under way, or kept there where the set is small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...proto.messages import DataParameter
from ..blob import Blob
from ..memory import HOST, READ, WRITE, Memory
from .device import Device

BESIDE = 1 << 16  # bytes from which on a copy is worth a stream of its own
KEPT = 256 << 20  # bytes of a set that stays on the device


class Inlet:
    """Brings one memory's values to the device while the device still computes.

    They go to a second buffer on a stream of their own, and from there into place when their turn comes.
    """

    def __init__(self, device: Device, memory: Memory):
        self.device, self.memory = device, memory
        self.waiting = device.allocate(memory.count, memory.dtype)
        self.arrived, self.taken = device.event(), device.event()

    def bring(self) -> None:
        host = self.memory.on(HOST)
        stream = self.device.copy_stream
        stream.wait_event(self.taken)
        self.device.copy_beside(host, self.waiting, self.arrived)
        self.device.xp.cuda.get_current_stream().wait_event(self.arrived)
        self.device.copy_within(self.waiting, self.memory.on(self.device, WRITE))
        self.taken.record()


class Feed:
    """The tops of one data layer on the device.

    The rows of a small database whose images are not changed by chance are kept as they come by. When all are there,
    the layer itself need not run any more: its position alone moves on.
    """

    def __init__(self, device: Device, layer: Any, tops: Sequence[Blob]):
        self.device, self.layer, self.tops = device, layer, tops
        self._inlets: dict[int, Inlet] = {}
        self.rows = self._rows_to_keep()
        self.kept: list[Any] = []  # the values of all rows, one array for each top
        self.filled = 0  # rows that have come by since `expected` last followed on itself
        self.expected: int | None = None

    def _rows_to_keep(self) -> int:
        """How many rows there are, if they are to be kept; else 0."""
        layer = self.layer
        if layer.type != "Data" or layer.context.ranks > 1 or layer._transformer.is_random:
            return 0
        if DataParameter.DB.Name(layer.settings.backend) != "LMDB":  # of others counting takes a while
            return 0
        batch = layer.settings.batch_size
        each = sum(top.count // batch * top.dtype.itemsize for top in self.tops)
        return layer.rows if batch <= layer.rows and layer.rows * each <= KEPT else 0

    @property
    def complete(self) -> bool:
        """Whether all rows are on the device."""
        return bool(self.rows) and self.filled >= self.rows

    def forward(self) -> bool:
        """Fill the tops from the rows that are kept; False where the layer has to do it."""
        if not self.complete:
            return False
        for top, values in zip(self.tops, self.kept, strict=True):
            out, each = top.data_memory.on(self.device, WRITE), top.count // top.shape[0]
            for rows, place in self._pieces(self.layer.position, each):
                self.device.copy_within(values[rows], out[place])
        self.layer.seek(self.layer.position + self.tops[0].shape[0])
        return True

    def bring(self) -> None:
        """Copy what the layer wrote on the host, and keep it if all is to be kept."""
        for top in self.tops:
            memory = top.data_memory
            elsewhere = memory.pending or memory.valid == {HOST}
            size = memory.count * memory.dtype.itemsize
            if not elsewhere or memory.lent or size < BESIDE or memory.held(self.device) is None:
                memory.on(self.device, READ)
                continue
            inlet = self._inlets.get(id(memory))
            if inlet is None or inlet.memory is not memory or inlet.waiting.size < memory.count:
                inlet = self._inlets[id(memory)] = Inlet(self.device, memory)
            inlet.bring()
        if self.rows and not self.complete:
            self._keep()

    def _keep(self) -> None:
        batch = self.tops[0].shape[0]
        begin = self.layer.position - batch
        if not self.kept:
            self.kept = [
                self.device.allocate(top.count // batch * self.rows, np.dtype(top.dtype)) for top in self.tops
            ]
        if begin != self.expected:
            self.filled = 0
        for top, values in zip(self.tops, self.kept, strict=True):
            found = top.data_memory.on(self.device)
            for rows, place in self._pieces(begin, top.count // batch):
                self.device.copy_within(found[place], values[rows])
        self.filled += batch
        self.expected = self.layer.position

    def _pieces(self, begin: int, each: int) -> Iterator[tuple[slice, slice]]:
        """The elements of one batch in the kept rows, and in a top: two pieces where it goes on at the first row."""
        batch, start = self.tops[0].shape[0], begin % self.rows
        first = min(batch, self.rows - start)
        yield slice(start * each, (start + first) * each), slice(0, first * each)
        if first < batch:
            yield slice(0, (batch - first) * each), slice(first * each, batch * each)
