"""Identity. What tells a layer from the others of its net: its name, and its number among those that share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any


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


def _has_rules(param: Any) -> bool:
    return bool(param.include or param.exclude)
