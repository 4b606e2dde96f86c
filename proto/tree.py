"""Tree: a text with its fields at one moment: found by path, placed by line, read as a message."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from .errors import ParseError
from .layout import Spot
from .spelling import FieldType, given_twice, read_message, read_string, schema, unknown_field
from .syntax import LIST, MESSAGE, Node, parse

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What Caffe's schema does not accept in a text that is a tree, with its place (both from 1) and its path."""

    line: int
    column: int
    message: str
    path: Path
    severity: str = "error"  # or "warning"


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """One `layer` (or V1 `layers`) block as written: its place among the layers, its line and its ends."""

    index: int
    name: str
    type: str
    bottom: tuple[str, ...]
    top: tuple[str, ...]
    line: int
    path: Path


class Reading(NamedTuple):
    """What one top-level field says: its share of the serialised message, and its problems."""

    data: bytes
    problems: list[tuple[int, str, Path, str]]  # offset in the field's stretch of text, message, path, severity


class Tree:
    """The text and its top-level fields at one moment. Never changes, so that it may be shared and kept."""

    def __init__(self, text: str, nodes: list[Node], readings: list[Reading | None], kind: type[Message]):
        self.text = text
        self.nodes = nodes
        self.kind = kind
        self.descriptor: Descriptor = kind.DESCRIPTOR  # type: ignore[assignment]
        self._readings = readings
        self._elements: dict[tuple[int, int], dict[str, list[Spot]]] = {}  # of messages that were asked for
        self.starts = [0, *accumulate(node.end for node in nodes)]  # of each field's stretch, and of what follows

    @classmethod
    def of(cls, text: str, kind: type[Message], path: str | None) -> "Tree":
        """The tree of `text`, whose schema is the message class `kind`. Raises `ParseError`."""
        nodes = parse(text, path)
        return cls(text, nodes, [None] * len(nodes), kind)

    def splice(self, start: int, end: int, replacement: str, path: str | None) -> "Tree":
        """The tree after replacing text; only the top-level fields that the edit touches are read again."""
        text = self.text[:start] + replacement + self.text[end:]
        first = max(bisect_left(self.starts, start) - 1, 0)
        last = bisect_right(self.starts, end)  # one past the last stretch that reaches the edit
        tail = last > len(self.nodes)  # what follows the last field is touched, too
        begin = self.starts[first]
        stop = len(text) if tail else self.starts[last] + len(text) - len(self.text)
        try:
            nodes = parse(text[begin:stop], path, at_start=begin == 0)
        except ParseError:
            return Tree.of(text, self.kind, path)  # raises with the right place, or finds what fits together
        if not tail and (sum(node.end for node in nodes) != stop - begin or not _separate(text, stop)):
            return Tree.of(text, self.kind, path)
        return Tree(
            text,
            self.nodes[:first] + nodes + self.nodes[last:],
            self._readings[:first] + [None] * len(nodes) + self._readings[last:],
            self.kind,
        )

    @cached_property
    def roots(self) -> list[Spot]:
        """The top-level fields."""
        return [Spot(node, start) for node, start in zip(self.nodes, self.starts, strict=False)]

    @cached_property
    def by_name(self) -> dict[str, list[Spot]]:
        """The elements of the top-level fields of each name."""
        return _by_name(self.roots)

    @cached_property
    def layers(self) -> list[Spot]:
        """The messages of `layer` and `layers`."""
        return [
            spot
            for root in self.roots
            if root.node.name in ("layer", "layers") and root.node.name in schema(self.descriptor)
            for spot in elements((root,))
            if spot.node.kind is MESSAGE
        ]

    @cached_property
    def records(self) -> tuple[LayerRecord, ...]:
        counts = {"layer": 0, "layers": 0}
        records = []
        for index, spot in enumerate(self.layers):
            root = spot.node.name or self.siblings(spot)[2].node.name
            records.append(_layer_record(index, spot.node, self.position(spot.start)[0], (root, counts[root])))
            counts[root] += 1
        return tuple(records)

    @cached_property
    def line_starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self.text.split("\n"))][:-1]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    @cached_property
    def readings(self) -> list[Reading]:
        for index, reading in enumerate(self._readings):
            if reading is None:
                node, message = self.nodes[index], self.kind()
                problems: list = []
                read_message(message, [node], problems)
                self._readings[index] = Reading(message.SerializePartialToString(), problems)
        return self._readings  # type: ignore[return-value]

    @cached_property
    def message(self) -> Message:
        fields = schema(self.descriptor)
        parts: dict[Any, bytes] = {}
        for index, (node, reading) in enumerate(zip(self.nodes, self.readings, strict=True)):
            known = fields.get(node.name)
            key = node.name if known and not known.repeated else index
            parts.pop(key, None)  # of a field given twice the last counts
            parts[key] = reading.data
        return self.kind.FromString(b"".join(parts.values()))

    @cached_property
    def problems(self) -> list[Problem]:
        fields = schema(self.descriptor)
        found: list[Problem] = []
        counts: dict[str, int] = {}
        for spot, reading in zip(self.roots, self.readings, strict=True):
            name = spot.node.name
            known = fields.get(name)
            count = counts.get(name, 0)
            counts[name] = count + (len(spot.node.children) if spot.node.kind is LIST else 1)
            if count and known and not known.repeated:
                line, column = self.position(spot.start)
                found.append(Problem(line, column, given_twice(name), (name,)))
            for offset, message, path, severity in reading.problems:
                if count and known and known.repeated:
                    path = (name, path[1] + count, *path[2:])  # type: ignore[operator]
                line, column = self.position(spot.base + offset)
                found.append(Problem(line, column, message, path, severity))
        return sorted(found, key=lambda problem: (problem.line, problem.column))

    def find(self, path: Path) -> list[Spot]:
        """The elements that a path names: none, one, or all of a repeated field."""
        spots: list[Spot] | None = None
        for name, index in steps(path):
            if spots is None:
                found = self.by_name.get(name, [])
            else:
                found = self._inside(spots[-1]).get(name, [])
            spots = found if index is None else found[index : index + 1]
            if not spots:
                return []
        return spots or []

    def _inside(self, spot: Spot) -> dict[str, list[Spot]]:
        """The elements of a message's fields, by name."""
        key = id(spot.node), spot.base
        if key not in self._elements:
            self._elements[key] = _by_name(spot.children())
        return self._elements[key]

    def start(self, path: Path) -> int | None:
        """The offset where a field begins, by its name or, of a list's item, by its value; None: it is not written."""
        spots = self.find(path)
        if not spots or isinstance(path[-1], int):
            return spots[-1].start if spots else None
        if len(path) == 1:
            return next(spot.start for spot in self.roots if spot.node.name == path[0])
        around = self.find(path[:-1])[-1]
        return around.base + next(node.start for node in around.node.children if node.name == path[-1])

    def field(self, path: Path) -> FieldType | None:
        """What the schema says of the field that a path names; None where it does not know it."""
        descriptor: Descriptor | None = self.descriptor
        known = None
        for name, _ in steps(path):
            known = schema(descriptor).get(name) if descriptor else None
            descriptor = known.message if known else None
        return known

    def why_unknown(self, path: Path) -> str:
        """Which part of a path the schema does not know."""
        descriptor: Descriptor = self.descriptor
        for name, _ in steps(path):
            known = schema(descriptor).get(name)
            if known is None:
                return unknown_field(descriptor, name)
            if known.message is None:
                return f"{name} has no fields"
            descriptor = known.message
        return "there is no such field"

    def siblings(self, spot: Spot) -> tuple[Spot | None, list[Spot], Spot]:
        """The message around a spot (None: the text itself), its fields, and the field that holds the spot."""
        parent, siblings = None, self.roots
        while True:
            for holder in siblings:
                if holder.node is spot.node:
                    return parent, siblings, holder
                if holder.start <= spot.start and spot.value_end <= holder.value_end:
                    break
            else:
                raise AssertionError("the spot is not of this tree")
            if holder.node.kind is LIST:
                item = next(i for i in holder.children() if i.start <= spot.start and spot.value_end <= i.value_end)
                if item.node is spot.node:
                    return parent, siblings, holder
                holder = item
            parent, siblings = holder, holder.children()

    def path_at(self, offset: int) -> Path:
        """The path of the innermost field around an offset; () between the top-level fields."""
        spots, path = self.roots, ()
        descriptor: Descriptor | None = self.descriptor
        low = max(bisect_left(self.starts, offset) - 1, 0)
        candidates = [spot for spot in spots[low : low + 2] if spot.start <= offset <= spot.value_end]
        while candidates:
            spot = candidates[-1]
            name = spot.node.name
            same = elements(other for other in spots if other.node.name == name)
            known = schema(descriptor).get(name) if descriptor else None
            path = (*path, name)
            inside = [element for element in elements((spot,)) if element.start <= offset <= element.value_end]
            if not inside:  # in a list, between its items
                return path
            spot = inside[-1]
            if known.repeated if known else len(same) > 1:
                path = (*path, next(i for i, other in enumerate(same) if other.node is spot.node))
            if spot.node.kind is not MESSAGE:
                return path
            descriptor = known.message if known else None
            spots = spot.children()
            candidates = [child for child in spots if child.start <= offset <= child.value_end]
        return path


