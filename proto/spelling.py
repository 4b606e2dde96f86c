"""How values are spelled in prototxt: from text to Python by the schema, and back as a person would write them."""

import math
import operator
import re
import struct
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from .syntax import LIST, MESSAGE, STRING, WORD, Node, literals, shorten

_SIGN = r"(-?)(?:[ \t\r\n\v\f]|#[^\n]*\n)*"  # a comment may stand between a minus and its number
_integer = re.compile(_SIGN + r"(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)").fullmatch
_float = re.compile(
    _SIGN + r"(?!0[0-9]+$)((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?|inf(?:inity)?|nan)",
    re.IGNORECASE,
).fullmatch
_identifier = re.compile(r"[A-Za-z_][A-Za-z_0-9]*").fullmatch

_INTEGER_RANGES = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}
_BOOLS = {"true": True, "True": True, "t": True, "1": True, "false": False, "False": False, "f": False, "0": False}

_escape_sequence = re.compile(
    r"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([abfnrtv\\?'\"])|(.))", re.DOTALL
)
_ESCAPES = {"a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v"}
_to_escape = re.compile(r"[\x00-\x1f\x7f\udc80-\udcff\\\"']")
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\"}


class FieldType(NamedTuple):
    """What reading and writing need to know of one field in the schema."""

    name: str
    repeated: bool
    read: Callable[[Node], Any]  # of a scalar; raises ValueError
    message: Descriptor | None  # of a message field
    descriptor: FieldDescriptor


@cache
def schema(descriptor: Descriptor) -> dict[str, FieldType]:
    """The fields of a message type by name."""
    return {
        field.name: FieldType(
            field.name, field.is_repeated, _reader(field), field.message_type, field
        )
        for field in descriptor.fields
    }


@cache
def required(descriptor: Descriptor) -> tuple[str, ...]:
    """The names of the fields that the message cannot do without."""
    return tuple(field.name for field in descriptor.fields if field.is_required)


@cache
def order(descriptor: Descriptor) -> dict[str, int]:
    """The rank of each field where people write them: names and blobs of a layer first, then as in the schema."""
    names = [field.name for field in descriptor.fields]
    names.sort(key=lambda name: name in ("layer", "layers"))  # the rest of a net stands above its layers
    if "bottom" in names:
        first = ["name", "type", "bottom", "top", "include", "exclude"]
        names = first + [name for name in names if name not in first]
    return {name: rank for rank, name in enumerate(names)}


