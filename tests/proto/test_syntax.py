"""The tree of a prototxt text: spans, spellings, and one helpful error where there is no tree."""

import random
from pathlib import Path

import pytest

from brewbench.proto.errors import ParseError
from brewbench.proto.syntax import LIST, MAX_DEPTH, MESSAGE, STRING, WORD, Node, parse

NETS = sorted((Path(__file__).parent / "nets").glob("*.prototxt"))


def spans(text: str, nodes: list[Node]):
    """Check every node's place against the text, and yield (name, value text) of all of them."""
    base = 0
    for root in nodes:
        todo = [root]
        while todo:
            node = todo.pop(0)
            value = text[base + node.value_start : base + node.value_end]
            if node.name:
                assert text[base + node.start :].startswith(node.name)
            if node.kind in (WORD, STRING):
                assert value == node.text
                assert not node.children
            else:
                assert value[0] + value[-1] in ("{}", "<>", "[]")
            assert node.start <= node.value_start < node.value_end <= node.end
            yield node.name, value
            todo = node.children + todo
        base += root.end


@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_every_node_knows_its_place(path):
    text = path.read_text()
    found = list(spans(text, parse(text)))
    assert len(found) >= 6


def test_kinds_names_and_separators():
    text = 'a: 1, b <c: "x" \'y\';> [ext.name/T] : [2, {d: -inf}] # end'
    nodes = parse(text)
    assert [(node.name, node.kind) for node in nodes] == [("a", WORD), ("b", MESSAGE), ("[ext.name/T]", LIST)]
    assert nodes[1].children[0].text == "\"x\" 'y'"
    assert [item.kind for item in nodes[2].children] == [WORD, MESSAGE]
    assert nodes[2].children[1].children[0].text == "-inf"
    assert [value for _, value in spans(text, nodes)][0] == "1"
    assert sum(node.end for node in nodes) == text.index(" # end")


def test_a_number_needs_no_blank_behind_it():
    assert [(node.name, node.text) for node in parse("a:0x1Fg:2b:1.5e-3fc:.5")] == [
        ("a", "0x1F"), ("g", "2"), ("b", "1.5e-3f"), ("c", ".5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: 1\nlayer {\n  name: ", 3, 9, 'expected a value for "name"; found the end of the text'),
        ("layer {\n  a: 1\n", 3, 1, 'the text ends inside "layer", opened in line 1'),
        ("a: 1\n}", 2, 1, 'this "}" closes nothing'),
        ("layer {\n a: 1 >", 2, 7, 'expected "}" for the "{" of line 1; found ">"'),
        ("num_output 20", 1, 12, 'expected ":" or "{" after "num_output"; found "20"'),
        ("lonely\nnext: 1", 1, 1, 'expected ":" or "{" after "lonely"; found "next:"'),
        ('name: "conv', 1, 7, 'the string for "name" has no closing " on its line'),
        ("name: 'a\nb'", 1, 7, "the string for \"name\" has no closing ' on its line"),
        ("source: ./list.txt", 1, 9, 'expected a value for "source"; found "./list.txt" (text must be in quotes)'),
        ("n: ${x}", 1, 4, 'expected a value for "n"; found "${x}" (text must be in quotes)'),
        ("a: [1, 2", 1, 9, 'expected "," or "]" in the list; found the end of the text'),
        ("a: [1,]", 1, 7, 'expected a value in the list; found "]"'),
        ("a: [,1]", 1, 5, 'expected a value in the list; found ",1]"'),
        ("a: [[1]]", 1, 5, 'expected a value in the list; found "[1]]"'),
        ("a: [1 2]", 1, 7, 'expected "," or "]" in the list; found "2]"'),
        ("a: 1;; b: 2", 1, 6, 'expected a field name; found ";"'),
        (", a: 1", 1, 1, 'expected a field name; found ","'),
        ("layer { , }", 1, 9, 'expected a field name; found ","'),
        ("layer { ! }", 1, 9, 'expected a field name or "}"; found "!"'),
        ("a: +1", 1, 4, 'expected a value for "a"; found "+1"'),
        ("a: 1.2.3", 1, 7, 'expected a field name; found ".3"'),
        ("\u00a0a: 1", 1, 1, "expected a field name; found U+00A0 (NO-BREAK SPACE)"),
        ('{"layer": 1}', 1, 1, 'expected a field name; found "{"layer":"'),
        ("\x89PNG", 1, 1, "expected a field name; found U+0089 (unnamed)"),
        ("a: 1\n\x00", 2, 1, "expected a field name; found the control character 0x00: not a text file?"),
        (b"a: \xff".decode("utf-8", "surrogateescape"), 1, 4, "found the byte 0xff, which is not UTF-8"),
        ("a: 1\n\ufeffb: 1", 2, 1, "U+FEFF"),
        ("layer {" * 10_000, 1, 707, f"more than {MAX_DEPTH} messages inside each other"),
        ("a <" * 10_000, 1, 303, f"more than {MAX_DEPTH} messages inside each other"),
        ("a: [{" * 10_000, 1, 254, f"more than {MAX_DEPTH} messages inside each other"),
    ],
)
def test_what_is_not_prototxt_says_where_and_why(text, line, column, message):
    with pytest.raises(ParseError) as caught:
        parse(text, "net.prototxt")
    error = caught.value
    assert (error.line, error.column, error.path) == (line, column, "net.prototxt")
    assert message in error.message
    assert str(error) == f"net.prototxt:{line}:{column}: {error.message}"


def test_nesting_up_to_the_limit_is_fine():
    node = parse("a{" * MAX_DEPTH + "}" * MAX_DEPTH)[0]
    for _ in range(MAX_DEPTH - 1):
        (node,) = node.children
    assert node.children == []


def test_damaged_text_never_raises_anything_else():
    random_ = random.Random(20)
    texts = [path.read_bytes() for path in NETS]
    trees = 0
    for _ in range(3000):
        data = bytearray(random_.choice(texts))
        for _ in range(random_.randrange(1, 4)):
            at = random_.randrange(len(data) or 1)
            match random_.randrange(4):
                case 0:
                    data[at] = random_.randrange(256)
                case 1:
                    data[at:at] = bytes([random_.choice(b"{}<>[]:;,\"'#-\\.0xe\n")])
                case 2:
                    del data[at : at + random_.randrange(8)]
                case 3:
                    del data[max(at, 1) :]
        text = data.decode("utf-8", "surrogateescape")
        try:
            nodes = parse(text)
        except ParseError as error:
            assert 1 <= error.line <= text.count("\n") + 1
            assert 1 <= error.column <= len(text.split("\n")[error.line - 1]) + 1
        else:
            trees += 1
            list(spans(text, nodes))
    assert 100 < trees < 2900


@pytest.mark.parametrize(
    "text", ['a: "' + '\\"' * 100_000, "a: -" + "#\n" * 100_000, "a: " + '"x" ' * 100_000 + "!", "#" * 1_000_000]
)
def test_long_lines_take_linear_time(text):
    try:
        parse(text)  # a pattern that backs up would take hours
    except ParseError as error:
        assert len(str(error)) < 200
