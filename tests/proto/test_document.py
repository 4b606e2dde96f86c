"""Document: bytes that survive, edits that touch only their field, undo, positions, problems, messages."""

import os
import random
import stat
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

import brewbench.proto.edited as edited_module
from brewbench.proto.document import Change, Document
from brewbench.proto.errors import ParseError
from brewbench.proto.messages import LayerParameter, NetParameter, SolverParameter, V1LayerParameter
from brewbench.proto.spelling import write_float, write_string

NETS = Path(__file__).parent / "nets"
SMALL = (NETS / "small.prototxt").read_text()
CONV = ("layer", 1, "convolution_param")


def edited(edit, text=SMALL, kind=None):
    """The text after an edit, having checked that undo, redo and a fresh reading agree with it."""
    document = Document.parse(text, kind)
    edit(document)
    after = document.text
    fresh = Document.parse(after, document.kind)
    assert document.message == fresh.message
    assert document.problems == fresh.problems
    assert document.layers == fresh.layers
    while document.undo():
        pass
    assert document.text == text
    while document.redo():
        pass
    assert document.text == after
    return after


def replaced(old, new, text=SMALL):
    """`text` with the one place where it says `old` changed."""
    assert text.count(old) == 1
    return text.replace(old, new)


# Bytes

ODD_BYTES = [
    b"",
    b"\n",
    b"# only a comment",
    b"\xef\xbb\xbfname: 'x'\n",
    b"\xef\xbb\xbf",
    b'name: "x"\r\nlayer {\r\n\tname: "y"\r\n}\r\n',
    b'name: "x"\r\n# mixed\nlayer {}\r',
    b'name: "x"  \t',
    b"# caf\xe9 \xff\xfe\nname: 'caf\xc3\xa9'",
    b"name: 'latin caf\xe9'",
    b"name: 'x';;"[:-1],
]


@pytest.mark.parametrize("data", ODD_BYTES)
def test_open_and_save_keep_every_byte(data, tmp_path):
    (tmp_path / "a.prototxt").write_bytes(data)
    document = Document.open(tmp_path / "a.prototxt")
    document.save(tmp_path / "b.prototxt")
    assert (tmp_path / "b.prototxt").read_bytes() == data
    assert not document.dirty


def test_save_is_whole_keeps_the_mode_and_follows_links(tmp_path):
    file, link = tmp_path / "net.prototxt", tmp_path / "link.prototxt"
    file.write_text(SMALL)
    file.chmod(0o640)
    link.symlink_to(file)
    document = Document.open(link)
    document.set(("name",), "other")
    assert document.dirty
    document.save()
    assert not document.dirty
    assert link.is_symlink()
    assert file.read_text() == replaced('name: "small"', 'name: "other"')
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link.prototxt", "net.prototxt"]
    document.undo()
    assert document.dirty
    document.redo()
    assert not document.dirty


def test_a_failing_save_leaves_the_file(tmp_path, monkeypatch):
    file = tmp_path / "net.prototxt"
    file.write_text(SMALL)
    document = Document.open(file)
    document.clear(("name",))

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="the disk is full"):
        document.save()
    assert document.dirty
    assert file.read_text() == SMALL
    assert os.listdir(tmp_path) == ["net.prototxt"]


def test_what_cannot_be_opened_says_so_in_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="^.*none.prototxt: there is no such file$"):
        Document.open(tmp_path / "none.prototxt")
    with pytest.raises(IsADirectoryError, match="^.*: this is a folder, not a prototxt file$"):
        Document.open(tmp_path)
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    with pytest.raises(ParseError, match="cat.png:1:1: expected a field name; found the byte 0x89"):
        Document.open(picture)
    with pytest.raises(ValueError, match="has no file yet"):
        Document.parse(SMALL).save()
    with pytest.raises(ValueError, match="kind must be"):
        Document.parse(SMALL, kind="blob")
    with pytest.raises(ParseError, match="1:4: half a surrogate pair"):
        Document.parse("# a\ud800")


# Messages

