"""The project on disk, its wheel and its rooms: what pyproject.toml says by hand is held to be true."""

import ast
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

import brewbench

from . import held

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]
ROOMS = ("proto", "engine", "workbench", "widgets")  # each may import those before it
MACHINE_PATH = re.compile(rb"(?<![\w.*~-])/(?:work|root|tmp|home|Users)/|file:/{3}")
PRIVATE_URL = re.compile(rb"https?://(?:[^/\s@]+:[^/\s@]+@|[\w.-]+\.(?:internal|local|lan|corp)\b)")


def package_files() -> set[Path]:
    """The project's files that belong into a wheel: of JavaScript the bundle, not what it is made of.

    Tracked ones, and those that git does not ignore.
    """
    held.skip_without_git()
    listed = held.git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *ROOMS).decode()
    inside = {Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()}
    return {Path("__init__.py"), Path("py.typed")} | {path for path in inside if not is_page_source(path)}


def is_page_source(path: Path) -> bool:
    """Whether a file is a source of the bundle, of JupyterLab's extension, or of the tools that make and check them."""
    tools = path.parent == Path("widgets") and path.suffix in (".js", ".json", ".mjs")
    return tools or any(path.is_relative_to(f"widgets/{name}") for name in ("page", "lab", "labextension"))


def lab_extension(folder: Path) -> dict[str, bytes]:
    """The files of JupyterLab's extension in a folder, by their names in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def package_folder(name: str) -> Path:
    return ROOT.joinpath(*name.split(".")[1:])


def test_this_checkout_is_the_one_that_is_imported():
    assert Path(str(brewbench.__file__)) == ROOT / "__init__.py"
    assert brewbench.__version__ == PYPROJECT["project"]["version"]


def test_every_folder_with_an_init_is_listed():
    found = {
        ".".join(("brewbench", *path.parent.parts)) for path in package_files() if path.name == "__init__.py"
    }
    assert set(SETUPTOOLS["packages"]) == found
    assert SETUPTOOLS["packages"] == sorted(SETUPTOOLS["packages"])


def test_every_other_file_in_a_package_is_package_data():
    declared = {
        path.relative_to(ROOT)
        for name, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for path in package_folder(name).glob(pattern)
    }
    assert {path for path in package_files() if path.suffix != ".py"} <= declared


def test_no_other_module_at_the_root():
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel built from a copy that holds the project's files alone, as a clean clone does."""
    source = tmp_path_factory.mktemp("source")
    needed = package_files() | {Path("pyproject.toml"), Path("README.md"), Path("LICENSE")}
    extension = ROOT / "widgets" / "labextension"
    needed |= {path.relative_to(ROOT) for path in extension.rglob("*") if path.is_file()}
    for path in needed:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, source / path)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(source), "--no-deps", "--wheel-dir", str(out), "-q"]
    if has_setuptools():
        command.append("--no-build-isolation")
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("brewbench-*.whl")
    return built


def has_setuptools() -> bool:
    """Whether the setuptools installed here is new enough for pyproject.toml."""
    try:
        installed = importlib.metadata.version("setuptools")
    except importlib.metadata.PackageNotFoundError:
        return False
    (required,) = PYPROJECT["build-system"]["requires"]
    return int(installed.split(".")[0]) >= int(required.removeprefix("setuptools>="))


def test_the_wheel_holds_what_is_on_disk(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name and ".data/" not in name}
        data = {
            name.partition(".data/data/share/jupyter/labextensions/brewbench/")[2]: archive.read(name)
            for name in archive.namelist()
            if ".data/" in name
        }
        licences = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
    assert names == {f"brewbench/{path.as_posix()}" for path in package_files()}
    assert licences
    assert data == lab_extension(ROOT / "widgets" / "labextension") and "package.json" in data


def test_the_installed_extension_of_jupyterlab_is_the_committed_one():
    """It is a copy: of a wheel's, or of binder/up.py where the package is installed editable."""
    installed = Path(sysconfig.get_path("data"), "share", "jupyter", "labextensions", "brewbench")
    if not installed.exists():
        pytest.skip(f"this environment has no {installed}: binder/up.py puts it there")
    assert lab_extension(installed) == lab_extension(ROOT / "widgets" / "labextension"), "run binder/up.py"


