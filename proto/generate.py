"""Writes caffe.desc and messages.pyi from caffe.proto: `python -m brewbench.proto.generate [--check]`."""

# Nothing of the package is imported here: `python proto/generate.py` works where caffe.desc is missing or broken.

import argparse
import os
import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

_HERE = Path(__file__).parent

_STUB_HEADER = '''\
# Generated from caffe.proto by `python -m brewbench.proto.generate`; do not edit.
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal.containers import RepeatedCompositeFieldContainer, RepeatedScalarFieldContainer
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

pool: DescriptorPool
'''

_PYTHON_TYPES = {
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
    FieldDescriptorProto.TYPE_DOUBLE: "float",
    FieldDescriptorProto.TYPE_ENUM: "int",
    FieldDescriptorProto.TYPE_FLOAT: "float",
    FieldDescriptorProto.TYPE_INT32: "int",
    FieldDescriptorProto.TYPE_INT64: "int",
    FieldDescriptorProto.TYPE_STRING: "str",
    FieldDescriptorProto.TYPE_UINT32: "int",
}


def generated() -> dict[str, bytes]:
    """The content every generated file should have, by file name. Needs grpcio-tools."""
    files = _compile()
    schema = next(file for file in files.file if file.name == "caffe.proto")
    return {
        "caffe.desc": files.SerializeToString(deterministic=True),
        "messages.pyi": _stubs(schema).encode(),
    }


def _compile() -> descriptor_pb2.FileDescriptorSet:
    """Run protoc over caffe.proto and keep of the source info only what fields.py reads: the comments."""
    import grpc_tools
    from grpc_tools import protoc

    well_known = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "caffe.desc"
        arguments = ["protoc", f"-I{_HERE}", f"-I{well_known}", "--include_imports", "--include_source_info"]
        status = protoc.main([*arguments, f"--descriptor_set_out={output}", "caffe.proto"])
        if status != 0:
            raise RuntimeError(f"protoc refused caffe.proto (exit status {status}); its message is above.")
        files = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes())
    for file in files.file:
        _strip(file)
    return files


def _strip(file: descriptor_pb2.FileDescriptorProto) -> None:
    """Remove line numbers, JSON names, and every comment outside caffe.proto."""
    locations = list(file.source_code_info.location)
    file.ClearField("source_code_info")
    if file.name == "caffe.proto":
        for location in locations:
            if location.leading_comments:
                text = " ".join(location.leading_comments.split())
                file.source_code_info.location.add(path=location.path, leading_comments=text)
    for message in file.message_type:
        for field in message.field:
            field.ClearField("json_name")


def _stubs(file: descriptor_pb2.FileDescriptorProto) -> str:
    """The text of messages.pyi: one class per message and enum, with the help as docstrings."""
    comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
    parts = [_STUB_HEADER]
    for i, enum in enumerate(file.enum_type):
        parts.append("\n" + "\n".join(_enum_stub(enum, comments, (5, i), enum.name)))
        parts.append("\n".join(f"{value.name}: {enum.name}" for value in enum.value) + "\n")
    for i, message in enumerate(file.message_type):
        parts.append("\n" + "\n".join(_message_stub(message, comments, (4, i))) + "\n")
    return "\n".join(parts)


def _enum_stub(enum, comments, path: tuple[int, ...], name: str) -> list[str]:
    lines = [f"class {enum.name}(int, metaclass=EnumTypeWrapper):", *_docstring(comments.get(path))]
    for i, value in enumerate(enum.value):
        lines += [f"    {value.name}: ClassVar[{name}]", *_docstring(comments.get((*path, 2, i)))]
    return lines


def _message_stub(message, comments, path: tuple[int, ...]) -> list[str]:
    lines = [f"class {message.name}(Message):", *_docstring(comments.get(path))]
    for i, enum in enumerate(message.enum_type):
        name = f"{message.name}.{enum.name}"
        lines += ["    " + line for line in _enum_stub(enum, comments, (*path, 4, i), name)]
        lines += [f"    {value.name}: ClassVar[{name}]" for value in enum.value]
    arguments = []
    for i, field in enumerate(message.field):
        attribute, argument = _types(field)
        lines += [f"    {field.name}: {attribute}", *_docstring(comments.get((*path, 2, i)))]
        arguments.append(f"        {field.name}: {argument} | None = ...,")
    return [*lines, "    def __init__(", "        self,", "        *,", *arguments, "    ) -> None: ..."]


def _types(field: FieldDescriptorProto) -> tuple[str, str]:
    """What reading a field gives, and what the constructor takes for it."""
    name = _PYTHON_TYPES.get(field.type) or field.type_name.removeprefix(".caffe.")
    given = name
    if field.type == FieldDescriptorProto.TYPE_MESSAGE:
        given = f"{name} | Mapping[str, Any]"
    elif field.type == FieldDescriptorProto.TYPE_ENUM:
        given = "int | str"
    if field.label != FieldDescriptorProto.LABEL_REPEATED:
        return name, given
    composite = field.type == FieldDescriptorProto.TYPE_MESSAGE
    container = "RepeatedCompositeFieldContainer" if composite else "RepeatedScalarFieldContainer"
    return f"{container}[{name}]", f"Iterable[{given}]"


def _docstring(comment: str | None) -> list[str]:
    return [f'    """{comment}"""'] if comment else []


def _write(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def main(argv: list[str] | None = None) -> int:
    """Write the generated files; with --check, only say which differ. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m brewbench.proto.generate", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is stale")
    check = parser.parse_args(argv).check
    stale = 0
    for name, content in generated().items():
        path = _HERE / name
        if path.exists() and path.read_bytes() == content:
            continue
        stale += 1
        if not check:
            _write(path, content)
        print(f"{name}: {'stale' if check else 'written'}", file=sys.stderr)
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
