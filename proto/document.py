"""Document: a prototxt file as its owner wrote it, that can be read as a message, edited field by field and undone."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from os import PathLike
from time import monotonic
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from . import layout
from .errors import FolderNotFile, MissingFile
from .layout import Splice, Spot
from .messages import NetParameter, SolverParameter
from .spelling import (
    FieldType,
    Style,
    new_message,
    order,
    schema,
    value_of,
    wrap,
    write,
    write_float,
    write_lines,
    write_string,
)
from .syntax import LIST, MESSAGE, STRING, WORD, Node, complaint, parse
from .temporary import named, temporary_beside
from .tree import LayerRecord, Path, Problem, Tree, elements, join, spell, steps, text_of

_CLASSES: dict[str, type[Message]] = {"net": NetParameter, "solver": SolverParameter}


@dataclass(frozen=True, slots=True)
class Change:
    """What a committed transaction, an undo or a redo did.

    `edits` are (start, end, replacement) in the order they were made, each in the text that the one before left;
    `paths` are the fields they were about.
    """

    version: int
    label: str
    edits: list[Splice]
    paths: tuple[Path, ...]


PAUSE = 1.0  # seconds without typing that end a step of undo


@dataclass(slots=True)
class _Step:
    """One step of undo: splices with the text they removed."""

    label: str
    splices: list[tuple[int, str, str]] = field(default_factory=list)  # start, removed, inserted
    paths: list[Path] = field(default_factory=list)
    typing: bool = False
    when: float = 0.0  # by `monotonic`, when the last of it was typed

    def edits(self, backward: bool = False) -> list[Splice]:
        if backward:
            return [(at, at + len(new), old) for at, old, new in reversed(self.splices)]
        return [(at, at + len(old), new) for at, old, new in self.splices]


class Document:
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
        _check_encodable(text, path)
        nodes = parse(text, path)
        self.path = path
        self.kind = kind or _kind_of(nodes)
        self.version = 0
        self._tree = Tree(text, nodes, [None] * len(nodes), _CLASSES[self.kind])
        self._saved = text
        self._done: list[_Step] = []
        self._undone: list[_Step] = []
        self._open: _Step | None = None
        self._subscribers: list[Callable[[Change], object]] = []

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
        _write_atomically(path, self.text.encode("utf-8", "surrogateescape"))
        self.path = path
        self._saved = self.text

    @property
    def text(self) -> str:
        """The whole text; bytes that are not UTF-8 are lone surrogates, as by `surrogateescape`."""
        return self._tree.text

    @property
    def saved(self) -> str:
        """The text as it was opened or last saved."""
        return self._saved

    @property
    def dirty(self) -> bool:
        """Whether the text differs from what was opened or last saved."""
        return self._tree.text != self._saved

    @property
    def message(self) -> Any:
        """The text as a `NetParameter` or `SolverParameter`, without what `problems` calls an error.

        Made once for each version and never changed by later edits; treat it as read-only and copy it to change it.
        """
        return self._tree.message

    @property
    def problems(self) -> list[Problem]:
        """What Caffe's schema does not accept, in the order of the text."""
        return list(self._tree.problems)

    @property
    def layers(self) -> Sequence[LayerRecord]:
        """The layers of a net in the order of the text, whether Caffe knows their types or not."""
        return self._tree.records

    # Places

    def line(self, path: Path) -> int:
        """The line of a field, from 1; of its nearest written ancestor where it is not written."""
        return self.position(path)[0]

    def position(self, path: Path) -> tuple[int, int]:
        """The line and column of a field, from 1; of its nearest written ancestor where it is not written."""
        way = steps(path)
        for depth in range(len(way), 0, -1):
            start = self._tree.start(join(way[:depth]))
            if start is not None:
                return self._tree.position(start)
        return 1, 1

    def span(self, path: Path) -> tuple[int, int] | None:
        """The offsets of a field in `text`, from its name to the end of its value; None where it is not written."""
        spots = self._tree.find(path)
        if not spots:
            return None
        if isinstance(path[-1], int):
            return spots[-1].start, spots[-1].value_end
        return self._tree.siblings(spots[0])[2].start, self._tree.siblings(spots[-1])[2].value_end

    def path_at(self, line: int, column: int) -> Path:
        """The path of the innermost field at a place in the text; () between the top-level fields."""
        starts = self._tree.line_starts
        line = min(max(line, 1), len(starts))
        end = starts[line] - 1 if line < len(starts) else len(self.text)
        return self._tree.path_at(min(starts[line - 1] + max(column, 1) - 1, end))

    # Reading

    def get(self, path: Path) -> Any:
        """The value of a field, None where it is not written.

        A number, str or bool; an enum by its name; a message as a message; all of a repeated field as a list. Where
        the schema does not know the field, or the value does not fit, the value is guessed (a message is a dict).
        """
        if not path:
            return self.message
        spots = self._tree.find(path)
        if not spots:
            return None
        known = self._tree.field(path)
        if isinstance(path[-1], str) and (known.repeated if known else len(spots) > 1):
            return [value_of(spot.node, known) for spot in spots]
        return value_of(spots[-1].node, known)

    def has(self, path: Path) -> bool:
        """Whether a field is written."""
        return bool(self._tree.find(path))

    # Editing

    @contextmanager
    def transaction(self, label: str = "edit") -> Iterator["Document"]:
        """Gather edits into one step of undo and one `Change`; take all of them back if the block raises."""
        if self._open is not None:
            yield self  # part of the transaction around it
            return
        before, self._open = self._tree, _Step(label)
        try:
            yield self
        except BaseException:
            self._tree, self._open = before, None
            raise
        step, self._open = self._open, None
        if self._tree.text == before.text:
            self._tree = before
            return
        last = self._done[-1] if self._done else None
        if step.typing and last and last.typing and not self._undone and _continues(last, step):
            last.splices += step.splices
            last.paths += [path for path in step.paths if path not in last.paths]
            last.when = step.when
        else:
            self._done.append(step)
        self._undone.clear()
        self._notify(step.label, step.edits(), step.paths)

    def set(self, path: Path, value: Any) -> None:
        """Give a field a value; what is missing on the way to it is written where and as its neighbours are.

        `value` is a str, int, float or bool, the name of an enum, a message or a dict for a message, or a list for
        all of a repeated field (one value alone counts as a list). For a number, a bool or an enum a str is the
        spelling to write ("1e-3"). The index just behind the last element appends. Raises `ValueError` where the
        schema has no such field or the field cannot hold the value.
        """
        path = tuple(path)
        with self.transaction(f"set {spell(path)}"):
            known = self._tree.field(path)
            spots = self._tree.find(path)
            if known is None and not spots:
                raise ValueError(f"{spell(path)}: {self._tree.why_unknown(path)}")
            if known and known.repeated and isinstance(path[-1], str):
                self._set_all(path, value)
            elif spots:
                self._overwrite(spots[-1], known, value, path)
            else:
                self._add(path, value)

    def clear(self, path: Path) -> None:
        """Remove a field, if it is written, with its own comments."""
        path = tuple(path)
        with self.transaction(f"clear {spell(path)}"):
            self._remove_all(path)

    def insert_layer(self, index: int, layer: str | Message) -> None:
        """Put a layer before the layer `index` (after the last one for the number of layers).

        `layer` is a message or the text of one `layer { ... }` block, which is taken as it is.
        """
        if self.kind != "net":
            raise ValueError("only a net has layers; this document is a solver")
        layers = self._tree.layers
        _check_index(index, len(layers) + 1)
        break_ = layout.newline(self.text)
        if isinstance(layer, str):
            nodes = parse(layer)
            if len(nodes) != 1 or nodes[0].name not in ("layer", "layers") or nodes[0].kind is not MESSAGE:
                raise ValueError("expected the text of one layer: layer { ... }")
            block = layer.replace("\r\n", "\n").strip("\n").replace("\n", break_)
        else:
            name = {"LayerParameter": "layer", "V1LayerParameter": "layers"}.get(layer.DESCRIPTOR.name)
            if name is None:
                raise ValueError(f"expected a LayerParameter; got a {layer.DESCRIPTOR.name}")
            style = Style(indent=layout.style_around(self.text, *self._model(layers, index)).indent)
            block = break_.join(wrap(name, write_lines(layer, style), style))
        with self.transaction("insert layer"):
            self._insert_block(index, block)

    def remove_layer(self, index: int) -> None:
        """Remove a layer with its own comments; what was connected to it stays as it is."""
        _check_index(index, len(self._tree.layers))
        with self.transaction(f"remove layer {self.layers[index].name!r}"):
            self._remove(self._tree.layers[index], self.layers[index].path)

    def move_layer(self, index: int, to: int) -> None:
        """Move a layer, with its own comments, so that it becomes the layer `to`."""
        layers = self._tree.layers
        _check_index(index, len(layers))
        _check_index(to, len(layers))
        if index == to:
            return
        spot = layers[index]
        start, end = layout.own_lines(self.text, spot) or (spot.start, spot.value_end)
        block = self.text[start:end].rstrip("\r\n")
        with self.transaction(f"move layer {self.layers[index].name!r}"):
            self._remove(spot, self.layers[index].path)
            self._insert_block(to, block)

    def connect(self, bottom_blob: str, layer_index: int, position: int | None = None) -> None:
        """Make a blob a bottom of a layer: a further one, or instead of the one at `position`."""
        path = (*self._layer_path(layer_index), "bottom")
        if position is None:
            position = len(self._tree.find(path))
        with self.transaction(f"connect {bottom_blob!r}"):
            self.set((*path, position), bottom_blob)

    def disconnect(self, layer_index: int, position: int) -> None:
        """Remove one bottom of a layer."""
        path = (*self._layer_path(layer_index), "bottom")
        _check_index(position, len(self._tree.find(path)), "bottom")
        with self.transaction("disconnect"):
            self.clear((*path, position))

    def rename_blob(self, old: str, new: str) -> None:
        """Rename a blob in every top and bottom, and among the inputs of the net.

        Raises `ValueError` if there is no blob `old`, or a blob `new` already.
        """
        spots = [
            child
            for layer in self._tree.layers
            for child in elements(c for c in layer.children() if c.node.name in ("bottom", "top"))
        ]
        spots = self._tree.by_name.get("input", []) + spots
        names = {text_of(spot.node) for spot in spots}
        if old not in names:
            raise ValueError(f"there is no blob {old!r}")
        if new != old and new in names:
            raise ValueError(f"there is a blob {new!r} already")
        spots = [spot for spot in spots if text_of(spot.node) == old]
        field = schema(NetParameter.DESCRIPTOR)["input"]
        with self.transaction(f"rename blob {old!r}"):
            for spot in sorted(spots, key=lambda spot: spot.start, reverse=True):
                path = self._tree.path_at(spot.value_start)
                self._overwrite(spot, field, new, path)

    def rename_layer(self, index: int, new: str) -> None:
        """Rename one layer (the blobs it makes keep their names)."""
        path = self._layer_path(index)
        if self.has((*path, "layer")):  # V0 keeps the name inside
            path = (*path, "layer")
        with self.transaction(f"rename layer {self.layers[index].name!r}"):
            self.set((*path, "name"), new)

    def replace(self, text: str, merge: bool = False, label: str = "typing") -> None:
        """Take over what a user made of the whole text.

        Only the stretch that differs counts as edited. Where `text` comes from an editor that knows only one kind of
        line end, the others are kept. `merge` True joins the step of undo before, if that was typing at the same
        place and on the same line, at most a second ago. Raises `ParseError`, and changes nothing, where the text is
        no tree.
        """
        _check_encodable(text, self.path)
        start, end, replacement = layout.difference(self.text, text)
        alone = self._open is None
        with self.transaction(label):
            assert self._open is not None
            self._open.typing, self._open.when = merge and alone, monotonic()
            self._splice(start, end, replacement)
            self._touch(self._tree.path_at(start))

    # Undo

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    @property
    def undo_label(self) -> str | None:
        """What `undo` would take back."""
        return self._done[-1].label if self._done else None

    @property
    def redo_label(self) -> str | None:
        """What `redo` would do again."""
        return self._undone[-1].label if self._undone else None

    def undo(self) -> bool:
        """Take the last step back. False where there is none."""
        return self._replay(self._done, self._undone, backward=True)

    def redo(self) -> bool:
        """Do the last undone step again. False where there is none."""
        return self._replay(self._undone, self._done, backward=False)

    def subscribe(self, callback: Callable[[Change], object]) -> Callable[[], None]:
        """Call `callback(change)` after every committed transaction, undo and redo; returns what ends that.

        All are called even if one raises; the first error then reaches whoever edited. The edit stands.
        """
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            with suppress(ValueError):
                self._subscribers.remove(callback)

        return unsubscribe

    def _replay(self, source: list[_Step], target: list[_Step], backward: bool) -> bool:
        if self._open is not None:
            raise RuntimeError("undo and redo have no place inside a transaction")
        if not source:
            return False
        step = source[-1]
        tree = self._tree
        for start, end, replacement in step.edits(backward):
            tree = tree.splice(start, end, replacement, self.path)
        self._tree = tree
        target.append(source.pop())
        self._notify(step.label, step.edits(backward), step.paths)
        return True

    def _notify(self, label: str, edits: list[Splice], paths: list[Path]) -> None:
        self.version += 1
        change = Change(self.version, label, edits, tuple(paths))
        failures = []
        for callback in list(self._subscribers):
            try:
                callback(change)
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _splice(self, start: int, end: int, replacement: str) -> None:
        """The one way in which text changes."""
        assert self._open is not None
        removed = self.text[start:end]
        if removed == replacement:
            return
        self._tree = self._tree.splice(start, end, replacement, self.path)
        self._open.splices.append((start, removed, replacement))

    def _touch(self, path: Path) -> None:
        assert self._open is not None
        if path not in self._open.paths:
            self._open.paths.append(path)

    # Edits of one field

    def _layer_path(self, index: int) -> Path:
        _check_index(index, len(self._tree.layers))
        return self.layers[index].path

    def _overwrite(self, spot: Spot, known: FieldType | None, value: Any, path: Path) -> None:
        """Replace the value of a written element, in place."""
        node = spot.node
        if known is not None and known.message is not None:
            if node.kind is MESSAGE and value_of(node, known) == new_message(known.message, value):
                return
            indent = layout.style_around(self.text, spot, spot.children(), -1).indent
            lines = write_lines(new_message(known.message, value), Style(indent=indent))
            if layout.is_inline(self.text, spot):
                text = " ".join(["{", *(line.strip() for line in lines), "}"])
            else:
                head = self.text[layout.line_start(self.text, spot.start) : spot.start]
                outer = head[: len(head) - len(head.lstrip())]
                break_ = layout.newline(self.text)
                text = break_.join(["{", *(outer + indent + line for line in lines), outer + "}"])
            self._splice(spot.value_start, spot.value_end, text)
        else:
            quote = node.text[0] if node.kind is STRING else '"'
            if known is not None:
                text = write(known, value, Style(quote=quote))
                if node.kind in (WORD, STRING) and _same(known, node, text):
                    return
            else:
                text = _spell_unknown(node, value, quote)
            if node.kind is MESSAGE and node.name:
                self._splice(spot.start + len(node.name), spot.value_end, f": {text}")
            else:
                self._splice(spot.value_start, spot.value_end, text)
        self._touch(path)

    def _add(self, path: Path, value: Any) -> None:
        """Write a field that is not there, with the messages that are missing around it."""
        way = steps(path)
        parent: Spot | None = None
        depth = 0  # how many steps of the way are written
        while found := self._tree.find(join(way[: depth + 1])):
            parent = found[-1]
            depth += 1
            if parent.node.kind is not MESSAGE:
                raise ValueError(f"{spell(join(way[:depth]))} is not a message")
        names = [name for name, _ in way[depth:]]
        same = self._tree.find((*join(way[:depth]), names[0]))
        for position, (part, index) in enumerate(way[depth:], depth):
            count = len(same) if position == depth else 0
            known = self._tree.field(join(way[: position + 1]))
            if index is not None and (index != count or known is None or not known.repeated):
                raise ValueError(f"{spell(join(way[: position + 1]))}: there are {count} of {part}")

        if same and self._tree.siblings(same[-1])[2].node.kind is LIST:
            lines = self._lines(["", *names[1:]], path, value, Style())
            at = same[-1].value_end
            self._splice(at, at, ", " + " ".join(line.strip() for line in lines))
        else:
            siblings = parent.children() if parent else self._tree.roots
            around = self._tree.field(join(way[:depth]))
            descriptor = around.message if around and around.message else self._tree.descriptor
            after = _place(names[0], siblings, descriptor)
            lines = self._lines(names, path, value, layout.style_around(self.text, parent, siblings, after))
            self._splice(*layout.insertion(self.text, parent, siblings, after, lines))
        self._touch(path)

    def _lines(self, names: list[str], path: Path, value: Any, style: Style) -> list[str]:
        """The lines of the new field `path`, given its name after those of the messages to write around it.

        The first name is "" for an item of a list.
        """
        known = self._tree.field(path)
        assert known is not None
        *around, name = names
        if known.message is None:
            text = write(known, value, style)
            lines = [name + style.colon + text if name else text]
        else:
            lines = wrap(name, write_lines(new_message(known.message, value), style), style)
        for outer in reversed(around):
            lines = wrap(outer, lines, style)
        return lines

    def _set_all(self, path: Path, value: Any) -> None:
        """Make a repeated field hold these values, touching only those that differ."""
        several = isinstance(value, Iterable) and not isinstance(value, str | bytes | dict | Message)
        values = list(value) if several else [value]
        self._remove_all(path, keep=len(values))
        for index, item in enumerate(values):
            self.set((*path, index), item)

    def _remove_all(self, path: Path, keep: int = 0) -> None:
        """Remove what a path names, last first; of a repeated field, all but the first `keep`."""
        for index in reversed(range(keep, len(self._tree.find(path)))):
            self._remove(self._tree.find(path)[index], path)

    def _remove(self, spot: Spot, path: Path) -> None:
        _, siblings, holder = self._tree.siblings(spot)
        if holder.node is not spot.node and len(holder.node.children) > 1:  # one item of several in a list
            items = holder.children()
            index = next(i for i, item in enumerate(items) if item.node is spot.node)
            if index:
                self._splice(items[index - 1].end, spot.end, "")
            else:
                self._splice(spot.start, items[1].start, "")
        else:
            index = next(i for i, sibling in enumerate(siblings) if sibling.node is holder.node)
            for splice in layout.removal(self.text, siblings, index):
                self._splice(*splice)
        self._touch(path)

    def _model(self, layers: list[Spot], index: int) -> tuple[Spot | None, list[Spot], int]:
        """The layer that a new one at `index` should look like, as arguments for `style_around`."""
        if not layers:
            return None, [], -1
        spot = layers[min(index, len(layers) - 1)]
        return spot, spot.children(), -1

    def _insert_block(self, index: int, block: str) -> None:
        """Put the text of a layer on lines of its own before the layer `index`."""
        text, layers = self.text, self._tree.layers
        break_ = layout.newline(text)
        if any(not spot.node.name for spot in layers):
            raise ValueError("layers in a list [ ... ] cannot be inserted or moved; write them one by one")
        gap = break_ * (1 + _blank_lines_between(text, layers, index))
        if index < len(layers):
            start = layers[index].start
            head = layout.line_start(text, start)
            if text[head:start].strip():
                self._splice(start, start, break_ + block + gap)
            else:
                at = layout.comments_above(text, head)
                self._splice(at, at, block + gap)
        elif layers:
            at = layout.end_of_field(text, layers[-1])
            self._splice(at, at, gap + block + ("" if text[at : at + 1] in ("", "\r", "\n") else break_))
        else:
            self._splice(*layout.insertion(text, None, self._tree.roots, len(self._tree.roots) - 1, [block]))
        self._touch(self.layers[index].path)


