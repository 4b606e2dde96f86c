"""Values that several messages have in common, for a form that is about all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...proto.fields import Field, fields
from .arranging import COMMON
from .values import SEVERAL, SHAPE, same

OWN = ("name", "bottom", "top")
"""Fields that each layer has for itself: no form of several layers shows them."""


def shared(message: str, values: Sequence[Mapping[str, Any]], alike: bool) -> dict[str, Any]:
    """What several layers have written, as one nested dict: SEVERAL where they differ.

    Args:
        message: the name of their message in the schema, such as "LayerParameter".
        values: what each has written (see `written_values`).
        alike: whether they have the same settings. Else they share what every layer may have.
    """
    merged = _merged(message, values)
    if alike:
        return merged
    common = COMMON.get(message, ())
    messages = {field.name for field in fields(message) if field.kind == "message"}
    return {name: value for name, value in merged.items() if name in common or name not in messages}


def _merged(message: str, values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = {field.name: _merged_field(field, [one.get(field.name) for one in values]) for field in fields(message)}
    return {name: value for name, value in found.items() if value is not None}


def _merged_field(field: Field, written: Sequence[Any]) -> Any:
    """One field of several messages, None where none has it written. A default counts as its value."""
    first = next((value for value in written if value is not None), None)
    if first is None:
        return None
    if field.kind == "message" and field.message != SHAPE:
        if not field.repeated:
            return _merged(field.message, [value or {} for value in written])
        count = max(len(value or ()) for value in written)
        return [_merged(field.message, [value[k] if k < len(value or ()) else {} for value in written])
                for k in range(count)]  # fmt: skip
    effective = [field.default if value is None else value for value in written]
    return first if all(same(field, value, effective[0]) for value in effective) else SEVERAL
