"""What a net costs: products and additions, parameters and memory, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from ..engine import Net
from ..engine.build import Node


@dataclass(frozen=True)
class Cost:
    """Of one layer, for one forward pass of the whole batch.

    `macs` are multiplications with an addition each, of layers that are made of products (0 for the others, whose time
    goes into memory); `parameters` is their number, shared ones counted where they are used; `activations` are the
    bytes of the tops.
    """

    layer: str
    type: str
    macs: int
    parameters: int
    activations: int


def macs_of(node: Node) -> int:
    """Products of a forward pass through one layer."""
    layer: Any = node.layer
    weights = layer.blobs[0].shape if layer.blobs else ()
    if layer.type == "Convolution":
        return sum(top.count for top in node.tops) * prod(weights[1:])
    if layer.type == "Deconvolution":
        return sum(bottom.count for bottom in node.bottoms) * prod(weights[1:])
    if layer.type == "InnerProduct":
        return node.tops[0].count * layer.inputs
    if layer.type in ("LSTM", "RNN"):
        rows = prod(node.bottoms[0].shape[:2])
        return rows * sum(blob.count for blob in layer.blobs if blob.num_axes > 1)
    return 0


def costs(net: Net) -> list[Cost]:
    """The cost of every layer of a net, in its order."""
    return [
        Cost(
            node.name,
            node.entry.param.type,
            macs_of(node),
            sum(blob.count for blob in layer.blobs),
            sum(top.count * top.dtype.itemsize for top in node.tops),
        )
        for node, layer in zip(net.nodes, net.layers, strict=True)
    ]
