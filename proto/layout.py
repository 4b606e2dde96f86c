"""Where an edit goes in the text: lines, indentation and separators as the text around has them."""

import re
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

from .spelling import Style
from .syntax import MESSAGE, STRING, WORD, Node

Splice = tuple[int, int, str]  # start, end, replacement

_rest_of_line = re.compile(r"[ \t\v\f]*(#[^\n]*?)?(?=\r?\n|\r?\Z)").match
_blanks = re.compile(r"[ \t]*").match
_comment_line = re.compile(r"[ \t\v\f]*#").match
_blank_line = re.compile(r"[ \t\v\f]*\r?\n").match
_line_break = re.compile(r"\r?\n").match
_plain_colon = re.compile(r"[ \t]?:[ \t]?").fullmatch
_plain_opener = re.compile(r"[ \t]?:?[ \t]?[{<]").fullmatch


class Spot(NamedTuple):
    """A node, and where in the whole text its offsets count from."""

    node: Node
    base: int

    @property
    def start(self) -> int:
        return self.base + self.node.start

    @property
    def value_start(self) -> int:
        return self.base + self.node.value_start

    @property
    def value_end(self) -> int:
        return self.base + self.node.value_end

    @property
    def end(self) -> int:
        return self.base + self.node.end

    def children(self) -> "list[Spot]":
        return [Spot(child, self.base) for child in self.node.children]


def newline(text: str) -> str:
    """The line break of `text`, told by its first line."""
    at = text.find("\n")
    return "\r\n" if at > 0 and text[at - 1] == "\r" else "\n"


def style_around(text: str, parent: Spot | None, siblings: list[Spot], after: int) -> Style:
    """How fields are written among `siblings`, looking first at the one that the new field comes after."""
    nearest = siblings[after::-1] + siblings[after + 1 :] if after >= 0 else siblings
    style = Style(indent=_unit(text, parent, siblings))
    scalar = next((spot for spot in nearest if spot.node.kind in (WORD, STRING)), None)
    if scalar:
        colon = text[scalar.start + len(scalar.node.name) : scalar.value_start]
        style = style._replace(colon=colon) if _plain_colon(colon) else style
    message = next((spot for spot in nearest if spot.node.kind is MESSAGE), parent)
    if message:
        opener = text[message.start + len(message.node.name) : message.value_start + 1]
        style = style._replace(opener=opener) if _plain_opener(opener) else style
    string = next((spot for spot in nearest if spot.node.kind is STRING), None)
    return style._replace(quote=string.node.text[0]) if string else style


def insertion(text: str, parent: Spot | None, siblings: list[Spot], after: int, lines: list[str]) -> Splice:
    """The splice that puts a field, given as lines, after `siblings[after]` (-1: before all of them)."""
    anchor = siblings[after] if after >= 0 else None
    separator = next((text[s.end - 1] for s in siblings if s.end > s.value_end), "")
    if _is_inline(text, parent, siblings, after):
        field = " ".join(line.strip() for line in lines)
        if anchor:
            if separator and anchor.end == anchor.value_end:
                return anchor.end, anchor.end, f"{separator} {field}"
            return anchor.end, anchor.end, f" {field}{separator}"
        if siblings:
            return siblings[0].start, siblings[0].start, f"{field}{separator} "
        assert parent is not None
        return parent.value_start + 1, parent.value_end - 1, f" {field} "

    if len(lines) > 1 and _messages_are_inline(text, siblings, anchor):
        lines = [" ".join(line.strip() for line in lines)]
    indent = _indent(text, parent, siblings, after)
    break_ = newline(text)
    if anchor and anchor.end > anchor.value_end:
        lines = [*lines[:-1], lines[-1] + separator]
    block = break_.join(indent + line for line in lines)
    if anchor:
        rest = _rest_of_line(text, anchor.end)
        at = rest.end() if rest else anchor.end
        return at, at, break_ + block
    if siblings:
        first = siblings[0].start
        head = line_start(text, first)
        if _is_blank(text[head:first]):
            return head, head, block + break_
        return first, first, block.lstrip() + break_ + indent
    if parent is None:
        gap = break_ if text and not text.endswith(("\n", "\ufeff")) else ""
        return len(text), len(text), gap + block + break_
    closing = parent.value_end - 1
    head = line_start(text, closing)
    if _is_blank(text[head:closing]):
        return head, head, block + break_
    outer = _leading_blanks(text, parent.start)
    return closing, closing, break_ + block + break_ + outer


def removal(text: str, siblings: list[Spot], index: int) -> list[Splice]:
    """The splices that remove `siblings[index]`, last place first.

    A field alone on its lines takes them along, with the comment behind it and the comment lines right above it.
    """
    spot = siblings[index]
    before = siblings[index - 1] if index else None
    following = siblings[index + 1] if index + 1 < len(siblings) else None
    lines = own_lines(text, spot)
    if lines:
        start, end = lines
        blank = _blank_line(text, end)
        above = line_start(text, start - 1) if start > 1 else start
        if _is_blank(text[above:start]):  # keep one blank line of two, and none at either end
            if blank:
                end = blank.end()
            elif end == len(text):
                start = above
        splices = [(start, end, "")]
    elif following and (before is None or _is_blank(text[line_start(text, spot.start) : spot.start])):
        end = following.start if "\n" not in text[spot.end : following.start] else spot.end
        if end == spot.end:
            splices = [(_trim_left(text, spot.start), _with_comment(text, spot.end), "")]
        else:
            splices = [(spot.start, end, "")]
    else:
        shares_line = before is not None and "\n" not in text[before.end : spot.start]
        end = spot.end if shares_line else _with_comment(text, spot.end)
        splices = [(_trim_left(text, spot.start), end, "")]
    if following is None and before and spot.end == spot.value_end and before.end > before.value_end:
        splices.append((before.end - 1, before.end, ""))  # no separator is left dangling
    return splices


