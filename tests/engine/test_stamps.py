"""What numba keeps on disk is compiled anew when a source has changed that its code comes from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import brewbench
from brewbench.engine import stamps

pytest.importorskip("numba")

HELPER = """
import numba
@numba.njit(inline="always")
def factor(x):
    return x * {factor}
"""
USER = """
import numpy as np
from .helper import factor
from .plain import SHIFT
def made():
    table = SHIFT * 10
    def scaled(x):
        return factor(x) + SHIFT + table
    return scaled
"""
RUN = """
import numba
from {package}.user import made
from brewbench.engine.stamps import kept_on_disk
compiled = kept_on_disk(numba.{decorator}, made(), "int64(int64)")
hits = compiled.stats.cache_hits if hasattr(compiled, "stats") else compiled.cache_hits
print((getattr(compiled, "ctypes", None) or compiled)(10), bool(hits))
"""
ELU = """
import numpy as np, brewbench
from brewbench import Net
from brewbench.proto import Document
net = Net(Document.parse('''layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 4 dim: 64 }} }} }}
layer {{ name: "y" type: "ELU" bottom: "x" top: "y" }}'''), 1)
net.blobs["x"].data[...] = -3
net.forward()
assert brewbench.__file__.startswith({folder!r})
print(*set(net.blobs["y"].data.ravel().tolist()))
"""


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "stamped"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "helper.py").write_text(HELPER.format(factor=2))
    (folder / "plain.py").write_text("SHIFT = 1\n")
    (folder / "user.py").write_text(USER)
    return folder


@pytest.fixture(params=["cfunc", "njit"])
def start(request, package):
    def started(**variables):
        code = RUN.format(package=package.name, decorator=request.param)
        environment = os.environ | variables | {"PYTHONDONTWRITEBYTECODE": "1"}  # sources change within a second
        environment.pop("NUMBA_CACHE_DIR", None)
        return subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=package.parent, env=environment
        )

    return started


def told(process):
    printed, _ = process.communicate()
    assert process.returncode == 0
    return printed.strip()


def test_a_change_in_another_file_reaches_what_is_kept(package, start):
    assert [told(start()), told(start())] == ["31 False", "31 True"]
    (package / "helper.py").write_text(HELPER.format(factor=3))
    assert [told(start()), told(start())] == ["41 False", "41 True"]
    (package / "plain.py").write_text("SHIFT = 2\n")
    assert [told(start()), told(start())] == ["52 False", "52 True"]
    kept = list((package / "__pycache__").glob("*.nbi"))
    assert len(kept) == 1, "what is kept for older sources goes"


def test_a_change_of_what_is_not_reached_is_none(package, start):
    assert told(start()) == "31 False"
    (package / "other.py").write_text("")
    (package / "plain.py").write_text("# The same constant.\nSHIFT = 1\n")
    assert told(start()) == "31 True"


@pytest.mark.skipif(sys.platform == "win32", reason="caches lie elsewhere there")
def test_where_the_package_cannot_be_written_code_is_kept_with_the_users_caches(package, start, tmp_path):
    (package / "__pycache__").write_text("no folder")  # the superuser may write into every folder
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home")}
    assert [told(start(**home)), told(start(**home))] == ["31 False", "31 True"]
    (package / "helper.py").write_text(HELPER.format(factor=3))
    assert [told(start(**home)), told(start(**home))] == ["41 False", "41 True"]
    assert len(list((tmp_path / "home").rglob("*.nbi"))) == 1


def test_processes_that_compile_at_once_do_each_other_no_harm(start):
    running = [start() for _ in range(3)]
    assert {told(one).split()[0] for one in running} == {"31"}
    assert told(start()) == "31 True"


def test_an_edited_helper_of_the_package_is_what_the_next_process_runs(tmp_path):
    source, copied = Path(brewbench.__file__).parent, tmp_path / "brewbench"
    copied.mkdir()
    for folder in ("engine", "proto"):
        shutil.copytree(source / folder, copied / folder, ignore=shutil.ignore_patterns("__pycache__", "*.cu"))
    shutil.copy(source / "__init__.py", copied)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)

    def run():
        command = [sys.executable, "-c", ELU.format(folder=str(copied))]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        return float(done.stdout)

    rows = copied / "engine" / "ops" / "tile" / "rows.py"  # whose `exponential` is inlined into the driver in curves.py
    before = rows.read_text()
    assert run() == pytest.approx(-0.9502129)
    rows.write_text(before.replace("    return y * power_of_two(n)\n", "    return y * power_of_two(n + n)\n"))
    assert rows.read_text() != before and run() != pytest.approx(-0.9502129, abs=1e-3)
    rows.write_text(before)
    assert run() == pytest.approx(-0.9502129)


def test_a_stamp_is_that_of_the_vectors_and_of_the_settings_too(monkeypatch):
    first = stamps.stamp(run_of_a_test, {"fastmath": True})
    assert first and first == stamps.stamp(run_of_a_test, {"fastmath": True}) != stamps.stamp(run_of_a_test)
    monkeypatch.setattr("brewbench.engine.ops.tile.target.kind", lambda: "other")
    assert stamps.stamp(run_of_a_test, {"fastmath": True}) not in (None, first)


def test_what_was_edited_after_its_import_is_not_kept(monkeypatch):
    monkeypatch.setitem(stamps._imported, __file__, stamps._version(os.stat(__file__)))
    assert stamps.stamp(run_of_a_test)
    monkeypatch.setitem(stamps._imported, __file__, (0, 0))
    assert stamps.stamp(run_of_a_test) is None


def run_of_a_test(x):
    return x
