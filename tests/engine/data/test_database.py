"""Reading and writing LMDB: what Caffe wrote, and what nobody should have to read."""

import os
import shutil
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest

from brewbench.engine.data.database import open_database, write_database, write_lmdb
from brewbench.engine.data.datum import from_datum
from brewbench.engine.errors import DefinitionError
from brewbench.proto.messages import Datum

FILES = Path(__file__).parents[2] / "golden" / "files"
CONTENTS = np.load(FILES / "db_contents.npz")


@pytest.mark.parametrize("name", ["mnist_like_lmdb", "imageset_lmdb"])
def test_the_rows_are_those_that_caffe_wrote(name):
    with open_database(FILES / name) as database:
        assert len(database) == len(CONTENTS[f"{name}/labels"])
        for label, image in zip(CONTENTS[f"{name}/labels"], CONTENTS[f"{name}/data"], strict=True):
            datum = Datum.FromString(database.next())
            assert datum.label == label
            np.testing.assert_array_equal(from_datum(datum), image)


def test_reading_starts_again_and_seeks():
    with open_database(FILES / "mnist_like_lmdb", "LMDB") as database:
        rows = [bytes(database.next()) for _ in range(2 * len(database))]
        assert rows[:20] == rows[20:]
        assert database.position == 0
        for row in (7, 3, 3, 19, 0, 27):
            database.seek(row)
            assert database.position == row % 20
            assert bytes(database.next()) == rows[row]
        database.seek(19)
        database.next()
        assert database.position == 0


def test_several_readers_do_not_disturb_each_other():
    with open_database(FILES / "mnist_like_lmdb") as one, open_database(FILES / "mnist_like_lmdb") as other:
        one.next()
        assert (one.position, other.position) == (1, 0)
        first = bytes(other.next())
    with open_database(FILES / "mnist_like_lmdb") as again:
        assert bytes(again.next()) == first


def test_a_folder_that_may_not_be_written_is_read_and_left_as_it_is(tmp_path):
    folder = tmp_path / "db"
    shutil.copytree(FILES / "mnist_like_lmdb", folder)
    folder.chmod(0o555)
    try:
        with open_database(folder) as database:
            assert len(database) == 20
        assert os.listdir(folder) == ["data.mdb"]
    finally:
        folder.chmod(0o755)


def test_writing_grows_as_it_must(tmp_path):
    rows = [(b"%08d" % index, bytes([index % 256]) * 9000) for index in range(2500)]
    assert write_lmdb(tmp_path / "db", rows) == 2500
    with open_database(tmp_path / "db") as database:
        assert [bytes(database.next()) for _ in range(len(database))] == [value for _, value in rows]
    assert os.listdir(tmp_path / "db") == ["data.mdb"]


