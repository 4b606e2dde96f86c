"""Stand-in data: the user's word on what the tops of a data layer are to hold in place of what it would read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

from .errors import Diagnostic

Shape = tuple[int, ...]

VALUES = ("random", "constant")
_SHAPE = re.compile(r"\d+(?:[xX\u00d7]\d+)*")  # the last of the three letters is a multiplication sign


@dataclass(frozen=True)
class StandIn:
    """What the tops of one layer are to be: shapes of the first of them, or None, and "random" or "constant" values."""

    shapes: tuple[Shape, ...] | None = None
    values: str = "random"

    @classmethod
    def of(cls, given: Any) -> StandIn:
        """From True, "random", "constant", a shape, or several of these; a shape may be text, as in "32x3x224x224".

        Text may have several words, as in "32x3x24x24, 32, constant". Raises ValueError for anything else.
        """
        if isinstance(given, cls):
            return given
        shapes, values = [], "random"
        for word in [] if given is True else _words(given):
            if isinstance(word, str) and word in VALUES:
                values = word
            else:
                shapes.append(_shape(word, given))
        return cls(tuple(shapes) or None, values)


@dataclass(frozen=True)
class StandIns:
    """Which data layers of a net have stand-in data: those named, and with `missing` the others without a source."""

    named: Mapping[str, StandIn] = field(default_factory=dict)
    missing: StandIn | None = None

    @classmethod
    def of(cls, given: Any) -> StandIns:
        """From None or False, what `StandIn.of` takes (for all layers that miss their source), or a mapping to it by
        the names of layers. Raises ValueError for anything else.
        """
        if isinstance(given, cls):
            return given
        if given is None or given is False:
            return cls()
        if isinstance(given, Mapping):
            asked = {name: one for name, one in given.items() if one is not None and one is not False}
            return cls({str(name): StandIn.of(one) for name, one in asked.items()})
        return cls(missing=StandIn.of(given))

    def unknown(self, layers: Iterable[Any]) -> list[Diagnostic]:
        """A warning for each name that no layer without bottoms has, of the LayerParameters given."""
        known = {param.name for param in layers if not param.bottom}
        message = "stand-in data is given to {!r}, but no layer without bottoms has that name."
        return [Diagnostic(message.format(name), "warning") for name in self.named if name not in known]


def parse_stand_in(text: str) -> Any:
    """What `StandIns.of` takes, from a word or words of a command line.

    "true", or what `StandIn.of` takes, or for layers by name "data=32x3x224x224; other=64x1x28x28". Raises ValueError
    for anything else.
    """
    found: Any = True if text.strip().lower() == "true" else text
    if "=" in text:
        pairs = [part.partition("=") for part in text.split(";") if part.strip()]
        found = {name.strip(): shape for name, _, shape in pairs}
    StandIns.of(found)
    return found


def spell_shape(shape: Shape) -> str:
    """A shape as people write it: 32x3x224x224."""
    return "x".join(map(str, shape)) or "scalar"


def _words(given: Any) -> Sequence[Any]:
    if isinstance(given, str) and given.strip(" ,;"):
        return [word for word in re.split(r"[\s,;]+", given) if word]
    if isinstance(given, Sequence) and given and not isinstance(given, str):
        return [given] if all(isinstance(one, Integral) for one in given) else given
    raise ValueError(f"stand-in data is a shape, {' or '.join(map(repr, VALUES))}, or True; got {given!r}")


def _shape(word: Any, given: Any) -> Shape:
    if isinstance(word, str) and _SHAPE.fullmatch(word):
        word = [int(length) for length in re.findall(r"\d+", word)]
    lengths: Sequence[Any] = word if isinstance(word, Sequence) and not isinstance(word, str) else (word,)
    shape = tuple(int(one) for one in lengths if isinstance(one, Integral) and not isinstance(one, bool))
    if not shape or len(shape) != len(lengths) or min(shape) < 1:
        raise ValueError(f"stand-in data has shapes such as 32x3x224x224, of lengths from 1 up; got {given!r}")
    return shape