def _kind_of(nodes: list[Node]) -> str:
    """Whether the fields are those of a net or of a solver."""
    scores = {
        kind: sum(node.name in cls.DESCRIPTOR.fields_by_name for node in nodes) for kind, cls in _CLASSES.items()
    }
    return "solver" if scores["solver"] > scores["net"] else "net"


def _same(known: FieldType, node: Node, text: str) -> bool:
    """Whether `text` would say what `node` says already."""
    try:
        return known.read(node) == known.read(Node("", STRING if text[0] in "\"'" else WORD, 0, 0, 0, text))
    except ValueError:
        return False


def _spell_unknown(node: Node, value: Any, quote: str) -> str:
    """The text of a value for a field that the schema does not know, after the kind of value that is there."""
    if node.kind in (MESSAGE, LIST):
        raise ValueError(f"{node.name}: the schema does not know this field; edit its parts")
    if isinstance(value, str) and (node.kind is STRING or not value.isidentifier()):
        return write_string(value, quote)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return write_float(value, single=False) if isinstance(value, float) else str(value)
    raise ValueError(f"{node.name}: expected a str, a number or a bool; got {value!r}")


def _place(name: str, siblings: list[Spot], descriptor: Descriptor) -> int:
    """The index of the sibling that a new field comes after; -1 for the first place."""
    same = [i for i, spot in enumerate(siblings) if spot.node.name == name]
    if same:
        return same[-1]
    ranks = order(descriptor)
    rank = ranks[name]
    return max((i for i, spot in enumerate(siblings) if ranks.get(spot.node.name, -1) < rank), default=-1)


