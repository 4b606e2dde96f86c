"""Reading and writing LevelDB: what Caffe wrote, without leaving a trace in it."""

import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import Net, check
from brewbench.engine.data import leveldb_bytes
from brewbench.engine.data.database import open_database, write_database
from brewbench.engine.data.datum import from_datum, to_datum
from brewbench.engine.data.leveldb_bytes import Code, code, decompress
from brewbench.engine.data.mnist import convert_mnist
from brewbench.engine.errors import DefinitionError
from brewbench.proto import Document
from brewbench.proto.messages import Datum

FILES = Path(__file__).parents[2] / "golden" / "files"
CONTENTS = np.load(FILES / "db_contents.npz")


@pytest.fixture
def plyvel():
    return pytest.importorskip("plyvel", reason="writing a LevelDB needs plyvel")


@pytest.fixture(autouse=True)
def no_plyvel(request, monkeypatch):
    """Tests that do not ask for it cannot import it: reading is ours."""
    if "plyvel" not in request.fixturenames:
        monkeypatch.setitem(sys.modules, "plyvel", None)


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


def test_a_folder_that_may_not_be_written_can_be_open_twice(tmp_path):
    folder = tmp_path / "db"
    shutil.copytree(FILES / "mnist_like_leveldb", folder)
    folder.chmod(0o555)
    try:
        with open_database(folder, "leveldb") as one, open_database(folder, "leveldb") as other:
            first = one.next()
            assert other.next() == first
    finally:
        folder.chmod(0o755)


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


def test_what_is_written_is_what_caffe_writes(tmp_path, plyvel):
    images, labels = FILES / "mini-images-idx3-ubyte", FILES / "mini-labels-idx1-ubyte"
    assert convert_mnist(images, labels, tmp_path / "db", "leveldb") == 20
    found = []
    for folder in (tmp_path / "db", FILES / "mnist_like_leveldb"):
        with open_database(folder, "LEVELDB") as database:
            found.append([database.next() for _ in range(len(database))])
    assert found[0] == found[1]
    with pytest.raises(FileExistsError):
        write_database(tmp_path / "db", [], "leveldb")


def test_many_rows_come_in_the_order_of_their_keys(tmp_path, plyvel):
    rows = [(b"%08d" % index, bytes([index % 256]) * 900) for index in range(2500)]
    assert write_database(tmp_path / "db", rows[::-1], "LEVELDB") == 2500
    with open_database(tmp_path / "db", "LEVELDB") as database:
        assert [database.next() for _ in range(len(database))] == [value for _, value in rows]


@pytest.mark.parametrize("settings", [{}, {"compression": None, "block_size": 200}, {"write_buffer_size": 1 << 16}])
def test_the_last_write_to_a_key_counts(tmp_path, plyvel, settings):
    """Keys that were written again, and deleted, over logs and tables of several levels."""
    random, wanted = np.random.default_rng(0), {}
    for _ in range(3):  # each time it is opened, what the log holds becomes a table
        database = plyvel.DB(str(tmp_path / "db"), create_if_missing=True, **settings)
        for key in random.integers(0, 800, 3000):
            name = b"%03d" % key
            if random.random() < 0.3:
                database.delete(name)
                wanted.pop(name, None)
            else:
                wanted[name] = bytes(random.integers(0, 4, random.integers(0, 300), dtype=np.uint8))
                database.put(name, wanted[name])
        database.close()
        with open_database(tmp_path / "db", "leveldb") as rows:
            assert [rows.next() for _ in range(len(rows))] == [wanted[key] for key in sorted(wanted)]
    assert len(list((tmp_path / "db").glob("*.ldb"))) > (1 if settings else 0)


def test_values_larger_than_a_log_block_are_whole(tmp_path, plyvel):
    values = [bytes([index]) * size for index, size in enumerate((0, 1, 32757, 32758, 70000, 1 << 20))]
    write_database(tmp_path / "db", [(b"%d" % index, value) for index, value in enumerate(values)], "leveldb")
    with open_database(tmp_path / "db", "leveldb") as rows:
        assert [rows.next() for _ in values] == values