@lru_cache(maxsize=4096)
def unknown_field(descriptor: Descriptor, name: str) -> str:
    """The message for a field that the schema does not have, with the nearest spelling."""
    near = _nearest(name, schema(descriptor))
    return f"{descriptor.name} has no field {shorten(name)!r}" + (f"; did you mean {near!r}?" if near else "")


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, if any is."""
    near = get_close_matches(name, known, 1) if len(name) < 60 else []
    return near[0] if near else None


def _reader(field: FieldDescriptor) -> Callable[[Node], Any]:
    """The function that turns a WORD or STRING node into the Python value of `field`."""
    kind = field.type
    if kind in _INTEGER_RANGES:
        low, high = _INTEGER_RANGES[kind]
        what = f"an integer from {low} to {high}"

        def read(node: Node) -> int:
            match = _integer(node.text) if len(node.text) < 1000 else None
            if match is None:
                raise _mismatch(node, what)
            sign, digits = match.groups()
            value = int(digits, 8 if digits[0] == "0" and digits[1:].isdigit() else 0)
            value = -value if sign else value
            if not low <= value <= high:
                raise _mismatch(node, what)
            return value

        return read
    if kind in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return _read_float
    if kind == FieldDescriptor.TYPE_BOOL:
        return _read_bool
    if kind == FieldDescriptor.TYPE_ENUM:
        assert field.enum_type is not None
        numbers = {value.name: value.number for value in field.enum_type.values}
        known = set(numbers.values())

        def read(node: Node) -> int:
            if node.kind is WORD:
                match = _integer(node.text)
                number = numbers.get(node.text) if match is None else int(match[1] + match[2], 0)
                if number in known:
                    return number
            choices = list(numbers)[:5] + (["..."] if len(numbers) > 5 else [])
            near = _nearest(node.text.strip("\"'").upper(), numbers)
            hint = f"; did you mean {near}?" if near else ""
            raise ValueError(f"{_mismatch(node, 'one of ' + ', '.join(choices))}{hint}")

        return read
    if kind == FieldDescriptor.TYPE_BYTES:
        return read_bytes
    return read_string


def _read_float(node: Node) -> float:
    match = _float(node.text)
    if match is None:
        raise _mismatch(node, "a number")
    sign, digits = match.groups()
    if digits[-1] in "fF" and digits[0] not in "iI":
        digits = digits[:-1]
    return -float(digits) if sign else float(digits)


def _read_bool(node: Node) -> bool:
    try:
        return _BOOLS[node.text]
    except KeyError:
        raise _mismatch(node, "true or false") from None


def read_string(node: Node) -> str:
    """The text of a STRING node. Bytes that are not UTF-8 stay as lone surrogates (`surrogateescape`)."""
    text = node.text
    if node.kind is STRING and "\\" not in text and text.count(text[0]) == 2 and text[-1] == text[0]:
        return text[1:-1]
    return read_bytes(node).decode("utf-8", "surrogateescape")


def read_bytes(node: Node) -> bytes:
    """The bytes of a STRING node: its literals unescaped and joined."""
    if node.kind is not STRING:
        hint = f' (write "{node.text}")' if node.kind is WORD else ""
        raise ValueError(f"expected a string in quotes; found {_as_found(node)}{hint}")
    return b"".join(_unescape(literal[1:-1]) for literal in literals(node.text))


def _unescape(text: str) -> bytes:
    parts, position = [], 0
    for match in _escape_sequence.finditer(text):
        if match.start() < position:  # the second half of a surrogate pair
            continue
        parts.append(text[position : match.start()].encode("utf-8", "surrogateescape"))
        position = match.end()
        octal, hexadecimal, short, long, simple, _ = match.groups()
        if octal or hexadecimal:
            parts.append(bytes([int(octal, 8) & 0xFF if octal else int(hexadecimal, 16)]))
        elif short or long:
            code = int(short or long, 16)
            if 0xD800 <= code < 0xDC00:
                low = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})").match(text, position)
                if low:
                    code = 0x10000 + ((code - 0xD800) << 10) + int(low[1], 16) - 0xDC00
                    position = low.end()
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise ValueError(f"{match[0]} is not a Unicode character")
            parts.append(chr(code).encode())
        elif simple:
            parts.append(_ESCAPES.get(simple) or simple.encode())
        else:
            raise ValueError(f'"{match[0]}" is not an escape sequence; write a backslash as two')
    parts.append(text[position:].encode("utf-8", "surrogateescape"))
    return b"".join(parts)


def _mismatch(node: Node, what: str) -> ValueError:
    return ValueError(f"expected {what}; found {_as_found(node)}")


def _as_found(node: Node) -> str:
    """What a node is, for a message."""
    if node.kind in (MESSAGE, LIST):
        return f"a {node.kind}"
    return shorten(node.text)


def given_twice(name: str) -> str:
    """What to say of a field that Caffe takes once; of those that are there the last is shown."""
    return f"{name} is given twice, where it can be given once: take one of them away"


def read_message(message: Message, nodes: list[Node], problems: list, path: tuple = (), offset: int = 0) -> None:
    """Fill `message` from `nodes`; what does not fit the schema is left out and told in `problems`.

    `problems` receives (offset, text, path, severity), where `path` starts with the given one; `offset` is the
    place of the message itself.
    """
    fields = schema(message.DESCRIPTOR)
    seen: dict[str, int] = {}
    for node in nodes:
        name = node.name
        field = fields.get(name)
        if field is None:
            problems.append((node.start, unknown_field(message.DESCRIPTOR, name), (*path, name), "error"))
            continue
        count = seen.get(name, 0)
        if field.repeated:
            items = node.children if node.kind is LIST else (node,)
            seen[name] = count + len(items)
        else:
            items = (node,)
            seen[name] = 1
            if count:
                problems.append((node.start, given_twice(name), (*path, name), "error"))
                message.ClearField(name)  # type: ignore[arg-type]
        for index, item in enumerate(items, count):
            try:
                if field.message is None:
                    value = field.read(item)
                    if value.__class__ is str and not value.isascii():
                        value = _valid(value, item, problems, _path(path, field, index))
                    if field.repeated:
                        getattr(message, name).append(value)
                    else:
                        setattr(message, name, value)
                elif item.kind is MESSAGE:
                    child = getattr(message, name)
                    if field.repeated:
                        child = child.add()
                    else:
                        child.SetInParent()
                    read_message(child, item.children, problems, _path(path, field, index), item.start)
                else:
                    raise ValueError(f"expected a message {{ ... }}; found {_as_found(item)}")
            except ValueError as error:
                problems.append((item.value_start, f"{name}: {error}", _path(path, field, index), "error"))
    for name in required(message.DESCRIPTOR):
        if name not in seen:
            text = f"{message.DESCRIPTOR.name} needs the field {name!r}"
            problems.append((offset, text, (*path, name), "error"))


def _path(path: tuple, field: FieldType, index: int) -> tuple:
    return (*path, field.name, index) if field.repeated else (*path, field.name)


def _valid(value: str, node: Node, problems: list, path: tuple) -> str:
    """`value`, with a warning and replacement characters where its bytes are not UTF-8."""
    data = value.encode("utf-8", "surrogateescape")
    try:
        return data.decode()
    except UnicodeDecodeError:
        problems.append((node.value_start, f"{node.name}: the string is not UTF-8", path, "warning"))
        return data.decode("utf-8", "replace")


def guess(node: Node) -> Any:
    """The Python value of a node that no schema describes: text, number, bool, dict or list."""
    if node.kind is LIST:
        return [guess(child) for child in node.children]
    if node.kind is MESSAGE:
        names = [child.name for child in node.children]
        value: dict[str, Any] = {}
        for child in node.children:
            if names.count(child.name) == 1:
                value[child.name] = guess(child)
            else:
                found = guess(child)
                value.setdefault(child.name, []).extend(found if child.kind is LIST else [found])
        return value
    if node.kind is STRING:
        try:
            return read_string(node)
        except ValueError:
            return node.text
    match = _integer(node.text) if len(node.text) < 1000 else None
    if match:
        digits = match[2]
        return (-1 if match[1] else 1) * int(digits, 8 if digits[0] == "0" and digits[1:].isdigit() else 0)
    try:
        return _read_float(node)
    except ValueError:
        return _BOOLS[node.text] if node.text in ("true", "false") else node.text


def value_of(node: Node, field: FieldType | None) -> Any:
    """The Python value of an element: by the schema (an enum by its name), or guessed where that does not fit."""
    if field is None:
        return guess(node)
    if field.message is not None:
        if node.kind is not MESSAGE:
            return guess(node)
        message = GetMessageClass(field.message)()
        read_message(message, node.children, [])
        return message
    try:
        value = field.read(node)
    except ValueError:
        return guess(node)
    if field.descriptor.enum_type is not None:
        return field.descriptor.enum_type.values_by_number[value].name
    return value


class Style(NamedTuple):
    """How a stretch of text is written, so that what is added looks like what is there."""

    colon: str = ": "  # between a scalar's name and value
    opener: str = " {"  # between a message's name and its first field
    quote: str = '"'
    indent: str = "  "  # of one level

    @property
    def closer(self) -> str:
        return ">" if self.opener.endswith("<") else "}"


def write(field: FieldType, value: Any, style: Style) -> str:
    """The text of a scalar `value`. Raises ValueError where the field cannot hold it.

    For a number, a bool or an enum a str is the spelling itself ("1e-3"), and stays as it is.
    """
    kind = field.descriptor.type
    if kind in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        if isinstance(value, bytes):
            value = value.decode("utf-8", "surrogateescape")
        if not isinstance(value, str):
            raise ValueError(f"{field.name}: expected a str; got {value!r}")
        return write_string(value, style.quote)
    if isinstance(value, str):
        text = value.strip()
    elif kind == FieldDescriptor.TYPE_BOOL:
        text = {"1": "true", "0": "false"}.get(str(value), str(value).lower())
    elif isinstance(value, bool):
        text = str(value)
    elif field.descriptor.enum_type is not None:
        names = {number: member.name for number, member in field.descriptor.enum_type.values_by_number.items()}
        text = names.get(_whole(value), str(value))
    elif kind in _INTEGER_RANGES:
        text = str(_whole(value))
    else:
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"{field.name}: expected a number; got {value!r}") from None
        text = write_float(number, single=kind == FieldDescriptor.TYPE_FLOAT)
    try:
        field.read(Node("", WORD, 0, 0, 0, text))
    except ValueError as error:
        raise ValueError(f"{field.name}: {error}") from None
    return text


def _whole(value: Any) -> Any:
    """`value` as an int if it is one of any kind, NumPy's too; else `value`'s text, which no integer field takes."""
    try:
        return operator.index(value)
    except TypeError:
        return str(value)


def write_float(value: float, single: bool = True) -> str:
    """The shortest decimal that reads back as the same number (the same float32 where `single`).

    >>> write_float(0.009999999776482582), write_float(1e-8), write_float(20.0)
    ('0.01', '1e-8', '20')
    """
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    text = repr(value)
    if single:
        try:
            wanted = struct.pack("<f", value)
        except OverflowError:
            raise ValueError(f"{value!r} is beyond the range of a float") from None
        for digits in range(1, 10):
            text = f"{value:.{digits}g}"
            try:
                if struct.pack("<f", float(text)) == wanted:
                    break
            except OverflowError:  # rounded up beyond the range: takes more digits
                continue
    if abs(value) < 1e9 and float(text) == int(float(text)):
        return f"{float(text):.0f}"
    mantissa, e, exponent = text.partition("e")
    return mantissa.removesuffix(".0") + (f"e{int(exponent)}" if e else "")


def write_string(value: str, quote: str = '"') -> str:
    """`value` in quotes. Characters beyond ASCII stay readable; bytes that are not UTF-8 are escaped."""

    def escape(match: re.Match) -> str:
        character = match[0]
        if character in "\"'":
            return "\\" + character if character == quote else character
        code = ord(character) - 0xDC00 if character >= "\udc80" else ord(character)
        return _SHORT_ESCAPES.get(character) or f"\\{code:03o}"

    text = quote + _to_escape.sub(escape, value) + quote
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{value!r} holds half a surrogate pair, which UTF-8 cannot write") from None
    return text


def write_lines(message: Message, style: Style) -> list[str]:
    """The fields of `message`, one a line; the nested ones indented."""
    fields, ranks = schema(message.DESCRIPTOR), order(message.DESCRIPTOR)
    lines: list[str] = []
    for descriptor, value in sorted(message.ListFields(), key=lambda item: ranks[item[0].name]):
        field = fields[descriptor.name]
        for item in value if field.repeated else (value,):
            if field.message is None:
                lines.append(field.name + style.colon + write(field, item, style))
            else:
                inner = write_lines(item, style)
                plain = all(d.is_repeated and d.message_type is None for d, _ in item.ListFields())
                lines += wrap(field.name, inner, style, inline=plain)  # a shape reads best on one line
    return lines


def wrap(name: str, lines: list[str], style: Style, inline: bool = False) -> list[str]:
    """The lines of a message field around those of its content."""
    if inline:
        return [" ".join([name + style.opener, *lines, style.closer])]
    return [name + style.opener, *(style.indent + line for line in lines), style.closer]


def new_message(descriptor: Descriptor, value: Any) -> Message:
    """A message of the given type from a message or a dict of its fields. Raises ValueError where it does not fit."""
    if isinstance(value, Message):
        if value.DESCRIPTOR.full_name != descriptor.full_name:
            raise ValueError(f"expected a {descriptor.name}; got a {value.DESCRIPTOR.name}")
        return value
    try:
        return GetMessageClass(descriptor)(**value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected a {descriptor.name} or a dict of its fields; got {value!r} ({error})") from None
