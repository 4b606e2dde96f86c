"""Layers that work on each element by itself."""

from __future__ import annotations

import math

import numpy as np

from .graph import Graph
from .table import Step, exports

PLAIN = {"AbsVal": "Abs", "Sigmoid": "Sigmoid", "TanH": "Tanh", "BNLL": "Softplus"}


def _plain(op: str):
    return lambda graph, step: graph.add(op, step.x)


for _type, _op in PLAIN.items():
    exports(_type)(_plain(_op))


@exports("ReLU")
def relu(graph: Graph, step: Step) -> str:
    slope = step.settings.negative_slope
    return graph.add("LeakyRelu", step.x, alpha=slope) if slope else graph.add("Relu", step.x)


@exports("ReLU6")
def relu6(graph: Graph, step: Step) -> str:
    six = graph.constant(6.0, "max")
    if step.settings.negative_slope:
        return graph.add("Min", relu(graph, step), six)
    return graph.add("Clip", step.x, graph.constant(0.0, "min"), six)


@exports("PReLU")
def prelu(graph: Graph, step: Step) -> str:
    axes = step.bottoms[0].axes
    shape = (1,) * axes if step.settings.channel_shared else (-1, *(1,) * (axes - 2))
    return graph.add("PRelu", step.x, graph.param(step.blobs[0], "slope", shape))


@exports("ELU")
def elu(graph: Graph, step: Step) -> str:
    return graph.add("Elu", step.x, alpha=step.settings.alpha)


@exports("Clip")
def clip(graph: Graph, step: Step) -> str:
    least, most = (graph.constant(getattr(step.settings, name), name) for name in ("min", "max"))
    if step.settings.min <= step.settings.max:
        return graph.add("Clip", step.x, least, most)
    return graph.add("Max", graph.add("Min", step.x, most), least)  # Caffe gives `min` there, Clip `max`


@exports("Swish")
def swish(graph: Graph, step: Step) -> str:
    return graph.add("Mul", step.x, graph.add("Sigmoid", graph.times(step.x, step.settings.beta)))


@exports("Threshold")
def threshold(graph: Graph, step: Step) -> str:
    above = graph.add("Greater", step.x, graph.constant(step.settings.threshold, "threshold"))
    return graph.add("Cast", above, to=1)


@exports("Exp")
def exp(graph: Graph, step: Step) -> str:
    return graph.times(graph.add("Exp", graph.times(step.x, step.layer.inside)), step.layer.outside)


@exports("Log")
def log(graph: Graph, step: Step) -> str:
    inside = graph.plus(graph.times(step.x, step.settings.scale), step.settings.shift)
    return graph.times(graph.add("Log", inside), step.layer.outside)


@exports("Power")
def power(graph: Graph, step: Step) -> str:
    scale, shift, raised = step.settings.scale, step.settings.shift, step.settings.power
    if scale * raised == 0:  # a number for every element
        with np.errstate(all="ignore"):
            value = float(np.power(np.float32(shift), np.float32(raised))) if raised else 1.0
        return graph.add("Add", graph.add("Mul", step.x, graph.constant(0.0, "scale")), graph.constant(value, "value"))
    inside = graph.plus(graph.times(step.x, scale), shift)
    if raised == 1:
        return inside
    if raised == 2:
        return graph.add("Mul", inside, inside)
    if math.isclose(raised, 0.5):
        return graph.add("Sqrt", inside)
    return graph.add("Pow", inside, graph.constant(raised, "power"))


@exports("Dropout")
def dropout(graph: Graph, step: Step) -> str:
    return step.x if step.settings.scale_train else graph.times(step.x, 1 - step.layer.ratio)
