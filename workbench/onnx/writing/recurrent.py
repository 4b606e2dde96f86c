"""Recurrent layers: a Scan over the steps. The states begin at zero, unless they are bottoms."""

from __future__ import annotations

from collections.abc import Callable

from onnx import TensorProto, helper

from .graph import Graph
from .table import Step, exports

Body = Callable[[Graph, list[str], str, str], tuple[list[str], str]]
"""From the states, what the inputs give to this step, and the marks (N, 1): the new states and what is shown."""


def _turned(weight):
    return weight.T


def _gates(graph: Graph, given: str, axis: int) -> list[str]:
    """i, f, o and the candidate g."""
    parts = graph.add_several("Split", [given], 4, axis=axis, num_outputs=4)
    return [*(graph.add("Sigmoid", part) for part in parts[:3]), graph.add("Tanh", parts[3])]


def _cell(graph: Graph, given: str, before: str, marks: str, axis: int) -> tuple[str, str]:
    """The new cell and hidden state of an LSTM."""
    enters, keeps, shows, candidate = _gates(graph, given, axis)
    kept = graph.add("Mul", graph.add("Mul", marks, keeps), before)
    cell = graph.add("Add", kept, graph.add("Mul", enters, candidate))
    return cell, graph.add("Mul", shows, graph.add("Tanh", cell))


def _sequence(graph: Graph, step: Step, back: str, body: Body) -> list[str]:
    """The tops of a recurrent layer, whose weights from hidden state to hidden state are `back`."""
    layer, outputs = step.layer, step.settings.num_output
    x, marks = graph.merged(step.bottoms[0], 2, step.bottoms[0].axes), step.bottoms[1]
    given = graph.add("MatMul", x.name, graph.param(step.blobs[0], "input_weight", change=_turned))
    given = graph.add("Add", given, graph.param(step.blobs[1], "bias"))
    if layer.has_static:
        table = graph.param(step.blobs[2], "static_weight", change=_turned)
        given = graph.add("Add", given, graph.add("MatMul", graph.matrix(step.bottoms[2], 1), table))
    begin = [graph.add("Squeeze", one.name, graph.integers([0])) for one in layer.shown(step.bottoms)]
    if not begin:
        length = graph.add("Shape", x.name, start=1, end=2)
        shape = graph.add("Concat", length, graph.integers([outputs], "outputs"), axis=0)
        begin = [graph.add("Expand", graph.constant(0.0, "zero"), shape)] * layer.states
    scan = _body(graph, layer.states, lambda states, now, mark: _one_step(graph, states, now, mark, back, body))
    made = graph.add_several("Scan", [*begin, given, marks.name], layer.states + 1, body=scan, num_scan_inputs=2)
    after = [graph.add("Unsqueeze", one, graph.integers([0])) for one in made[:-1]] if len(step.tops) > 1 else []
    return [made[-1], *after]


def _one_step(graph: Graph, states: list[str], now: str, mark: str, back: str, body: Body):
    marks = graph.add("Unsqueeze", mark, graph.integers([1]))
    past = graph.add("MatMul", graph.add("Mul", states[0], marks), back)
    return body(graph, states, graph.add("Add", now, past), marks)


def _body(graph: Graph, states: int, run: Callable):
    """The graph of one step; constants and weights are those of the graph around it."""
    names = [graph.unique(f"{graph.scope}/{name}") for name in (*("hidden", "cell")[:states], "now", "mark")]
    outside, graph.nodes = graph.nodes, []
    after, shown = run(names[:states], names[-2], names[-1])
    after = [graph.add("Identity", one) if one in after[:place] else one for place, one in enumerate(after)]
    shown = graph.add("Identity", shown)
    nodes, graph.nodes = graph.nodes, outside
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in listed]
        for listed in (names, [*after, shown])
    )
    return helper.make_graph(nodes, graph.unique(f"{graph.scope}/step"), inputs, outputs)


@exports("LSTM")
def lstm(graph: Graph, step: Step) -> list[str]:
    back = graph.param(step.blobs[-1], "hidden_weight", change=_turned)

    def body(graph: Graph, states: list[str], given: str, marks: str):
        cell, hidden = _cell(graph, given, states[1], marks, 1)
        return [hidden, cell], hidden

    return _sequence(graph, step, back, body)


@exports("RNN")
def rnn(graph: Graph, step: Step) -> list[str]:
    back, out, offset = step.blobs[-3:]
    weights = graph.param(back, "hidden_weight", change=_turned), graph.param(out, "output_weight", change=_turned)
    bias = graph.param(offset, "output_bias")

    def body(graph: Graph, states: list[str], given: str, marks: str):
        hidden = graph.add("Tanh", given)
        return [hidden], graph.add("Tanh", graph.add("Add", graph.add("MatMul", hidden, weights[1]), bias))

    return _sequence(graph, step, weights[0], body)


@exports("LSTMUnit")
def lstm_unit(graph: Graph, step: Step) -> list[str]:
    before, given, marks = step.bottoms
    beside = graph.add("Unsqueeze", marks.name, graph.integers([2]))
    return list(_cell(graph, given.name, before.name, beside, 2))


@exports("ContinuationIndicator")
def continuation_indicator(graph: Graph, step: Step) -> str:
    steps, streams = step.tops[0].fixed([0, 1])
    return graph.constant([[float(t > 0)] * streams for t in range(steps)], "marks")
