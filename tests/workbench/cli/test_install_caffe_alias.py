"""`brewbench install_caffe_alias`, in an environment made for it."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


class Environment:
    """An environment that finds Brewbench and what it needs, and has nothing installed."""

    def __init__(self, folder: Path):
        venv.EnvBuilder(symlinks=os.name != "nt").create(folder / "env")
        self.scripts = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        self.library = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder / "env")}))
        (folder / "lib").mkdir()
        (folder / "lib" / "brewbench").symlink_to(ROOT)
        self.found = folder / "lib"
        self.folder = folder
        paths = [path for path in sys.path if path.endswith("-packages")]
        (self.library / "shared.pth").write_text("\n".join([*paths, str(self.found)]) + "\n")

    def call(self, program, *words):
        """Status, stdout and stderr of a program of the environment."""
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        command = [str(self.scripts / program), *map(str, words)]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120
        )
        return done.returncode, done.stdout, done.stderr

    def python(self, code):
        return self.call("python", "-W", "error", "-c", code)

    def brewbench(self, *words):
        return self.call("python", "-m", "brewbench.workbench.cli", *words)

    def files(self):
        return {path for folder in (self.scripts, self.library) for path in folder.rglob("*") if path.suffix != ".pyc"}


@pytest.fixture
def environment(tmp_path):
    return Environment(tmp_path)


def test_import_caffe_is_ours_until_the_alias_is_removed(environment):
    assert environment.python("import caffe")[0] == 1
    before = environment.files()
    status, out, err = environment.brewbench("install_caffe_alias")
    assert (status, err) == (0, "") and str(environment.library) in out
    (environment.folder / "caffe").mkdir()
    (environment.folder / "caffe" / "__init__.py").write_text("raise ImportError('a checkout that was never built')")
    name = "import caffe.draw; from caffe.proto import caffe_pb2; print(caffe.__name__, caffe.draw.__name__)"
    assert environment.python(name) == (0, "brewbench.workbench.caffe brewbench.workbench.caffe.draw\n", "")
    said = environment.call("caffe", "-version")
    assert said == environment.brewbench("-version") and said[1].startswith("brewbench version ")
    assert environment.brewbench("install_caffe_alias")[0] == 0  # once more does no harm
    status, _, err = environment.brewbench("install_caffe_alias", "-remove")
    assert (status, err) == (0, "")
    assert {path for path in environment.files() if path.name != "__pycache__"} == before
    assert environment.python("import caffe")[0] == 1
    assert environment.brewbench("install_caffe_alias", "-remove") == (0, "There is no alias to remove\n", "")


def test_python_starts_as_before(environment):
    loaded = "import sys; print(*sorted(sys.modules))"
    before = environment.python(loaded)[1].split()
    assert environment.brewbench("install_caffe_alias")[0] == 0
    status, out, err = environment.python(loaded)
    assert (status, err) == (0, "")
    assert set(out.split()) - set(before) == {"_brewbench_caffe_alias"}
    environment.found.joinpath("brewbench").unlink()  # as if it were uninstalled
    assert environment.python("print(1)") == (0, "1\n", "")
    assert environment.python("import caffe")[2].endswith("ModuleNotFoundError: No module named 'caffe'\n")
    (environment.library / "_brewbench_caffe_alias.py").unlink()
    assert environment.python("print(1)") == (0, "1\n", "")


@pytest.mark.parametrize("kind", ["package", "module", "program"])
def test_what_is_somebody_elses_stays(environment, kind):
    path = {
        "package": environment.library / "caffe" / "__init__.py",
        "module": environment.library / "caffe.py",
        "program": environment.scripts / ("caffe.cmd" if os.name == "nt" else "caffe"),
    }[kind]
    path.parent.mkdir(exist_ok=True)
    path.write_text("x = 1")
    before = environment.files()
    status, out, err = environment.brewbench("install_caffe_alias")
    assert (status, out, err.count("\n")) == (1, "", 1) and str(path) in err
    assert environment.brewbench("install_caffe_alias", "-remove")[0] == 0
    assert environment.files() == before and path.read_text() == "x = 1"
