"""Where a definition comes from: a file, a document, a message; and which line says what."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from ..proto import Document
from ..proto.messages import NetParameter, SolverParameter
from ..proto.upgrade import UpgradeError, upgrade_net, upgrade_solver
from .errors import DefinitionError, Diagnostic
from .graph import origins

Definition = str | PathLike | Document | Any


class Source:
    """A definition in Caffe's present form, with the way back to the lines of its text.

    `param` is the upgraded message (a copy), `origins` the index in the text of each of its layers, `upgrades`
    what the upgrade changed, `root` the folder of the file. A definition is a path, a Document, a message, or
    whatever has a `to_proto()` that returns a message (NetSpec).
    """

    def __init__(self, definition: Definition, kind: str):
        self.document: Document | None = None
        if isinstance(definition, str | PathLike):
            self.document = Document.open(definition, kind)
        elif isinstance(definition, Document):
            self.document = definition
        elif hasattr(definition, "to_proto"):
            definition = definition.to_proto()
        written: Any = self.document.message if self.document is not None else definition
        self.param: Any = NetParameter() if kind == "net" else SolverParameter()
        if type(written) is not type(self.param):
            name = type(written).__name__
            raise TypeError(f"a {kind} is a path, a Document, or a {type(self.param).__name__}; got {name}")
        self.param.CopyFrom(written)
        self.origins: list[int | None] = []
        try:
            self.upgrades = upgrade_net(self.param) if kind == "net" else upgrade_solver(self.param)
        except UpgradeError as error:
            line = self.line(None, error.field)
            raise DefinitionError(str(error), error.field, file=self.file, line=line) from None
        if kind == "net":
            self._list = "layers" if written.layers else "layer"
            made = bool(written.input and (written.input_shape or written.input_dim))  # an Input layer, in front
            self.origins = origins(getattr(written, self._list), self.param.layer, made)

    @property
    def path(self) -> Path | None:
        """The file, where there is one."""
        path = self.document.path if self.document is not None else None
        return Path(path) if path is not None else None

    @property
    def file(self) -> str | None:
        return str(self.path) if self.path is not None else None

    @property
    def root(self) -> Path | None:
        """The folder of the file."""
        return self.path.parent if self.path is not None else None

    def line(self, origin: int | None, field: str | None = None) -> int | None:
        """The line of a layer's field (or of the nearest thing around it that is written)."""
        if self.document is None:
            return None
        path: tuple[str | int, ...] = () if origin is None else (self._list, origin)
        if field:
            path += tuple(int(part) if part.isdecimal() else part for part in field.split("."))
        return self.document.line(path) if path else None

    def problems(self) -> list[Diagnostic]:
        """What the document itself found: unknown fields, values of the wrong type."""
        if self.document is None:
            return []
        found = []
        layers = self.document.layers
        for problem in self.document.problems:
            place: dict[str, Any] = {}
            path = tuple(problem.path)
            if len(path) > 1 and path[0] in ("layer", "layers") and isinstance(path[1], int):
                layer = layers[path[1]]
                place = {"layer": layer.name, "type": layer.type, "layer_index": path[1]}
                path = path[2:]
            field = ".".join(str(part) for part in path if isinstance(part, str)) or None
            found.append(
                Diagnostic(
                    problem.message, problem.severity, field=field, file=self.file, line=problem.line, **place
                )
            )
        return found

    def raise_problems(self) -> None:
        """Raise DefinitionError for the first problem that is an error."""
        for problem in self.problems():
            if problem.severity == "error":
                error = DefinitionError(problem.message)
                error.diagnostic = problem
                raise error
