"""The language of conditions: what it means, and that nothing else is understood."""

import pytest

from brewbench.workbench.session.conditions import Readings, parse

VALUES = Readings({"loss": 0.5, "iteration": 30.0, "top-5/acc": 0.9, "prob[1]": 0.25, "my loss": -2.0})
NAN = Readings(VALUES | {"loss": float("nan")})


@pytest.mark.parametrize("text, holds", [
    ("loss < 0.6", True),
    ("loss<.5", False),
    ("loss <= 5e-1", True),
    ("0.4 < loss", True),
    ("iteration == 30 and loss > 1 or iteration >= 30", True),
    ("iteration == 30 and (loss > 1 or iteration > 30)", False),
    ("not loss > 1 and not (iteration < 3)", True),
    ("'my loss' < -1.5 and \"my loss\" != -3", True),
    ("top-5/acc >= 0.9", True),
    ("prob[1] == 0.25", True),
    ("nan", False),
    ("untold < 1 or untold >= 1 or untold != 1", False),
])  # fmt: skip
def test_what_holds(text, holds):
    assert parse(text).holds(VALUES) is holds
    assert str(parse(f" {text} ")) == text


def test_nan_is_seen_and_compares_as_false():
    assert parse("nan").holds(NAN) and parse("loss < 1 or nan").holds(NAN)
    assert not parse("loss < 1 or loss >= 1 or loss != 1").holds(NAN)
    assert parse("nan").holds(Readings(loss=float("-inf")))


def test_names_are_told():
    assert parse("loss < 1 and 'a b' > 2 or loss > 3").names == ("loss", "a b")


@pytest.mark.parametrize("text, message", [
    ("", "expected a number or the name of an output; found the end"),
    ("loss", "expected a comparison"),
    ("loss < ", "found the end"),
    ("loss < 1 2", "expected and, or, or the end; found '2' at character 10"),
    ("loss < 1 and", "found the end"),
    ("(loss < 1", "closing parenthesis"),
    ("loss < 1)", "found '\\)' at character 9"),
    ("a < b < c", "expected and, or, or the end"),
    ("loss = 1", "'=' at character 6 has no meaning"),
    ("__import__('os').system('true')", "'\\.' at character 17 has no meaning"),
    ("loss.__class__ + 1 > 0", "'\\+' at character 16"),
    ("lambda: 0", "found|meaning"),
    ("and < 1", "found 'and'"),
    ("'open < 1", "has no meaning"),
    ("(" * 1000 + "loss < 1", "nested more than 50 deep"),
    ("not " * 100000 + "nan", "nested more than 50 deep"),
    ("-" * 1000 + "1 < 2", "expected a number"),
])  # fmt: skip
def test_anything_else_is_refused_with_its_place(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)
