"""Layers that move values, and change none."""

from __future__ import annotations

from .graph import Graph, NeedsFixedBatch
from .table import Step, exports


@exports("Split")
def split(graph: Graph, step: Step) -> list[str]:
    return [step.x] * len(step.tops)


@exports("Silence", "HDF5Output")
def nothing(graph: Graph, step: Step) -> list[str]:
    """They make no blob."""
    return []


@exports("Flatten", "Reshape")
def flatten(graph: Graph, step: Step) -> str:
    x, top = step.bottoms[0], step.tops[0]
    alone = x.free | top.free <= {0} and x.shape[:1] == top.shape[:1]
    if alone and top.axes == 2 and x.axes > 2:
        return graph.add("Flatten", x.name, axis=1)
    return x.name if top.shape == x.shape else graph.like(x.name, top)


@exports("Concat")
def concat(graph: Graph, step: Step) -> str:
    if len(step.bottoms) == 1:
        return step.x
    return graph.add("Concat", *(x.name for x in step.bottoms), axis=_axis(step, "concat_dim"))


@exports("Slice")
def slice_(graph: Graph, step: Step) -> list[str]:
    x, axis = step.bottoms[0], _axis(step, "slice_dim")
    if len(step.tops) == 1:
        return [x.name]
    if axis not in x.free:
        lengths = graph.integers([top.shape[axis] for top in step.tops], "lengths")
        return graph.add_several("Split", [x.name, lengths], len(step.tops), axis=axis)
    if step.settings.slice_point:
        raise NeedsFixedBatch
    return graph.add_several("Split", [x.name], len(step.tops), axis=axis, num_outputs=len(step.tops))


def _axis(step: Step, old: str) -> int:
    """The axis of Concat and Slice, by the field's present name or its old one."""
    given = getattr(step.settings, old) if step.settings.HasField(old) else step.settings.axis
    return given % step.bottoms[0].axes


@exports("Permute")
def permute(graph: Graph, step: Step) -> str:
    return graph.add("Transpose", step.x, perm=list(step.layer.order))


@exports("Tile")
def tile(graph: Graph, step: Step) -> str:
    repeats = [1] * step.bottoms[0].axes
    repeats[step.settings.axis] = step.settings.tiles
    return graph.add("Tile", step.x, graph.integers(repeats, "repeats")) if step.settings.tiles > 1 else step.x


@exports("ShuffleChannel")
def shuffle_channel(graph: Graph, step: Step) -> str:
    x, group = step.bottoms[0], step.settings.group
    grouped = (x.shape[0], group, x.shape[1] // group, *x.shape[2:])
    if 1 in x.free:
        raise NeedsFixedBatch
    free = [axis + 1 if axis > 1 else axis for axis in x.free]
    dealt = graph.add("Transpose", graph.reshape(x.name, grouped, free), perm=[0, 2, 1, *range(3, len(grouped))])
    return graph.like(dealt, step.tops[0])


@exports("Reorg")
def reorg(graph: Graph, step: Step) -> str:
    x, layer, first = step.bottoms[0], step.layer, frozenset({0}) & step.bottoms[0].free
    x.fixed([1, 2, 3])
    if step.settings.reverse:
        whole, order = layer.channels, [0, 3, 4, 1, 5, 2]
    else:
        whole, order = layer.pixels, [0, 3, 5, 1, 2, 4]
    moved = graph.add("Transpose", graph.reshape(x.name, whole, first), perm=order)
    return graph.like(moved, step.tops[0])


@exports("Parameter")
def parameter(graph: Graph, step: Step) -> str:
    return graph.param(step.blobs[0], "value")
