"""What a killed writer leaves is removed by the next one; what anybody else's is stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from brewbench.engine.atomic import atomic_folder, atomic_write
from brewbench.proto import Document, temporary

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are told from each other by POSIX means")

WRITER = """
import sys, time
from brewbench.engine.atomic import atomic_folder, atomic_write
with {what} as opened:
    print("writing", flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def writer(tmp_path):
    """Starts a process that is in the midst of writing into the folder."""
    started = []

    def start(what: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER.format(what=what)], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "writing\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def left(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.startswith("."))


def write(folder: Path) -> None:
    with atomic_write(folder / "other") as file:
        file.write(b"x")


@pytest.mark.parametrize("what", ["atomic_write('weights')", "atomic_folder('lmdb')"])
@pytest.mark.parametrize("reaped", [True, False])
def test_what_a_killed_writer_left_is_removed(writer, tmp_path, what, reaped):
    process = writer(what)
    process.send_signal(signal.SIGKILL)
    if reaped:
        process.wait()
    else:
        while temporary._state_of(process.pid)[0] != "Z":
            time.sleep(0.01)
    assert len(left(tmp_path)) == 1
    write(tmp_path)
    assert os.listdir(tmp_path) == ["other"]


def test_what_a_live_writer_writes_stays(writer, tmp_path):
    process = writer("atomic_write('weights')")
    (name,) = left(tmp_path)
    process.send_signal(signal.SIGSTOP)
    write(tmp_path)
    with atomic_folder(tmp_path / "folder"), atomic_write(tmp_path / "third"):
        assert len(left(tmp_path)) == 3  # nor does a process remove what it is writing itself
    assert left(tmp_path) == [name]


def test_saving_a_document_cleans_up_as_well(writer, tmp_path):
    process = writer("atomic_write('net.prototxt')")
    process.kill()
    process.wait()
    Document.parse("name: 'a'").save(tmp_path / "net.prototxt")
    assert os.listdir(tmp_path) == ["net.prototxt"]


OTHER = "f" * 12


@pytest.mark.parametrize(
    ("changed", "removed"),
    [
        ({}, False),  # this very process
        ({"start": "1"}, True),  # the number went to another process
        ({"pid": "4194999"}, True),  # no process has it: it is beyond the highest
        ({"pid": "4194999", "boot": OTHER}, True),  # before the machine was started anew
        ({"pid": "4194999", "boot": OTHER, "machine": OTHER}, False),  # another machine, by a network
        ({"pid": "4194999", "boot": OTHER, "machine": "0" * 12}, False),  # a machine without a number
        ({"pid": "4194999", "boot": "0" * 12}, False),
        ({"pid": "4194999", "space": "1"}, False),  # another container
    ],
    ids=str,
)
def test_whose_a_file_is_decides(tmp_path, changed, removed):
    me = dict(zip(("machine", "boot", "space", "pid", "start"), temporary._me(), strict=True))
    if "0" * 12 in (me["machine"], me["boot"]):
        pytest.skip("this machine has no number to be told by")
    path = tmp_path / f".brewbench-{'-'.join((me | changed).values())}-{'0' * 16}.tmp"
    path.write_text("half")
    write(tmp_path)
    assert path.exists() != removed


def test_any_other_name_stays(tmp_path):
    dead = "-".join([*temporary._me()[:3], "4194999", "1"])
    names = [
        ".0123456789abcdef.tmp",
        f".brewbench-{dead}-0123456789abcdef.tmp.bak",
        f"brewbench-{dead}-0123456789abcdef.tmp",
        f".brewbench-{dead}-0123.tmp",
        ".brewbench.tmp",
    ]
    for name in names:
        (tmp_path / name).touch()
    write(tmp_path)
    assert set(os.listdir(tmp_path)) == {*names, "other"}


def test_a_link_of_that_name_is_removed_and_not_followed(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    me = [*temporary._me()[:3], "4194999", "1"]
    link = tmp_path / f".brewbench-{'-'.join(me)}-{'0' * 16}.tmp"
    link.symlink_to(tmp_path / "folder")
    write(tmp_path)
    assert not link.is_symlink() and (tmp_path / "folder" / "file").exists()
