"""Dropout in one pass: the mask is drawn again where it is needed, which is faster than keeping it."""

from __future__ import annotations

from typing import Any

from ... import rng
from ...blob import Blob
from ...context import Context
from ...memory import HOST, READ, WRITE, Memory
from .. import implements
from ._op import TileOp, host_address, ready
from .layout import Features, current, laid_out


@implements("dropout", "tile")
class Dropout(TileOp):
    """The plain op's masks, over plain values or turned rows; blocked images come to the host for it."""

    def __init__(self, context: Context, *, ratio: float, layer: str):
        super().__init__(context, ratio=ratio, layer=layer)
        self.layer = layer
        self.threshold = min(int(ratio * 2**32), 2**32 - 1)
        self.scale = 1 / (1 - ratio) if ratio < 1 else 0
        self.drawn: tuple[int, int, int] | None = None  # keys and stream of the last forward pass
        self._record: Any = None

    def forward(self, x: Blob, y: Blob) -> None:
        if not ready():
            return self.plain.forward(x, y)
        self.drawn = *rng.key(self.context.seed, self.layer), self.context.passes
        self.run(x.data_memory, y.data_memory)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff, by the mask of the last forward."""
        if not ready():
            return self.plain.backward(y, x)
        self.run(y.diff_memory, x.diff_memory)

    def run(self, source: Memory, target: Memory) -> None:
        """Multiply by the mask, in the layout that the source is in."""
        from .drive import Record
        from .masks import CHUNK, DROP, drop, drop_turned

        assert self.drawn is not None
        if self._record is None:
            self._record = Record(DROP, threshold=self.threshold, scale=self.scale)
        key, second_key, stream = self.drawn
        low, high = stream & 0xFFFFFFFF, stream >> 32 & 0xFFFFFFFF
        record = self._record.set(key=key, second_key=second_key, stream=low, second_stream=high)
        place = current(source)
        if isinstance(place, Features) and place.features % 4 == 0:
            source.on(place, READ)
            out = laid_out(target, Features, place.shape)
            target.on(out, WRITE)
            blocks = place.features // 4
            drop_turned.run(record.set(a=place.address, b=out.address, blocks=blocks, row=place.row), blocks)
            return
        given, out = source.on(HOST, READ), target.on(HOST, WRITE)
        blocks = -(-given.size // 4)
        record.set(a=host_address(given), b=host_address(out), count=given.size, blocks=blocks)
        drop.run(record, -(-blocks // CHUNK))
