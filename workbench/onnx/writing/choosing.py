"""Layers that choose by index or by size: tables, places of maxima, items of a batch, regions, boxes."""

from __future__ import annotations

from math import prod

import numpy as np

from ..errors import Unmapped
from .graph import Graph
from .table import Step, exports

INT64 = 7


@exports("Embed")
def embed(graph: Graph, step: Step) -> str:
    y = graph.add("Gather", graph.param(step.blobs[0], "weight"), graph.add("Cast", step.x, to=INT64), axis=0)
    return graph.add("Add", y, graph.param(step.blobs[1], "bias")) if step.settings.bias_term else y


@exports("ArgMax")
def arg_max(graph: Graph, step: Step) -> str:
    x, settings, top = step.bottoms[0], step.settings, step.tops[0]
    axis = step.layer.axis
    whole = axis is None
    name = graph.matrix(x, 1) if whole else x.name
    axis = 1 if whole else axis
    length = prod(x.fixed(range(1, x.axes))) if whole else x.fixed([axis])[0]
    if settings.top_k == 1 and not settings.out_max_val:
        last = graph.add("ArgMax", name, axis=axis, select_last_index=1)
        places = graph.add("Cast", last, to=1)
        return graph.like(places, top) if whole else places
    # Of equal values TopK has the first in front, Caffe the last: so it counts from the end.
    backward = graph.add("Slice", name, *(graph.integers([n]) for n in (length - 1, -length - 1, axis, -1)))
    count = graph.integers([settings.top_k], "count")
    values, places = graph.add_several("TopK", [backward, count], 2, axis=axis)
    places = graph.add("Cast", graph.add("Sub", graph.integers(length - 1, "last"), places), to=1)
    if not whole:
        return values if settings.out_max_val else places
    both = [places, values] if settings.out_max_val else [places]
    joined = graph.add("Concat", *both, axis=1) if len(both) > 1 else places
    return graph.like(joined, top)


@exports("BatchReindex")
def batch_reindex(graph: Graph, step: Step) -> str:
    return graph.add("Gather", step.x, graph.add("Cast", step.bottoms[1].name, to=INT64), axis=0)


@exports("Filter")
def filter_(graph: Graph, step: Step) -> list[str]:
    *given, selector = step.bottoms
    flat = graph.add("Reshape", selector.name, graph.integers([-1], "shape"))
    kept = graph.add("Squeeze", graph.add("NonZero", flat), graph.integers([0]))
    return [graph.add("Gather", x.name, kept, axis=0) for x in given]


@exports("ROIPooling")
def roi_pooling(graph: Graph, step: Step) -> str:
    regions = step.bottoms[1]
    rows = regions.name if regions.axes == 2 else graph.reshape(regions.name, (regions.shape[0], 5), regions.free)
    scale = step.settings.spatial_scale
    return graph.add("MaxRoiPool", step.x, rows, pooled_shape=list(step.layer.grid), spatial_scale=scale)


@exports("PriorBox")
def prior_box(graph: Graph, step: Step) -> str:
    for x in step.bottoms:
        x.fixed([2, 3])
    if not graph.values:
        return graph.unique("boxes")
    return graph.constant(step.layer.lay(step.bottoms, np.float32)[None], "boxes")


@exports("DummyData")
def dummy_data(graph: Graph, step: Step) -> list[str]:
    if step.layer.draws:
        raise Unmapped("makes up random data for each pass")
    values = (filler.value for filler in step.layer.fillers)
    return [graph.constant(np.full(top.shape, value), "data") for top, value in zip(step.tops, values, strict=True)]
