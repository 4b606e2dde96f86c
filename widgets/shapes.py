"""Shapes as they are typed: 1x3x224x224."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

NUMBER = re.compile(r"-?\d+")
SPELLING = re.compile(r"\s*-?\d+(?:(?:\s*[xX\u00d7]\s*|\s+)-?\d+)*\s*")


def spell_shape(value: Mapping[str, Any]) -> str:
    """A BlobShape, as a dict, as it is typed."""
    return "x".join(map(str, value.get("dim", ())))


def parse_shape(text: str) -> dict[str, list[int]]:
    """The BlobShape that a text stands for: whole numbers with x, or spaces, between. Raises ValueError."""
    if not SPELLING.fullmatch(text):
        raise ValueError(f"Expected a shape such as 1x3x224x224; found {text.strip()!r}.")
    return {"dim": [int(part) for part in NUMBER.findall(text)]}


def spell_shapes(value: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """One BlobShape, or several separated by commas."""
    return spell_shape(value) if isinstance(value, Mapping) else ", ".join(map(spell_shape, value))


def parse_shapes(text: str, repeated: bool) -> Any:
    """What a text stands for in a field of one BlobShape, or of several, separated by commas. Raises ValueError."""
    if not repeated:
        return parse_shape(text.replace(",", " "))
    return [parse_shape(part) for part in text.split(",") if part.strip()]
