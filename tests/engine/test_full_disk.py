"""A full disk leaves what was there before, and is told in one line that names the file."""

from __future__ import annotations

import os
import subprocess
import sys
from errno import ENOSPC

import pytest

from brewbench.engine import atomic
from brewbench.engine.atomic import atomic_write
from brewbench.proto import Document

resource = pytest.importorskip("resource", reason="files cannot be kept small here")

WRITE = """
import os, resource, sys
import numpy as np
from brewbench.engine import Net, files
from brewbench.engine.data.database import write_database
from brewbench.proto import Document

TEXT = '''
layer { name: "d" type: "Input" top: "d" top: "e" input_param { shape { dim: 9 dim: 40000 } shape { dim: 9 } } }
layer { name: "i" type: "InnerProduct" bottom: "d" top: "i" inner_product_param { num_output: 3 } }
layer { name: "o" type: "HDF5Output" bottom: "d" bottom: "e" hdf5_output_param { file_name: "rows.h5" } }
'''
net = Net(Document.parse(TEXT))
net.params["i"][0].data[...] = 1
path, kind, limit = sys.argv[1:]
rows = ((b"%08d" % index, bytes(3000)) for index in range(2000))
write = {
    "weights": lambda: net.save(path),
    "state": lambda: files.write_solver_state(path, 1, "x", [np.ones(500_000, np.float32)]),
    "database": lambda: write_database(path, rows, path.partition(".")[2]),
    "output": net.forward,
    "text": lambda: Document.parse("# " + "x" * 500_000).save(path),
}[kind]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit),) * 2)
try:
    write()
except (OSError, ValueError) as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [100, 150_000])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("net.caffemodel", "weights"),
        ("net.caffemodel.h5", "weights"),
        ("net.solverstate", "state"),
        ("net.solverstate.h5", "state"),
        ("rows.h5", "output"),
        ("net.prototxt", "text"),
        ("db.lmdb", "database"),
        ("db.leveldb", "database"),
    ],
)
def test_a_full_disk_leaves_the_old_file(tmp_path, name, kind, limit):
    if name.endswith("leveldb"):
        pytest.importorskip("plyvel")
    if kind != "database":
        (tmp_path / name).write_text("old")
    command = [sys.executable, "-c", WRITE, name, kind, str(limit)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1 and not done.stderr
    assert name in done.stdout and "while it was written" in done.stdout, done.stdout
    assert ".brewbench" not in done.stdout
    if kind == "database":
        assert "nothing of it is left" in done.stdout and not os.listdir(tmp_path)
    else:
        assert "what was there before is still there" in done.stdout
        assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_text() == "old"


def full(*args):
    raise OSError(ENOSPC, os.strerror(ENOSPC))


def test_what_only_the_disk_itself_notices(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("old")
    monkeypatch.setattr(atomic, "_to_disk", full)
    with pytest.raises(OSError, match="No space left on device, while it was written") as caught:
        with atomic_write(tmp_path / "file") as file:
            file.write(b"new")
    assert caught.value.errno == ENOSPC and caught.value.filename == str(tmp_path / "file")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device, while it was written"):
        Document.parse("name: 'a'").save(tmp_path / "file")
    assert os.listdir(tmp_path) == ["file"] and (tmp_path / "file").read_text() == "old"


def test_another_files_error_is_left_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        with atomic_write(tmp_path / "file"):
            open(tmp_path / "nowhere")
