"""Layers that can be run as one, because each works on what the one before it has just made, and nobody else has.

A convolution, inner product or sum followed by a ReLU in place, at inference also by BatchNorm and Scale, is one pass
over the top where the op can do it: what lay between is overwritten anyway. At inference they need not be in place: the
tops between are computed when somebody looks at them (`between.py`). Nets do so as long as nobody looks in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .between import Affine, Between
from .witness import noting, provided

if TYPE_CHECKING:
    from .blob import Blob
    from .build import Node


class Chain:
    """A layer whose op also does the work of those that follow, up to `last`, and writes the top of that one.

    `between` has the tops before it, where there are others.
    """

    def __init__(self, nodes: Sequence[Node], first: int, last: int, affine: Sequence[Any], rectify: bool):
        self.first, self.last, self.rectify = first, last, rectify
        self.layer: Any = nodes[first].layer
        self.affine = Affine(affine) if affine else None
        self.tops = nodes[last].tops
        self.between: Between | None = None

    def begin(self) -> bool:
        """Let the op take the others' work along; False where it cannot, or where somebody has what lies between."""
        op = self.layer.absorber()
        if op is None or (self.affine is not None and not op.takes_affine):
            return False
        if self.between is not None and self.between.lent:
            return False
        op.rectify, op.affine = self.rectify, self.affine
        return True

    def end(self) -> None:
        """Let the op do its own work again, and no more."""
        op = self.layer.absorber()
        op.rectify, op.affine = False, None

    def note(self, together: bool) -> None:
        """Say, while the layers run as one or not, what makes that right: whether anybody has what lies between."""
        between = self.between
        if between is not None and (together or between.lent):
            provided(lambda: between.lent != together)
            if together:
                noting(between.settle, prepares=False)


def find_chains(nodes: Sequence[Node], apart: bool = False) -> dict[int, Chain]:
    """The chains of a net, by the index of the first layer of each.

    With `apart` a layer need not work in place, if nobody but the next one reads its bottom and nothing flows back.
    """
    chains, kept = {}, _bottoms_stay(nodes)
    for first, node in enumerate(nodes):
        layer = node.layer
        if layer is None or len(node.tops) != 1 or any(node.loss_weights) or not hasattr(layer, "absorber"):
            continue
        if node.top_ids[0] not in node.bottom_ids:
            chain = _chain_of(nodes, first, apart and not node.need_backward and kept[first])
            if chain is not None:
                chains[first] = chain
    return chains


def _chain_of(nodes: Sequence[Node], first: int, apart: bool) -> Chain | None:
    """The longest chain that begins with a layer."""
    node = nodes[first]
    affine: list[Any] = []
    left_out: list[tuple[Blob, int]] = []  # tops before the last, each with the number of affine layers up to it
    rectify, last = False, first
    for index in range(first + 1, len(nodes)):
        before, following = nodes[index - 1], nodes[index]
        if following.bottom_ids != before.top_ids or len(following.top_ids) != 1 or any(following.loss_weights):
            break
        in_place = following.top_ids == following.bottom_ids
        if not in_place and (not apart or following.need_backward):
            break
        rectify = _is_relu(following)
        if not rectify and (getattr(node.layer, "axis", 0) != 1 or not _is_affine(following)):
            break
        if not in_place:
            left_out.append((before.tops[0], len(affine)))
        last = index
        if rectify:
            break
        affine.append(following.layer)
    if last == first:
        return None
    chain = Chain(nodes, first, last, affine, rectify)
    if left_out:
        chain.between = Between(first, last, node, affine, left_out)
    return chain


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


def _bottoms_stay(nodes: Sequence[Node]) -> list[bool]:
    """For each layer, whether its bottoms have the same values until the end of a pass: nobody writes there later."""
    group: dict[int, int] = {}  # of blobs that have one memory

    def root(blob: int) -> int:
        while group.get(blob, blob) != blob:
            blob = group[blob]
        return blob

    for node in nodes:
        if node.layer is None or node.layer.shares_memory:
            for blob in (*node.bottom_ids, *node.top_ids):
                group[root(blob)] = root(node.top_ids[0])
    written = {}  # the last layer that writes into each
    for index, node in enumerate(nodes):
        if node.layer is None or not node.layer.shares_memory:
            written.update((root(blob), index) for blob in node.top_ids)
    return [all(written.get(root(one), -1) < index for one in node.bottom_ids) for index, node in enumerate(nodes)]


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
