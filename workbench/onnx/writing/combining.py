"""Layers that add and multiply: products with weights, sums of blobs, factors and offsets."""

from __future__ import annotations

from functools import reduce

from ....engine.layers.common import reduction
from ....engine.ops.eltwise import PROD, SUM
from .graph import LOWEST, Graph, Value
from .table import Step, exports


@exports("InnerProduct")
def inner_product(graph: Graph, step: Step) -> str:
    x, layer, top = step.bottoms[0], step.layer, step.tops[0]
    weight, transposed = step.blobs[0], step.settings.transpose
    x.fixed(range(layer.axis, x.axes))
    if layer.axis == x.axes - 1 and x.axes > 2:
        product = graph.add("MatMul", x.name, graph.param(weight, "weight_t", change=None if transposed else _turned))
        return graph.add("Add", product, graph.param(step.blobs[1], "bias")) if step.settings.bias_term else product
    inputs = [graph.matrix(x, layer.axis), graph.param(weight, "weight")]
    inputs += [graph.param(step.blobs[1], "bias")] if step.settings.bias_term else []
    y = graph.add("Gemm", *inputs, transB=int(not transposed))
    return y if top.axes == 2 else graph.like(y, top)


def _turned(weight):
    return weight.T


@exports("Eltwise")
def eltwise(graph: Graph, step: Step) -> str:
    operation, names = step.settings.operation, [x.name for x in step.bottoms]
    if operation == PROD:
        return reduce(lambda a, b: graph.add("Mul", a, b), names)
    terms = list(zip(names, step.layer.coeff, strict=True))
    if step.in_place:  # a sum or a maximum in place loses the first bottom
        terms = terms[1:]
    if operation == SUM:
        return reduce(lambda a, b: graph.add("Add", a, b), [graph.times(x, factor) for x, factor in terms])
    names = [x for x, _ in terms]
    if step.in_place:
        names.append(graph.constant(LOWEST, "lowest"))
    return graph.add("Max", *names)


def _beside(graph: Graph, small: Value, step: Step) -> str:
    """A second bottom with axes of length 1 behind, so that it stands beside the axes of the first that are its."""
    axis = step.layer.axis_for([_Shaped(one) for one in step.bottoms])
    behind = step.bottoms[0].axes - axis - small.axes
    if not behind or not small.axes:
        return small.name
    return graph.add("Unsqueeze", small.name, graph.integers(range(small.axes, small.axes + behind)))


class _Shaped:
    """A value in the words of a blob."""

    def __init__(self, value: Value):
        self.shape, self.num_axes = value.shape, value.axes


def _spread(step: Step) -> tuple[int, ...]:
    """The shape of a parameter beside the first bottom, without the ones in front."""
    return step.layer.spread[step.layer.axis_for([_Shaped(one) for one in step.bottoms]) :]


@exports("Scale")
def scale(graph: Graph, step: Step) -> str:
    if len(step.bottoms) > 1:
        factor = _beside(graph, step.bottoms[1], step)
    else:
        factor = graph.param(step.blobs[0], "scale", _spread(step))
    y = graph.add("Mul", step.x, factor)
    if step.settings.bias_term:
        y = graph.add("Add", y, graph.param(step.blobs[-1], "bias", _spread(step)))
    return y


@exports("Bias")
def bias(graph: Graph, step: Step) -> str:
    if len(step.bottoms) > 1:
        return graph.add("Add", step.x, _beside(graph, step.bottoms[1], step))
    return graph.add("Add", step.x, graph.param(step.blobs[0], "bias", _spread(step)))


@exports("Axpy")
def axpy(graph: Graph, step: Step) -> str:
    factor, x, y = step.bottoms
    name = factor.name
    if factor.axes < x.axes:
        name = graph.add("Unsqueeze", name, graph.integers(range(factor.axes, x.axes)))
    elif factor.axes > x.axes:
        name = graph.add("Squeeze", name, graph.integers(range(x.axes, factor.axes)))
    return graph.add("Add", graph.add("Mul", x.name, name), y.name)


REDUCTIONS = {
    reduction.SUM: "ReduceSum",
    reduction.ASUM: "ReduceL1",
    reduction.SUMSQ: "ReduceSumSquare",
    reduction.MEAN: "ReduceMean",
}


@exports("Reduction")
def reduced(graph: Graph, step: Step) -> str:
    x = step.bottoms[0]
    axes = range(step.settings.axis % x.axes, x.axes)
    y = graph.reduce(REDUCTIONS[step.settings.operation], x.name, axes, keepdims=0)
    return graph.times(y, step.settings.coeff)
