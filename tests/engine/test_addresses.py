"""No compiled function reads or writes by the address of an array that may be freed by then."""

import ast
from pathlib import Path
from textwrap import dedent

import numba
import numpy as np
import pytest

from brewbench.engine.addresses import array_address, keep_alive

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for folder in ("engine", "workbench", "widgets") for path in (ROOT / folder).rglob("*.py"))
COMPILED = {"driver", "njit", "jit", "vectorize", "cfunc", "_compiled"}


def name_of(node):
    """The last name in `a.b.name(...)`."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def is_compiled(function):
    return any(name_of(one) in COMPILED for one in function.decorator_list)


def taken(node, compiled):
    """The array whose address an expression takes; None where it takes none."""
    if isinstance(node, ast.Call) and name_of(node) == "array_address":
        return node.args[0]
    if isinstance(node, ast.Attribute) and node.attr == "__array_interface__":
        return node.value
    if isinstance(node, ast.Attribute) and node.attr == "ctypes" and (compiled or not isinstance(node.value, ast.Name)):
        return node.value
    return None


def names_in(node):
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def mentions(statement, name):
    """Whether a statement uses an array otherwise than by taking its address."""
    within = {id(one) for node in ast.walk(statement) if taken(node, True) is not None for one in ast.walk(node)}
    return any(isinstance(one, ast.Name) and one.id == name and id(one) not in within for one in ast.walk(statement))


def takes(node, array):
    """Whether an expression takes the address of that array."""
    return any((found := taken(one, True)) is not None and names_in(found) == {array} for one in ast.walk(node))


def assignments(function):
    """(name, expression) of all assignments, those of tuples one by one."""
    for node in ast.walk(function):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = zip(target.elts, node.value.elts, strict=True)
            yield from ((left.id, right) for left, right in pairs if isinstance(left, ast.Name))


def derived(function, array):
    """The names of numbers that are computed from an array's address."""
    names: set[str] = set()
    while more := {
        name for name, right in assignments(function)
        if name not in names and (takes(right, array) or names_in(right) & names)
    }:  # fmt: skip
        names |= more
    return names


def faults_of(function, compiled):
    """Why the addresses that a function takes may outlive their arrays."""
    inner = [one for one in ast.walk(function) if isinstance(one, ast.FunctionDef) and one is not function]
    skipped = {id(node) for one in inner for node in ast.walk(one)}
    found = [(node, taken(node, compiled)) for node in ast.walk(function) if id(node) not in skipped]
    arrays = [(node, array) for node, array in found if array is not None]
    for node, array in arrays:
        if not isinstance(array, ast.Name | ast.Attribute):
            yield f"line {node.lineno}: the address of a temporary"
    if not compiled:
        return  # CPython lets a name live to the end of its function
    for array in {array.id for _, array in arrays if isinstance(array, ast.Name)}:
        names = derived(function, array)
        uses = [
            k for k, statement in enumerate(function.body)
            if names_in(statement) & names or takes(statement, array)
        ]  # fmt: skip
        kept = [k for k, statement in enumerate(function.body) if mentions(statement, array)]
        line = function.body[uses[-1]].lineno
        if not kept or kept[-1] <= uses[-1]:
            yield f"line {line}: {array!r} is used no more after its address is"
        elif any(isinstance(node, ast.Return) for one in function.body[uses[0] : kept[-1]] for node in ast.walk(one)):
            yield f"line {line}: a way out of {function.name!r} does not use {array!r} after its address"


def faults_in(source):
    """Those of all functions of a module, each with its name."""
    tree = ast.parse(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    passed = {one.id for call in calls for one in call.args if isinstance(one, ast.Name)}
    decorating = any(isinstance(node, ast.FunctionDef) and is_compiled(node) for node in ast.walk(tree))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            compiled = is_compiled(node) or (decorating and node.name in passed)
            found += [f"{node.name}: {fault}" for fault in faults_of(node, compiled)]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_address_outlives_its_array(path):
    assert faults_in(path.read_text()) == []


REFUSED = {
    "let go at once": """
        @driver
        def across(address, begin, end):
            squares = np.zeros(100, np.float32)
            at = squares.ctypes.data
            for item in range(begin, end):
                store(at + 4 * item, load(at))
    """,
    "several in one line": """
        @numba.njit(inline="always")
        def f(n):
            one, other = np.zeros(n), np.zeros(n)
            a, b = array_address(one), array_address(other)
            store(a, load(b))
            keep_alive(one)
    """,
    "kept before the last use": """
        @driver
        def f(address, begin, end):
            room = np.zeros(4)
            at = array_address(room)
            keep_alive(room)
            for k in range(begin, end):
                store(at, load(at))
    """,
    "used in the same loop": """
        @driver
        def f(address, begin, end):
            room = np.zeros(4)
            at = room.ctypes.data
            for k in range(begin, end):
                found = room[k]
                store(at, found)
    """,
    "by a number computed from it": """
        @driver
        def f(address, begin, end):
            room = np.zeros(4)
            at = array_address(room)
            keep_alive(room)
            there = at + 16
            store(there, load(there))
    """,
    "another way out": """
        @njit
        def f(n):
            room = np.zeros(n)
            at = array_address(room)
            if read_int(at):
                return 1
            keep_alive(room)
            return 0
    """,
    "without a name": """
        @njit
        def f(n):
            store(np.zeros(n).ctypes.data, 0)
    """,
    "a temporary in Python": """
        def f(values):
            return np.array(values).__array_interface__["data"][0]
    """,
}


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED)
def test_an_address_that_outlives_its_array_is_found(source):
    assert len(faults_in(dedent(source))) == 1


@numba.njit
def two_rooms(size):
    one = np.empty(size, np.float32)
    first = array_address(one)
    other = np.empty(size, np.float32)
    second = array_address(other)
    keep_alive(one)
    keep_alive(other)
    return first, second


def test_memory_that_is_kept_alive_is_not_given_out_again():
    first, second = two_rooms(100)
    assert abs(first - second) >= 400
