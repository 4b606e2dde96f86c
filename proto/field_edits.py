"""Edits of one field: a value written, overwritten or removed where and as its neighbours are written."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from . import layout
from .edited import EditedText
from .layout import Spot
from .spelling import (
    FieldType,
    Style,
    new_message,
    order,
    value_of,
    wrap,
    write,
    write_float,
    write_lines,
    write_string,
)
from .syntax import LIST, MESSAGE, STRING, WORD, Node
from .tree import Path, join, spell, steps


def set_field(edited: EditedText, path: Path, value: Any) -> None:
    """Give a field a value; see `Document.set`."""
    path = tuple(path)
    with edited.transaction(f"set {spell(path)}"):
        known = edited.tree.field(path)
        spots = edited.tree.find(path)
        if known is None and not spots:
            raise ValueError(f"{spell(path)}: {edited.tree.why_unknown(path)}")
        if known and known.repeated and isinstance(path[-1], str):
            _set_all(edited, path, value)
        elif spots:
            overwrite(edited, spots[-1], known, value, path)
        else:
            _add(edited, path, value)


def clear_field(edited: EditedText, path: Path) -> None:
    """Remove a field, if it is written, with its own comments."""
    path = tuple(path)
    with edited.transaction(f"clear {spell(path)}"):
        _remove_all(edited, path)


def overwrite(edited: EditedText, spot: Spot, known: FieldType | None, value: Any, path: Path) -> None:
    """Replace the value of a written element, in place; inside a transaction."""
    node = spot.node
    if known is not None and known.message is not None:
        if node.kind is MESSAGE and value_of(node, known) == new_message(known.message, value):
            return
        indent = layout.style_around(edited.text, spot, spot.children(), -1).indent
        lines = write_lines(new_message(known.message, value), Style(indent=indent))
        if layout.is_inline(edited.text, spot):
            text = " ".join(["{", *(line.strip() for line in lines), "}"])
        else:
            head = edited.text[layout.line_start(edited.text, spot.start) : spot.start]
            outer = head[: len(head) - len(head.lstrip())]
            break_ = layout.newline(edited.text)
            text = break_.join(["{", *(outer + indent + line for line in lines), outer + "}"])
        edited.splice(spot.value_start, spot.value_end, text)
    else:
        quote = node.text[0] if node.kind is STRING else '"'
        if known is not None:
            text = write(known, value, Style(quote=quote))
            if node.kind in (WORD, STRING) and _same(known, node, text):
                return
        else:
            text = _spell_unknown(node, value, quote)
        if node.kind is MESSAGE and node.name:
            edited.splice(spot.start + len(node.name), spot.value_end, f": {text}")
        else:
            edited.splice(spot.value_start, spot.value_end, text)
    edited.touch(path)


def _add(edited: EditedText, path: Path, value: Any) -> None:
    """Write a field that is not there, with the messages that are missing around it."""
    way = steps(path)
    parent: Spot | None = None
    depth = 0  # how many steps of the way are written
    while found := edited.tree.find(join(way[: depth + 1])):
        parent = found[-1]
        depth += 1
        if parent.node.kind is not MESSAGE:
            raise ValueError(f"{spell(join(way[:depth]))} is not a message")
    names = [name for name, _ in way[depth:]]
    same = edited.tree.find((*join(way[:depth]), names[0]))
    for position, (part, index) in enumerate(way[depth:], depth):
        count = len(same) if position == depth else 0
        known = edited.tree.field(join(way[: position + 1]))
        if index is not None and (index != count or known is None or not known.repeated):
            raise ValueError(f"{spell(join(way[: position + 1]))}: there are {count} of {part}")

    if same and edited.tree.siblings(same[-1])[2].node.kind is LIST:
        lines = _lines(edited, ["", *names[1:]], path, value, Style())
        at = same[-1].value_end
        edited.splice(at, at, ", " + " ".join(line.strip() for line in lines))
    else:
        siblings = parent.children() if parent else edited.tree.roots
        around = edited.tree.field(join(way[:depth]))
        descriptor = around.message if around and around.message else edited.tree.descriptor
        after = _place(names[0], siblings, descriptor)
        lines = _lines(edited, names, path, value, layout.style_around(edited.text, parent, siblings, after))
        edited.splice(*layout.insertion(edited.text, parent, siblings, after, lines))
    edited.touch(path)


def _lines(edited: EditedText, names: list[str], path: Path, value: Any, style: Style) -> list[str]:
    """The lines of the new field `path`, given its name after those of the messages to write around it.

    The first name is "" for an item of a list.
    """
    known = edited.tree.field(path)
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


def _set_all(edited: EditedText, path: Path, value: Any) -> None:
    """Make a repeated field hold these values, touching only those that differ."""
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes | dict | Message)
    values = list(value) if several else [value]
    _remove_all(edited, path, keep=len(values))
    for index, item in enumerate(values):
        set_field(edited, (*path, index), item)


def _remove_all(edited: EditedText, path: Path, keep: int = 0) -> None:
    """Remove what a path names, last first; of a repeated field, all but the first `keep`."""
    for index in reversed(range(keep, len(edited.tree.find(path)))):
        remove(edited, edited.tree.find(path)[index], path)


def remove(edited: EditedText, spot: Spot, path: Path) -> None:
    """Remove the element at a spot, which `path` names, with its own comments; inside a transaction."""
    _, siblings, holder = edited.tree.siblings(spot)
    if holder.node is not spot.node and len(holder.node.children) > 1:  # one item of several in a list
        items = holder.children()
        index = next(i for i, item in enumerate(items) if item.node is spot.node)
        if index:
            edited.splice(items[index - 1].end, spot.end, "")
        else:
            edited.splice(spot.start, items[1].start, "")
    else:
        index = next(i for i, sibling in enumerate(siblings) if sibling.node is holder.node)
        for splice in layout.removal(edited.text, siblings, index):
            edited.splice(*splice)
    edited.touch(path)


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
