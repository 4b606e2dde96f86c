"""The names that explanations take: outputs, layers, units and inputs of a net."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from operator import index
from typing import Any

from ...engine import Net
from ...engine.build import Node

SCORES = ("Softmax", "SoftmaxWithLoss")
UNEXPLAINED = ("Accuracy", "ArgMax", "Silence", "HDF5Output")  # through which nothing flows back

Place = tuple[int, int]  # of a layer in the net, and of a top among its tops
Index = tuple[Any, ...]


def net_of(thing: Any) -> Net:
    """The engine's net in a Net, a bench, a session, a solver, a live net or pycaffe's Net.

    Raises TypeError where there is none, ValueError for one that was made to be looked at only.
    """
    found = thing
    for name in ("live", "net", "engine"):
        if not isinstance(found, Net) and getattr(found, name, None) is not None:
            found = getattr(found, name)
    if not isinstance(found, Net):
        raise TypeError(f"needs a Net, or a bench, session or solver with one; got {type(thing).__name__}")
    if found.context.dry:
        raise ValueError(f"net {found.name!r} is dry: it has shapes and no values")
    return found


def output_of(net: Net, output: str | None) -> Place:
    """Where the explained blob is written last: the named one, or the scores. Raises ValueError for another name."""
    if output is not None:
        return blob_of(net, output)
    for chosen in (_scores, _loss):
        for node in reversed(net.nodes):
            if node.bottom_ids and chosen(node):
                return blob_of(net, node.entry.bottoms[0])
    for node in reversed(net.nodes):
        if node.top_ids and node.entry.param.type not in (*UNEXPLAINED, "Split"):
            return last_writer(net, node.top_ids[0])
    raise ValueError(f"net {net.name!r} has no output to explain")


def _scores(node: Node) -> bool:
    return node.entry.param.type in SCORES


def _loss(node: Node) -> bool:
    return node.layer is not None and node.layer.is_loss


def blob_of(net: Net, name: str) -> Place:
    """Where the blob of a name, or else the first top of the layer of that name, is written last."""
    ids = [number for number, known in enumerate(net.blob_names) if known == name]
    if ids:
        return last_writer(net, ids[-1])
    if name in net.layer_names and net.nodes[net.index_of(name)].top_ids:
        return last_writer(net, net.nodes[net.index_of(name)].top_ids[0])
    raise _unknown(net, name, "blob or layer")


def top_of(net: Net, name: str) -> Place:
    """Where the first top of the layer of a name, or else the blob of that name, is written last."""
    if name in net.layer_names and net.nodes[net.index_of(name)].top_ids:
        return last_writer(net, net.nodes[net.index_of(name)].top_ids[0])
    return blob_of(net, name)


def made_by(net: Net, name: str) -> Place:
    """Where that top is written first: before the layers that run on it in place."""
    at, top = top_of(net, name)
    blob_id = net.nodes[at].top_ids[top]
    named = net.index_of(name) if name in net.layer_names else None
    if named is not None and blob_id in net.nodes[named].top_ids:
        return named, net.nodes[named].top_ids.index(blob_id)
    return next((i, node.top_ids.index(blob_id)) for i, node in enumerate(net.nodes) if blob_id in node.top_ids)


def last_writer(net: Net, blob_id: int) -> Place:
    """The last layer with that blob among its tops, those that run in place on it counted."""
    for at in range(len(net.nodes) - 1, -1, -1):
        if blob_id in net.nodes[at].top_ids:
            return at, net.nodes[at].top_ids.index(blob_id)
    raise ValueError(f"no layer of net {net.name!r} makes blob {net.blob_names[blob_id]!r}")


def ancestors(net: Net, last: int) -> list[int]:
    """The layers that the one at `last` depends on, itself included, in the order of the net."""
    found, needed = [last], set(net.nodes[last].bottom_ids)
    for at in range(last - 1, -1, -1):
        node = net.nodes[at]
        if needed.intersection(node.top_ids):
            found.append(at)
            needed.update(node.bottom_ids)
    return found[::-1]


def input_of(net: Net, layers: Sequence[int], name: str | None) -> Place:
    """The image among the inputs and data blobs that these layers make. Raises ValueError where there is none."""
    sources = [at for at in layers if is_source(net.nodes[at])]
    tops = [(at, top) for at in sources for top in range(len(net.nodes[at].top_ids))]
    names = {net.blob_names[net.nodes[at].top_ids[top]]: (at, top) for at, top in tops}
    if name is not None:
        if name not in names:
            known = ", ".join(map(repr, names)) or "none"
            raise ValueError(f"{name!r} is no input or data blob that leads to the output; those are: {known}")
        return names[name]
    axes = {place: net.nodes[place[0]].tops[place[1]].num_axes for place in tops}
    smooth = [place for place in tops if _has_gradient(net, layers, net.nodes[place[0]].top_ids[place[1]])]
    for wanted in ((4,), (5, 3, 2)):
        for place in (*smooth, *tops):
            if axes[place] in wanted:
                return place
    raise ValueError(f"net {net.name!r} has no input or data blob of images, (N, C, H, W), that leads to the output")


def _has_gradient(net: Net, layers: Sequence[int], blob_id: int) -> bool:
    """Whether any layer that reads a blob gives it a gradient: to labels, indices and lengths none does."""
    readers = [(net.nodes[at], j) for at in layers for j, one in enumerate(net.nodes[at].bottom_ids) if one == blob_id]
    for node, j in readers:
        if node.entry.param.type == "Split" and any(_has_gradient(net, layers, one) for one in node.top_ids):
            return True
        if node.entry.param.type != "Split" and node.layer is not None and j not in node.layer.no_gradient:
            return True
    return False


def is_source(node: Node) -> bool:
    """Whether the tops come from outside the net."""
    return not node.bottom_ids and not (node.layer is not None and node.layer.blobs)


def index_of(shape: Sequence[int], unit: Any, name: str) -> Index:
    """The index of a unit in the values of the first image, of `shape` (C, ...); those it selects are summed.

    Raises ValueError for a unit that is not there.
    """
    words = unit if isinstance(unit, tuple | list) else (unit,)
    try:
        found = tuple(index(word) for word in words)
    except TypeError:
        raise ValueError(f"unit must be a whole number, or a tuple of them such as (c, y, x); got {unit!r}") from None
    lengths = tuple(shape) or (1,)
    if len(found) not in (1, len(lengths)):
        axes = "1 number" if len(lengths) == 1 else f"1 number or {len(lengths)}"
        raise ValueError(f"unit {unit!r} of blob {name!r} needs {axes}: an item of it is {tuple(shape)}")
    for number, length in zip(found, lengths, strict=False):
        if not 0 <= number < length:
            raise ValueError(f"unit {unit!r} is beyond blob {name!r}, of whose items each is {tuple(shape)}")
    return found if shape else ()


def _unknown(net: Net, name: str, what: str) -> ValueError:
    known = [*dict.fromkeys([*net.blobs, *net.layer_names])]
    near = get_close_matches(str(name), known, 3, 0.5)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return ValueError(f"net {net.name!r} has no {what} {name!r}{hint}")
