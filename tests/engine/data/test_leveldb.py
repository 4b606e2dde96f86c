"""Reading and writing LevelDB: what Caffe wrote, without leaving a trace in it."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import Net, check
from brewbench.engine.data.database import open_database, write_database
from brewbench.engine.data.datum import from_datum, to_datum
from brewbench.engine.data.mnist import convert_mnist
from brewbench.engine.errors import DefinitionError
from brewbench.proto import Document
from brewbench.proto.messages import Datum

plyvel = pytest.importorskip("plyvel", reason="LevelDB needs plyvel")

FILES = Path(__file__).parents[2] / "golden" / "files"
CONTENTS = np.load(FILES / "db_contents.npz")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    """A folder for temporary files that starts empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def listing(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("name", ["mnist_like", "imageset"])  # one in the log, one in a table
def test_the_rows_are_those_that_caffe_wrote(name):
    folder = FILES / f"{name}_leveldb"
    before = listing(folder)
    with open_database(folder, "LEVELDB") as database:
        for label, image in zip(CONTENTS[f"{name}_lmdb/labels"], CONTENTS[f"{name}_lmdb/data"], strict=True):
            datum = Datum.FromString(database.next())
            assert datum.label == label
            np.testing.assert_array_equal(from_datum(datum), image)
        assert database.position == 0 and len(database) == len(CONTENTS[f"{name}_lmdb/labels"])
    assert listing(folder) == before


def test_a_folder_that_may_not_be_written_can_be_open_twice(tmp_path, temporary):
    folder = tmp_path / "db"
    shutil.copytree(FILES / "mnist_like_leveldb", folder)
    folder.chmod(0o555)
    try:
        with open_database(folder, "leveldb") as one, open_database(folder, "leveldb") as other:
            first = one.next()
            assert other.next() == first
            assert len(list(temporary.iterdir())) == 2
    finally:
        folder.chmod(0o755)
    assert not list(temporary.iterdir())


def test_reading_starts_again_and_seeks():
    def opened():
        return open_database(FILES / "mnist_like_leveldb", "leveldb")

    with opened() as database:
        rows = [database.next() for _ in range(40)]
        assert rows[:20] == rows[20:] and len(set(rows)) == 20
    for row in (45, 20, 19, 0, 7):  # the end is not known before it is met
        with opened() as database:
            database.seek(row)
            assert database.position == row % 20
            assert database.next() == rows[row % 20]
            database.seek(3)
            assert database.next() == rows[3]
            assert len(database) == 20 and database.position == 4
            assert database.next() == rows[4]


def test_what_is_written_is_what_caffe_writes(tmp_path):
    images, labels = FILES / "mini-images-idx3-ubyte", FILES / "mini-labels-idx1-ubyte"
    assert convert_mnist(images, labels, tmp_path / "db", "leveldb") == 20
    found = []
    for folder in (tmp_path / "db", FILES / "mnist_like_leveldb"):
        with open_database(folder, "LEVELDB") as database:
            found.append([database.next() for _ in range(len(database))])
    assert found[0] == found[1]
    with pytest.raises(FileExistsError):
        write_database(tmp_path / "db", [], "leveldb")


def test_many_rows_come_in_the_order_of_their_keys(tmp_path):
    rows = [(b"%08d" % index, bytes([index % 256]) * 900) for index in range(2500)]
    assert write_database(tmp_path / "db", rows[::-1], "LEVELDB") == 2500
    with open_database(tmp_path / "db", "LEVELDB") as database:
        assert [database.next() for _ in range(len(database))] == [value for _, value in rows]


def test_what_is_damaged_or_empty_is_one_clear_error(tmp_path, temporary):
    write_database(tmp_path / "no rows", [], "leveldb")
    shutil.copytree(FILES / "imageset_leveldb", tmp_path / "no table")
    (tmp_path / "no table" / "000005.ldb").unlink()
    (tmp_path / "no manifest").mkdir()
    (tmp_path / "no manifest" / "CURRENT").write_text("MANIFEST-000002\n")
    for name, message in (
        ("no rows", "holds no rows"),
        ("no table", "cannot be read as a LevelDB: .*missing files"),
        ("no manifest", "cannot be read as a LevelDB: .*MANIFEST-000002"),
    ):
        with pytest.raises(DefinitionError, match=message) as caught:
            open_database(tmp_path / name, "LEVELDB")
        assert caught.value.field == "source" and str(temporary) not in str(caught.value)
    assert not list(temporary.iterdir())


def test_nothing_is_written_where_a_link_in_the_folder_leads(tmp_path, temporary):
    """LevelDB numbers its new files by what the database says, so that a link may lie in wait there."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder = tmp_path / "db"
    shutil.copytree(FILES / "mnist_like_leveldb", folder)
    for number in range(1, 30):
        for name in (f"{number:06d}.log", f"{number:06d}.ldb", f"MANIFEST-{number:06d}"):
            if not (folder / name).exists():
                (folder / name).symlink_to(victim)
    with pytest.raises(DefinitionError, match="is a link, and LevelDB might write where it leads"):
        open_database(folder, "leveldb")
    assert victim.read_text() == "precious" and not list(temporary.iterdir())


def test_the_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "link").symlink_to(FILES / "mnist_like_leveldb")
    with open_database(tmp_path / "link", "leveldb") as database:
        assert database.next()


@pytest.fixture
def tables(tmp_path) -> Path:
    """A LevelDB of 500 rows in one table of many blocks."""
    folder = tmp_path / "tables"
    database = plyvel.DB(str(folder), create_if_missing=True, compression=None)
    for index in range(500):
        database.put(b"%08d" % index, to_datum(np.full((1, 9, 9), index % 256, np.uint8)).SerializeToString())
    database.compact_range()
    database.close()
    (table,) = folder.glob("*.ldb")
    assert table.stat().st_size > 40_000
    return folder


def test_a_damaged_table_is_named_with_its_layer(tables):
    (table,) = tables.glob("*.ldb")
    content = bytearray(table.read_bytes())
    content[20_000] ^= 1  # in the pixels of a row, which reads well
    table.write_bytes(content)
    text = f'layer {{ name: "rows" type: "Data" top: "d" data_param {{ source: "{tables}" batch_size: 50 }} }}'
    net = Net(Document.parse(text))  # the first row is whole
    with pytest.raises(DefinitionError, match="damaged: Corruption: block checksum mismatch") as caught:
        for _ in range(10):
            net.forward()
    assert caught.value.layer == "rows" and str(tables) in str(caught.value)
    net.close()
    content[10] ^= 1
    table.write_bytes(content)
    (found,) = check(Document.parse(text)).diagnostics
    assert (found.layer, found.field) == ("rows", "data_param.source") and str(tables) in found.message
    assert "checksum mismatch" in found.message and "b'" not in found.message


def test_a_table_that_is_cut_short_is_named(tables):
    (table,) = tables.glob("*.ldb")
    table.write_bytes(table.read_bytes()[:30_000])
    with pytest.raises(DefinitionError, match=f"the LevelDB '{tables}' is damaged: IO error: {tables}"):
        open_database(tables, "leveldb")


def test_a_damaged_log_is_not_passed_over(tmp_path):
    shutil.copytree(FILES / "mnist_like_leveldb", tmp_path / "db")
    (log,) = (tmp_path / "db").glob("*.log")
    content = bytearray(log.read_bytes())
    content[5000] ^= 1
    log.write_bytes(content)
    with pytest.raises(DefinitionError, match="cannot be read as a LevelDB: Corruption: checksum mismatch"):
        open_database(tmp_path / "db", "leveldb")


def test_one_that_is_forgotten_within_a_cycle_is_closed_in_order():
    script = f"""
import gc
from brewbench.engine.data.database import open_database
for _ in range(20):
    cycle = [open_database({str(FILES / "imageset_leveldb")!r}, "leveldb")]
    cycle.append(cycle)
    del cycle
    gc.collect()
"""
    subprocess.run([sys.executable, "-c", script], check=True)
