"""The loss of a net: the weighted sum over the tops that count into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .blob import Blob

if TYPE_CHECKING:
    from .build import Node


def loss_of_node(node: Node) -> float:
    """What the tops of a layer hold of the loss."""
    loss = 0.0
    for top, weight in zip(node.tops, node.loss_weights, strict=True):
        if weight:
            loss += loss_of(top, weight)
    return loss


def loss_of(top: Blob, weight: float) -> float:
    """The top's share of the loss: its dot product with its diff, which is the weight unless it was overwritten."""
    values = top.read()
    if top.diff_memory.pending:
        return float((values * values.dtype.type(weight)).sum())
    return float((values * top.read_diff()).sum())
