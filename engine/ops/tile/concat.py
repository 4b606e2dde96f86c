"""Concatenation along the channels, of blocked images or of turned rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import Any

from ...blob import Blob
from ...context import Context
from ...memory import READ, WRITE, Memory
from .. import implements
from ._op import Shape, TileOp, ready, table
from .layout import Blocked, Features, Inside, current, laid_out
from .target import lanes


@implements("concat", "tile")
class Concat(TileOp):
    """A whole of which the parts lie one after the other. Where all lie plain, that is left to the reference."""

    steady = True
    inside: Sequence[bool] = ()  # which parts may lie within the whole, as nobody else reads or writes them

    def __init__(self, context: Context, *, shape: Shape, axis: int, lengths: Sequence[int]):
        super().__init__(context, shape=shape, axis=axis, lengths=lengths)
        self.lengths = tuple(lengths)
        self.starts = (0, *accumulate(self.lengths[:-1]))
        self.shapes = [(shape[0], length, *shape[2:]) for length in self.lengths]
        self.whole = shape
        self._planned: dict[Any, tuple[Any, Any, int]] = {}

    @classmethod
    def supports(cls, context: Context, *, shape: Shape, axis: int, lengths: Sequence[int], **spec: Any) -> bool:
        return super().supports(context) and axis == 1 and 0 not in shape and 0 not in lengths

    def join(self, parts: Sequence[Blob], whole: Blob) -> None:
        """whole.data from the parts' data."""
        if not self._go([part.data_memory for part in parts], whole.data_memory, True):
            self.plain.join(parts, whole)

    def cut(self, whole: Blob, parts: Sequence[Blob]) -> None:
        """The parts' data from whole.data."""
        if not self._go([part.data_memory for part in parts], whole.data_memory, False):
            self.plain.cut(whole, parts)

    def join_diff(self, parts: Sequence[Blob], whole: Blob) -> None:
        """whole.diff from the parts' diffs."""
        if not self._go([part.diff_memory for part in parts], whole.diff_memory, True):
            self.plain.join_diff(parts, whole)

    def cut_diff(self, whole: Blob, parts: Sequence[Blob | None]) -> None:
        """The diffs of those parts that are wanted from whole.diff."""
        memories = [part.diff_memory if part is not None else None for part in parts]
        if not self._go(memories, whole.diff_memory, False):
            self.plain.cut_diff(whole, parts)

    def _go(self, parts: Sequence[Memory | None], whole: Memory, joining: bool) -> bool:
        """Copy, in the layout in which what is read lies; False where that is plain."""
        pairs = [(part, shape) for part, shape in zip(parts, self.shapes, strict=True) if part is not None]
        if len({id(part) for part, _ in pairs}) < len(pairs) or not ready():
            return False
        reading = pairs if joining else [(whole, self.whole)]
        kinds = set()
        for memory, shape in reading:
            place = current(memory)
            if isinstance(place, Blocked) and place.shape == shape:
                kinds.add(Blocked)
            elif isinstance(place, Features) and place.shape == (shape[0], prod(shape[1:])):
                kinds.add(Features)
        kind: Any = Blocked if Blocked in kinds else Features if kinds else None
        if kind is None:
            return False

        def place_of(memory: Memory, shape: Shape, access: str) -> Any:
            place = laid_out(memory, kind, shape if kind is Blocked else (shape[0], prod(shape[1:])))
            memory.on(place, access)
            return place

        if joining:
            inner = [place_of(part, shape, READ) for part, shape in pairs]
            outer = place_of(whole, self.whole, WRITE)
        else:
            outer = place_of(whole, self.whole, READ)
            inner = [place_of(part, shape, WRITE) for part, shape in pairs]
        starts = [start for start, part in zip(self.starts, parts, strict=True) if part is not None]
        if joining and kind is Blocked and self.can_hold:
            outside = [k for k, place in enumerate(inner) if not (isinstance(place, Inside) and place.outer is outer)]
            self._copy(outer, [inner[k] for k in outside], [starts[k] for k in outside], kind, joining)
            for k in outside:
                if self.inside[k]:
                    place = Inside(pairs[k][1], outer, whole.held(outer), starts[k] // lanes())
                    pairs[k][0].moves_to(place, instead=inner[k])
                    outer.inside.append((pairs[k][0], place))
            return True
        self._copy(outer, inner, starts, kind, joining)
        return True

    @property
    def can_hold(self) -> bool:
        """Whether parts may lie within the whole: one image, of which each part has blocks of its own."""
        return any(self.inside) and self.whole[0] == 1 and all(start % lanes() == 0 for start in self.starts)

    def _copy(self, outer: Any, inner: Sequence[Any], starts: Sequence[int], kind: Any, joining: bool) -> None:
        if not inner:
            return
        addresses = (outer.address, *(place.address for place in inner))
        planned = self._planned.get(joining)
        if planned is None or planned[0] != (outer, inner, addresses):
            plan = self._features if kind is Features else self._blocks
            planned = self._planned[joining] = (outer, inner, addresses), *plan(outer, inner, starts, joining)
        _, (driver, record, _), items = planned
        driver.run(record, items)

    def _features(self, outer: Any, inner: Sequence[Any], starts: Sequence[int], joining: bool) -> tuple[Any, int]:
        """Features lie one after the other, so that each part is one piece of the whole."""
        from .copies import COPY, copy_blocks
        from .drive import Record

        each = prod(self.whole[2:]) * outer.row
        blocks = [
            ((place.address + 4 * k * each, 0, 0), (outer.address + 4 * (start + k) * each, 0, 0))
            for place, start, length in zip(inner, starts, (place.size // each for place in inner), strict=True)
            for k in range(length)
        ]
        record = Record(COPY, blocks=len(blocks), rows=1, length=each)
        return self._copying(copy_blocks, record, blocks, joining), len(blocks)

    def _copying(self, driver: Any, record: Any, blocks: Any, joining: bool) -> Any:
        near, far = table([one for one, _ in blocks]), table([other for _, other in blocks])
        source, target = (near, far) if joining else (far, near)
        return driver, record.set(source=source[1], target=target[1]), (source, target)

    def _blocks(self, outer: Any, inner: Sequence[Any], starts: Sequence[int], joining: bool) -> tuple[Any, int]:
        """Whole blocks are copied as they are; where a part begins amid a block, channels change their lanes."""
        from .copies import COPY, SHIFT, copy_blocks, shift_blocks
        from .drive import Record

        v = lanes()
        images, height, width = self.whole[0], *self.whole[2:]

        def entry(place: Any, block: int) -> tuple[int, int, int]:
            return place.first + 4 * block * place.block, place.image, place.row

        if all(start % v == 0 for start in starts):
            blocks = [
                (entry(place, k), entry(outer, start // v + k))
                for place, start in zip(inner, starts, strict=True)
                for k in range(place.blocks)
            ]
            whole = not outer.halo and not any(place.halo for place in inner)
            rows, length = (1, height * width * v) if whole else (height, width * v)
            record = Record(COPY, blocks=len(blocks), rows=rows, length=length)
            return self._copying(copy_blocks, record, blocks, joining), images * len(blocks)
        near = [
            (entry(place, k), start + k * v)
            for place, start in zip(inner, starts, strict=True)
            for k in range(place.blocks)
        ]
        far = [(entry(outer, k), k * v) for k in range(outer.blocks)]
        tables = [table([column[part] for column in side]) for side in (near, far) for part in (0, 1)]
        if not joining:
            near, far, tables = far, near, tables[2:] + tables[:2]
        source, source_at, target, target_at = tables
        record = Record(
            SHIFT, source=source[1], sources=len(near), source_at=source_at[1], target=target[1], targets=len(far),
            target_at=target_at[1], channels=self.whole[1], rows=height, columns=width,
        )  # fmt: skip
        return (shift_blocks, record, tables), images * height
