"""From a net to an ONNX model: a table of layer types, a file for each family, and the walk over the net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper

from ....engine import LAYERS, Net
from ....engine.build import AUTOMATIC, Node
from ....engine.errors import DefinitionError, Diagnostic
from ....engine.net import TEST
from ..errors import NotMapped, Unmapped
from .graph import Graph, NeedsFixedBatch, Value
from .losses import LEFT_OUT, PROBABLE
from .plan import Look, Plan
from .table import Step, load

OPSET, IR_VERSION = 21, 10
SEED = 0  # of the fillers, where no weights are given


def model_of(definition: Any, weights: Any = None, level: int = 0, stages: Sequence[str] = ()) -> Any:
    """The ModelProto of a definition; see `to_onnx`."""
    plan = Plan(definition, level, stages)
    look, notes = _suitable(plan)
    net = plan.net
    if net is None or weights is not None:
        net = Net(plan.fresh(), TEST, state=plan.state, seed=SEED, weights=weights)
        if weights is None and any(node.layer and node.layer.blobs for node in look.nodes):
            notes.append(f"no weights were given: the fillers made the values, with the seed {SEED}")
    writer = Writer(plan, look, net)
    graph = writer.graph_proto(plan.source.param.name or "net")
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="brewbench",
        doc_string="\n".join(notes + writer.notes),
    )
    if model.ByteSize() < onnx.checker.MAXIMUM_PROTOBUF:
        onnx.checker.check_model(model)
    return model


def _suitable(plan: Plan) -> tuple[Look, list[str]]:
    """The look with the most lengths that follow the batch, and notes. Raises NotMapped, DefinitionError."""
    blocking, where = None, plan.source.file or plan.source.param.name or "the net"
    for look in plan.looks():
        tried = Writer(plan, look)
        if tried.unmapped:
            count = len(tried.unmapped)
            heading = f"{where}: {count} layer{'s have' if count > 1 else ' has'} no equivalent in ONNX:"
            raise NotMapped(heading, tried.unmapped)
        for error in look.errors:
            raise error
        if tried.blocking is None:
            if not tried.outputs:
                raise ValueError(f"{where}: nothing is left that a model could compute")
            return look, _batch_notes(look, blocking)
        blocking = tried.blocking
    raise AssertionError("a fixed batch suits every layer")


def _batch_notes(look: Look, blocking: str | None) -> list[str]:
    if look.names or not any(node.entry.param.type == "Input" for node in look.nodes):
        return []
    why = f"layer {blocking!r} can be said so only" if blocking else "the net can be built for it alone"
    return [f"the batch size is fixed: {why}"]


class Writer:
    """Walks over a net's layers and adds what each is in ONNX to a graph.

    Without a net that brings values it only tells what cannot be said: `unmapped` holds a Diagnostic for each layer,
    `blocking` the name of one that needs a fixed batch.
    """

    def __init__(self, plan: Plan, look: Look, net: Net | None = None):
        self.plan, self.look, self.net = plan, look, net
        self.table = load()
        self.unmapped: list[Diagnostic] = []
        self.blocking: str | None = None
        self.notes: list[str] = []
        self.inputs: list[int] = []
        self.outputs: dict[str, Value] = {}  # by the names they are to have
        self.results: list[Value] = []  # what layers that are left out read of the net
        self.last = {blob_id: place for place, node in enumerate(look.nodes) for blob_id in node.top_ids}
        self.graph = Graph(look.blob_names, values=net is not None)
        self.values: dict[int, Value] = {}
        for place, node in enumerate(look.nodes):
            self._walk(place, node)
        self._collect_outputs()

    def _walk(self, place: int, node: Node) -> None:
        kind = node.entry.param.type
        if kind == "Input":
            self.inputs += node.top_ids
            self.values.update(
                (blob_id, self._shaped(blob_id, self.look.blob_names[blob_id])) for blob_id in node.top_ids
            )
            if any(not value.shape or 0 in value.shape for value in map(self.values.get, node.top_ids) if value):
                self._complain(node, "its shape is not stated")
            return
        if kind in LEFT_OUT:
            self.results += [
                self.values[i] for k, i in enumerate(node.bottom_ids) if k in LEFT_OUT[kind] and i in self.values
            ]
            self.notes.append(f"layer {node.name!r} ({kind}) is left out")
            return
        if kind not in self.table:
            self._complain(node, _reason(node, self.look.errors))
            self.values.update((i, self._shaped(i, "")) for i in node.top_ids if self.look.shapes[i] is not None)
        elif node.layer is not None and all(i in self.values for i in node.bottom_ids):
            self._add(place, node, kind)
        elif kind != "Split":
            self.notes.append(f"layer {node.name!r} ({kind}) is left out: it reads a loss")

    def _add(self, place: int, node: Node, kind: str) -> None:
        since, graph = len(self.graph.nodes), self.graph
        layer: Any = node.layer
        graph.scope = layer.identity
        bottoms = [self.values[i] for i in node.bottom_ids]
        tops = [self._shaped(i, "") for i in node.top_ids]
        in_place = node.top_ids[:1] == node.bottom_ids[:1] != []
        blobs = self.net.layers[place].blobs if self.net is not None else layer.blobs
        made: Any = []
        try:
            made = self.table[kind](graph, Step(layer, bottoms, tops, blobs, in_place))
        except Unmapped as reason:
            self._complain(node, str(reason))
        except NeedsFixedBatch:
            self.blocking = self.blocking or layer.identity
        names = [made] if isinstance(made, str) else list(made)
        if kind in PROBABLE:
            self._keep_probabilities(node, names)
            return
        if len(names) < len(node.top_ids):  # nothing was made: the shapes let the walk go on
            names = [""] * len(node.top_ids)
        for blob_id, name, top in zip(node.top_ids, names, tops, strict=True):
            wanted = self.look.blob_names[blob_id]
            if self.last[blob_id] != place or blob_id in self.inputs:
                wanted = graph.unique(f"{layer.identity}/{wanted}")
            renamed = name and graph.rename(name, wanted, since)
            self.values[blob_id] = Value(wanted if renamed else name, top.shape, top.free)

    def _keep_probabilities(self, node: Node, names: list[str]) -> None:
        """Let the probabilities be an output: by the name of the second top, or as prob."""
        if not names:
            return
        several = sum(one.entry.param.type in PROBABLE for one in self.look.nodes) > 1
        wanted = self.look.blob_names[node.top_ids[1]] if len(node.top_ids) > 1 else ""
        if wanted in ("", AUTOMATIC):
            wanted = self.graph.unique(f"{node.name}/prob" if several else "prob")
        self.graph.rename(names[0], wanted, len(self.graph.nodes) - 1)
        shape = self.values[node.bottom_ids[0]]
        self.outputs[wanted] = Value(wanted, shape.shape, shape.free)
        self.notes.append(f"layer {node.name!r} ({node.entry.param.type}) gives its probabilities, as {wanted!r}")

    def _shaped(self, blob_id: int, name: str) -> Value:
        return Value(name, self.look.shapes[blob_id] or (), self.look.free[blob_id])

    def _complain(self, node: Node, reason: str) -> None:
        source, param = self.plan.source, node.entry.param
        line = source.line(node.entry.origin)
        self.unmapped.append(Diagnostic(reason, layer=param.name, type=param.type, file=source.file, line=line))

    # Outputs

    def _collect_outputs(self) -> None:
        """The net's outputs, and results that only layers read which are left out, each by its blob's name."""
        graph, given = self.graph, {self.look.blob_names[i] for i in self.inputs}
        graph.scope = "outputs"
        read = {name for node in graph.nodes for name in node.input}
        for blob_id in self.look.outputs:
            value = self.values.get(blob_id)
            if value is None or not value.name:
                continue
            wanted = self.look.blob_names[blob_id]
            if value.name == wanted and wanted in given:
                wanted = graph.unique(f"{wanted}/output")
            elif wanted in given:  # an input's blob, on which layers worked in place
                wanted = value.name
            if value.name != wanted:
                graph.nodes.append(helper.make_node("Identity", [value.name], [wanted], name=f"{wanted}/identity"))
            self.outputs[wanted] = Value(wanted, value.shape, value.free)
        for value in self.results:
            if value.name and value.name not in read and value.name not in given:
                self.outputs.setdefault(value.name, value)

    def graph_proto(self, name: str) -> Any:
        """The graph, without what no output depends on."""
        graph, needed, nodes = self.graph, set(self.outputs), []
        for node in reversed(graph.nodes):
            if needed & set(node.output):
                nodes.append(node)
                needed |= _read_by(node)
        inputs = []
        for blob_id in self.inputs:
            value = self.values.get(blob_id) or self._shaped(blob_id, "")
            name_of = self.look.blob_names[blob_id]
            if name_of not in needed:
                self.notes.append(f"input {name_of!r} is left out: no output depends on its values")
                continue
            dims = [self.look.names.get((blob_id, axis), length) for axis, length in enumerate(value.shape)]
            inputs.append(helper.make_tensor_value_info(name_of, TensorProto.FLOAT, dims))
        outputs = [
            helper.make_tensor_value_info(key, TensorProto.FLOAT, self._dims(value))
            for key, value in self.outputs.items()
        ]
        weights = [tensor for key, tensor in graph.constants.items() if key in needed]
        return helper.make_graph(nodes[::-1], name, inputs, outputs, weights)

    def _dims(self, value: Value) -> list[Any]:
        """The lengths of an output: a free one has the name of the inputs' length that it equals, or none."""
        named = {}
        for (blob_id, axis), name in self.look.names.items():
            named.setdefault((self.look.shapes[blob_id] or ())[axis], name)
        return [named.get(length) if axis in value.free else length for axis, length in enumerate(value.shape)]


def _read_by(node: Any) -> set[str]:
    """The values that a node reads, those that its inner graphs take from around them too."""
    names = set(node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                names |= _read_by(inner)
    return names


def _reason(node: Node, errors: list[DefinitionError]) -> str:
    kind = node.entry.param.type
    cls = LAYERS.get(kind)
    if cls is None:
        found = [error for error in errors if error.layer == node.name and error.field == "type"]
        return found[0].message if found else "is no known layer type"
    if cls.category == "data":
        return "reads data, and a model takes its inputs from outside: export a deploy net, with Input layers"
    if cls.runs_user_code:
        return "runs code of its own"
    return "no operators of ONNX compute it"
