"""Conditions on which a session halts: a small language of comparisons, which is parsed and never evaluated as code."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine import Solver
from ...engine.memory import HOST
from ..history import History

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt
}  # fmt: skip
NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
TOKEN = re.compile(rf"\s*(?:({NUMBER})|([A-Za-z_][\w./:-]*(?:\[\d+\])?)|'([^']*)'|\"([^\"]*)\"|(<=|>=|==|!=|[<>()-]))")
WORDS = ("and", "or", "not", "nan")
DEPTH = 50  # of nested parentheses

Values = Mapping[str, float]
Test = Callable[[Values], bool]


@dataclass(frozen=True)
class Condition:
    """A condition over numbers by name. `names` are those that it reads, apart from `nan`, which reads them all."""

    text: str
    names: tuple[str, ...]
    reads_all: bool
    _test: Test

    def __str__(self) -> str:
        return self.text

    def holds(self, values: Values) -> bool:
        """Whether it holds. Every comparison with NaN is false, and so is `!=`. Raises KeyError for an unknown name."""
        return self._test(values)


def parse(text: str) -> Condition:
    """A condition as in ``loss < 0.1 and iteration >= 100 or nan``.

    Comparisons ``< <= > >= == !=`` of numbers and names (quoted where they are no plain words; ``prob[3]`` is one value
    of several), joined by `and`, `or`, `not` and parentheses; `and` binds closer than `or`. `nan` alone holds as soon
    as a value is NaN or infinite. Raises ValueError with the place in the text for anything else.
    """
    return _Parser(text).condition()


def holds(condition: Condition, solver: Solver, history: History) -> bool:
    """Whether a condition holds after an iteration. Raises ValueError for a name that there is not."""
    values = readings(solver, history)
    known = [*values, *(name for net in solver.test_nets for name in net.outputs)]
    for name in condition.names:
        if name not in known:
            there = ", ".join(list(dict.fromkeys(known))[:8])
            raise ValueError(f"{condition}: there is no {name!r}; there are {there}")
    return condition.holds(values)


class Readings(dict[str, float]):
    """Numbers by name; of one that has no value yet it is NaN."""

    def __missing__(self, name: str) -> float:
        return float("nan")


def readings(solver: Solver, history: History) -> Readings:
    """What is known after an iteration: its number, loss and rate, the outputs of the net and those of its last test.

    An output of several values has them as `name[0]`, `name[1]`, ... An output of a test has the name of the training
    net's in its place only where that has none.
    """
    found = Readings()
    for (_, name), table in history.tests.items():
        if len(table):
            found[name] = float(table.rows["value"][-1])
    for name in solver.net.outputs:
        found |= _spread(name, solver.net.blobs[name].data_memory.on(HOST))
    losses = solver.losses
    found |= {"iteration": float(solver.iter), "smoothed": solver.smoothed_loss, "rate": solver.rate}
    found["loss"] = float(losses[-1]) if losses else float("nan")
    return found


def _spread(name: str, values: Any) -> dict[str, float]:
    values = np.ravel(values)
    return {name: float(values[0])} if values.size == 1 else {f"{name}[{i}]": float(v) for i, v in enumerate(values)}


class _Parser:
    def __init__(self, text: str):
        self._text, self._reads_all, self._depth = text, False, 0
        self._names: dict[str, None] = {}
        self._tokens, self._at = self._split(), 0

    def condition(self) -> Condition:
        test = self._any()
        if self._kind != "end":
            raise self._error("and, or, or the end")
        return Condition(self._text.strip(), tuple(self._names), self._reads_all, test)

    def _split(self) -> list[tuple[str, str, int]]:
        """Tokens of (kind, text, place); kinds are number, name, quoted, sign and end."""
        found, at = [], 0
        while self._text[at:].strip():
            match = TOKEN.match(self._text, at)
            if match is None:
                place = at + len(self._text[at:]) - len(self._text[at:].lstrip())
                raise ValueError(f"{self._text!r}: {self._text[place]!r} at character {place + 1} has no meaning here")
            number, name, one, two, sign = match.groups()
            kind = "number" if number else "name" if name else "sign" if sign else "quoted"
            token = number or name or sign or (one if one is not None else two)
            found.append((kind, token, match.start(match.lastindex or 0)))
            at = match.end()
        return [*found, ("end", "", len(self._text))]

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    def _take(self, *wanted: str) -> str | None:
        """The word or sign that comes next, if it is one of these."""
        kind, token, _ = self._tokens[self._at]
        if kind in ("name", "sign") and token in wanted:
            self._at += 1
            return token
        return None

    def _error(self, expected: str) -> ValueError:
        kind, token, at = self._tokens[self._at]
        found = "the end" if kind == "end" else f"{token!r} at character {at + 1}"
        return ValueError(f"{self._text!r}: expected {expected}; found {found}")

    def _any(self) -> Test:
        tests = [self._all()]
        while self._take("or"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda values: any(test(values) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._take("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda values: all(test(values) for test in tests)

    def _one(self) -> Test:
        self._depth += 1
        if self._depth > DEPTH:
            raise ValueError(f"{self._text[:60]!r}...: nested more than {DEPTH} deep")
        try:
            if self._take("not"):
                inner = self._one()
                return lambda values: not inner(values)
            if self._take("("):
                inner = self._any()
                if not self._take(")"):
                    raise self._error("a closing parenthesis")
                return inner
            if self._take("nan"):
                self._reads_all = True
                return lambda values: any(not _is_finite(value) for value in values.values())
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Test:
        left = self._value()
        sign = self._take(*COMPARISONS)
        if sign is None:
            raise self._error("a comparison (<, <=, >, >=, ==, !=)")
        compare, right = COMPARISONS[sign], self._value()

        def test(values: Values) -> bool:
            one, two = left(values), right(values)
            return one == one and two == two and compare(one, two)

        return test

    def _value(self) -> Callable[[Values], float]:
        sign = -1.0 if self._take("-") else 1.0
        kind, token, _ = self._tokens[self._at]
        if kind not in ("number", "name", "quoted") or (kind == "name" and token in WORDS):
            raise self._error("a number or the name of an output")
        self._at += 1
        if kind == "number":
            number = sign * float(token)
            return lambda values: number
        self._names[token] = None
        return lambda values: sign * values[token]


def _is_finite(value: float) -> bool:
    return abs(value) < float("inf")
