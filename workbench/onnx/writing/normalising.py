"""Layers that bring values to one scale."""

from __future__ import annotations

import numpy as np

from ....engine.layers.vision.lrn import WITHIN_CHANNEL
from .graph import Graph, Value
from .table import Step, exports


@exports("Softmax")
def softmax(graph: Graph, step: Step) -> str:
    return graph.add("Softmax", step.x, axis=step.settings.axis)


@exports("LRN")
def lrn(graph: Graph, step: Step) -> str:
    settings = step.settings
    size, alpha, beta = settings.local_size, settings.alpha, settings.beta
    if settings.norm_region != WITHIN_CHANNEL:
        return graph.add("LRN", step.x, size=size, alpha=alpha, beta=beta, bias=settings.k)
    squares = graph.add("Mul", step.x, step.x)
    window = {"kernel_shape": [size] * 2, "pads": [size // 2] * 4, "count_include_pad": 1}
    energy = graph.add("AveragePool", squares, **window)
    damped = graph.plus(graph.times(energy, alpha), 1.0)
    return graph.add("Div", step.x, graph.add("Pow", damped, graph.constant(beta, "beta")))


def _batch_statistics(graph: Graph, x: Value, eps: float) -> str:
    """Each channel at mean 0 and variance 1 over the batch itself."""
    axes = [0, *range(2, x.axes)]
    centred = graph.add("Sub", x.name, graph.reduce("ReduceMean", x.name, axes))
    variance = graph.reduce("ReduceMean", graph.add("Mul", centred, centred), axes)
    return graph.add("Div", centred, graph.add("Sqrt", graph.plus(variance, eps)))


@exports("BatchNorm")
def batch_norm(graph: Graph, step: Step) -> str:
    layer, x = step.layer, step.bottoms[0]
    if not layer.global_stats:
        return _batch_statistics(graph, x, step.settings.eps)
    share = 1.0
    if graph.values:
        weight = float(step.blobs[2].data[0])
        share = 0.0 if weight == 0 else np.float32(1) / np.float32(weight)
    statistics = [graph.param(blob, name, change=lambda sums: sums * np.float32(share))
                  for blob, name in zip(step.blobs, ("mean", "variance"), strict=False)]  # fmt: skip
    unit = [graph.constant(np.full(layer.channels, value), name) for value, name in ((1.0, "scale"), (0.0, "bias"))]
    return graph.add("BatchNormalization", x.name, *unit, *statistics, epsilon=step.settings.eps)


@exports("BN")
def bn(graph: Graph, step: Step) -> str:
    layer, x = step.layer, step.bottoms[0]
    channels = (layer.channels[1],)
    if layer.running and not layer.batch:
        names = ("scale", "bias", "mean", "variance")
        given = [graph.param(blob, name, channels) for blob, name in zip(step.blobs, names, strict=True)]
        return graph.add("BatchNormalization", x.name, *given, epsilon=layer.eps)
    y = _batch_statistics(graph, x, layer.eps) if layer.batch else x.name
    spread = (*channels, *(1,) * (x.axes - 2))
    factor, offset = (
        graph.param(blob, name, spread) for blob, name in zip(step.blobs, ("scale", "bias"), strict=False)
    )
    return graph.add("Add", graph.add("Mul", y, factor), offset)


@exports("MVN")
def mvn(graph: Graph, step: Step) -> str:
    x, top = step.bottoms[0], step.tops[0]
    name = x.name if x.axes == 4 else graph.like(x.name, top)
    axes = [1, 2, 3] if step.settings.across_channels else [2, 3]
    centred = graph.add("Sub", name, graph.reduce("ReduceMean", name, axes))
    if not step.settings.normalize_variance:
        return centred
    variance = graph.reduce("ReduceMean", graph.add("Mul", centred, centred), axes)
    return graph.add("Div", centred, graph.plus(graph.add("Sqrt", variance), step.settings.eps))


@exports("Normalize")
def normalize(graph: Graph, step: Step) -> str:
    x, layer = step.bottoms[0], step.layer
    total = graph.reduce("ReduceSumSquare", x.name, list(layer.axes))
    y = graph.add("Div", x.name, graph.add("Sqrt", graph.plus(total, step.settings.eps)))
    spread = (1,) * x.axes if step.settings.channel_shared else layer.spread
    return graph.add("Mul", y, graph.param(step.blobs[0], "scale", spread))
