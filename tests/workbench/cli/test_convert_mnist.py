"""`brewbench convert_mnist`."""

import io
import sys

from brewbench.engine.data.database import open_database
from brewbench.proto.messages import Datum
from brewbench.workbench.cli import main


def test_plain_and_gzip_files_become_an_lmdb(tmp_path, idx_files, call):
    status, out, err = call("convert_mnist", *idx_files, tmp_path / "db", "-backend", "lmdb")
    assert (status, out) == (0, "")
    assert err.endswith("] Processed 22 files.\n") and "\r" not in err
    with open_database(tmp_path / "db") as rows:
        assert len(rows) == 22
        first = Datum.FromString(bytes(rows.next()))
    assert (first.channels, first.height, first.width, first.label) == (1, 6, 6, 0)


def test_a_terminal_sees_how_far_it_is(tmp_path, idx_files, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    assert main(["convert_mnist", *map(str, idx_files), str(tmp_path / "db")]) == 0
    assert "rows/s]" in stderr.getvalue()


def test_what_cannot_be_converted_is_told_in_one_line(tmp_path, idx_files, call):
    images, labels = idx_files
    db = tmp_path / "db"
    cases = [
        ([tmp_path / "no", labels, db], "no: No such file or directory"),
        ([labels, labels, db], f"{labels}: is not an IDX file of images"),
        ([images, labels, db, "-backend", "rocksdb"], "got 'rocksdb'"),
        ([images, labels], "the following arguments are required: DB"),
        ([images, labels, tmp_path], "is already there"),
    ]
    for words, message in cases:
        status, _, err = call("convert_mnist", *words)
        assert (status, err.count("\n")) == (1, 1), err
        assert err.startswith("brewbench convert_mnist: ") and message in err
    assert not db.exists()
