"""The schema as the text pane's completion and help need it: plain data, the same for every net."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from ..engine import LAYERS, load_layers
from ..proto.fields import fields

ROOTS = {"net": "NetParameter", "solver": "SolverParameter"}


@cache
def schema_of(kind: str) -> dict[str, Any]:
    """What may be written in a text of a kind, "net" or "solver", ready for JSON.

    `root` is the message that the text is, `messages` maps every message that can be in it to its fields (as
    `Field.as_dict`, without what only forms need), `layers` lists the layer types with family, help and own parameter.
    Raises KeyError for another kind.
    """
    load_layers()
    root = ROOTS[kind]
    return {"root": root, "messages": dict(_messages(root)), "layers": layer_types()}


def layer_types() -> list[dict[str, str]]:
    """Every layer type that a user may write: type, category, help (a sentence), and the field with its settings."""
    load_layers()
    return [
        {
            "type": name,
            "category": cls.category,
            "help": (cls.__doc__ or "").strip().partition("\n")[0],
            "param": cls.param_field or "",
        }
        for name, cls in sorted(LAYERS.items())
        if name != "Split"
    ]


def _messages(root: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    seen, ahead = {root}, [root]
    needed = ("name", "kind", "repeated", "default", "choices", "help", "suggestions", "deprecated", "message")
    while ahead:
        name = ahead.pop()
        records = [one.as_dict() for one in fields(name)]
        yield name, [{key: one[key] for key in needed if one[key] not in ((), "", None, False)} for one in records]
        inside = {record["message"] for record in records} - {"", *seen}
        seen |= inside
        ahead += sorted(inside)
