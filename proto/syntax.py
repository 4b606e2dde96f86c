"""Prototxt as a concrete syntax tree: every field with its place in the text, nothing lost and nothing judged."""

import re
import unicodedata
from os import PathLike

from .errors import ParseError

WORD, STRING, MESSAGE, LIST = "word", "string", "message", "list"
MAX_DEPTH = 100  # messages inside messages; protobuf's own limit for binary files

# Possessive quantifiers: no input makes these patterns back up, so reading takes linear time.
_SPACE = r"[ \t\r\n\v\f]*+(?:\#[^\n]*+[ \t\r\n\v\f]*+)*+"
_NUMBER = r"(?:0[xX][0-9a-fA-F]*+|(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]*+)?+[fF]?+)"
_WORD = rf"(?:-{_SPACE})?+(?:[A-Za-z_][A-Za-z_0-9]*+|{_NUMBER})"
_LITERAL = r"""(?:"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"|'[^'\\\n]*+(?:\\[^\n][^'\\\n]*+)*+')"""
_STRING = rf"{_LITERAL}(?:{_SPACE}{_LITERAL})*+"
_NAME = rf"[A-Za-z_0-9]++|\[{_SPACE}[A-Za-z_][A-Za-z_0-9.%/-]*+{_SPACE}\]"

# One match reads one whole scalar field, which is what makes reading fast. The last group that took part says
# what was read; the constants below are the groups' numbers.
_FIELD = re.compile(
    rf"{_SPACE}(?:({_NAME}){_SPACE}(?::{_SPACE}(?:({_WORD})|({_STRING})|([{{<])|(\[))"
    rf"|([{{<])|(\[)(?={_SPACE}[{{<\]]))|([}}>])|([,;])|(\Z))"  # messages need no colon
)
_FIELD_WORD, _FIELD_STRING, _FIELD_OPEN, _FIELD_LIST, _FIELD_BARE_OPEN, _FIELD_BARE_LIST = range(2, 8)
_FIELD_CLOSE, _FIELD_SEPARATOR = 8, 9

_ITEM = re.compile(rf"{_SPACE}(?:({_WORD})|({_STRING})|([{{<])|(\])|(,))")
_ITEM_WORD, _ITEM_STRING, _ITEM_OPEN, _ITEM_CLOSE, _ITEM_COMMA = range(1, 6)

_space = re.compile(_SPACE)
_literals = re.compile(_LITERAL).findall
_run = re.compile(r"[^\s#]{1,41}").match
_match_name = re.compile(_NAME).match

_CLOSER = {"{": "}", "<": ">"}


class Node:
    """A field, or one item of a list.

    `name` is the field's name ("" for an item of a list; an extension keeps its brackets). `kind` is WORD,
    STRING, MESSAGE or LIST: the first two have their value as written in `text`, the others the nodes inside in
    `children`. The text from `start` (the name) to `end` (after the separator, if one follows) is the field,
    `value_start` to `value_end` its value with quotes or brackets. Offsets count from the end of the top-level
    field before, so that an edit moves no node but those of its own top-level field.
    """

    __slots__ = ("name", "kind", "start", "value_start", "value_end", "end", "text", "children")

    def __init__(self, name: str, kind: str, start: int, value_start: int, value_end: int, text: str):
        self.name = name
        self.kind = kind
        self.start = start
        self.value_start = value_start
        self.value_end = self.end = value_end
        self.text = text
        self.children: list[Node] = []


