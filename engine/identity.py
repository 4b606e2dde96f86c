"""Identity. What tells a layer from the others of its net: its name, and its number among those that share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .build import Node


def identity_of(name: str, number: int) -> str:
    """One word for a name and a number, by which streams of random numbers and positions in data are kept.

    The first of a name goes by the name alone. No name that can be typed leads to the word of another layer.
    """
    return f"{name}\0number {number}" if number else name


def numbers_of(params: Sequence[Any]) -> list[int]:
    """The number of each layer of a net among those of its name, from 0, given their LayerParameters in order.

    Layers without `include` and `exclude` rules come first, so that the nets of one text in several phases agree on
    their numbers; those that a rule lets in follow.
    """
    taken = Counter(param.name for param in params if not _has_rules(param))
    seen: Counter[str] = Counter()
    numbers = []
    for param in params:
        counter = taken if _has_rules(param) else seen
        numbers.append(counter[param.name])
        counter[param.name] += 1
    return numbers


def doubtful_names(nodes: Sequence[Node]) -> Iterator[tuple[Node, str]]:
    """What is to be said of names in a net, with the nodes whose layers have them.

    A layer without a name, or with that of another one, is allowed; where it has parameters or draws random numbers, it
    is likely a mistake.
    """
    counts = Counter(node.name for node in nodes)
    for node in nodes:
        layer = node.layer
        if layer is None or (layer.name and counts[layer.name] == 1):
            continue
        kinds = {"parameters": bool(layer.blobs), "random numbers": layer.draws}
        what = " and ".join(kind for kind, has in kinds.items() if has)
        if what and layer.name:
            found = f"{counts[layer.name]} layers are named {layer.name!r}: their order alone tells apart their {what}"
            caffe = ", and Caffe copies weights to the first" if layer.blobs else ""
            yield node, f"{found}{caffe}. Give each a name of its own."
        elif what:
            yield node, f"has no name: its order alone tells its {what} from those of other such layers. Give it one."


def _has_rules(param: Any) -> bool:
    return bool(param.include or param.exclude)