def _blank_lines_between(text: str, layers: list[Spot], index: int) -> int:
    """How many blank lines (none or one) part the layers around `index`."""
    if len(layers) < 2:
        return 0
    first = min(max(index - 1, 0), len(layers) - 2)
    between = text[layers[first].end : layers[first + 1].start]
    return int(any(not line.strip() for line in between.split("\n")[1:-1]))


def _check_index(index: int, count: int, what: str = "layer") -> None:
    if not 0 <= index < count:
        raise IndexError(f"there is no {what} {index}; there are {count}")


def _check_encodable(text: str, path: str | None) -> None:
    """Refuse half a surrogate pair, which no file can hold."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise complaint(text, error.start, "half a surrogate pair, which UTF-8 cannot write", path) from None


def _continues(last: _Step, step: _Step) -> bool:
    """Whether typing goes on where it stopped, on the same line, without a pause for thought."""
    at, _, inserted = last.splices[-1]
    start, removed, new = step.splices[0]
    touches = start <= at + len(inserted) and start + len(removed) >= at
    return touches and "\n" not in new and not inserted.endswith("\n") and step.when - last.when <= PAUSE


def _write_atomically(path: str, data: bytes) -> None:
    """Write a file whole or not at all, keeping its mode, and through a link to the file it names."""
    target = os.path.realpath(path)
    try:
        mode = os.stat(target).st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    temporary = temporary_beside(target)
    try:
        with named(path, temporary):
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, mode)
            os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
