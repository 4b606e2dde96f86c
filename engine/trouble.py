"""What goes wrong while a layer is set up, as an error that names the layer and its field."""

from __future__ import annotations

from typing import Any

from .blob import MAX_AXES, TooLarge
from .errors import DefinitionError


def definition_error(error: Exception, layer: Any = None) -> DefinitionError:
    """The error itself where it is a DefinitionError; else one that says the same, with it as the cause.

    So a net that is only looked at ends in findings, whatever its text makes a layer do.
    """
    if isinstance(error, DefinitionError):
        return error
    field = None
    if isinstance(error, TooLarge):
        message, field = f"{error}.", largest_setting(layer.settings) if layer is not None else None
    elif isinstance(error, MemoryError):
        message = "there is not enough memory to set it up."
    elif isinstance(error, OSError):
        message = f"{error}."
    elif isinstance(error, ValueError):
        message = str(error)
    else:
        message = f"cannot be set up with these settings ({type(error).__name__}: {error})."
    made = DefinitionError(" ".join(message.split()), field)
    made.__cause__ = error
    return made


def largest_setting(settings: Any) -> str | None:
    """The field of a message, or of one within it, whose whole number is the largest; None where there is none.

    It is the likely cause of a shape that is too large. Numbers of axes are none of them.
    """
    number, path = max(_numbers(settings), key=lambda found: found[0], default=(0, ""))
    return path if number > MAX_AXES else None


def _numbers(message: Any) -> list[tuple[int, str]]:
    """The whole numbers that a message sets, each with the path of its field."""
    found = []
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        for index, one in enumerate(values):
            path = f"{field.name}.{index}" if field.is_repeated else field.name
            if field.message_type is not None:
                found += [(number, f"{path}.{below}") for number, below in _numbers(one)]
            elif field.enum_type is None and type(one) is int:
                found.append((one, path))
    return found
