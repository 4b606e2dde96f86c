"""Graph. The nodes and constants of a model while it is being made, and values with their shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from ....engine.blob import Blob
from ..names import rename, unique

LOWEST = float(np.finfo(np.float32).min)  # where Caffe's search for a maximum begins


class NeedsFixedBatch(Exception):
    """A layer can be said for one batch size only."""


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: its name, its shape at the net's own batch size, and the axes that follow the batch."""

    name: str
    shape: tuple[int, ...]
    free: frozenset[int] = frozenset()

    @property
    def axes(self) -> int:
        return len(self.shape)

    def fixed(self, axes: Sequence[int]) -> tuple[int, ...]:
        """The lengths of some axes. Raises NeedsFixedBatch where one follows the batch."""
        if self.free & set(axes):
            raise NeedsFixedBatch
        return tuple(self.shape[axis] for axis in axes)


class Graph:
    """Nodes in order, and initializers by name.

    `scope` is the layer at work, which begins the names of what it adds. Without `values` parameters are names only:
    then the graph tells whether a net can be said, and touches no memory.
    """

    def __init__(self, reserved: Sequence[str] = (), values: bool = True):
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.values = values
        self.scope = ""
        self._taken = set(reserved)
        self._node_names: set[str] = set()
        self._known: dict[Any, tuple[str, Any]] = {}  # parameters and constants that are there already

    def unique(self, wanted: str) -> str:
        """A name for a value that no other has."""
        return unique(wanted, self._taken)

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output; returns the output's name. Inputs named "" are left out."""
        (made,) = self.add_several(op, inputs, 1, **attributes)
        return made

    def add_several(self, op: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """Add a node of several outputs; returns their names."""
        made = [self.unique(f"{self.scope}/{op.lower()}") for _ in range(count)]
        name = unique(self.scope or op, self._node_names)
        self.nodes.append(helper.make_node(op, list(inputs), made, name=name, **attributes))
        return made

    def constant(self, values: Any, name: str, dtype: Any = np.float32) -> str:
        """An initializer; equal ones are the same."""
        array = np.asarray(values, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self._store(array, name), None
        return self._known[key][0]

    def integers(self, values: Any, name: str = "axes") -> str:
        """An initializer of 64-bit integers."""
        return self.constant(values, name, np.int64)

    def param(self, blob: Blob, name: str, shape: Sequence[int] | None = None, change: Callable | None = None) -> str:
        """A parameter of the layer as an initializer, in another shape or changed; shared ones are there once."""
        key = (id(blob.data_memory), tuple(blob.shape if shape is None else shape))
        if change is None and key in self._known:
            return self._known[key][0]
        if not self.values:
            return self.unique(f"{self.scope}/{name}")
        array = blob.data if shape is None else blob.data.reshape(tuple(shape))
        made = self._store(np.asarray(array if change is None else change(array), np.float32), name)
        if change is None:
            self._known[key] = made, blob  # kept, so that no other memory gets its id
        return made

    def _store(self, array: np.ndarray, name: str) -> str:
        made = self.unique(f"{self.scope}/{name}")
        self.constants[made] = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), made)
        return made

    def reshape(self, x: str, shape: Sequence[int], free: Sequence[int] | frozenset[int] = ()) -> str:
        """x in another shape, of which one axis at most may follow the batch. Raises NeedsFixedBatch for more."""
        if len(free) > 1:
            raise NeedsFixedBatch
        lengths = [-1 if axis in free else length for axis, length in enumerate(shape)]
        if 0 in lengths:
            return self.add("Reshape", x, self.integers(lengths, "shape"), allowzero=1)
        return self.add("Reshape", x, self.integers(lengths, "shape"))

    def like(self, x: str, top: Value) -> str:
        """x in the shape of a top."""
        return self.reshape(x, top.shape, top.free)

    def matrix(self, x: Value, axis: int) -> str:
        """x as a matrix: the axes before `axis` joined, and those from there on."""
        return x.name if x.axes == 2 and axis == 1 else self.add("Flatten", x.name, axis=axis)

    def merged(self, x: Value, start: int, stop: int) -> Value:
        """x with the axes from `start` to before `stop` joined into one (of length 1 where there are none)."""
        shape = (*x.shape[:start], prod(x.shape[start:stop]), *x.shape[stop:])
        joined = any(start <= axis < stop for axis in x.free)
        free = {axis if axis < start else axis - (stop - start) + 1 for axis in x.free if not start <= axis < stop}
        free = frozenset(free | {start} if joined else free)
        if shape == x.shape:
            return x
        return Value(self.reshape(x.name, shape, free), shape, free)

    def times(self, x: str, factor: float) -> str:
        """x times a number; x itself for 1."""
        return x if factor == 1 else self.add("Mul", x, self.constant(factor, "factor"))

    def plus(self, x: str, offset: float) -> str:
        """x plus a number; x itself for 0."""
        return x if offset == 0 else self.add("Add", x, self.constant(offset, "offset"))

    def slice(self, x: str, axis: int, start: int, stop: int, step: int = 1) -> str:
        """A part of x along one axis."""
        return self.slices(x, [(axis, start, stop)], step)

    def slices(self, x: str, parts: Sequence[tuple[int, int, int]], step: int = 1) -> str:
        """A part of x, by axis, start and stop."""
        if not parts:
            return x
        axes, starts, stops = zip(*parts, strict=True)
        edges = self.integers(starts, "starts"), self.integers(stops, "stops")
        return self.add("Slice", x, *edges, self.integers(axes), self.integers([step] * len(axes), "steps"))

    def reduce(self, op: str, x: str, axes: Sequence[int], keepdims: int = 1) -> str:
        """ReduceMean, ReduceSum and the like over some axes."""
        return self.add(op, x, self.integers(list(axes)), keepdims=keepdims)

    def rename(self, old: str, new: str, since: int) -> bool:
        """Give a value made by the nodes from `since` on another name; False where they did not make it."""
        if not any(old in node.output for node in self.nodes[since:]):
            return False
        rename((names for node in self.nodes[since:] for names in (node.input, node.output)), old, new)
        return True
