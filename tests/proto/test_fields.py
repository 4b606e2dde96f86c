"""Field records say what the schema says, and every live name of the schema has help worth showing."""

import dataclasses
import json
import re

import pytest

from brewbench.proto import messages
from brewbench.proto.fields import Field, fields, help_of

LEGACY = {"V0LayerParameter", "V1LayerParameter"}
DESCRIPTORS = messages.pool.FindFileByName("caffe.proto").message_types_by_name
LIVE = sorted(set(DESCRIPTORS) - LEGACY)
LIVE_FIELDS = [
    pytest.param(message, field, id=f"{message}.{field.name}") for message in LIVE for field in fields(message)
]


def named(message: str, field: str) -> Field:
    return next(record for record in fields(message) if record.name == field)


def live_enums():
    yield messages.pool.FindEnumTypeByName("caffe.Phase")
    for name in LIVE:
        yield from DESCRIPTORS[name].enum_types


def assert_is_help(text: str, name: str) -> None:
    assert len(text) >= 15, f"{name}: {text!r} is too short"
    assert text.endswith(".") and not text.endswith(".."), f"{name}: {text!r} is no sentence"
    assert text[0].isupper(), f"{name}: {text!r} begins small"
    assert not re.search(r"[.!?] +[A-Z]", text), f"{name}: {text!r} is more than one sentence"
    assert text.strip(" .").lower() != name.rsplit(".", 1)[-1].lower()


@pytest.mark.parametrize(("message", "field"), LIVE_FIELDS)
def test_every_live_field_has_help(message, field):
    assert_is_help(field.help, f"{message}.{field.name}")
    assert help_of(message, field.name) == field.help


@pytest.mark.parametrize("message", sorted(DESCRIPTORS))
def test_every_message_has_help(message):
    assert_is_help(help_of(message), message)


def test_every_live_enum_and_value_has_help():
    for enum in live_enums():
        name = enum.full_name.removeprefix("caffe.")
        assert_is_help(help_of(name), name)
        for value in enum.values:
            assert_is_help(help_of(name, value.name), f"{name}.{value.name}")


@pytest.mark.parametrize(("message", "field"), LIVE_FIELDS)
def test_hints_fit_the_field(message, field):
    numeric = field.kind in ("int", "uint", "float")
    assert numeric or (field.min is None and field.max is None and not field.unit)
    if field.min is not None and field.max is not None:
        assert field.min < field.max
    if numeric and field.default is not None:
        assert field.min is None or field.min <= field.default
        assert field.max is None or field.default <= field.max
    assert field.kind == "string" or not field.suggestions
    if field.suggestions and field.default is not None:
        assert field.default in field.suggestions
    assert bool(field.choices) == (field.kind == "enum")
    if field.kind == "enum" and field.default is not None:
        assert field.default in [name for name, _ in field.choices]
    assert bool(field.message) == (field.kind == "message")
    assert not field.message or fields(field.message)


@pytest.mark.parametrize("message", sorted(DESCRIPTORS))
def test_records_agree_with_the_message_class(message):
    """What a record calls the default is what an empty message answers."""
    empty = getattr(messages, message)()
    assert {record.name for record in fields(message)} == set(DESCRIPTORS[message].fields_by_name)
    for record in fields(message):
        value = getattr(empty, record.name)
        assert record.repeated == hasattr(value, "extend")
        if record.default is None:
            continue
        if record.kind == "enum":
            enum = DESCRIPTORS[message].fields_by_name[record.name].enum_type
            assert value == enum.values_by_name[record.default].number
            continue
        assert type(value) is type(record.default)
        assert value == (pytest.approx(record.default) if record.kind == "float" else record.default)


def test_a_record_in_full():
    assert named("PoolingParameter", "stride").as_dict() == {
        "name": "stride",
        "kind": "uint",
        "repeated": False,
        "required": False,
        "default": 1,
        "choices": (),
        "help": help_of("PoolingParameter", "stride"),
        "min": 1,
        "max": None,
        "unit": "pixels",
        "advanced": False,
        "suggestions": (),
        "deprecated": False,
        "message": "",
    }


def test_kinds_defaults_and_hints():
    assert named("BatchNormParameter", "moving_average_fraction").default == 0.999
    assert named("SolverParameter", "delta").default == 1e-8
    assert named("SolverParameter", "base_lr").default is None
    assert named("ConvolutionParameter", "bias_term").default is True
    assert named("ConvolutionParameter", "kernel_size").repeated
    assert named("ConvolutionParameter", "kernel_size").min == 1
    assert named("ConvolutionParameter", "pad").min == 0
    assert named("ConvolutionParameter", "engine").advanced
    assert named("ConvolutionParameter", "weight_filler").message == "FillerParameter"
    ratio = named("DropoutParameter", "dropout_ratio")
    assert (ratio.kind, ratio.min, ratio.max, ratio.default) == ("float", 0, 1, 0.5)
    assert "multistep" in named("SolverParameter", "lr_policy").suggestions
    assert [name for name, _ in named("PoolingParameter", "pool").choices] == ["MAX", "AVE", "STOCHASTIC"]
    assert named("ClipParameter", "min").required
    assert named("Datum", "data").kind == "bytes"


def test_deprecated_fields_are_the_ones_an_upgrade_or_a_newer_field_replaced():
    found = {f"{message}.{field.name}" for message in LIVE for field in fields(message) if field.deprecated}
    transform = {"scale", "mean_file", "crop_size", "mirror"}
    data = {"DataParameter", "ImageDataParameter", "WindowDataParameter"}
    shapes = {"num", "channels", "height", "width"}
    assert found == (
        {f"{message}.{name}" for message in data for name in transform} - {"WindowDataParameter.scale"}
        | {f"{message}.{name}" for message in ("BlobProto", "DummyDataParameter") for name in shapes}
        | {f"NetParameter.{name}" for name in ("input", "input_shape", "input_dim", "layers")}
        | {"ConcatParameter.concat_dim", "SliceParameter.slice_dim", "LossParameter.normalize"}
        | {"SolverParameter.solver_type", "MultiBoxLossParameter.do_neg_mining"}
    )


@pytest.mark.parametrize("message", sorted(DESCRIPTORS))
def test_records_travel_as_json(message):
    for field in fields(message):
        copy = json.loads(json.dumps(field.as_dict()))
        assert list(copy) == [attribute.name for attribute in dataclasses.fields(Field)]
        assert copy["name"] == field.name and copy["default"] == field.default


def test_records_are_made_once_and_cannot_be_changed():
    assert fields("LRNParameter") is fields("LRNParameter")
    with pytest.raises(dataclasses.FrozenInstanceError):
        fields("LRNParameter")[0].name = "other"  # pyright: ignore[reportAttributeAccessIssue]


def test_unknown_names_are_refused():
    with pytest.raises(KeyError, match="no message 'ConvParameter'"):
        fields("ConvParameter")
    with pytest.raises(KeyError, match="no 'ConvolutionParameter.kernel'"):
        help_of("ConvolutionParameter", "kernel")