def test_the_wheel_works_alone(wheel, tmp_path):
    """Every public name can be had from an unpacked wheel, far from the repository."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "import brewbench, sys\n"
        "for name in brewbench.__all__: getattr(brewbench, name)\n"
        "loaded = [module for name, module in sys.modules.items() if name.split('.')[0] == 'brewbench']\n"
        "print(*(module.__file__ for module in loaded), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    modules = [Path(line) for line in done.stdout.splitlines()]
    assert tmp_path / "brewbench" / "__init__.py" in modules
    assert all(module.is_relative_to(tmp_path) for module in modules)


def test_the_command_line_is_there():
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="brewbench")
    assert entry.value == PYPROJECT["project"]["scripts"]["brewbench"]
    assert callable(entry.load())


def imported_rooms(source: str, package: str) -> list[tuple[int, str]]:
    """Line and room of every import of a part of brewbench, wherever in the module it stands.

    Args:
        source: the text of a module.
        package: the package it lies in, such as `brewbench.engine.layers`.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            modules = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names = [word.value for word in node.args[:1] if isinstance(word, ast.Constant)]
            modules = [importlib.util.resolve_name(str(name), package) for name in names]
        else:
            continue
        for module in modules:
            root, _, rest = module.partition(".")
            if root == "brewbench":
                found.append((node.lineno, rest.split(".")[0]))
    return found


@pytest.mark.parametrize(
    ("source", "room"),
    [
        ("from ..widgets import bench", "widgets"),
        ("from .. import widgets", "widgets"),
        ("import brewbench.widgets.bench", "widgets"),
        ("from brewbench import widgets", "widgets"),
        ("def late():\n    from ..widgets.bench import Bench", "widgets"),
        ("import importlib\nimportlib.import_module('brewbench.widgets')", "widgets"),
        ("import importlib\nimportlib.import_module('..widgets', __package__)", "widgets"),
        ("from brewbench import Net", "Net"),
        ("from .blob import Blob", "engine"),
    ],
)
def test_an_import_is_seen_however_it_is_written(source, room):
    assert [found for _, found in imported_rooms(source, "brewbench.engine")] == [room]


def defined_at_root() -> set[str]:
    """What the root module defines itself; its other names it fetches from the rooms, so they point there."""
    names = set()
    for node in ast.parse((ROOT / "__init__.py").read_text()).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(ast.unparse(target) for target in node.targets)
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_one_way(room):
    allowed = {*ROOMS[: ROOMS.index(room) + 1], *defined_at_root()}
    modules = [path for path in package_files() if path.parts[0] == room and path.suffix == ".py"]
    assert modules
    backward = []
    for path in modules:
        package = ".".join(("brewbench", *path.parent.parts))
        for line, found in imported_rooms((ROOT / path).read_text(), package):
            if found not in allowed:
                backward.append(f"{path}:{line} imports {found}")
    assert not backward, "\n".join(backward)


def test_no_file_names_a_machine():
    """No path or address of the machine somebody worked on."""
    held.skip_without_git()
    found = []
    for path, content in held.contents():
        if b"\0" in content:
            continue
        for number, line in enumerate(content.splitlines(), 1):
            if match := MACHINE_PATH.search(line) or PRIVATE_URL.search(line):
                found.append(f"{path}:{number}: {match.group().decode()}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("folder", ["work", "root", "tmp", "home"])
def test_a_machine_path_is_seen(folder):
    assert MACHINE_PATH.search(f'open("/{folder}/x")'.encode())
    assert not MACHINE_PATH.search(f"see https://example.org/{folder}/x".encode())


def test_the_repository_stays_small():
    held.skip_without_git()
    sizes = {path: len(content) for path, content in held.contents()}
    largest = sorted(sizes, key=lambda path: -sizes[path])[:5]
    assert sum(sizes.values()) < 60e6, f"the largest: {', '.join(map(str, largest))}"


def test_mnist_is_the_one_its_readme_describes():
    folder = "notebooks/data/mnist"
    readme = held.content(f"{folder}/README.md").decode()
    rows = re.findall(r"`(\S+\.gz)` \|.*\| (\d+) \| `([0-9a-f]{64})`", readme)
    assert {name for name, _, _ in rows} == {path.name for path in held.files(f"{folder}/*.gz")}
    for name, size, digest in rows:
        content = held.content(f"{folder}/{name}")
        assert (len(content), hashlib.sha256(content).hexdigest()) == (int(size), digest), name


def test_kernels_can_be_made_before_anybody_waits_for_them(tmp_path):
    held.copy("notebooks", tmp_path / "checkout")
    script = held.copy("binder", tmp_path / "checkout") / "warm.py"
    environment = {**os.environ, "BREWBENCH_CACHE": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "cache").glob("*.o"))
