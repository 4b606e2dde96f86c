"""Files and folders appear whole or not at all."""

import os
import stat
import threading

import pytest

from brewbench.engine.atomic import atomic_folder, atomic_path, atomic_write


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text("old")
    path.chmod(0o640)
    with atomic_write(path, "w", encoding="utf-8") as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["net.prototxt"]


def test_a_new_file_has_the_usual_mode(tmp_path):
    (tmp_path / "usual").touch()
    with atomic_write(tmp_path / "new") as file:
        file.write(b"x")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        with atomic_write(path) as file:
            file.write(b"half")
            raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["weights"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with atomic_path(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_stays_a_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    found = []
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    with atomic_write(path) as file:
        file.write(b"all of it")
    reader.join(10)
    assert found == [b"all of it"]
    assert stat.S_ISFIFO(path.stat().st_mode) and os.listdir(tmp_path) == ["pipe"]


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="where there is a folder: .*folder"):
        with atomic_write(tmp_path / "folder"):
            pass
    assert os.listdir(tmp_path) == ["folder"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere"):
        with atomic_write(tmp_path / "nowhere" / "file"):
            pass


def test_a_folder_appears_when_it_is_complete(tmp_path):
    with atomic_folder(tmp_path / "db") as folder:
        (folder / "data").write_text("x")
        assert not (tmp_path / "db").exists()
    assert (tmp_path / "db" / "data").read_text() == "x"
    with pytest.raises(FileExistsError, match="already there"):
        with atomic_folder(tmp_path / "db"):
            pass
    with pytest.raises(ZeroDivisionError):
        with atomic_folder(tmp_path / "other"):
            raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["db"]
