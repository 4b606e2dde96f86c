"""Blobs between layers that run as one: nobody writes them, they are computed when somebody looks.

A convolution with the BatchNorm, Scale and ReLU behind it is one pass over the last of their tops (`fusion.py`). Of
the tops before it the values wait: what they come from, the bottoms of the convolution and the parameters of all, is
watched, and kept as it was in the pass where it is about to change before the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from . import memory as memories
from . import witness
from .blob import Blob
from .memory import HOST, READ, WRITE, Memory, computing

if TYPE_CHECKING:
    from .build import Node


class Affine:
    """What BatchNorm and Scale do to each channel: y = factor x + offset, from the layers' parameters.

    These are the present ones, unless `parameters` gives others, blobs for each layer.
    """

    def __init__(self, layers: Sequence[Any], parameters: Sequence[Sequence[Blob]] | None = None):
        self.layers = layers
        self._parameters = parameters

    @property
    def parameters(self) -> Sequence[Sequence[Blob]]:
        return [layer.blobs for layer in self.layers] if self._parameters is None else self._parameters

    def memories(self) -> list[Memory]:
        """Everything the numbers depend on."""
        return [blob.data_memory for blobs in self.parameters for blob in blobs]

    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """(factor, offset), each one number for every channel."""
        factor: Any = np.float64(1)
        offset: Any = np.float64(0)
        for layer, blobs in zip(self.layers, self.parameters, strict=True):
            if layer.type == "BatchNorm":
                means, variances, weight = (blob.read().astype(np.float64) for blob in blobs)
                share = 0 if weight[0] == 0 else 1 / weight[0]
                slope = 1 / np.sqrt(variances * share + layer.settings.eps)
                factor, offset = factor * slope, (offset - means * share) * slope
            else:
                slope = blobs[0].read().astype(np.float64)
                factor, offset = factor * slope, offset * slope
                if layer.settings.bias_term:
                    offset = offset + blobs[1].read()
        return factor, offset


@contextmanager
def _unheard() -> Iterator[None]:
    """Within it nothing that this thread does is written down for a replay."""
    if not computing._is_owned():  # then another thread may be writing down what it does
        yield
        return
    told, witness.now = witness.now, None
    try:
        yield
    finally:
        witness.now = told


class UnderWay:
    """Which layers of a net the pass under way runs, those of a chain as one; none between passes."""

    def __init__(self, betweens: Sequence[Between] = ()):
        self.layers = range(0)
        self.betweens = list(betweens)
        for between in betweens:
            between.under_way = self

    @contextmanager
    def __call__(self, layers: range) -> Iterator[None]:
        """A pass over these layers."""
        self.layers = layers
        try:
            yield
        finally:
            self.layers = range(0)
            for between in self.betweens:
                between.let_go()


class Between:
    """The tops within a chain that its op does not write.

    `left_out` has each with the number of BatchNorm and Scale layers (`affine`) whose work is in it. A blob whose
    values wait is as any other that a `fill` will make. What changes in a pass that runs the chain again is not kept:
    the chain will have run when the pass is at its end.
    """

    def __init__(self, first: int, last: int, head: Node, affine: Sequence[Any], left_out: Sequence[tuple[Blob, int]]):
        self.first, self.last, self.head, self.affine = first, last, head, affine
        self.blobs = [blob for blob, _ in left_out]
        self._fills = [partial(self._fill, number) for number in range(len(left_out))]
        self._counts = [count for _, count in left_out]
        self._layer: Any = head.layer
        self._op: Any = None  # the chain's in the last pass
        self._own: dict[int, tuple[Any, Any]] = {}  # ops that compute the blobs, by their number; what they are like
        self._parts = [blob for layer in (self._layer, *affine) for blob in layer.blobs]
        self._sources: list[tuple[Memory, tuple[int, ...]]] = []  # what they come from, and its shapes in the pass
        self._kept: dict[int, np.ndarray] = {}  # what has changed since, as it was
        self._lost = False  # whether something has another size now
        self._moves = -1
        self._shape: tuple[int, ...] = ()
        self.under_way = UnderWay()

    @property
    def lent(self) -> bool:
        """Whether somebody has one of them as an array, which shows new values without being asked."""
        return any(blob.data_memory.lent for blob in self.blobs)

    @property
    def waiting(self) -> bool:
        """Whether the values of one of them have yet to be computed."""
        return any(map(self._waits, self.blobs, self._fills))

    @staticmethod
    def _waits(blob: Blob, fill: Any) -> bool:
        return blob.data_memory.waits_for(fill)

    def settle(self) -> None:
        """The chain has run: let the blobs wait for who looks at them."""
        op: Any = self._layer.absorber()
        if op is self._op and self._moves == memories.moves and self._as_before():
            return
        self._op, self._shape = op, self.blobs[0].shape
        blobs = (*self.head.bottoms, *self._parts)
        self._sources = [(blob.data_memory, blob.shape) for blob in blobs]
        self._kept.clear()
        self._lost, self._moves = False, memories.moves
        for memory, _ in self._sources:
            memory.watch(self)
            if memory.lent:
                self._keep(memory)
        for blob, fill in zip(self.blobs, self._fills, strict=True):
            blob.data_memory.fill_with(fill)

    def _as_before(self) -> bool:
        """Whether all wait already, for what is as in the pass before."""
        if self._kept or self._lost or not all(map(self._waits, self.blobs, self._fills)):
            return False
        return not (memories.any_lent() and any(memory.lent for memory, _ in self._sources))

    def changing(self, memory: Memory, resized: bool = False) -> None:
        """A watched memory is about to get other values, or another size."""
        layers = self.under_way.layers
        if (self.first in layers and self.last in layers) or self._lost or not self.waiting:
            return
        if resized:
            self._lost = True
        elif id(memory) not in self._kept and any(memory is source for source, _ in self._sources):
            self._keep(memory)

    def let_go(self) -> None:
        """Give up what was kept, where nothing waits for it any more."""
        if self._kept and not self.waiting:
            self._kept.clear()

    def _keep(self, memory: Memory) -> None:
        with _unheard():
            self._kept[id(memory)] = memory.on(HOST, READ).copy()

    def _fill(self, number: int, out: np.ndarray) -> None:
        """The values of one of the blobs, as its layer would have made them in the pass."""
        if self._lost:
            return
        with _unheard(), np.errstate(all="ignore"):
            values = self._computed(number)
        count = min(out.size, values.size)
        out[:count] = values[:count]

    def _computed(self, number: int) -> np.ndarray:
        blobs = iter([self._as_it_was(memory, shape) for memory, shape in self._sources])
        bottoms = [next(blobs) for _ in self.head.bottoms]
        parameters, *others = [[next(blobs) for _ in layer.blobs] for layer in (self._layer, *self.affine)]
        like, op = self._own.get(number, (None, None))
        if like is not self._op:  # one of its own: what others have prepared stays, and their scratch
            op = type(self._op)(replace(self._op.context, scratch={}), **self._op.spec)
            self._own[number] = self._op, op
        count = self._counts[number]
        op.affine = Affine(self.affine[:count], others[:count]) if count else None
        top = Blob(self._shape, self.blobs[number].dtype)
        self._layer.run_op(op, bottoms, parameters, top)
        return top.data_memory.on(HOST, READ)

    def _as_it_was(self, memory: Memory, shape: tuple[int, ...]) -> Blob:
        kept = self._kept.get(id(memory))
        blob = Blob(shape if kept is not None else (), memory.dtype)
        if kept is not None:
            blob.data_memory.on(HOST, WRITE)[:] = kept
        else:
            blob.shape, blob.data_memory = shape, memory
        return blob
