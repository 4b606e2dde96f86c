"""Errors and diagnostics that name the place, the layer and the field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..proto import OneLine
from ..proto.printable import printable


@dataclass(frozen=True)
class Diagnostic:
    """One finding about a net or a solver, as data a form or an editor can mark.

    `layer_index` counts the layers of the text as it is written, `field` is a dotted path below the
    layer (``"convolution_param.kernel_size"``), `line` is 1-based, `rule` names the rule of a lint that is broken. What
    is not known is None.
    """

    message: str
    severity: str = "error"  # or "warning"
    layer: str | None = None
    type: str | None = None
    layer_index: int | None = None
    field: str | None = None
    file: str | None = None
    line: int | None = None
    rule: str | None = None

    def at(self, **place: Any) -> Diagnostic:
        """The same finding, with what was not known yet of layer, type, layer_index, field, file and line."""
        return replace(self, **{key: value for key, value in place.items() if getattr(self, key) is None})

    def __str__(self) -> str:
        place = ""
        if self.file or self.line:
            place = ":".join(str(part) for part in (self.file or "line", self.line) if part) + ": "
        layer = f"layer {self.layer!r} ({self.type}): " if self.type else ""
        return printable(f"{place}{layer}{self.message}")


class MissingPackage(ImportError, ValueError):
    """A package that an extra of Brewbench brings along, and that is not installed; the message names the extra."""


class DefinitionError(OneLine, ValueError):
    """A net, layer or solver definition that cannot be carried out.

    Layers raise it with a message and, where there is one, the field at fault, named relative to the
    layer's own parameter message; whoever builds the net adds the rest of the place with `at`. `str()` reads
    ``net.prototxt:12: layer 'conv1' (Convolution): kernel_size must be at least 1; got 0.``
    """

    def __init__(self, message: str, field: str | None = None, **place):
        super().__init__(message)
        self.diagnostic = Diagnostic(message, field=field, **place)

    def at(self, **place) -> DefinitionError:
        """Fill in what is not known yet of layer, type, layer_index, field, file and line; returns self."""
        self.diagnostic = self.diagnostic.at(**place)
        return self

    message = property(lambda self: self.diagnostic.message)
    layer = property(lambda self: self.diagnostic.layer)
    type = property(lambda self: self.diagnostic.type)
    field = property(lambda self: self.diagnostic.field)
    file = property(lambda self: self.diagnostic.file)
    line = property(lambda self: self.diagnostic.line)

    def __str__(self) -> str:
        return str(self.diagnostic)


class MissingFile(DefinitionError):
    """A definition names a file or folder that is not there: `what`, as in "database 'train_lmdb'"."""

    def __init__(self, message: str, field: str, what: str):
        super().__init__(message, field)
        self.what = what


class Diagnostics:
    """Findings in the order they were made, each once."""

    def __init__(self):
        self._found: dict[Diagnostic, None] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        self._found.setdefault(diagnostic)

    @property
    def found(self) -> list[Diagnostic]:
        return list(self._found)

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self._found if d.severity == "error"]
