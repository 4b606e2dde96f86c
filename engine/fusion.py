"""Layers that can be run as one, because each works in place on what the one before it has just made.

A convolution, inner product or sum followed by a ReLU in place, at inference also by BatchNorm and Scale, is one pass
over the top where the op can do it: what lay between is overwritten anyway. Nets do so as long as nobody looks in
between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .build import Node
    from .memory import Memory


class Affine:
    """What BatchNorm and Scale in place do to each channel: y = factor x + offset, from the layers' parameters now."""

    def __init__(self, layers: Sequence[Any]):
        self.layers = layers

    def memories(self) -> list[Memory]:
        """Everything the numbers depend on."""
        return [blob.data_memory for layer in self.layers for blob in layer.blobs]

    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """(factor, offset), each one number for every channel."""
        factor: Any = np.float64(1)
        offset: Any = np.float64(0)
        for layer in self.layers:
            if layer.type == "BatchNorm":
                means, variances, weight = (blob.read().astype(np.float64) for blob in layer.blobs)
                share = 0 if weight[0] == 0 else 1 / weight[0]
                slope = 1 / np.sqrt(variances * share + layer.settings.eps)
                factor, offset = factor * slope, (offset - means * share) * slope
            else:
                slope = layer.blobs[0].read().astype(np.float64)
                factor, offset = factor * slope, offset * slope
                if layer.settings.bias_term:
                    offset = offset + layer.blobs[1].read()
        return factor, offset


class Chain:
    """A layer whose op also does the work of those that follow, up to `last`."""

    def __init__(self, first: int, last: int, layer: Any, affine: Affine | None, rectify: bool):
        self.first, self.last, self.layer, self.affine, self.rectify = first, last, layer, affine, rectify

    def begin(self) -> bool:
        """Let the op take the others' work along; False where it cannot."""
        op = self.layer.absorber()
        if op is None or (self.affine is not None and not op.takes_affine):
            return False
        op.rectify, op.affine = self.rectify, self.affine
        return True

    def end(self) -> None:
        """Let the op do its own work again, and no more."""
        op = self.layer.absorber()
        op.rectify, op.affine = False, None


def find_chains(nodes: Sequence[Node]) -> dict[int, Chain]:
    """The chains of a net, by the index of the first layer of each."""
    chains = {}
    for first, node in enumerate(nodes):
        layer = node.layer
        if layer is None or len(node.tops) != 1 or any(node.loss_weights) or not hasattr(layer, "absorber"):
            continue
        if node.top_ids[0] in node.bottom_ids:
            continue
        affine: list[Any] = []
        rectify, last = False, first
        for index in range(first + 1, len(nodes)):
            following = nodes[index]
            if not (following.top_ids == following.bottom_ids == node.top_ids) or any(following.loss_weights):
                break
            if _is_relu(following):
                rectify, last = True, index
                break
            if getattr(layer, "axis", 0) != 1 or not _is_affine(following):
                break
            affine.append(following.layer)
            last = index
        if last > first:
            chains[first] = Chain(first, last, layer, Affine(affine) if affine else None, rectify)
    return chains


def _is_relu(node: Node) -> bool:
    return node.layer is not None and node.layer.type == "ReLU" and node.layer.settings.negative_slope == 0


def _is_affine(node: Node) -> bool:
    """A BatchNorm or Scale whose numbers are fixed and that nothing flows back through."""
    layer: Any = node.layer
    if layer is None or node.need_backward:
        return False
    if layer.type == "BatchNorm":
        return layer.global_stats
    return layer.type == "Scale" and layer.settings.axis == 1 and layer.blobs[0].num_axes == 1


def parts_inside(nodes: Sequence[Node]) -> dict[int, list[bool]]:
    """For each Concat, by its index, which bottoms may lie within its top: those that nobody else reads or writes.

    And only where nobody writes the top in place: then what a part and its place in the whole hold is always the same.
    """
    found = {}
    for index, node in enumerate(nodes):
        if node.layer is None or node.layer.type != "Concat" or _written_later(nodes, index):
            continue
        inside = [node.bottom_ids.count(part) == 1 and _of_its_own(nodes, index, part) for part in node.bottom_ids]
        if any(inside):
            found[index] = inside
    return found


def _written_later(nodes: Sequence[Node], index: int) -> bool:
    """Whether a later layer writes into what the tops of this one hold."""
    same = set(nodes[index].top_ids)
    for node in nodes[index + 1 :]:
        if node.layer is None or same.intersection(node.top_ids):
            return True
        if node.layer.shares_memory and same.intersection(node.bottom_ids):
            same.update(node.top_ids)
    return False


def _of_its_own(nodes: Sequence[Node], index: int, part: int) -> bool:
    """Whether a blob is made by layers that do nothing else, and read by the one at `index` alone."""
    for at, node in enumerate(nodes):
        layer, makes = node.layer, part in node.top_ids
        if at == index or not (makes or part in node.bottom_ids):
            continue
        if layer is None or at > index or not makes or not layer.steady or layer.is_source or layer.shares_memory:
            return False
    return True