def own_lines(text: str, spot: Spot) -> tuple[int, int] | None:
    """The lines of a field that shares none with another, with the comment lines right above; else None."""
    start = line_start(text, spot.start)
    rest = _rest_of_line(text, spot.end)
    if rest is None or not _is_blank(text[start : spot.start]):
        return None
    end = _line_break(text, rest.end())
    return comments_above(text, start), end.end() if end else len(text)


def comments_above(text: str, start: int) -> int:
    """The start of the comment lines that stand right above the line at `start`."""
    while start > 1:
        above = line_start(text, start - 1)
        if not _comment_line(text, above):
            break
        start = above
    return start


def line_start(text: str, at: int) -> int:
    """Where the line of `at` starts, after a byte order mark."""
    start = text.rfind("\n", 0, at) + 1
    return 1 if start == 0 and text.startswith("\ufeff") else start


def end_of_field(text: str, spot: Spot) -> int:
    """Where the line of a field ends, or the field itself if more follows on the line."""
    rest = _rest_of_line(text, spot.end)
    return rest.end() if rest else spot.end


def is_inline(text: str, spot: Spot) -> bool:
    """Whether a message stands on one line."""
    return "\n" not in text[spot.value_start : spot.value_end]


def _is_inline(text: str, parent: Spot | None, siblings: list[Spot], after: int) -> bool:
    """Whether a field after `siblings[after]` belongs on the line that is there."""
    if parent and is_inline(text, parent):
        return True
    if after < 0:
        return False
    anchor = siblings[after]
    before = after > 0 and "\n" not in text[siblings[after - 1].end : anchor.start]
    behind = after + 1 < len(siblings) and "\n" not in text[anchor.end : siblings[after + 1].start]
    return before or behind


def _messages_are_inline(text: str, siblings: list[Spot], anchor: Spot | None) -> bool:
    """Whether messages here stand on one line: those named as the one before, else all."""
    messages = [spot for spot in siblings if spot.node.kind is MESSAGE and spot.node.children]
    alike = [spot for spot in messages if anchor and spot.node.name == anchor.node.name] or messages
    return bool(alike) and all(is_inline(text, spot) for spot in alike)


def _indent(text: str, parent: Spot | None, siblings: list[Spot], after: int) -> str:
    """The blanks before a line among `siblings`."""
    for spot in siblings[max(after, 0) :: -1] + siblings[max(after, 0) + 1 :]:
        head = text[line_start(text, spot.start) : spot.start]
        if _is_blank(head):
            return head
    if parent is None:
        return ""
    return _leading_blanks(text, parent.start) + _unit(text, parent, siblings)


def _unit(text: str, parent: Spot | None, siblings: list[Spot]) -> str:
    """The blanks that one level adds: as among the siblings, else as in the first indented line of the text."""
    if parent:
        outer = _leading_blanks(text, parent.start)
        for spot in siblings:
            head = text[line_start(text, spot.start) : spot.start]
            if _is_blank(head) and head.startswith(outer) and head != outer:
                return head[len(outer) :]
    first = re.search(r"^([ \t]+)[A-Za-z]", text, re.MULTILINE)
    return first[1] if first else "  "


def _leading_blanks(text: str, at: int) -> str:
    match = _blanks(text, line_start(text, at))
    return match.group() if match else ""


def _trim_left(text: str, at: int) -> int:
    while at and text[at - 1] in " \t":
        at -= 1
    return at


def _with_comment(text: str, end: int) -> int:
    rest = _rest_of_line(text, end)
    return rest.end() if rest and rest[1] else end


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def difference(old: str, new: str) -> Splice:
    """The smallest splice that makes `new` of `old`.

    If `old` has CRLF line ends and `new` has none, those outside the splice stay, and those inside become CRLF.
    """
    if "\r\n" not in old or "\r" in new:
        return _trimmed(old, new)
    start, end, replacement = _trimmed(old.replace("\r\n", "\n"), new)
    ends = [0, *accumulate(len(line) + 1 for line in old.split("\n"))]

    def original(offset: int) -> int:
        line = plain.count("\n", 0, offset)
        return ends[line] + offset - (plain.rfind("\n", 0, offset) + 1)

    plain = old.replace("\r\n", "\n")
    return original(start), original(end), replacement.replace("\n", "\r\n")


def _trimmed(old: str, new: str) -> Splice:
    """The splice between the common beginning and the common end of two texts."""
    start = _common(len(min(old, new, key=len)), lambda n: old[:n] == new[:n])
    rest = min(len(old), len(new)) - start
    tail = _common(rest, lambda n: old[len(old) - n :] == new[len(new) - n :])
    return start, len(old) - tail, new[start : len(new) - tail]


def _common(most: int, equal: Callable[[int], bool]) -> int:
    """The largest n up to `most` for which `equal` holds, given that it holds for all smaller ones."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if equal(middle):
            low = middle
        else:
            high = middle - 1
    return low
