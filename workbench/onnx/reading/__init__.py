"""From an ONNX model to a net: a table of operators, a file for each family, and the walk over the nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format

from ....engine import TEST, Net
from ....engine.errors import Diagnostic
from ....proto import Document
from ..errors import NotMapped, Unmapped
from .builder import Builder, Tensor
from .folding import FOLDS, fold
from .loading import array_of, attributes_of, load_model
from .table import Call, load

OPSETS = range(7, 100)


def net_of(model: Any, shapes: Mapping[str, Sequence[int]] | None = None) -> tuple[Document, Net]:
    """The Document of a model, and a Net of it that holds the weights; see `from_onnx`."""
    found, folder = load_model(model)
    reader = Reader(found, folder, shapes or {})
    document = Document.parse(text_format.MessageToString(reader.builder.net, as_utf8=True), "net")
    net = Net(document, TEST, seed=0, trust=False)
    for layer, values in zip(_written(net), reader.builder.values, strict=True):
        for blob, array in zip(layer.blobs, values, strict=True):
            blob.data = array
    return document, net


def _written(net: Net) -> list[Any]:
    """The layers of the text, in its order."""
    return [layer for layer, node in zip(net.layers, net.nodes, strict=True) if node.entry.origin is not None]


class Reader:
    """Walks over a model's nodes and adds the layers of each. Raises NotMapped, ValueError."""

    def __init__(self, model: Any, folder: Path | None, shapes: Mapping[str, Sequence[int]]):
        self.graph, self.folder = model.graph, folder
        opsets = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
        self.opset = max(opsets, default=1)
        self.table = load()
        self.values: dict[str, Any] = {tensor.name: array_of(tensor, folder) for tensor in model.graph.initializer}
        names = [name for node in model.graph.node for name in node.output]
        inputs = [one for one in model.graph.input if one.name not in self.values]
        self.builder = Builder(model.graph.name, [*names, *(one.name for one in inputs)])
        self.unmapped: list[Diagnostic] = []
        for one in inputs:
            self.values[one.name] = self.builder.input(one.name, _input_shape(one, shapes))
        self.outputs = {one.name for one in model.graph.output}
        for place, node in enumerate(model.graph.node):
            self._walk(place, node)
        if self.unmapped:
            count = len(self.unmapped)
            have = "nodes have" if count > 1 else "node has"
            raise NotMapped(f"{self.graph.name or 'the model'}: {count} {have} no equivalent layers:", self.unmapped)
        self._name_outputs()

    def _walk(self, place: int, node: Any) -> None:
        name = (node.name or (node.output[0] if node.output else "") or f"node {place}").strip("/")
        given = [self.values.get(one) if one else None for one in node.input]
        if any(one and value is None for one, value in zip(node.input, given, strict=True)):
            return  # it needs what could not be had
        self.builder.scope = name
        try:
            made = self._made(node, given)
        except Exception as error:  # attributes and inputs may be of any kind
            reason = str(error) if isinstance(error, Unmapped | ValueError) else f"its inputs do not fit: {error}"
            self.unmapped.append(Diagnostic(reason, layer=name, type=node.op_type))
            return
        for wanted, value in zip(node.output, made, strict=False):
            if wanted:
                self.values[wanted] = self._named(value, wanted)

    def _made(self, node: Any, given: list[Any]) -> list[Any]:
        """The values of a node's outputs. Raises Unmapped, ValueError."""
        attributes = attributes_of(node, self.folder)
        if node.domain not in ("", "ai.onnx"):
            raise Unmapped(f"the operators of {node.domain} are not known")
        if node.op_type == "Constant":
            return [_constant(attributes)]
        constants = not any(isinstance(one, Tensor) for one in given)
        if constants and node.op_type in FOLDS:
            return [fold(node.op_type, given, attributes)]
        if node.op_type not in self.table:
            raise Unmapped("no layer computes it")
        if constants:
            raise Unmapped("all its inputs are constants")
        outputs = sum(bool(one) for one in node.output)
        made = self.table[node.op_type](self.builder, Call(node.op_type, given, attributes, outputs, self.opset))
        return list(made) if isinstance(made, list | tuple) else [made]

    def _named(self, value: Any, wanted: str) -> Any:
        """A blob that the node made by the name of its output; what it only handed on keeps its own."""
        known = {one.blob for one in self.values.values() if isinstance(one, Tensor)}
        if not isinstance(value, Tensor) or value.blob in known:
            return value
        self.builder.rename(value.blob, wanted)
        return Tensor(wanted, value.shape, value.pads)

    def _name_outputs(self) -> None:
        """Let every output of the model be a blob of its name."""
        for name in sorted(self.outputs):
            value = self.values.get(name)
            if value is None:
                raise ValueError(f"output {name!r} is made by no node")
            self.builder.scope = name
            plain = self.builder.plain(value) if isinstance(value, Tensor) else self.builder.parameter(value)
            if plain.blob != name:
                made = self.builder.add("Split", plain)
                self.builder.rename(made.blob, name)


def _constant(attributes: dict[str, Any]) -> np.ndarray:
    """The value of a Constant."""
    for name, value in attributes.items():
        if name in ("value", "value_float", "value_int"):
            return np.asarray(value, np.float32 if name == "value_float" else None)
        if name in ("value_floats", "value_ints"):
            return np.asarray(value, np.float32 if name == "value_floats" else np.int64)
    raise Unmapped("is no number")


def _input_shape(one: Any, shapes: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """The shape of an input: as stated, else its own, with 1 for a batch of any size. Raises ValueError."""
    if one.name in shapes:
        return tuple(int(n) for n in shapes[one.name])
    dims = one.type.tensor_type.shape.dim
    found = tuple(dim.dim_value or (1 if axis == 0 else 0) for axis, dim in enumerate(dims))
    if not found or min(found) < 1:
        spelled = [dim.dim_param or dim.dim_value or "?" for dim in dims]
        raise ValueError(
            f"input {one.name!r} has the shape {spelled}: state it, as in shapes={{{one.name!r}: (1, 3, 224, 224)}}"
        )
    return found
