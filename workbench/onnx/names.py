"""Names of values and blobs, which must be one of a kind on either side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def unique(wanted: str, taken: set[str]) -> str:
    """`wanted`, or the first of `wanted_2`, `wanted_3`, ... that is free; taken from then on."""
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}_{count}"
    taken.add(name)
    return name


def rename(lists: Iterable[Any], old: str, new: str) -> None:
    """Put one name in place of another, wherever it stands in some lists of names."""
    for names in lists:
        for place, name in enumerate(names):
            if name == old:
                names[place] = new
