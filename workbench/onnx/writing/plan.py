"""A definition looked at without touching memory: its layers with the shapes of all values, and what follows the batch.

Which lengths follow the batch is found by building the net twice, with inputs of one length and of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ....engine import Net
from ....engine.build import Builder, Node, make_state
from ....engine.context import Context
from ....engine.errors import DefinitionError
from ....engine.graph import included
from ....engine.net import TEST
from ....engine.source import Definition, Source

BATCH, STEPS = "N", "T"  # names of lengths: that of the batch, that of sequences
RECURRENT = {"LSTM", "RNN"}

Place = tuple[int, int]  # the number of an input's blob, and an axis of it


@dataclass
class Look:
    """Nodes of a net in the order of the text, its blobs' shapes by number, and the axes that follow the batch.

    `names` gives those of the inputs' axes that do, by the number of the input's blob and the axis.
    """

    nodes: list[Node]
    blob_names: list[str]
    shapes: list[tuple[int, ...] | None]
    free: list[frozenset[int]]
    names: dict[Place, str]
    outputs: list[int]
    errors: list[DefinitionError]


class Plan:
    """A definition and a state, and looks at it with more and fewer lengths that follow the batch."""

    def __init__(self, definition: Definition | Net, level: int = 0, stages: Sequence[str] = ()):
        self.net = definition if isinstance(definition, Net) else None
        self.definition: Any = definition
        if self.net is not None:
            self.definition = self.net.source.document or self.net.source.param
            self.state = type(self.net.state).FromString(self.net.state.SerializeToString())
            self.state.phase = TEST
        self.source = self.fresh()
        self.source.raise_problems()
        if self.net is None:
            self.state = make_state(self.source, TEST, level, stages)

    def fresh(self) -> Source:
        return Source(self.definition, "net")

    def looks(self) -> Iterator[Look]:
        """The definition with lengths that follow the batch, as far as it can be built so; at last with fixed ones."""
        fixed, errors = self._build(self.source)
        shapes = [blob.shape if blob is not None else None for blob in fixed.blobs]
        rest = fixed.nodes, fixed.blob_names, shapes
        for names in [] if errors else self._guesses(fixed):
            free = self._free(fixed, names)
            if free is not None:
                yield Look(*rest, free, names, fixed.outputs, [])
        yield Look(*rest, [frozenset()] * len(shapes), {}, fixed.outputs, errors)

    def _build(self, source: Source) -> tuple[Builder, list[DefinitionError]]:
        errors: list[DefinitionError] = []
        context = Context(phase=TEST, seed=0, root=source.root, dry=True)
        return Builder(source, self.state, context, errors.append), errors

    def _guesses(self, built: Builder) -> Iterator[dict[Place, str]]:
        """The names of lengths that may follow the batch: of sequences their steps and streams, else the first axes."""
        shapes = {blob_id: blob.shape for blob_id in built.inputs if (blob := built.blobs[blob_id]) is not None}
        marks = [node.bottoms[1].shape for node in built.nodes if node.entry.param.type in RECURRENT and node.layer]
        for steps, streams in {shape[:2] for shape in marks[:1]}:
            yield {place: name for i, shape in shapes.items() for place, name in _sequence(i, shape, steps, streams)}
            yield {place: name for i, shape in shapes.items() for place, name in _sequence(i, shape, None, streams)}
        lengths = list(dict.fromkeys(shape[0] for shape in shapes.values() if shape))
        yield {
            (i, 0): BATCH if shape[0] == lengths[0] else f"{BATCH}{lengths.index(shape[0]) + 1}"
            for i, shape in shapes.items()
            if shape
        }

    def _free(self, fixed: Builder, names: dict[Place, str]) -> list[frozenset[int]] | None:
        """The axes of each blob whose lengths change with those named; None where such a net cannot be built."""
        source = self.fresh()
        factors = {name: factor for name, factor in zip(dict.fromkeys(names.values()), (3, 5, 7, 11, 13), strict=False)}
        if not names or len(factors) < len(set(names.values())):
            return None
        inputs = iter(fixed.inputs)
        for layer in source.param.layer:
            if layer.type == "Input" and included(layer, self.state):
                taken = [next(inputs) for _ in layer.top]
                del layer.input_param.shape[:]
                for blob_id in taken:
                    shape = enumerate(getattr(fixed.blobs[blob_id], "shape", ()))
                    lengths = [length * factors.get(names.get((blob_id, axis), ""), 1) for axis, length in shape]
                    layer.input_param.shape.add(dim=lengths)
        try:
            other, errors = self._build(source)
        except DefinitionError:
            return None
        pairs = [(a.layer, b.layer) for a, b in zip(fixed.nodes, other.nodes, strict=True) if a.layer and b.layer]
        if errors or any([x.shape for x in a.blobs] != [x.shape for x in b.blobs] for a, b in pairs):
            return None
        return [_different(a, b) for a, b in zip(fixed.blobs, other.blobs, strict=True)]


def _sequence(blob_id: int, shape: tuple[int, ...], steps: int | None, streams: int) -> Iterator[tuple[Place, str]]:
    """The axes of an input that count the steps and the streams of sequences, with their names."""
    if steps is not None and shape[:1] == (steps,):
        yield (blob_id, 0), STEPS
    elif shape[:1] == (streams,) and shape[1:2] != (streams,):
        yield (blob_id, 0), BATCH
        return
    if shape[1:2] == (streams,):
        yield (blob_id, 1), BATCH


def _different(one: Any, other: Any) -> frozenset[int]:
    if one is None or other is None or len(one.shape) != len(other.shape):
        return frozenset()
    pairs = zip(one.shape, other.shape, strict=True)
    return frozenset(axis for axis, (a, b) in enumerate(pairs) if a != b)