@pytest.mark.parametrize("seed", range(4))
def test_trees_of_any_shape_are_read_as_lmdb_itself_does(tmp_path, seed):
    draw = np.random.default_rng(seed)
    sizes = [0, 1, 50, 1000, 2030, 2040, 4080, 5000, 30000]
    with lmdb.open(str(tmp_path / "db"), map_size=1 << 28, sync=False) as environment:
        keys = []
        for _ in range(4):
            with environment.begin(write=True) as transaction:
                for size in draw.choice([1, 8, 20, 500], draw.choice([10, 300, 1500])):
                    keys.append(draw.bytes(int(size)))
                    transaction.put(keys[-1], draw.bytes(int(draw.choice(sizes) if draw.random() < 0.2 else 20)))
                for index in draw.permutation(len(keys))[: len(keys) // 4]:
                    transaction.delete(keys[index])
        with environment.begin() as transaction:
            expected = [value for _, value in transaction.cursor()]
            depth = transaction.stat()["depth"]
    assert depth > 2
    with open_database(tmp_path / "db") as database:
        assert len(database) == len(expected)
        assert [bytes(database.next()) for _ in expected] == expected
        assert database.position == 0
        for row in draw.integers(0, 3 * len(expected), 20):
            indices, values = database.take(range(row, row + 40))
            assert indices == [index % len(expected) for index in range(row, row + 40)]
            assert list(map(bytes, values)) == [expected[index] for index in indices]


def test_no_damage_to_a_file_does_more_than_raise(tmp_path):
    whole = np.frombuffer((FILES / "mnist_like_lmdb" / "data.mdb").read_bytes(), np.uint8)
    draw = np.random.default_rng(0)
    (tmp_path / "db").mkdir()
    told = set()
    for _ in range(400):
        damaged = whole.copy()
        if draw.random() < 0.2:
            damaged = damaged[: draw.integers(len(damaged))]
        for start in range(0, len(damaged), 4096):  # what pages say about themselves
            places = start + draw.integers(0, 160 if start < 8192 else 60, draw.choice([0, 1, 3]))
            places = places[places < len(damaged)]
            damaged[places] = draw.integers(0, 256, len(places))
        (tmp_path / "db" / "data.mdb").write_bytes(damaged.tobytes())
        try:
            with open_database(tmp_path / "db") as database:
                for _ in range(min(len(database), 100)):
                    database.next()
                database.take(range(50))
        except DefinitionError as error:
            assert error.field == "source" and "db" in error.message
            told.add(error.message.split(":")[-1].split()[0])
    assert len(told) > 5


def test_a_file_that_becomes_shorter_is_told(tmp_path):
    write_lmdb(tmp_path / "db", [(b"%08d" % index, bytes(2000)) for index in range(2000)])
    with open_database(tmp_path / "db") as database:
        database.next()
        with open(tmp_path / "db" / "data.mdb", "rb+") as file:
            file.truncate(1 << 20)
        with pytest.raises(DefinitionError, match="is cut short: data.mdb has"):
            database.take(range(2000))


def test_what_fails_while_it_is_written_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="must ascend"):
        write_lmdb(tmp_path / "db", [(b"2", b"x"), (b"1", b"x")])
    assert not os.listdir(tmp_path)


def sources(folder: Path) -> dict[str, Path]:
    """Things that are no LMDB, by what should be said about them."""
    whole = (FILES / "mnist_like_lmdb" / "data.mdb").read_bytes()
    contents = {"cut short": whole[:-4096], "empty": b"", "garbage": b"not a database" * 1000}
    found = {"missing": folder / "missing"}
    for name, content in contents.items():
        found[name] = folder / name
        found[name].mkdir()
        (found[name] / "data.mdb").write_bytes(content)
    found["no rows"] = folder / "no rows"
    write_lmdb(found["no rows"], [])
    found["folder"] = folder
    found["file"] = folder / "file"
    found["file"].write_text("x")
    return found


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("missing", "there is no database"),
        ("cut short", "is cut short: data.mdb has 28,672 of 32,768 bytes"),
        ("empty", "cannot be read as an LMDB"),
        ("garbage", "cannot be read as an LMDB: File is not an LMDB file"),
        ("no rows", "holds no rows"),
        ("folder", "is not an LMDB: it holds no data.mdb"),
        ("file", "is a text file; an LMDB is a folder"),
    ],
)
def test_what_is_no_lmdb_is_one_clear_error(tmp_path, what, message):
    with pytest.raises(DefinitionError, match=message) as caught:
        open_database(sources(tmp_path)[what])
    assert caught.value.field == "source"


@pytest.mark.parametrize(
    ("name", "backend", "message"),
    [
        ("mnist_like_lmdb", "LEVELDB", "is an LMDB; say backend: LMDB"),
        ("mnist_like_leveldb", "LMDB", "is a LevelDB; say backend: LEVELDB"),
    ],
)
def test_the_wrong_backend_is_an_error_on_backend(name, backend, message):
    with pytest.raises(DefinitionError, match=message) as caught:
        open_database(FILES / name, backend)
    assert caught.value.field == "backend"


def test_a_backend_that_is_none_is_told(tmp_path):
    for act in (lambda: open_database(tmp_path, "hdf5"), lambda: write_database(tmp_path / "db", [], "hdf5")):
        with pytest.raises(ValueError, match="can be lmdb or leveldb; got 'hdf5'"):
            act()


def test_without_plyvel_a_leveldb_is_read_and_writing_one_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "plyvel", None)
    with open_database(FILES / "mnist_like_leveldb", "LEVELDB") as rows:
        assert len(rows) == 20
    with pytest.raises(ImportError, match=r"needs the package plyvel: pip install 'brewbench\[leveldb\]'"):
        write_database(tmp_path / "db", [], "leveldb")
