"""Document: a prototxt file as its owner wrote it, that can be read as a message, edited field by field and undone."""

import os
from collections.abc import Sequence
from os import PathLike
from typing import Any

from google.protobuf.message import Message

from . import field_edits, layer_edits
from .edited import Change, EditedText, check_encodable
from .errors import FolderNotFile, MissingFile
from .messages import NetParameter, SolverParameter
from .spelling import value_of
from .syntax import Node, parse
from .temporary import write_atomically
from .tree import LayerRecord, Path, Problem, Tree, join, steps

__all__ = ["Change", "Document"]

_CLASSES: dict[str, type[Message]] = {"net": NetParameter, "solver": SolverParameter}


class Document(EditedText):
    """A net or a solver as text that people own.

    Text that is not edited stays as it is, byte for byte: comments, blanks, line ends, unknown fields and all. An
    edit changes the text of its own field and nothing else. Make one with `Document.open` or `Document.parse`.

    A path names a field: `("layer", 3, "convolution_param", "num_output")`, `("layer", 3, "bottom", 0)`. A
    repeated field without an index is all of it. Each edit is one step of undo, unless several are gathered by
    `with doc.transaction("label"):`. Every edit takes effect whole or, when it raises, not at all.
    """

    def __init__(self, text: str, kind: str | None = None, path: str | None = None):
        if kind is not None and kind not in _CLASSES:
            raise ValueError(f"kind must be 'net' or 'solver'; got {kind!r}")
        check_encodable(text, path)
        nodes = parse(text, path)
        self.kind = kind or _kind_of(nodes)
        super().__init__(Tree(text, nodes, [None] * len(nodes), _CLASSES[self.kind]), path)
        self._saved = text

    @classmethod
    def parse(
        cls, text: str | bytes, kind: str | None = None, path: str | PathLike[str] | None = None
    ) -> "Document":
        """A document of `text`. `kind` is "net" or "solver", or None to tell by the fields.

        Raises `ParseError` where the text is not prototxt. What is prototxt but not Caffe's is in `problems`.
        """
        if not isinstance(text, str):
            text = bytes(text).decode("utf-8", "surrogateescape")
        return cls(text, kind, None if path is None else os.fspath(path))

    @classmethod
    def open(cls, path: str | PathLike[str], kind: str | None = None) -> "Document":
        """The document in the file `path`.

        Raises `ParseError`, `FileNotFoundError`, `IsADirectoryError` or another `OSError`, each with one line of
        message that names the file.
        """
        path = os.fspath(path)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            raise MissingFile(f"{path}: there is no such file") from None
        except IsADirectoryError:
            raise FolderNotFile(f"{path}: this is a folder, not a prototxt file") from None
        except OSError as error:
            raise type(error)(f"{path}: cannot be read: {error.strerror}") from None
        return cls.parse(data, kind, path)

    def save(self, path: str | PathLike[str] | None = None) -> None:
        """Write the text to `path` (by default, where it came from), whole or not at all."""
        path = self.path if path is None else os.fspath(path)
        if path is None:
            raise ValueError("this document has no file yet: save(path)")
        write_atomically(path, self.text.encode("utf-8", "surrogateescape"))
        self.path = path
        self._saved = self.text

    @property
    def saved(self) -> str:
        """The text as it was opened or last saved."""
        return self._saved

    @property
    def dirty(self) -> bool:
        """Whether the text differs from what was opened or last saved."""
        return self.tree.text != self._saved

    @property
    def message(self) -> Any:
        """The text as a `NetParameter` or `SolverParameter`, without what `problems` calls an error.

        Made once for each version and never changed by later edits; treat it as read-only and copy it to change it.
        """
        return self.tree.message

    @property
    def problems(self) -> list[Problem]:
        """What Caffe's schema does not accept, in the order of the text."""
        return list(self.tree.problems)

    @property
    def layers(self) -> Sequence[LayerRecord]:
        """The layers of a net in the order of the text, whether Caffe knows their types or not."""
        return self.tree.records

    # Places

    def line(self, path: Path) -> int:
        """The line of a field, from 1; of its nearest written ancestor where it is not written."""
        return self.position(path)[0]

    def position(self, path: Path) -> tuple[int, int]:
        """The line and column of a field, from 1; of its nearest written ancestor where it is not written."""
        way = steps(path)
        for depth in range(len(way), 0, -1):
            start = self.tree.start(join(way[:depth]))
            if start is not None:
                return self.tree.position(start)
        return 1, 1

    def span(self, path: Path) -> tuple[int, int] | None:
        """The offsets of a field in `text`, from its name to the end of its value; None where it is not written."""
        spots = self.tree.find(path)
        if not spots:
            return None
        if isinstance(path[-1], int):
            return spots[-1].start, spots[-1].value_end
        return self.tree.siblings(spots[0])[2].start, self.tree.siblings(spots[-1])[2].value_end

    def path_at(self, line: int, column: int) -> Path:
        """The path of the innermost field at a place in the text; () between the top-level fields."""
        starts = self.tree.line_starts
        line = min(max(line, 1), len(starts))
        end = starts[line] - 1 if line < len(starts) else len(self.text)
        return self.tree.path_at(min(starts[line - 1] + max(column, 1) - 1, end))

    # Reading

    def get(self, path: Path) -> Any:
        """The value of a field, None where it is not written.

        A number, str or bool; an enum by its name; a message as a message; all of a repeated field as a list. Where
        the schema does not know the field, or the value does not fit, the value is guessed (a message is a dict).
        """
        if not path:
            return self.message
        spots = self.tree.find(path)
        if not spots:
            return None
        known = self.tree.field(path)
        if isinstance(path[-1], str) and (known.repeated if known else len(spots) > 1):
            return [value_of(spot.node, known) for spot in spots]
        return value_of(spots[-1].node, known)

    def has(self, path: Path) -> bool:
        """Whether a field is written."""
        return bool(self.tree.find(path))

    # Editing

    def set(self, path: Path, value: Any) -> None:
        """Give a field a value; what is missing on the way to it is written where and as its neighbours are.

        `value` is a str, int, float or bool, the name of an enum, a message or a dict for a message, or a list for
        all of a repeated field (one value alone counts as a list). For a number, a bool or an enum a str is the
        spelling to write ("1e-3"). The index just behind the last element appends. Raises `ValueError` where the
        schema has no such field or the field cannot hold the value.
        """
        field_edits.set_field(self, path, value)

    def clear(self, path: Path) -> None:
        """Remove a field, if it is written, with its own comments."""
        field_edits.clear_field(self, path)

    def insert_layer(self, index: int, layer: str | Message) -> None:
        """Put a layer before the layer `index` (after the last one for the number of layers).

        `layer` is a message or the text of one `layer { ... }` block, which is taken as it is.
        """
        if self.kind != "net":
            raise ValueError("only a net has layers; this document is a solver")
        layer_edits.insert_layer(self, index, layer)

    def remove_layer(self, index: int) -> None:
        """Remove a layer with its own comments; what was connected to it stays as it is."""
        layer_edits.remove_layer(self, index)

    def move_layer(self, index: int, to: int) -> None:
        """Move a layer, with its own comments, so that it becomes the layer `to`."""
        layer_edits.move_layer(self, index, to)

    def connect(self, bottom_blob: str, layer_index: int, position: int | None = None) -> None:
        """Make a blob a bottom of a layer: a further one, or instead of the one at `position`."""
        layer_edits.connect(self, bottom_blob, layer_index, position)

    def disconnect(self, layer_index: int, position: int) -> None:
        """Remove one bottom of a layer."""
        layer_edits.disconnect(self, layer_index, position)

    def rename_blob(self, old: str, new: str) -> None:
        """Rename a blob in every top and bottom, and among the inputs of the net.

        Raises `ValueError` if there is no blob `old`, or a blob `new` already.
        """
        layer_edits.rename_blob(self, old, new)

    def rename_layer(self, index: int, new: str) -> None:
        """Rename one layer (the blobs it makes keep their names)."""
        layer_edits.rename_layer(self, index, new)


def _kind_of(nodes: list[Node]) -> str:
    """Whether the fields are those of a net or of a solver."""
    scores = {
        kind: sum(node.name in cls.DESCRIPTOR.fields_by_name for node in nodes) for kind, cls in _CLASSES.items()
    }
    return "solver" if scores["solver"] > scores["net"] else "net"
