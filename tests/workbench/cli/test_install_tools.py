"""`brewbench install_tools`: shell scripts that call Caffe's programs where Caffe's build has them."""

import os
import subprocess
from pathlib import Path

import pytest

from brewbench.workbench.cli import COMMANDS
from brewbench.workbench.cli.install_tools import PROGRAMS

SCRIPT = """
set -e
TOOLS=./build/tools
build/examples/mnist/convert_mnist_data.bin images-idx3-ubyte labels-idx1-ubyte.gz rows --backend=lmdb
$TOOLS/compute_image_mean -backend=lmdb rows mean.binaryproto
GLOG_logtostderr=1 $TOOLS/caffe train --solver=solver.prototxt $@
$TOOLS/extract_features.bin tiny_iter_20.caffemodel net.prototxt ip features 2 lmdb
"""


def test_caffes_scripts_run_unchanged(bench, call):
    status, out, err = call("install_tools", bench)
    assert (status, out, err) == (0, f"Wrote {2 * len(PROGRAMS)} programs into {bench / 'build'}\n", "")
    (bench / "all.sh").write_text(SCRIPT)
    done = subprocess.run(["sh", "all.sh", "-seed", "1"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Optimization Done." in done.stderr
    for name in ("rows/data.mdb", "mean.binaryproto", "tiny_iter_20.caffemodel", "features/data.mdb"):
        assert Path(name).exists(), name


def test_every_program_is_a_command_under_caffes_name(tmp_path, call):
    assert call("install_tools", tmp_path)[0] == 0
    for name, command in PROGRAMS.items():
        assert set(command) <= set(COMMANDS)
        for path in (tmp_path / "build" / name, tmp_path / "build" / f"{name}.bin"):
            assert os.access(path, os.X_OK)
            assert path.read_text().rstrip().endswith(f"{' '.join(command)} \"$@\"".strip())


def test_the_programs_of_others_stay(tmp_path, call):
    real = tmp_path / "build" / "tools" / "caffe.bin"
    real.parent.mkdir(parents=True)
    real.write_bytes(b"\x7fELF")
    status, _, err = call("install_tools", tmp_path)
    assert status == 1 and err.count("\n") == 1 and f"{real} is already there, and not Brewbench's" in err
    assert os.listdir(real.parent) == ["caffe.bin"]
    real.unlink()
    assert [call("install_tools", tmp_path)[0] for _ in range(2)] == [0, 0]
    (tmp_path / "build" / "own").touch()
    status, out, _ = call("install_tools", tmp_path, "-remove")
    assert (status, out.split()[:2]) == (0, ["Removed", str(2 * len(PROGRAMS))])
    assert [path.name for path in tmp_path.rglob("*")] == ["build", "own"]


@pytest.mark.parametrize("name", ["gone", "file"])
def test_a_folder_that_is_none_is_told(tmp_path, call, name):
    (tmp_path / "file").touch()
    status, _, err = call("install_tools", tmp_path / name)
    assert (status, err) == (1, f"brewbench install_tools: {tmp_path / name}: there is no such folder\n")