def steps(path: Path) -> list[tuple[str, int | None]]:
    """The names of a path, each with the index behind it."""
    found: list[tuple[str, int | None]] = []
    for part in path:
        if isinstance(part, str):
            found.append((part, None))
        elif found and found[-1][1] is None and isinstance(part, int) and part >= 0:
            found[-1] = (found[-1][0], int(part))
        else:
            raise ValueError(f"{path!r} is not a path: names, each with an index (0 or more) behind it if repeated")
    return found


def join(steps: Iterable[tuple[str, int | None]]) -> Path:
    """The path of the given steps."""
    return tuple(part for step in steps for part in step if part is not None)


def spell(path: Path) -> str:
    """A path as a person reads it: layer[3].convolution_param.num_output."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def elements(spots: Iterable[Spot]) -> list[Spot]:
    """The single values of fields: the items of a list [ ... ], else the fields themselves."""
    found: list[Spot] = []
    for spot in spots:
        if spot.node.kind is LIST:
            found += spot.children()
        else:
            found.append(spot)
    return found


def _by_name(spots: Iterable[Spot]) -> dict[str, list[Spot]]:
    found: dict[str, list[Spot]] = {}
    for spot in spots:
        found.setdefault(spot.node.name, []).extend(elements((spot,)))
    return found


def _separate(text: str, at: int) -> bool:
    """Whether what ends at `at` cannot grow together with what follows."""
    return not (at < len(text) and _is_word(text[at - 1 : at]) and _is_word(text[at]))


def _is_word(character: str) -> bool:
    return character.isalnum() or character in ("_", ".", "+", "-")


def _layer_record(index: int, node: Node, line: int, path: Path) -> LayerRecord:
    name, type_ = "", ""
    ends: dict[str, list[str]] = {"bottom": [], "top": []}
    for child in node.children:
        if child.name in ends:
            ends[child.name] += [text_of(item) for item in (child.children if child.kind is LIST else (child,))]
        elif child.name == "name":
            name = text_of(child)
        elif child.name == "type":
            type_ = text_of(child)
        elif child.name == "layer":  # V0 keeps both inside
            inner = _layer_record(index, child, line, path)
            name, type_ = inner.name, inner.type
    return LayerRecord(index, name, type_, tuple(ends["bottom"]), tuple(ends["top"]), line, path)


def text_of(node: Node) -> str:
    """What a string or a name says; as written where it is malformed."""
    try:
        return read_string(node)
    except ValueError:
        return node.text


