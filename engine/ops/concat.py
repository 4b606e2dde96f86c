"""Several blobs end to end, and one cut into several: the same copies in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from ..blob import Blob
from ..context import Context
from . import Op, implements

Shape = tuple[int, ...]


@implements("concat")
class Concat(Op):
    """A whole of which the parts, of those `lengths` along `axis`, lie one after the other; `shape` is the whole's."""

    anywhere: ClassVar[bool] = True

    def __init__(self, context: Context, *, shape: Shape, axis: int, lengths: Sequence[int]):
        super().__init__(context)
        self.axis, self.lengths = axis, lengths

    def pieces(self, array: Any) -> Iterator[Any]:
        """The parts of an array of the whole's shape."""
        start = 0
        for length in self.lengths:
            yield array[(slice(None),) * self.axis + (slice(start, start + length),)]
            start += length

    def join(self, parts: Sequence[Blob], whole: Blob) -> None:
        """whole.data from the parts' data."""
        for part, piece in zip(parts, self.pieces(whole.write()), strict=True):
            piece[...] = part.read()

    def cut(self, whole: Blob, parts: Sequence[Blob]) -> None:
        """The parts' data from whole.data."""
        for part, piece in zip(parts, self.pieces(whole.read()), strict=True):
            part.write()[...] = piece

    def join_diff(self, parts: Sequence[Blob], whole: Blob) -> None:
        """whole.diff from the parts' diffs."""
        for part, piece in zip(parts, self.pieces(whole.write_diff()), strict=True):
            piece[...] = part.read_diff()

    def cut_diff(self, whole: Blob, parts: Sequence[Blob | None]) -> None:
        """The diffs of those parts that are wanted from whole.diff."""
        for part, piece in zip(parts, self.pieces(whole.read_diff()), strict=True):
            if part is not None:
                part.write_diff()[...] = piece
