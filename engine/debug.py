"""What a net tells of itself where debug_info is set: the size of the values that pass through every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .memory import HOST, Memory

if TYPE_CHECKING:
    from .net import Net


@dataclass(frozen=True)
class BlobSize:
    """Mean absolute value of a blob as a layer left it.

    `direction` is Forward or Backward, `role` is top, bottom or param, `kind` is data or diff. `blob` is its name; of
    a parameter its number where it has none, and in a Backward record always, as Caffe has it.
    """

    direction: str
    layer: str
    role: str
    blob: str
    kind: str
    value: float


@dataclass(frozen=True)
class ParamNorms:
    """L1 and L2 norms of all learnable parameters together, and of their gradients, after a whole backward pass."""

    data_l1: float
    diff_l1: float
    data_l2: float
    diff_l2: float


DebugRecord = BlobSize | ParamNorms
DebugListener = Callable[[DebugRecord], None]


def forward_sizes(net: Net, index: int) -> Iterator[BlobSize]:
    """The tops of a layer, and its parameters. Source: Caffe's Net::ForwardDebugInfo."""
    node, layer = net.nodes[index], net.layers[index]
    for blob_id, top in zip(node.top_ids, node.tops, strict=True):
        yield BlobSize("Forward", node.name, "top", net.blob_names[blob_id], "data", _size(top.data_memory))
    for k, blob in enumerate(layer.blobs):
        yield BlobSize("Forward", node.name, "param", _param_name(layer.param, k), "data", _size(blob.data_memory))


def backward_sizes(net: Net, index: int) -> Iterator[BlobSize]:
    """The bottoms and parameters of a layer that have got a gradient. Source: Caffe's Net::BackwardDebugInfo."""
    node, layer = net.nodes[index], net.layers[index]
    for blob_id, bottom, flows in zip(node.bottom_ids, node.bottoms, node.propagate_down, strict=True):
        if flows:
            name = net.blob_names[blob_id]
            yield BlobSize("Backward", node.name, "bottom", name, "diff", _size(bottom.diff_memory))
    for k, (blob, wanted) in enumerate(zip(layer.blobs, layer.param_propagate_down, strict=True)):
        if wanted:
            yield BlobSize("Backward", node.name, "param", str(k), "diff", _size(blob.diff_memory))


def param_norms(net: Net) -> ParamNorms:
    """The norms of all parameters. Source: the end of Caffe's Net::Backward."""
    data, diff = (arena.on(HOST).astype(np.float64) for arena in net.arenas)
    return ParamNorms(
        float(np.abs(data).sum()), float(np.abs(diff).sum()), float(data @ data) ** 0.5, float(diff @ diff) ** 0.5
    )


def _size(memory: Memory) -> float:
    values = memory.on(HOST)
    return float(np.abs(values).sum(dtype=np.float64) / values.size) if values.size else float("nan")


def _param_name(param: Any, index: int) -> str:
    name = param.param[index].name if index < len(param.param) else ""
    return name or str(index)
