"""Control characters in texts that are shown are spelled out."""

import unicodedata

import pytest

from brewbench.engine import DefinitionError, Diagnostic
from brewbench.proto import Document, ParseError
from brewbench.proto.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 10 × 20 größer חלב 😀", "plain text, 10 × 20 größer חלב 😀"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x9b31m\x7f\x00", r"\x9b31m\x7f\x00"),
        ("abc\u202etxt.exe\u2066", r"abc\u202etxt.exe\u2066"),
        ("one\ntwo\tthree\r", r"one\ntwo\tthree\r"),
        ("file\udcff", r"file\udcff"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_what_steers_is_spelled(text, shown):
    assert printable(text) == shown == printable(shown)


def test_some_may_be_kept():
    assert printable("one\n\ttwo\x1b", keep="\n\t") == "one\n\ttwo\\x1b"


def test_no_control_character_is_left_of_any():
    everything = "".join(map(chr, range(0x3000)))
    left = {unicodedata.category(one) for one in printable(everything)}
    assert "Cc" not in left and "Zl" not in left and "Zp" not in left
    bidi = {one for one in printable(everything) if unicodedata.bidirectional(one) in
            ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")}  # fmt: skip
    assert not bidi


def test_errors_are_one_printable_line():
    with pytest.raises(ParseError) as caught:
        Document.parse("layer { \u202e }", path="a\x1bb.prototxt")
    told = [str(caught.value), str(DefinitionError("no \x1b", type="T\x9b", layer="l\x1b", file="f\n")),
            str(Diagnostic("no \x1b\n", file="f\u202e"))]  # fmt: skip
    for text in told:
        assert text == printable(text)