SAMPLES = sorted(NETS.glob("*.prototxt"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_message_is_what_protobuf_reads(path):
    document = Document.open(path)
    kind = SolverParameter if path.stem == "solver" else NetParameter
    assert document.kind == ("solver" if path.stem == "solver" else "net")
    text = document.text
    if path.stem == "spellings":  # protobuf's Python parser misses two spellings that its C++ parser takes
        text = text.replace("1stride", "1 stride").replace("- # low\n      inf", "-inf").replace("- 4", "-4")
    expected = text_format.Parse(text, kind())
    assert document.problems == []
    assert isinstance(document.message, kind)
    assert document.message.SerializeToString() == expected.SerializeToString()


def test_kind_is_told_by_the_fields():
    assert Document.parse("base_lr: 1").kind == "solver"
    assert Document.parse("layer {}").kind == "net"
    assert Document.parse("").kind == "net"
    assert Document.parse("", kind="solver").kind == "solver"


def test_a_message_once_given_is_not_changed_by_later_edits():
    document = Document.parse(SMALL)
    before = document.message
    assert document.message is before
    document.set((*CONV, "num_output"), 24)
    assert before.layer[1].convolution_param.num_output == 20
    assert document.message.layer[1].convolution_param.num_output == 24


def test_string_escapes():
    text = r"""name: "\a\b\f\n\r\t\v\\\?\'\"\7\101\x4a\X4B\u00e9\U0001f600\uD83d\ude00" """
    assert Document.parse(text).message.name == "\a\b\f\n\r\t\v\\?'\"\7AJKé😀😀"
    for bad in (r"C:\dir", r"\ud83d", r"\U00110000", r"\udc00\ud800"):
        (problem,) = Document.parse(f'name: "{bad}"').problems
        assert problem.column == 7
        assert "escape" in problem.message or "not a Unicode character" in problem.message


# Problems


@pytest.mark.parametrize(
    ("text", "line", "column", "path", "message"),
    [
        ("nmae: 'x'", 1, 1, ("nmae",), "NetParameter has no field 'nmae'; did you mean 'name'?"),
        ("layer {\n  zzz { a: 1 }\n}", 2, 3, ("layer", 0, "zzz"), "LayerParameter has no field 'zzz'"),
        ("layer {}\nlayer { nam: '' }", 2, 9, ("layer", 1, "nam"), "did you mean 'name'"),
        ("name: 'a' name: 'b'", 1, 11, ("name",), "name is given twice, where it can be given once"),
        ("layer { name: 'a'\nname: 'b' }", 2, 1, ("layer", 0, "name"), "name is given twice"),
        ("input_dim: 1.5", 1, 12, ("input_dim", 0), "expected an integer from -2147483648 to 2147483647; found 1.5"),
        ("input_dim: [1, 089]", 1, 16, ("input_dim", 1), "expected an integer"),
        ("input_dim: 99999999999", 1, 12, ("input_dim", 0), "expected an integer"),
        ("layer { convolution_param { num_output: -1 } }", 1, 41, (*("layer", 0, "convolution_param"), "num_output"),
         "num_output: expected an integer from 0 to 4294967295; found -1"),
        ("layer { convolution_param { num_output: [1] } }", 1, 41, ("layer", 0, "convolution_param", "num_output"),
         "found a list"),
        ("layer { loss_weight: fast }", 1, 22, ("layer", 0, "loss_weight", 0), "expected a number; found fast"),
        ("layer { loss_weight: 010 }", 1, 22, ("layer", 0, "loss_weight", 0), "expected a number; found 010"),
        ("force_backward: yes", 1, 17, ("force_backward",), "expected true or false; found yes"),
        ("name: small", 1, 7, ("name",), 'expected a string in quotes; found small (write "small")'),
        ("name: { a: 1 }", 1, 7, ("name",), "expected a string in quotes; found a message"),
        ("layer: 3", 1, 8, ("layer", 0), "layer: expected a message { ... }; found 3"),
        ("state { phase: TRIAN }", 1, 16, ("state", "phase"),
         "phase: expected one of TRAIN, TEST; found TRIAN; did you mean TRAIN?"),
        ("state { phase: 7 }", 1, 16, ("state", "phase"), "expected one of TRAIN, TEST; found 7"),
        ("layer {\n  clip_param { min: 0 }\n}", 2, 3, ("layer", 0, "clip_param", "max"), "needs the field 'max'"),
    ],
)  # fmt: skip
def test_problems_have_a_place_a_path_and_a_hint(text, line, column, path, message):
    (problem,) = Document.parse(text, kind="net").problems
    assert (problem.line, problem.column, problem.path) == (line, column, path)
    assert message in problem.message
    assert problem.severity == "error"


def test_problems_leave_the_rest_of_the_message():
    document = Document.parse("name: 'a'\nlayer { name: 'l' top: 3 top: 't' typ: 'x' }\nname: 'b' foo: 1 input: 5")
    assert document.message == NetParameter(name="b", layer=[LayerParameter(name="l", top=["t"])])
    assert [problem.line for problem in document.problems] == [2, 2, 3, 3, 3]


def test_bytes_that_are_not_utf8_are_only_a_warning():
    document = Document.parse(b"layer {}\nlayer { top: 'a' top: 'caf\xe9' }")
    (problem,) = document.problems
    assert (problem.severity, problem.line, problem.path) == ("warning", 2, ("layer", 1, "top", 1))
    assert list(document.message.layer[1].top) == ["a", "caf\ufffd"]


# Places


def test_layers():
    records = Document.parse(SMALL).layers
    assert [(r.index, r.name, r.type, r.bottom, r.top, r.line) for r in records] == [
        (0, "data", "Input", (), ("data",), 3),
        (1, "conv1", "Convolution", ("data",), ("conv1",), 10),
        (2, "relu1", "ReLU", ("conv1",), ("conv1",), 23),
    ]
    old = Document.open(NETS / "old.prototxt").layers
    assert [(r.name, r.type, r.bottom, r.path) for r in old] == [
        ("conv1", "conv", ("data",), ("layers", 0)),
        ("relu1", "RELU", ("conv1",), ("layers", 1)),
    ]
    listed = Document.parse("layer: [{name: 'a' top: ['x', 'y']}, {type: 'Odd' bar: 1}]").layers
    assert [(r.name, r.type, r.top, r.path) for r in listed] == [
        ("a", "", ("x", "y"), ("layer", 0)), ("", "Odd", (), ("layer", 1)),
    ]  # fmt: skip


def test_positions_and_spans():
    document = Document.parse(SMALL)
    assert document.position(("layer", 1)) == (10, 1)
    assert document.position((*CONV, "kernel_size", 0)) == (18, 5)
    assert document.line((*CONV, "stride")) == 16  # not written: its parent's
    assert document.line(("layer", 7, "name")) == 1
    start, end = document.span((*CONV, "weight_filler", "type"))
    assert SMALL[start:end] == 'type: "xavier"'
    assert document.span((*CONV, "stride")) is None
    start, end = document.span(("layer", 0, "input_param", "shape", 0, "dim"))
    assert SMALL[start:end] == "dim: 64 dim: 1 dim: 28 dim: 28"
    text = "input: 'a' input: ['b', 'c']"
    document = Document.parse(text)
    assert document.span(("input",)) == (0, len(text))
    assert document.span(("input", 1)) == (text.index("'b'"), text.index("'b'") + 3)


def test_path_at():
    document = Document.parse(SMALL)
    assert document.path_at(1, 3) == ()
    assert document.path_at(2, 1) == ("name",)
    assert document.path_at(2, 999) == ("name",)
    assert document.path_at(3, 3) == ("layer", 0)
    assert document.path_at(7, 33) == ("layer", 0, "input_param", "shape", 0, "dim", 1)
    assert document.path_at(17, 1) == CONV
    assert document.path_at(17, 6) == (*CONV, "num_output")
    assert document.path_at(18, 6) == (*CONV, "kernel_size", 0)
    assert document.path_at(22, 1) == ()
    assert document.path_at(23, 1) == ("layer", 2)
    assert document.path_at(-5, -5) == ()
    assert document.path_at(999, 1) == ()
    document = Document.parse("a: [1, {b: 2}] c: 1 c: 2 d: 3")
    assert document.path_at(1, 4) == ("a",)
    assert document.path_at(1, 5) == ("a", 0)
    assert document.path_at(1, 10) == ("a", 1, "b")
    assert document.path_at(1, 22) == ("c", 1)
    assert document.path_at(1, 28) == ("d",)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_place_has_a_path_that_leads_back(path):
    document = Document.open(path)
    offset = 0
    found = set()
    for number, line in enumerate(document.text.split("\n"), 1):
        for column in range(1, len(line) + 2):
            if field := document.path_at(number, column):
                start, end = document.span(field)
                assert start <= offset <= end
                assert document.has(field)
                assert document.position(field) <= (number, column)
                found.add(field)
            offset += 1
    assert len(found) >= 6


# Values


def test_get():
    document = Document.parse(SMALL)
    assert document.get((*CONV, "num_output")) == 20
    assert document.get((*CONV, "kernel_size")) == [5]
    assert document.get((*CONV, "kernel_size", 0)) == 5
    assert document.get((*CONV, "stride")) is None
    assert document.get((*CONV, "stride", 0)) is None
    assert document.get(("layer", 9, "name")) is None
    assert document.get(("layer", 0, "input_param", "shape", 0, "dim")) == [64, 1, 28, 28]
    assert document.get((*CONV, "weight_filler")).type == "xavier"
    assert [layer.name for layer in document.get(("layer",))] == ["data", "conv1", "relu1"]
    assert document.get(()) == document.message
    assert document.has(CONV)
    assert not document.has(("layer", 0, "convolution_param"))
    odd = Document.open(NETS / "spellings.prototxt")
    assert odd.get(("layer", 0, "convolution_param", "engine")) == "CAFFE"
    assert odd.get(("layer", 0, "convolution_param", "weight_filler", "std")) == 0.01
    assert odd.get(("state", "phase")) == "TEST"
    assert odd.get(("force_backward",)) is True


def test_get_guesses_what_the_schema_does_not_know():
    text = "x { a: 1 a: 'two' b: yes c: -2.5 d: [0x10, true] } num_output: '20' y: 1 y: [2]"
    document = Document.parse(text, kind="net")
    assert document.get(("x",)) == {"a": [1, "two"], "b": "yes", "c": -2.5, "d": [16, True]}
    assert document.get(("x", "a", 1)) == "two"
    assert document.get(("y",)) == [1, 2]
    assert Document.parse("input_dim: 'x'").get(("input_dim", 0)) == "x"


@pytest.mark.parametrize("path", [("layer", 0, 1), (0,), ("layer", -1), ("layer", 1.5), (None,)])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(ValueError, match="is not a path"):
        Document.parse(SMALL).get(path)


def test_floats_are_written_as_people_write_them():
    single = {0.01: "0.01", 0.0005: "0.0005", 1e-8: "1e-8", 20.0: "20", 1e10: "1e10", 0.1 + 0.2: "0.3", -2.5: "-2.5",
              3.4028234663852886e38: "3.4028235e38", float("inf"): "inf", float("-inf"): "-inf", -0.0: "-0",
              16777216.0: "16777216", 123456789.0: "123456790"}  # fmt: skip
    for value, text in single.items():
        assert write_float(value) == text
    assert write_float(float("nan")) == "nan"
    assert write_float(0.1 + 0.2, single=False) == "0.30000000000000004"
    with pytest.raises(ValueError, match="beyond the range"):
        write_float(1e39)


def test_every_float_and_string_reads_back():
    random_ = random.Random(1)
    document = Document.parse("base_lr: 1 net: ''", kind="solver")
    expected = SolverParameter()
    for _ in range(300):
        expected.base_lr = random_.choice([1, -1]) * 10 ** random_.uniform(-44, 38)
        characters = random_.choices(range(256), k=3) + random_.choices(range(0xD800), k=3)
        expected.net = "".join(map(chr, characters))
        document.set(("base_lr",), expected.base_lr)
        document.set(("net",), expected.net)
        assert document.message == expected
    assert write_string("a\"b'\n\x01é\\") == '"a\\"b\'\\n\\001é\\\\"'
    assert write_string("it's", "'") == r"'it\'s'"
    with pytest.raises(ValueError, match="half a surrogate pair"):
        document.set(("net",), "\ud800")
    document.set(("net",), b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert 'net: \'caf\\351\'' in document.text


# Edits

NUMBERS = "layer {\n\tconvolution_param {\n\t\tpad: [1, 2]\n\t}\n}"
RELU = SMALL.index('\nlayer {\n  name: "relu1"')
INLINE = 'layer { name: "a", type: "b" }'
SOLVER = (NETS / "solver.prototxt").read_text()

EDITS = {
    "value": (lambda d: d.set((*CONV, "num_output"), 24), "num_output: 20", "num_output: 24"),
    "own spelling": (lambda d: d.set((*CONV, "num_output"), "0x18"), "num_output: 20", "num_output: 0x18"),
    "new field": (
        lambda d: d.set((*CONV, "stride"), 2), "kernel_size: 5\n", "kernel_size: 5\n    stride: 2\n"),
    "new first field": (
        lambda d: (d.clear(("name",)), d.set(("name",), "n")),
        '# A small net, for the tests of the text half.\nname: "small"', 'name: "n"'),
    "new repeated": (
        lambda d: d.set((*CONV, "pad"), [1, 2]), "kernel_size: 5\n", "kernel_size: 5\n    pad: 1\n    pad: 2\n"),
    "longer list": (
        lambda d: d.set((*CONV, "kernel_size"), [3, 5]), "kernel_size: 5\n", "kernel_size: 3\n    kernel_size: 5\n"),
    "shorter list": (
        lambda d: d.set(("layer", 0, "input_param", "shape", 0, "dim"), [64, 3]),
        "dim: 64 dim: 1 dim: 28 dim: 28", "dim: 64 dim: 3"),
    "append": (
        lambda d: d.set(("layer", 0, "input_param", "shape", 0, "dim", 4), 2), "dim: 28 }", "dim: 28 dim: 2 }"),
    "into one line": (
        lambda d: d.set((*CONV, "weight_filler", "std"), 0.01), '"xavier" }', '"xavier" std: 0.01 }'),
    "message like its sibling": (
        lambda d: d.set((*CONV, "bias_filler", "value"), 0.1),
        '"xavier" }\n', '"xavier" }\n    bias_filler { value: 0.1 }\n'),
    "message like its namesake": (
        lambda d: d.set(("layer", 1, "param", 1, "lr_mult"), 2),
        "lr_mult: 1 }\n", "lr_mult: 1 }\n  param { lr_mult: 2 }\n"),
    "messages inside messages": (
        lambda d: d.set(("layer", 2, "convolution_param", "weight_filler", "type"), "msra"),
        '  top: "conv1"\n}\n',
        '  top: "conv1"\n  convolution_param {\n    weight_filler {\n      type: "msra"\n    }\n  }\n}\n'),
    "message as a dict": (
        lambda d: d.set((*CONV, "weight_filler"), {"type": "gaussian", "std": 0.5}),
        '{ type: "xavier" }', '{ type: "gaussian" std: 0.5 }'),
    "enum by number": (
        lambda d: d.set(("layer", 2, "phase"), 1), '  top: "conv1"\n}', '  top: "conv1"\n  phase: TEST\n}'),
    "bool": (lambda d: d.set(("force_backward",), True), '"small"\n', '"small"\nforce_backward: true\n'),
    "clear with trailing comment": (lambda d: d.clear((*CONV, "num_output")), "    num_output: 20  # how many\n", ""),
    "clear in one line": (lambda d: d.clear((*CONV, "weight_filler", "type")), '{ type: "xavier" }', "{ }"),
    "clear an item": (
        lambda d: d.clear(("layer", 0, "input_param", "shape", 0, "dim", 1)), "dim: 64 dim: 1", "dim: 64"),
    "clear all": (
        lambda d: d.clear(("layer", 0, "input_param", "shape", 0, "dim")),
        "shape { dim: 64 dim: 1 dim: 28 dim: 28 }", "shape { }"),
    "clear with the comment above": (
        lambda d: d.clear(("name",)), '# A small net, for the tests of the text half.\nname: "small"\n', ""),
    "remove the last layer": (lambda d: d.remove_layer(2), SMALL[RELU:], ""),
    "remove with comment": (lambda d: d.remove_layer(1), SMALL[SMALL.index("# The first") : RELU], ""),
    "insert a layer": (
        lambda d: d.insert_layer(1, 'layer { type: "ReLU" } # mine'),
        "# The first", 'layer { type: "ReLU" } # mine\n# The first'),
    "append a layer": (
        lambda d: d.insert_layer(3, LayerParameter(name="p", type="Pooling", bottom=["conv1"])),
        '  top: "conv1"\n}\n',
        '  top: "conv1"\n}\n\nlayer {\n  name: "p"\n  type: "Pooling"\n  bottom: "conv1"\n}\n'),
    "connect": (lambda d: d.connect("data", 2), 'bottom: "conv1"\n', 'bottom: "conv1"\n  bottom: "data"\n'),
    "connect instead": (lambda d: d.connect("data", 2, 0), 'bottom: "conv1"', 'bottom: "data"'),
    "disconnect": (lambda d: d.disconnect(2, 0), '  bottom: "conv1"\n', ""),
    "rename a layer": (lambda d: d.rename_layer(1, "it's"), 'name: "conv1"', 'name: "it\'s"'),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_its_own_bytes_only(name):
    edit, old, new = EDITS[name]
    assert edited(edit) == replaced(old, new)


OTHER_EDITS = {
    "keeps separators": (
        lambda d: d.set(("layer", 0, "phase"), "TEST"), INLINE, 'layer { name: "a", type: "b", phase: TEST }'),
    "keeps separators inside": (
        lambda d: d.set(("layer", 0, "type"), "c"),
        'layer { name: "a", top: "b" }', 'layer { name: "a", type: "c", top: "b" }'),
    "first of a line": (lambda d: d.clear(("layer", 0, "name")), INLINE, 'layer { type: "b" }'),
    "last of a line": (lambda d: d.clear(("layer", 0, "type")), INLINE, 'layer { name: "a" }'),
    "behind the brace": (
        lambda d: d.clear(("layer", 0, "name")), "layer { name: 'a' # why\n  type: 'b' }", "layer {\n  type: 'b' }"),
    "before the brace": (
        lambda d: d.set(("layer", 0, "top"), "t"), "layer {\n  type: 'b' }", "layer {\n  type: 'b'\n  top: 't' }"),
    "before the first": (
        lambda d: d.set(("layer", 0, "name"), "t"), "layer {\n  type:'b' }", "layer {\n  name:'t'\n  type:'b' }"),
    "empty message": (lambda d: d.set(("layer", 0, "name"), "a"), "layer {}", 'layer { name: "a" }'),
    "empty lines": (
        lambda d: d.set(("layer", 0, "name"), "a"), "layer {\n  # none\n}\n", 'layer {\n  # none\n  name: "a"\n}\n'),
    "list item": (lambda d: d.set(("layer", 0, "convolution_param", "pad", 0), 7), NUMBERS, NUMBERS.replace("1", "7")),
    "list append": (
        lambda d: d.set(("layer", 0, "convolution_param", "pad", 2), 3), NUMBERS, NUMBERS.replace("2", "2, 3")),
    "list first": (
        lambda d: d.clear(("layer", 0, "convolution_param", "pad", 0)), NUMBERS, NUMBERS.replace("1, ", "")),
    "list last": (
        lambda d: d.clear(("layer", 0, "convolution_param", "pad", 1)), NUMBERS, NUMBERS.replace(", 2", "")),
    "list all": (
        lambda d: d.clear(("layer", 0, "convolution_param", "pad")), NUMBERS, NUMBERS.replace("\t\tpad: [1, 2]\n", "")),
    "list of messages": (
        lambda d: d.set(("layer", 0, "include", 1, "phase"), "TEST"),
        "layer { include: [{phase: TRAIN}] }", "layer { include: [{phase: TRAIN}, { phase: TEST }] }"),
    "tabs": (
        lambda d: d.set(("layer", 0, "convolution_param", "bias_filler", "type"), "x"),
        NUMBERS, NUMBERS.replace("2]\n", '2]\n\t\tbias_filler {\n\t\t\ttype: "x"\n\t\t}\n')),
    "angle brackets": (
        lambda d: d.set(("layer", 0, "include", 0, "phase"), "TEST"),
        "layer <\n name: 'a'\n>", "layer <\n name: 'a'\n include <\n  phase: TEST\n >\n>"),
    "kind of value": (
        lambda d: d.set(("layer", 0, "convolution_param", "num_output"), 5),
        "layer { convolution_param { num_output { } } }", "layer { convolution_param { num_output: 5 } }"),
    "lines of a message": (
        lambda d: d.set(("layer", 0, "relu_param"), {"negative_slope": 0.1}),
        "layer {\n relu_param {\n }\n}", "layer {\n relu_param {\n  negative_slope: 0.1\n }\n}"),
    "unknown field": (lambda d: d.set(("layer", 0, "odd", "a"), 2), "layer { odd { a: 1 } }", "layer { odd { a: 2 } }"),
    "unknown string": (lambda d: d.set(("odd",), "y"), "odd: 'x'", "odd: 'y'"),
    "unknown word": (lambda d: d.set(("odd",), "SUM"), "odd: MAX", "odd: SUM"),
    "inputs, too": (
        lambda d: d.rename_blob("a", "b"), "input: 'a' layer { bottom: ['a', \"c\"] top: \"a\" }",
        "input: 'b' layer { bottom: ['b', \"c\"] top: \"b\" }"),
    "after a byte order mark": (lambda d: d.clear(("name",)), "\ufeffname: 'x'\nlayer {}", "\ufefflayer {}"),
    "before, after a mark": (lambda d: d.set(("name",), "x"), "\ufefflayer {}", '\ufeffname: "x"\nlayer {}'),
    "V1": (
        lambda d: d.insert_layer(0, V1LayerParameter(name="r", type=V1LayerParameter.RELU)),
        "layers { }\n", 'layers {\n  name: "r"\n  type: RELU\n}\nlayers { }\n'),
    "V0": (lambda d: d.rename_layer(0, "b"), "layers { layer { name: 'a' } }", "layers { layer { name: 'b' } }"),
    "first layer": (lambda d: d.insert_layer(0, "layer {}"), "name: 'x'", "name: 'x'\nlayer {}"),
    "layers in one line": (
        lambda d: d.insert_layer(1, "layer {}"), "layer {} layer {}", "layer {} \nlayer {}\nlayer {}"),
    "two on a line": (
        lambda d: d.set(("input",), ["a", "b", "c"]), "input: 'a' input: 'b'\n", "input: 'a' input: 'b' input: 'c'\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_EDITS)
def test_an_edit_writes_as_the_text_around_it_does(name):
    edit, before, after = OTHER_EDITS[name]
    assert edited(edit, before, "net") == after


def test_line_ends_are_those_of_the_file():
    before = "base_lr:1\r\nlr_policy:'a' # b\r\nsnapshot: 5"
    after = "base_lr:1\r\nlr_policy:'a' # b\r\nmax_iter:5\r\nsnapshot: 5\r\nsolver_mode: CPU"
    assert edited(lambda d: (d.set(("max_iter",), 5), d.set(("solver_mode",), "CPU")), before) == after
    cut = "base_lr:1\r\nsnapshot: 5"
    assert edited(lambda d: d.clear(("lr_policy",)), before) == cut
    both = 'layer {\r\n  name: "b"\r\n}\r\nlayer {\r\n}\r\n'
    assert edited(lambda d: d.insert_layer(0, 'layer {\n  name: "b"\n}'), "layer {\r\n}\r\n") == both


def test_solver_edits():
    after = SOLVER.replace('lr_policy: "step"', 'lr_policy: "fixed"').replace("stepsize: 1000\n", "")
    after = after.replace("solver_mode: CPU\n", "solver_mode: CPU\nrandom_seed: 3\n")

    def edit(document):
        document.set(("lr_policy",), "fixed")
        document.clear(("stepsize",))
        document.set(("random_seed",), 3)

    assert edited(edit, SOLVER) == after
    assert edited(lambda d: d.set(("base_lr",), 0.01), "", "solver") == "base_lr: 0.01\n"
    document = Document.parse(SOLVER)
    assert not document.layers
    with pytest.raises(ValueError, match="only a net has layers"):
        document.insert_layer(0, "layer {}")


@pytest.mark.parametrize(("index", "to"), [(0, 2), (2, 0), (1, 2), (1, 0), (0, 1), (2, 1)])
def test_moving_a_layer_takes_its_comments_along(index, to):
    names = ["data", "conv1", "relu1"]
    names.insert(to, names.pop(index))
    after = edited(lambda d: d.move_layer(index, to))
    assert [layer.name for layer in Document.parse(after).layers] == names
    assert '# The first filters.\nlayer {\n  name: "conv1"' in after
    assert sorted(filter(str.strip, after.split("\n"))) == sorted(filter(str.strip, SMALL.split("\n")))


def test_renaming_a_blob_is_one_step_everywhere():
    document = Document.parse(SMALL)
    document.rename_blob("conv1", "c")
    assert [(layer.bottom, layer.top) for layer in document.layers] == [
        ((), ("data",)), (("data",), ("c",)), (("c",), ("c",)),
    ]  # fmt: skip
    assert document.layers[1].name == "conv1"
    document.undo()
    assert document.text == SMALL
    with pytest.raises(ValueError, match="there is no blob 'nothing'"):
        document.rename_blob("nothing", "x")
    with pytest.raises(ValueError, match="there is a blob 'conv1' already"):
        document.rename_blob("data", "conv1")


REFUSED = {
    "unknown": (lambda d: d.set((*CONV, "num_outputs"), 1), "has no field 'num_outputs'; did you mean 'num_output'?"),
    "below a scalar": (lambda d: d.set((*CONV, "num_output", "x"), 1), "num_output has no fields"),
    "negative": (lambda d: d.set((*CONV, "num_output"), -1), "num_output: expected an integer from 0 to 4294967295"),
    "fraction": (lambda d: d.set((*CONV, "num_output"), 3.5), "found 3.5"),
    "bool": (lambda d: d.set((*CONV, "num_output"), True), "found True"),
    "injection": (lambda d: d.set((*CONV, "num_output"), "1 } layer {"), "expected an integer"),
    "number for text": (lambda d: d.set(("name",), 3), "name: expected a str; got 3"),
    "no number": (lambda d: d.set(("layer", 0, "loss_weight"), [None]), "expected a number; got None"),
    "too big": (lambda d: d.set(("layer", 0, "loss_weight", 0), 1e60), "beyond the range of a float"),
    "no such enum": (lambda d: d.set(("state", "phase"), "TRIAN"), "did you mean TRAIN?"),
    "no such number": (lambda d: d.set(("state", "phase"), 9), "expected one of TRAIN, TEST; found 9"),
    "far index": (lambda d: d.set(("layer", 1, "bottom", 3), "x"), "layer[1].bottom[3]: there are 1 of bottom"),
    "far layer": (lambda d: d.set(("layer", 5, "name"), "x"), "layer[5]: there are 3 of layer"),
    "not repeated": (lambda d: d.set(("layer", 0, "relu_param", 1), {}), "there are 0 of relu_param"),
    "odd dict": (lambda d: d.set((*CONV, "weight_filler"), {"typ": "x"}), "expected a FillerParameter or a dict"),
    "other message": (lambda d: d.set((*CONV, "weight_filler"), NetParameter()), "got a NetParameter"),
    "half done": (lambda d: d.set((*CONV, "kernel_size"), [3, 4, -1]), "found -1"),
    "two layers": (lambda d: d.insert_layer(0, "layer {} layer {}"), "expected the text of one layer"),
    "no layer": (lambda d: d.insert_layer(0, NetParameter()), "expected a LayerParameter"),
    "no tree": (lambda d: d.insert_layer(0, "layer {"), "the text ends inside"),
    "typing": (lambda d: d.replace(d.text + "}"), 'closes nothing'),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_edit_says_why_and_changes_nothing(name):
    edit, message = REFUSED[name]
    document = Document.parse(SMALL)
    changes = []
    document.subscribe(changes.append)
    with pytest.raises(ValueError) as caught:
        edit(document)
    assert message in str(caught.value)
    assert document.text == SMALL
    assert (document.version, document.can_undo, changes) == (0, False, [])


@pytest.mark.parametrize(
    "path",
    [
        ("name",), ("input",), ("force_backward",), ("input_dim",), ("state",), ("state", "phase"),
        ("layer", 0, "loss_weight"), ("layer", 1, "name"),
        (*CONV, "num_output"), (*CONV, "weight_filler"), (*CONV, "weight_filler", "std"),
    ],
)  # fmt: skip
def test_no_value_gets_past_the_schema(path):
    document = Document.parse(SMALL)
    values = [None, "", "x", '"', "1 }", "TRAIN", b"\xff", True, -1, 2**70, 1.5, 1e300, float("nan"), float("inf"), 1j,
              [], [None], [[1]], {}, {"phase": 1}, {"x": {}}, {1: 2}, object(), NetParameter(), range(3),
              np.float32(0.1), np.int64(1), np.bool_(True), np.arange(2), np.zeros((2, 2))]  # fmt: skip
    for value in values:
        before = document.text
        try:
            document.set(path, value)
        except ValueError:
            assert document.text == before
        else:
            assert [problem for problem in document.problems if problem.severity == "error"] == []
        assert Document.parse(document.text, "net").message.SerializeToString() == document.message.SerializeToString()


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.remove_layer(3), lambda d: d.remove_layer(-1), lambda d: d.move_layer(0, 3),
        lambda d: d.insert_layer(4, "layer {}"), lambda d: d.connect("x", 3), lambda d: d.disconnect(0, 0),
        lambda d: d.rename_layer(9, "x"),
    ],
)  # fmt: skip
def test_an_index_out_of_range_is_an_index_error(edit):
    document = Document.parse(SMALL)
    with pytest.raises(IndexError, match="there is no"):
        edit(document)
    assert document.text == SMALL


def test_setting_what_is_there_is_no_edit():
    document = Document.open(NETS / "spellings.prototxt")
    document.set(("layer", 0, "convolution_param", "num_output"), 16)  # written 0x10
    document.set(("layer", 0, "convolution_param", "weight_filler", "std"), 0.01)  # written 1e-2f
    document.set(("input",), ["a", "b"])
    document.clear(("layer", 0, "relu_param"))
    document.replace(document.text)
    assert (document.version, document.can_undo, document.dirty) == (0, False, False)


# Transactions, undo, subscribers


def test_a_transaction_is_one_step_and_one_change():
    document = Document.parse(SMALL)
    changes: list[Change] = []
    unsubscribe = document.subscribe(changes.append)
    with document.transaction("grow"):
        document.set((*CONV, "num_output"), 24)
        document.set(("name",), "big")
        assert document.message.layer[1].convolution_param.num_output == 24
        assert changes == []
    assert (document.version, document.undo_label) == (1, "grow")
    (change,) = changes
    assert (change.version, change.label) == (1, "grow")
    assert change.paths == ((*CONV, "num_output"), ("name",))

    def play(text, edits):
        for start, end, replacement in edits:
            text = text[:start] + replacement + text[end:]
        return text

    after = document.text
    assert play(SMALL, change.edits) == after
    document.undo()
    assert document.text == SMALL
    assert play(after, changes[1].edits) == SMALL
    assert (document.can_undo, document.can_redo, document.redo_label, document.version) == (False, True, "grow", 2)
    document.redo()
    assert play(SMALL, changes[2].edits) == after
    unsubscribe()
    unsubscribe()
    document.undo()
    assert len(changes) == 3
    document.set(("name",), "new")
    assert not document.can_redo
    assert document.redo() is False


def test_a_transaction_that_raises_takes_all_back():
    document = Document.parse(SMALL)
    with pytest.raises(KeyError), document.transaction("grow"):
        document.remove_layer(0)
        with document.transaction("inner"):
            document.set(("name",), "big")
        raise KeyError
    assert document.text == SMALL
    assert len(document.layers) == 3
    assert (document.version, document.can_undo) == (0, False)
    with pytest.raises(RuntimeError, match="inside a transaction"), document.transaction():
        document.undo()


def test_all_subscribers_hear_of_a_change_even_if_one_fails():
    document = Document.parse(SMALL)
    heard = []

    def fail(change):
        raise ZeroDivisionError

    document.subscribe(fail)
    document.subscribe(heard.append)
    with pytest.raises(ZeroDivisionError):
        document.set(("name",), "big")
    assert len(heard) == 1
    assert document.message.name == "big"


def test_typing_at_one_place_is_one_step():
    document = Document.parse(SMALL)
    for name in ("s", "st", "st2", "st"):
        document.replace(replaced('"small"', f'"{name}"'), merge=True)
    assert document.version == 4
    document.replace(document.text.replace("kernel_size: 5", "kernel_size: 55"), merge=True)
    with pytest.raises(ParseError) as caught:
        document.replace(document.text.replace("layer {", "layer", 1), merge=True)
    assert (caught.value.line, caught.value.column) == (3, 1)
    assert document.undo_label == "typing"
    document.undo()
    assert document.text == replaced('"small"', '"st"')
    document.undo()
    assert document.text == SMALL
    assert not document.can_undo
    document.replace(SMALL + "\n# a")
    document.replace(SMALL + "\n# ab")
    document.undo()
    assert document.text == SMALL + "\n# a"


def test_a_step_of_typing_ends_at_a_pause_and_at_the_end_of_a_line(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(edited_module, "monotonic", lambda: now[0])
    document = Document.parse('name: "x"\n')
    texts = [document.text]
    second = "# first\n# sec"
    for typed, pause in (("# fi", 0.4), ("# first", 0.4), ("# first\n", 0.4), (second, 0.4), (f"{second}ond", 2)):
        now[0] += pause
        document.replace('name: "x"\n' + typed, merge=True)
        texts.append(document.text)
    taken = [text for text in iter(lambda: document.undo() and document.text, False)]
    assert taken == [texts[4], texts[3], texts[2], texts[0]], "pause; line; line's end; all that was typed of the first"


def test_typing_in_an_editor_that_knows_only_lf_keeps_crlf():
    mixed = SMALL.replace("\n", "\r\n").replace("# The first filters.\r\n", "# The first filters.\n")
    document = Document.parse(mixed)
    shown = mixed.replace("\r\n", "\n")
    document.replace(shown)
    assert document.version == 0
    document.replace(shown.replace("20  #", "20\n#"))
    assert document.text == mixed.replace("20  #", "20\r\n#")
    document.replace(document.text.replace("\r\n", "\n") + "# end\n")
    assert document.text == mixed.replace("20  #", "20\r\n#") + "# end\r\n"


def random_edit(document: Document, random_: random.Random) -> None:
    """One edit of any kind, at a random place; it may raise what an edit may raise."""
    lines = document.text.count("\n") + 1
    path = document.path_at(random_.randrange(lines) + 1, random_.randrange(40)) or ("name",)
    layers = len(document.layers)
    index = random_.randrange(layers + 1)
    match random_.randrange(10):
        case 0:
            document.clear(path)
        case 1:
            value = document.get(path)
            document.set(path, value + 1 if isinstance(value, int | float) else f"{value}x")
        case 2:
            document.remove_layer(index)
        case 3:
            document.move_layer(index, random_.randrange(layers + 1))
        case 4:
            document.insert_layer(index, 'layer {\n  name: "new"  # here\n}')
        case 5:
            document.connect("data", index)
        case 6:
            document.rename_blob(random_.choice(document.layers).top[0], f"blob{random_.randrange(99)}")
        case 7:
            name = random_.choice(["pad", "group", "engine", "bias_filler"])
            document.set((*document.layers[index].path, "convolution_param", name), 1)
        case 8:
            document.disconnect(index, 0)
        case 9:
            text, at = document.text, random_.randrange(len(document.text) + 1)
            typed = random_.choice(["", "a", "1", '"', "\n", "#", "{", "}", "; ", "x: 1 ", "''", " ", "-", ",", "["])
            document.replace(text[:at] + typed + text[at + random_.randrange(3) :], merge=random_.random() < 0.5)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("path", SAMPLES[:3], ids=lambda path: path.stem)
def test_after_random_edits_undo_gives_back_the_bytes(path, seed):
    random_ = random.Random(seed)
    document = Document.open(path, kind="net")
    original = document.text
    replayed = [original]
    document.subscribe(lambda change: replayed.append(_play(replayed[-1], change.edits)))
    for _ in range(40):
        before, version = document.text, document.version
        try:
            random_edit(document, random_)
        except (ValueError, IndexError):
            assert (document.text, document.version) == (before, version)
        fresh = Document.parse(document.text, document.kind)
        assert document.message.SerializePartialToString() == fresh.message.SerializePartialToString()
        assert document.problems == fresh.problems
        assert document.layers == fresh.layers
        assert replayed[-1] == document.text
    final = document.text
    assert document.version > 3
    while document.can_undo:
        document.undo()
        assert replayed[-1] == document.text
    assert document.text == original
    assert not document.dirty
    while document.can_redo:
        document.redo()
    assert document.text == final


def _play(text, edits):
    for start, end, replacement in edits:
        text = text[:start] + replacement + text[end:]
    return text


@pytest.mark.parametrize("name", ["ConvolutionParameter", "PoolingParameter", "LRNParameter", "ReshapeParameter"])
def test_every_field_can_be_set_and_cleared(name):
    around = next(f for f in LayerParameter.DESCRIPTOR.fields if f.message_type and f.message_type.name == name)
    document = Document.parse(SMALL)
    expected = NetParameter.FromString(document.message.SerializeToString())
    message = getattr(expected.layer[2], around.name)
    for field in around.message_type.fields:
        if field.message_type:  # a filler or a shape
            inner, value, spelled = ("dim", [3], "3") if field.name == "shape" else ("type", "x", "'x'")
            document.set(("layer", 2, around.name, field.name, inner), value)
            text_format.Merge(f"{field.name} {{ {inner}: {spelled} }}", message)
        else:
            document.set(("layer", 2, around.name, field.name), 0)
            text_format.Merge(f"{field.name}: 0", message)
        assert document.message == expected
    assert document.problems == []
    for field in around.message_type.fields:
        document.clear(("layer", 2, around.name, field.name))
        message.ClearField(field.name)
        assert document.message == expected
    document.clear(("layer", 2, around.name))
    assert document.text == SMALL


def test_the_place_of_one_field_among_many_is_its_own():
    names = "\n".join(f'bottom: "{k}"' for k in range(3000))
    document = Document.parse(f'layer {{ name: "l" type: "Concat"\n{names}\ntop: "t" }}')
    assert [document.line(("layer", 0, "bottom", k)) for k in range(3000)] == list(range(2, 3002))
    assert document.line(("layer", 0, "bottom")) == 2
    assert document.position(("layer", 0, "top")) == (3002, 1)
