"""What is written about the code is true of it."""

import ast
import importlib
import pkgutil
import re
import tomllib
from pathlib import Path

import pytest

import brewbench
from brewbench.engine import LAYERS, load_layers
from brewbench.engine.solver import SOLVERS
from brewbench.proto import fields
from brewbench.workbench.cli import COMMANDS

from . import held

ROOT = Path(__file__).parents[1]
PAGES = held.files("*.md")
ROOMS = ("proto", "engine", "workbench", "widgets")
SOURCES = [
    path for top in ROOMS for path in sorted((ROOT / top).rglob("*.py")) if "node_modules" not in path.parts
]
load_layers()


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_layer_says_what_goes_in_what_comes_out_and_who_thought_of_it(name):
    text = LAYERS[name].__doc__ or ""
    for section in ("Bottom", "Top", "Reference:"):
        assert re.search(rf"^ *{section}", text, re.MULTILINE), f"{name}: the docstring has no {section!r}"


@pytest.mark.parametrize("name", sorted(name for name, cls in LAYERS.items() if cls.param_field))
def test_a_layer_leaves_defaults_to_the_schema(name):
    assert "default" not in (LAYERS[name].__doc__ or "").lower()


def test_every_solver_says_its_rule_and_who_thought_of_it():
    for module in pkgutil.iter_modules([str(ROOT / "engine" / "solvers")]):
        importlib.import_module(f"brewbench.engine.solvers.{module.name}")
    assert len(SOLVERS) == 6
    for name, cls in SOLVERS.items():
        assert "$$" in (cls.__doc__ or "") and "Reference:" in (cls.__doc__ or ""), name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_one_line_that_says_what_it_holds(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    text = ast.get_docstring(tree)
    assert text, "no docstring"
    first = text.splitlines()[0]
    assert first.endswith((".", "?", "!")), first
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"class {node.name} has no docstring"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", held.content(page).decode()):
        if not target.startswith(("http:", "https:")):
            assert (ROOT / page.parent / target).exists(), f"{page}: {target}"


def test_the_readme_names_commands_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^brewbench (\w+) ", text, re.MULTILINE))
    assert named and named <= set(COMMANDS)
    for script in re.findall(r"python3 (\S+\.py)", text):
        assert (ROOT / script).exists(), script


def test_the_architecture_names_folders_that_exist():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for folder in re.findall(r"^(\w+)/ ", text, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


def test_public_names_can_be_had():
    for name in brewbench.__all__:
        assert getattr(brewbench, name) is not None
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert brewbench.__version__ == version


def test_the_layers_own_messages_are_in_the_schema():
    known = {field.name for field in fields("LayerParameter")}
    for name, cls in LAYERS.items():
        assert cls.param_field is None or cls.param_field in known, name
