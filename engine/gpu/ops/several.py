"""Several blobs on the GPU: their sum, the gradient of one that several layers read, and one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ...blob import Blob
from ...context import Context
from ...memory import READ, WRITE, Memory
from ...ops import implements
from ...ops.eltwise import SUM
from ._op import DeviceOp, Shape


@implements("split", "cuda")
class Split(DeviceOp):
    """The gradient of a blob that several layers read is the sum of theirs."""

    def __init__(self, context: Context, *, shape: Shape):
        super().__init__(context)
        self.shape = shape

    def backward(self, tops: Sequence[Blob], x: Blob) -> None:
        """x.diff from the tops' diffs."""
        self.add_up([top.diff_memory for top in tops], [1.0] * len(tops), x.diff_memory)

    def add_up(self, memories: Sequence[Memory], factors: Sequence[float], out: Memory, rectify: bool = False) -> None:
        """out = the sum of all by their factors. With the channels last where any lies so."""
        last = self.last_of(self.shape, *memories)
        first, *others = (self.flat(memory, last) for memory in memories)
        total, factor = self.flat(out, last, WRITE), factors[0]
        pairs = list(zip(others, factors[1:], strict=True)) or [(None, 0.0)]
        for number, (array, other) in enumerate(pairs, 1):
            ends = rectify and number == len(pairs)
            self.launch("weighted_sum", total.size, first, array, total, factor, other, ends)
            first, factor = total, 1.0


@implements("eltwise", "cuda")
class Sum(Split):
    """The sum of blobs of one shape, by their coefficients; y may be the first of them, which then is lost."""

    absorbs = True

    def __init__(self, context: Context, *, shape: Shape, operation: int, coeff: Sequence[float], stable: bool):
        super().__init__(context, shape=shape)
        self.coeff = [float(one) for one in coeff]

    @classmethod
    def supports(cls, context: Context, *, operation: int, **spec: Any) -> bool:
        return operation == SUM

    def forward(self, xs: Sequence[Blob], y: Blob) -> None:
        target, pairs = y.data_memory, zip(xs, self.coeff, strict=True)
        others = [(x.data_memory, factor) for x, factor in pairs if x.data_memory is not target]
        if others:
            memories, factors = zip(*others, strict=True)
            self.add_up(memories, factors, target, self.rectify)
        else:
            y.write()[...] = 0

    def backward(self, y: Blob, xs: Sequence[Blob], wanted: Sequence[bool]) -> None:  # pyright: ignore
        """The diffs of those xs that are wanted, from y.diff."""
        for x, factor, want in zip(xs, self.coeff, wanted, strict=True):
            if want:
                self.add_up([y.diff_memory], [factor], x.diff_memory)


@implements("concat", "cuda")
class Concat(DeviceOp):
    """A whole of which the parts, of those `lengths` along `axis`, lie one after the other; `shape` is the whole's."""

    def __init__(self, context: Context, *, shape: Shape, axis: int, lengths: Sequence[int]):
        super().__init__(context)
        self.shape, self.axis, self.lengths = shape, axis, list(lengths)

    def part(self, length: int) -> Shape:
        return (*self.shape[: self.axis], length, *self.shape[self.axis + 1 :])

    def join(self, parts: Sequence[Blob], whole: Blob) -> None:
        """whole.data from the parts' data."""
        self.copy([part.data_memory for part in parts], whole.data_memory, join=True)

    def cut(self, whole: Blob, parts: Sequence[Blob]) -> None:
        """The parts' data from whole.data."""
        self.copy([part.data_memory for part in parts], whole.data_memory, join=False)

    def join_diff(self, parts: Sequence[Blob], whole: Blob) -> None:
        """whole.diff from the parts' diffs."""
        self.copy([part.diff_memory for part in parts], whole.diff_memory, join=True)

    def cut_diff(self, whole: Blob, parts: Sequence[Blob | None]) -> None:
        """The diffs of those parts that are wanted from whole.diff."""
        memories = [None if part is None else part.diff_memory for part in parts]
        self.copy(memories, whole.diff_memory, join=False)

    def copy(self, parts: Sequence[Memory | None], whole: Memory, join: bool) -> None:
        """All of the whole from its parts, or the other way round."""
        last = self.comes_last(parts, whole, join)
        outside = self.flat(whole, self.shape if last else None, WRITE if join else READ)
        inner, start = 1 if last else prod(self.shape[self.axis + 1 :]), 0
        row = self.shape[self.axis] * inner
        for memory, length in zip(parts, self.lengths, strict=True):
            width = length * inner
            if memory is not None:
                shape = self.part(length)
                inside = self.flat(memory, shape if last else None, READ if join else WRITE)
                pair = (inside, outside) if join else (outside, inside)
                rows = (width, 0, row, start) if join else (row, start, width, 0)
                self.launch("copy_rows", prod(shape), *pair, width, *rows)
            start += width

    def comes_last(self, parts: Sequence[Memory | None], whole: Memory, join: bool) -> bool:
        """Whether the channels come last: as in what is cut, or in most of what is joined."""
        if len(self.shape) != 4 or self.axis != 1:
            return False
        if not join:
            return self.last_of(self.shape, whole) is not None
        lengths = zip(parts, self.lengths, strict=True)
        last = sum(n for memory, n in lengths if memory is not None and self.last_of(self.part(n), memory) is not None)
        return 2 * last >= self.shape[1] > 0