def parse(text: str, path: str | PathLike | None = None, at_start: bool = True) -> list[Node]:
    """Return the top-level fields of `text`, in order.

    Each field owns the text since the end of the one before, so that a field's `end` is also its share of the
    text; what follows the last field belongs to none. `at_start` False says that `text` is from the middle of a
    file. Raises `ParseError`, and no other error, where `text` is not prototxt.
    """
    roots: list[Node] = []
    siblings = roots
    stack: list[Node] = []  # the open messages and lists
    base = edge = 0  # where offsets count from; where the last top-level field ended
    position = 1 if at_start and text.startswith("\ufeff") else 0
    item_may_come = False  # inside a list: is an item expected, or a comma?
    match_field, match_item = _FIELD.match, _ITEM.match
    while True:
        if stack and stack[-1].kind is LIST:
            match = match_item(text, position)
            which = match.lastindex or 0 if match else 0
            is_item = which in (_ITEM_WORD, _ITEM_STRING, _ITEM_OPEN)
            is_empty_list = which == _ITEM_CLOSE and not siblings
            if match is None or (is_item != item_may_come and not is_empty_list):
                raise _list_complaint(text, position, path, item_may_come)
            position = match.end()
            item_may_come = which == _ITEM_COMMA
            if which == _ITEM_CLOSE:
                node = stack.pop()
                node.value_end = node.end = position - base
                if not stack:
                    siblings, edge = roots, position
                else:
                    siblings = stack[-1].children
            elif which != _ITEM_COMMA:
                start = match.start(which) - base
                if which == _ITEM_OPEN:
                    node = Node("", MESSAGE, start, start, 0, "")
                    siblings.append(node)
                    stack.append(node)
                    siblings = node.children
                else:
                    kind = WORD if which == _ITEM_WORD else STRING
                    siblings.append(Node("", kind, start, start, position - base, match.group(which)))
            continue

        match = match_field(text, position)
        if match is None:
            raise _field_complaint(text, position, path, stack and text[stack[-1].value_start + base])
        position = match.end()
        which = match.lastindex or 0
        if which <= _FIELD_BARE_LIST:
            if not stack:
                base = edge
            start, value_start = match.start(1) - base, match.start(which) - base
            if which <= _FIELD_STRING:
                kind = WORD if which == _FIELD_WORD else STRING
                node = Node(match.group(1), kind, start, value_start, position - base, match.group(which))
                siblings.append(node)
                if not stack:
                    edge = position
            else:
                if len(stack) >= MAX_DEPTH:
                    raise complaint(text, match.start(which), f"more than {MAX_DEPTH} messages inside each other", path)
                kind = LIST if which in (_FIELD_LIST, _FIELD_BARE_LIST) else MESSAGE
                node = Node(match.group(1), kind, start, value_start, 0, "")
                siblings.append(node)
                stack.append(node)
                siblings = node.children
                item_may_come = True
        elif which == _FIELD_CLOSE:
            if not stack:
                raise complaint(text, position - 1, f'this "{text[position - 1]}" closes nothing', path)
            node = stack.pop()
            opener = text[node.value_start + base]
            if text[position - 1] != _CLOSER[opener]:
                line = text.count("\n", 0, node.value_start + base) + 1
                found = text[position - 1]
                message = f'expected "{_CLOSER[opener]}" for the "{opener}" of line {line}; found "{found}"'
                raise complaint(text, position - 1, message, path)
            node.value_end = node.end = position - base
            item_may_come = False
            if not stack:
                siblings, edge = roots, position
            else:
                siblings = stack[-1].children
        elif which == _FIELD_SEPARATOR:
            if not siblings or siblings[-1].end != siblings[-1].value_end:
                raise complaint(text, position - 1, f'expected a field name; found "{text[position - 1]}"', path)
            siblings[-1].end = position - base
            if not stack:
                edge = position
        elif stack:
            node = stack[-1]
            line = text.count("\n", 0, node.start + base) + 1
            name = f'"{shorten(node.name)}"' if node.name else "the message"
            raise complaint(text, position, f"the text ends inside {name}, opened in line {line}", path)
        else:
            return roots


def literals(text: str) -> list[str]:
    """The quoted pieces of a STRING value, which stand side by side and make one string."""
    return _literals(text)


def shorten(text: str) -> str:
    """`text` as it may stand in a message."""
    return text if len(text) <= 40 else text[:37] + "..."


def complaint(text: str, offset: int, message: str, path: str | PathLike | None) -> ParseError:
    """A `ParseError` for the character at `offset`."""
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return ParseError(message, line, column, None if path is None else str(path))


def _skip_space(text: str, position: int) -> int:
    """Where the blanks and comments at `position` end."""
    match = _space.match(text, position)
    return match.end() if match else position


def _field_complaint(text: str, position: int, path, opener) -> ParseError:
    """Say why no field can be read at `position`."""
    at = _skip_space(text, position)
    name = _match_name(text, at)
    if name is None:
        wanted = f'a field name or "{_CLOSER[opener]}"' if opener else "a field name"
        return complaint(text, at, f"expected {wanted}; found {_found(text, at)}", path)
    after = _skip_space(text, name.end())
    if not text.startswith(":", after):
        where = after if "\n" not in text[name.end() : after] and after < len(text) else at
        message = f'expected ":" or "{{" after "{shorten(name.group())}"; found {_found(text, after)}'
        return complaint(text, where, message, path)
    return _value_complaint(text, after + 1, path, f'for "{shorten(name.group())}"')


def _list_complaint(text: str, position: int, path, item_may_come: bool) -> ParseError:
    """Say why the list cannot go on at `position`."""
    if item_may_come:
        return _value_complaint(text, position, path, "in the list")
    at = _skip_space(text, position)
    return complaint(text, at, f'expected "," or "]" in the list; found {_found(text, at)}', path)


def _value_complaint(text: str, position: int, path, where: str) -> ParseError:
    at = _skip_space(text, position)
    if text[at : at + 1] in ('"', "'"):
        return complaint(text, at, f"the string {where} has no closing {text[at]} on its line", path)
    hint = " (text must be in quotes)" if text[at : at + 1] in tuple("./\\~$@%*") else ""
    return complaint(text, at, f"expected a value {where}; found {_found(text, at)}{hint}", path)


def _found(text: str, at: int) -> str:
    """What stands at `at`, for a message."""
    if at >= len(text):
        return "the end of the text"
    character = text[at]
    if "\udc80" <= character <= "\udcff":
        return f"the byte 0x{ord(character) - 0xDC00:02x}, which is not UTF-8"
    if character < " " or character == "\x7f":
        return f"the control character 0x{ord(character):02x}: not a text file?"
    if not character.isascii():
        return f"U+{ord(character):04X} ({unicodedata.name(character, 'unnamed')})"
    run = _run(text, at)
    return f'"{shorten(run.group() if run else character)}"' if character != '"' else "a string"