def test_a_write_that_was_broken_off_is_left_out(tmp_path):
    shutil.copytree(FILES / "mnist_like_leveldb", tmp_path / "db")
    (log,) = (tmp_path / "db").glob("*.log")
    log.write_bytes(log.read_bytes() + log.read_bytes()[:100])
    with open_database(tmp_path / "db", "leveldb") as rows:
        assert len(rows) == 20


def test_keys_sorted_by_another_rule_are_refused(tmp_path, plyvel):
    rule = {"comparator": lambda a, b: (a < b) - (a > b), "comparator_name": b"backwards"}
    database = plyvel.DB(str(tmp_path / "db"), create_if_missing=True, **rule)
    database.put(b"a", b"b")
    database.close()
    with pytest.raises(DefinitionError, match="its keys are sorted by 'backwards', not byte by byte"):
        open_database(tmp_path / "db", "leveldb")


def broken(folder, name):
    """A copy of a database, in which a file is changed: by its end, its content or its absence."""
    shutil.copytree(FILES / "imageset_leveldb", folder / name)
    return folder / name


def test_what_is_damaged_or_empty_is_one_clear_error(tmp_path):
    (broken(tmp_path, "no table") / "000005.ldb").unlink()
    table = broken(tmp_path, "short table") / "000005.ldb"
    table.write_bytes(table.read_bytes()[:-60])
    table = broken(tmp_path, "flipped") / "000005.ldb"
    content = bytearray(table.read_bytes())
    content[100] ^= 1
    table.write_bytes(content)
    (broken(tmp_path, "pointing nowhere") / "CURRENT").write_text("MANIFEST-000099\n")
    (broken(tmp_path, "empty") / "CURRENT").write_text("")
    broken_manifest = next(broken(tmp_path, "no manifest").glob("MANIFEST-*"))
    broken_manifest.write_bytes(b"\1" + broken_manifest.read_bytes()[1:])
    for name, message in (
        ("no table", "the table 000005.ldb is not there"),
        ("short table", "000005.ldb: it is no table, or is cut short"),
        ("flipped", "000005.ldb: the block at byte 0 is damaged: its checksum does not fit"),
        ("pointing nowhere", "there is no file MANIFEST-000099"),
        ("empty", "there is no file "),
        ("no manifest", f"{broken_manifest.name}: the record at byte 0 is damaged: its checksum does not fit"),
    ):
        with pytest.raises(DefinitionError, match=re.escape(message)) as caught:
            open_database(tmp_path / name, "LEVELDB")
        assert str(caught.value).startswith(f"{str(tmp_path / name)!r} cannot be read as a LevelDB: ")
        assert caught.value.field == "source" and "\n" not in str(caught.value)


def test_a_database_without_rows_is_refused(tmp_path, plyvel):
    write_database(tmp_path / "db", [], "leveldb")
    with pytest.raises(DefinitionError, match="'.*db' holds no rows"):
        open_database(tmp_path / "db", "leveldb")


@pytest.mark.parametrize("name", ["mnist_like", "imageset"])
def test_no_damage_gives_other_rows(tmp_path, name):
    """Whichever byte is changed: an error that says so, the same rows, or fewer where the last write was broken off."""
    with open_database(FILES / f"{name}_leveldb", "leveldb") as rows:
        wanted = [bytes(rows.next()) for _ in range(len(rows))]
    shutil.copytree(FILES / f"{name}_leveldb", tmp_path / "db")
    random = np.random.default_rng(0)
    files = [file for file in (tmp_path / "db").iterdir() if file.stat().st_size and not file.name.startswith("LO")]
    refused = 0
    for turn in range(300):
        file = files[turn % len(files)]
        content = file.read_bytes()
        changed = bytearray(content)
        changed[random.integers(len(content))] ^= 1 << random.integers(8)
        file.write_bytes(changed)
        try:
            with open_database(tmp_path / "db", "leveldb") as rows:
                assert [bytes(rows.next()) for _ in range(len(rows))] == wanted[: len(rows)]
        except DefinitionError as error:
            assert error.field == "source"
            refused += 1
        file.write_bytes(content)
    assert refused > 200


