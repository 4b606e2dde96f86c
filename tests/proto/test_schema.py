"""caffe.proto is Caffe's schema exactly, and a listed part of its forks'; its files are fresh, its classes private."""

import ast
import csv
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from brewbench.proto import generate, messages
from brewbench.proto.fields import help_of

PROTO = Path(generate.__file__).parent
DATA = Path(__file__).parent / "data"

Row = tuple[str, str, int, str, str, object, str]


def default_value(kind: str, text: str) -> object:
    """A default as a value: of a float the single, so that 1e-5, 1e-05 and 9.99999975e-06 are the same."""
    return struct.pack("f", float(text)) if kind == "float" and text else text


def listed_rows(name: str) -> set[Row]:
    with (DATA / name).open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {
        (
            row["message"],
            row["field"],
            int(row["number"]),
            row["label"],
            row["type"],
            default_value(row["type"], row["default"]),
            row["option"] or "",
        )
        for row in rows
    }


def golden_rows() -> set[Row]:
    return listed_rows("schema.tsv")


def fork_rows() -> set[Row]:
    return listed_rows("forks.tsv")


def enum_rows(name: str, enum: descriptor_pb2.EnumDescriptorProto) -> set[Row]:
    return {(name, value.name, value.number, "enum", "", "", "") for value in enum.value}


def field_row(message: str, field: FieldDescriptorProto) -> Row:
    kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    if kind in ("message", "enum"):
        kind = field.type_name.removeprefix(".caffe.")
    label = FieldDescriptorProto.Label.Name(field.label).removeprefix("LABEL_").lower()
    options = [name for name in ("packed", "deprecated", "lazy", "weak") if getattr(field.options, name)]
    default = default_value(kind, field.default_value)
    return (message, field.name, field.number, label, kind, default, ",".join(options))


def our_rows() -> set[Row]:
    file = descriptor_pb2.FileDescriptorProto()
    messages.pool.FindFileByName("caffe.proto").CopyToProto(file)
    assert file.package == "caffe" and file.syntax in ("", "proto2")
    assert not file.extension
    rows: set[Row] = set()
    for enum in file.enum_type:
        rows |= enum_rows(enum.name, enum)
    for message in file.message_type:
        assert not (message.nested_type or message.extension or message.oneof_decl), message.name
        rows |= {field_row(message.name, field) for field in message.field}
        for enum in message.enum_type:
            rows |= enum_rows(f"{message.name}.{enum.name}", enum)
    return rows


def test_schema_has_everything_of_caffe():
    assert golden_rows() - our_rows() == set()


def test_schema_has_nothing_that_caffe_does_not_but_what_is_listed_as_forks():
    assert our_rows() - golden_rows() == fork_rows()


ADDED_TO_SETTINGS = {
    "DropoutParameter": {"scale_train"},
    "ImageDataParameter": {"new_dim", "bicubic"},
    "PoolingParameter": {"ceil_mode"},
    "SolverParameter": {"eval_type", "ap_version", "show_per_class_result", "plateau_winsize", "stepearly"},
    "TransformationParameter": {
        *("resize_param", "noise_param", "emit_constraint", "crop_h", "crop_w", "distort_param", "expand_param")
    },
    "V1LayerParameter.LayerType": {"CROP"},
}


def test_forks_add_to_caffes_messages_only_what_is_told_here_and_settings_of_their_layers():
    caffes = {row[0] for row in golden_rows()}
    added = {row for row in fork_rows() if row[0] in caffes}
    assert {(row[0], row[1]) for row in added if row[0] != "LayerParameter"} == {
        (message, field) for message, names in ADDED_TO_SETTINGS.items() for field in names
    }
    of_layers = {row[4] for row in added if row[0] == "LayerParameter"}
    assert of_layers - {"ReLUParameter", "string"} <= {row[0] for row in fork_rows()} - caffes


def test_what_nvcaffe_writes_in_the_same_numbers_is_not_read_as_a_forks_field():
    """NVCaffe's TransformationParameter: use_gpu_transform, random_seed, img_rand_resize_*, rand_resize_ratio_*, ..."""
    single = struct.pack("<f", 1.25)
    written = b"".join(
        bytes([number << 3 | wire]) + value
        for number, wire, value in (
            *((8, 0, b"\x01"), (9, 0, b"\x2a"), (10, 0, b"\x80\x02"), (11, 0, b"\xe0\x03")),
            *((12, 5, single), (13, 5, single), (14, 5, single)),
        )
    )
    settings = messages.TransformationParameter.FromString(b"\x18\xe3\x01" + written)
    assert [field.name for field, _ in settings.ListFields()] == ["crop_size"] and settings.crop_size == 227
    images = messages.ImageDataParameter.FromString(b"\x70\x04")  # threads: 4
    assert not images.ListFields()


def test_help_marks_the_fields_of_forks():
    caffes = {row[0] for row in golden_rows()}
    for message, field, *_ in fork_rows():
        if message in caffes:
            assert help_of(message, field).startswith("Not BVLC's: "), field


def test_default_comparison_sees_a_changed_default():
    assert default_value("float", "1e-5") == default_value("float", "9.99999975e-06")
    assert default_value("float", "1e-5") != default_value("float", "1.00001e-5")


def test_generated_files_are_fresh():
    for name, content in generate.generated().items():
        assert (PROTO / name).read_bytes() == content, f"{name}: run python -m brewbench.proto.generate"


def test_check_reports_stale_files_and_leaves_them(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(generate, "_HERE", tmp_path)
    monkeypatch.setattr(generate, "generated", lambda: {"caffe.desc": b"new"})
    (tmp_path / "caffe.desc").write_bytes(b"old")
    assert generate.main(["--check"]) == 1
    assert "caffe.desc" in capsys.readouterr().err
    assert (tmp_path / "caffe.desc").read_bytes() == b"old"
    assert generate.main([]) == 0
    assert (tmp_path / "caffe.desc").read_bytes() == b"new"
    assert generate.main(["--check"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["caffe.desc"]


def test_a_broken_schema_is_refused(monkeypatch, tmp_path, capfd):
    (tmp_path / "caffe.proto").write_text('syntax = "proto2"; message Net { optional Blob x = 1; }')
    monkeypatch.setattr(generate, "_HERE", tmp_path)
    with pytest.raises(RuntimeError, match="protoc refused"):
        generate.generated()
    assert "Blob" in capfd.readouterr().err


def test_module_exposes_what_the_stubs_declare():
    declared = set()
    for node in ast.parse((PROTO / "messages.pyi").read_text()).body:
        if isinstance(node, ast.ClassDef):
            declared.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            declared.add(ast.unparse(node.target))
    top_level = {row[0].split(".")[0] for row in golden_rows() | fork_rows()}
    assert declared == top_level | {"TRAIN", "TEST", "pool"}
    assert all(hasattr(messages, name) for name in declared)
    assert messages.TRAIN == messages.Phase.Value("TRAIN") == 0
    assert messages.V1LayerParameter.RELU == 18


PRIVATE = """
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

def load_other():
    other = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe")
    other.message_type.add(name="NetParameter").field.add(name="other", number=1, type=5, label=1)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(other.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe.NetParameter"))

if {first}:
    Other = load_other()
from brewbench.proto.messages import NetParameter
if not {first}:
    Other = load_other()
assert Other(other=3).other == 3
assert NetParameter(name="ours").name == "ours"
assert "other" not in NetParameter.DESCRIPTOR.fields_by_name
"""


@pytest.mark.parametrize("first", [True, False])
def test_another_caffe_package_does_not_clash(first):
    command = [sys.executable, "-c", PRIVATE.format(first=first)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
