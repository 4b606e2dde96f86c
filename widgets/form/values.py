"""Values of fields: read from messages, spelled as they are typed, parsed from what was typed."""

import csv
import io
from collections.abc import Callable
from typing import Any

import numpy as np

from ...proto.fields import Field
from ..shapes import parse_shapes, spell_shapes

SHAPE = "BlobShape"
"""The message that is one line of a form, not a section."""

UINT32_MAX = 2**32 - 1


class _Several:
    def __repr__(self) -> str:
        return "several values"


SEVERAL: Any = _Several()
"""The value of a field in which several layers differ."""


def written_values(message: Any) -> dict[str, Any]:
    """The fields that are set in a protobuf message, as nested dicts and lists, enums by name."""
    values: dict[str, Any] = {}
    for descriptor, value in message.ListFields():
        if descriptor.message_type:
            read: Callable[[Any], Any] = written_values
        elif descriptor.enum_type:
            names = descriptor.enum_type.values_by_number
            read = lambda number, names=names: names[number].name  # noqa: E731
        else:
            read = lambda scalar: scalar  # noqa: E731
        values[descriptor.name] = read(value) if not descriptor.is_repeated else [read(each) for each in value]
    return values


def spell(field: Field, value: Any) -> str:
    """A value as it is typed into an input; a list is separated by commas."""
    if field.message == SHAPE:
        return spell_shapes(value)
    if field.repeated:
        line = io.StringIO()
        csv.writer(line).writerow([spell_one(field, each) for each in value])
        return line.getvalue().rstrip("\r\n").replace(",", ", ") if field.kind != "string" else line.getvalue().rstrip()
    return spell_one(field, value)


def spell_one(field: Field, value: Any) -> str:
    match field.kind:
        case "bool":
            return "true" if value else "false"
        case "float":
            single = np.float32(value)
            return str(single if single == value else float(value)).removesuffix(".0")
        case "bytes":
            return value.decode("latin-1") if isinstance(value, bytes) else str(value)
        case _:
            return str(value)


def parse(field: Field, text: str) -> Any:
    """The value that a text stands for: a list where the field is repeated.

    Raises ValueError where it is not a value of the field, saying what was expected and what was found.
    """
    if field.message == SHAPE:
        return parse_shapes(text, field.repeated)
    if not field.repeated:
        return _parse_one(field, text.strip())
    items = next(csv.reader([text], skipinitialspace=True), [])
    if field.kind not in ("string", "bytes"):
        items = [each for item in items for each in item.split()]
    return [_parse_one(field, item.strip()) for item in items if item.strip()]


def _parse_one(field: Field, text: str) -> Any:
    match field.kind:
        case "int" | "uint":
            value: Any = _parse_whole(text)
        case "float":
            try:
                value = float(text.rstrip("fF") if not text.lower().lstrip("+-").startswith("inf") else text)
            except ValueError:
                raise ValueError(f"Expected a number; found {text!r}.") from None
        case "bool":
            if text not in ("true", "false"):
                raise ValueError(f"Expected true or false; found {text!r}.")
            return text == "true"
        case "enum":
            names = [name for name, _ in field.choices]
            if text not in names:
                raise ValueError(f"Expected one of {', '.join(names)}; found {text!r}.")
            return text
        case "bytes":
            return text.encode("latin-1", "replace")
        case _:
            return text
    highest = UINT32_MAX if field.kind == "uint" and field.max is None else field.max
    if field.min is not None and value < field.min:
        raise ValueError(f"{field.name} must be at least {field.min:g}; got {text}.")
    if highest is not None and value > highest:
        raise ValueError(f"{field.name} must be at most {highest}; got {text}.")
    return value


def _parse_whole(text: str) -> int:
    try:
        return int(text, 16 if text.lower().lstrip("+-").startswith("0x") else 10)
    except ValueError:
        raise ValueError(f"Expected a whole number; found {text!r}.") from None


def same(field: Field, one: Any, other: Any) -> bool:
    """Whether two values of a field are equal; decimals as far as a float32 tells them apart."""
    if one is None or other is None or SEVERAL in (one, other):
        return one is other
    if field.kind != "float":
        return one == other
    ones, others = np.atleast_1d(np.float32(one)), np.atleast_1d(np.float32(other))
    return np.array_equal(ones, others, equal_nan=True)
