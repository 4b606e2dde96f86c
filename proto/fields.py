"""What forms and help know of the schema: plain records of its fields, read from caffe.desc alone."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from .messages import pool

_KINDS = {
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
    FieldDescriptorProto.TYPE_DOUBLE: "float",
    FieldDescriptorProto.TYPE_ENUM: "enum",
    FieldDescriptorProto.TYPE_FLOAT: "float",
    FieldDescriptorProto.TYPE_INT32: "int",
    FieldDescriptorProto.TYPE_INT64: "int",
    FieldDescriptorProto.TYPE_MESSAGE: "message",
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_UINT32: "uint",
}

Scalar = bool | int | float | str


@dataclass(frozen=True)
class Field:
    """One field of a message, as a form needs it."""

    name: str
    kind: str
    """One of "bool", "int", "uint", "float", "string", "bytes", "enum" and "message"."""
    repeated: bool
    required: bool
    default: Scalar | None
    """What an unset field means; None where the schema names nothing. Of an enum, the name of the value."""
    choices: tuple[tuple[str, str], ...]
    """Of an enum: every value's name and help."""
    help: str
    min: float | None
    max: float | None
    unit: str
    """What the number counts, such as "pixels"; empty where it counts nothing."""
    advanced: bool
    """Rarely needed: a form may hide it at first."""
    suggestions: tuple[str, ...]
    """Of a string: values worth offering; others stay possible."""
    deprecated: bool
    """Found in old files only; a form need not offer it."""
    message: str
    """Of a message: the name of its type, to be passed to `fields`; else empty."""

    def as_dict(self) -> dict[str, Any]:
        """The record as plain values that JSON can carry."""
        return asdict(self)


@cache
def fields(message_name: str) -> tuple[Field, ...]:
    """The fields of a message such as "PoolingParameter", in the order a form should show them.

    Raises KeyError for a name that is not a message of the schema.
    """
    try:
        message = _messages()[message_name]
    except KeyError:
        raise KeyError(f"The schema has no message {message_name!r}.") from None
    return tuple(_record(message_name, field) for field in message.field)


def help_of(message_name: str, field: str | None = None) -> str:
    """The one-sentence help of a message, or of one of its fields.

    Enums and their values are found by dotted names: `help_of("PoolingParameter.PoolMethod", "AVE")`.
    Empty for what only legacy messages hold. Raises KeyError for a name that the schema does not have.
    """
    name = message_name if field is None else f"{message_name}.{field}"
    try:
        return _help()[name]
    except KeyError:
        raise KeyError(f"The schema has no {name!r}.") from None


def _record(message_name: str, field: FieldDescriptorProto) -> Field:
    kind = _KINDS[field.type]
    type_name = field.type_name.removeprefix(".caffe.")
    form = _form(field)
    number = float if kind == "float" else int
    minimum = number(form.min) if form.HasField("min") else (0 if kind == "uint" else None)
    maximum = number(form.max) if form.HasField("max") else None
    values = _enums()[type_name].value if kind == "enum" else ()
    return Field(
        name=field.name,
        kind=kind,
        repeated=field.label == FieldDescriptorProto.LABEL_REPEATED,
        required=field.label == FieldDescriptorProto.LABEL_REQUIRED,
        default=_default(kind, field.default_value) if field.HasField("default_value") else None,
        choices=tuple((value.name, help_of(type_name, value.name)) for value in values),
        help=help_of(message_name, field.name),
        min=minimum,
        max=maximum,
        unit=form.unit,
        advanced=form.advanced,
        suggestions=tuple(form.suggestion),
        deprecated=form.deprecated,
        message=type_name if kind == "message" else "",
    )


def _default(kind: str, text: str) -> Scalar:
    """A default as Python sees it, read from the text: a float32 would turn 0.999 into 0.99900001."""
    match kind:
        case "bool":
            return text == "true"
        case "int" | "uint":
            return int(text)
        case "float":
            return float(text)
        case _:
            return text


@cache
def _file() -> descriptor_pb2.FileDescriptorProto:
    """caffe.proto with its comments, which a descriptor pool does not keep."""
    content = Path(__file__).with_name("caffe.desc").read_bytes()
    files = descriptor_pb2.FileDescriptorSet.FromString(content).file
    return next(file for file in files if file.name == "caffe.proto")


@cache
def _messages() -> dict[str, descriptor_pb2.DescriptorProto]:
    return {message.name: message for message in _file().message_type}


@cache
def _enums() -> dict[str, descriptor_pb2.EnumDescriptorProto]:
    enums = {enum.name: enum for enum in _file().enum_type}
    for message in _file().message_type:
        enums.update({f"{message.name}.{enum.name}": enum for enum in message.enum_type})
    return enums


@cache
def _help() -> dict[str, str]:
    """Dotted name -> comment, of every message, field, enum and enum value; empty where there is none."""
    comments = {tuple(place.path): place.leading_comments for place in _file().source_code_info.location}
    return {name: comments.get(path, "") for name, path in _paths()}


def _paths() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every named thing of the schema with its path in the source info: field numbers and indices in turn."""
    for i, enum in enumerate(_file().enum_type):
        yield from _enum_paths(enum.name, enum, (5, i))
    for i, message in enumerate(_file().message_type):
        yield message.name, (4, i)
        for j, field in enumerate(message.field):
            yield f"{message.name}.{field.name}", (4, i, 2, j)
        for j, enum in enumerate(message.enum_type):
            yield from _enum_paths(f"{message.name}.{enum.name}", enum, (4, i, 4, j))


def _enum_paths(name: str, enum, path: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield name, path
    for i, value in enumerate(enum.value):
        yield f"{name}.{value.name}", (*path, 2, i)


@cache
def _options_class() -> Any:
    """FieldOptions as the schema's pool knows them: with the extension (brewbench.form)."""
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("google.protobuf.FieldOptions"))


def _form(field: FieldDescriptorProto) -> Any:
    """The (brewbench.form) option of a field; an empty one where none is written."""
    options = _options_class().FromString(field.options.SerializeToString())
    return options.Extensions[pool.FindExtensionByName("brewbench.form")]