def test_nothing_is_written_or_waited_for(tmp_path):
    """LevelDB numbers its files, so that a link or a pipe may lie in wait under a number to come."""
    victim, folder = tmp_path / "victim", tmp_path / "db"
    victim.write_text("precious")
    shutil.copytree(FILES / "mnist_like_leveldb", folder)
    for number in range(1, 30):
        for name in (f"{number:06d}.log", f"{number:06d}.ldb", f"MANIFEST-{number:06d}"):
            if not (folder / name).exists():
                (folder / name).symlink_to(victim)
    os.mkfifo(folder / "000099.log")
    with pytest.raises(DefinitionError, match="there is no file 000099.log"):
        open_database(folder, "leveldb")
    (folder / "000099.log").unlink()
    with open_database(folder, "leveldb") as rows:
        assert len(rows) == 20
    assert victim.read_text() == "precious"


def test_reading_needs_no_compiler(monkeypatch):
    plain = Code(leveldb_bytes._checksum, leveldb_bytes._unpack, False)
    with open_database(FILES / "imageset_leveldb", "leveldb") as rows:
        wanted = [bytes(rows.next()) for _ in range(len(rows))]
    monkeypatch.setattr(leveldb_bytes, "code", lambda: plain)
    with open_database(FILES / "imageset_leveldb", "leveldb") as rows:
        assert [bytes(rows.next()) for _ in range(len(rows))] == wanted


@pytest.mark.parametrize("quick", [True, False])
def test_checksums_and_compression_are_the_published_ones(quick):
    found = code() if quick else Code(leveldb_bytes._checksum, leveldb_bytes._unpack, False)
    assert found.quick == quick
    digits = np.frombuffer(b"123456789", np.uint8)
    assert int(found.checksum(digits, leveldb_bytes._CRC)) == 0xE3069283  # the check value of CRC-32C
    # five bytes as they stand, then copies with offsets of one, two and four bytes
    packed = bytes([4 << 2, *b"abcde", 1 << 2 | 1, 5, (7 - 1) << 2 | 2, 5, 0, (3 - 1) << 2 | 3, 1, 0, 0, 0])
    assert decompress(bytes([20]) + packed) == b"abcde" + b"abcde" + b"abcdeab" + b"bbb"
    for wrong in (b"", b"\xff", bytes([21]) + packed, bytes([19]) + packed, bytes([4, 1 << 2 | 1, 1])):
        with pytest.raises(ValueError, match="the compressed data are"):
            decompress(wrong)


def test_the_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "link").symlink_to(FILES / "mnist_like_leveldb")
    with open_database(tmp_path / "link", "leveldb") as database:
        assert database.next()


@pytest.fixture
def tables(tmp_path, plyvel) -> Path:
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
    with pytest.raises(DefinitionError, match=f"{table.name}: the block .* is damaged: its checksum") as caught:
        for _ in range(10):
            net.forward()
    assert caught.value.layer == "rows" and str(tables) in str(caught.value)
    net.close()
    content[10] ^= 1
    table.write_bytes(content)
    (found,) = check(Document.parse(text)).diagnostics
    assert (found.layer, found.field) == ("rows", "data_param.source") and str(tables) in found.message
    assert f"{table.name}: the block at byte 0 is damaged" in found.message


def test_a_damaged_log_is_not_passed_over(tmp_path):
    shutil.copytree(FILES / "mnist_like_leveldb", tmp_path / "db")
    (log,) = (tmp_path / "db").glob("*.log")
    content = bytearray(log.read_bytes())
    content[5000] ^= 1
    log.write_bytes(content)
    with pytest.raises(DefinitionError, match=f"{log.name}: the record at byte .* is damaged: its checksum"):
        open_database(tmp_path / "db", "leveldb")
