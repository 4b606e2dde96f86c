"""From a data layer to the device: copied beside the work under way, or kept there where the set is small."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...proto.messages import DataParameter
from ..blob import Blob
from ..errors import DefinitionError
from ..layers.data._prefetching import Batch, Prefetching
from ..memory import HOST, READ, WRITE, Memory
from .device import Device

if TYPE_CHECKING:
    from ..net import Net

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
        self.taken.record()  # after the zeros are there, and whoever had this piece of memory before is done

    def bring(self, host: np.ndarray) -> None:
        """Copy values that lie in pinned memory. They are read until `device.settle(host)` returns."""
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
        self._batch: Batch | None = None  # the one that is being copied from

    def _rows_to_keep(self) -> int:
        """How many rows there are, if they are to be kept; else 0."""
        layer = self.layer
        if not isinstance(self.layer, Prefetching) or layer.type != "Data":
            return 0
        if layer.context.ranks > 1 or layer._transformer.is_random:
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
        """Fill the tops from the rows that are kept, or a batch made ready; False where the layer has to do it."""
        if not self.complete:
            if isinstance(self.layer, Prefetching):
                self._copy_batch(self.layer)
                return True
            return False
        if self._batch is not None:
            self._give_back(self.layer)
        for top, values in zip(self.tops, self.kept, strict=True):
            out, each = top.data_memory.on(self.device, WRITE), top.count // top.shape[0]
            for rows, place in self._pieces(self.layer.position, each):
                self.device.copy_within(values[rows], out[place])
        self.layer.seek(self.layer.position + self.tops[0].shape[0])
        return True

    def _copy_batch(self, layer: Prefetching) -> None:
        """Copy the layer's next batch from where its thread put it; kept until it has been read."""
        self._give_back(layer)
        self._batch = batch = layer.take(self.tops)
        for top, values in zip(self.tops, (batch.data, batch.labels), strict=False):
            memory, host = top.data_memory, values.reshape(-1)
            inlet = None if memory.lent else self._inlet(memory)
            if inlet is not None:
                inlet.bring(host)
            elif memory.lent:
                memory.on(HOST, WRITE)[:] = host
                memory.on(self.device, READ)
            else:
                self.device.from_host(host, memory.on(self.device, WRITE))
        if len(layer.batches) == 1:  # the thread has no other
            self._give_back(layer)
        if self.rows:
            self._keep()

    def _give_back(self, layer: Prefetching) -> None:
        batch, self._batch = self._batch, None
        if batch is not None:
            self.device.settle(batch.data)
            self.device.settle(batch.labels)
            layer.give_back(batch)

    def _inlet(self, memory: Memory) -> Inlet | None:
        """What brings large values of a memory beside the work under way; None for small ones, and the first."""
        if memory.count * memory.dtype.itemsize < BESIDE or memory.held(self.device) is None:
            return None
        inlet = self._inlets.get(id(memory))
        if inlet is None or inlet.memory is not memory or inlet.waiting.size < memory.count:
            inlet = self._inlets[id(memory)] = Inlet(self.device, memory)
        return inlet

    def bring(self) -> None:
        """Copy what the layer wrote on the host, and keep it if all is to be kept."""
        for top in self.tops:
            memory = top.data_memory
            elsewhere = memory.pending or memory.valid == {HOST}
            inlet = self._inlet(memory) if elsewhere and not memory.lent else None
            if inlet is None:
                memory.on(self.device, READ)
            else:
                inlet.bring(memory.on(HOST))

    def _keep(self) -> None:
        batch = self.tops[0].shape[0]
        begin = self.layer.position - batch
        if not self.kept:
            sizes = [top.count // batch * self.rows for top in self.tops]
            try:
                pairs = zip(sizes, self.tops, strict=True)
                self.kept = [self.device.allocate(size, np.dtype(top.dtype)) for size, top in pairs]
            except MemoryError:  # then batches go on being copied
                self.rows = 0
                return
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


def fetch(net: Net, feeds: Mapping[int, Feed]) -> None:
    """Let every data layer of a net, by its index, give its next values. Raises what the layers raise."""
    for index, feed in feeds.items():
        try:
            done = feed.forward()
        except DefinitionError as error:
            raise net._located(error, net.nodes[index]) from error.__cause__
        if not done:
            net.forward_layer(index)
            feed.bring()
