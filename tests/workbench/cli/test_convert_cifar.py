"""`brewbench convert_cifar_data` and `convert_mnist_siamese_data`."""

import os
import re

import pytest

from brewbench.engine.data.database import open_database
from brewbench.proto.messages import Datum

NAMES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


@pytest.fixture
def cifar(tmp_path):
    """A folder in which file i holds two images of the label i, all of the value 10 i."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for label, name in enumerate(NAMES):
        (tmp_path / "in" / name).write_bytes(2 * bytes([label, *[10 * label] * 3072]))
    return tmp_path


def read(folder):
    with open_database(folder) as rows:
        return [Datum.FromString(bytes(rows.next())) for _ in range(len(rows))]


def test_cifar_becomes_two_databases(cifar, call):
    status, out, err = call("convert_cifar_data", cifar / "in", cifar / "out", "lmdb")
    assert (status, out) == (0, "")
    said = [line.partition("] ")[2] for line in err.splitlines()]
    assert said == [
        "Writing Training data",
        *(f"Training Batch {number}" for number in range(1, 6)),
        "Processed 10 files.",
        "Writing Testing data",
        "Processed 2 files.",
    ]
    assert sorted(os.listdir(cifar / "out")) == ["cifar10_test_lmdb", "cifar10_train_lmdb"]
    train, test = (read(cifar / "out" / f"cifar10_{part}_lmdb") for part in ("train", "test"))
    assert [one.label for one in train] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] and [one.label for one in test] == [5, 5]
    assert train[4].data == bytes([20] * 3072)
    status, _, err = call("convert_cifar_data", cifar / "in", cifar / "out", "lmdb")
    assert status == 1 and err.count("\n") == 1 and "cifar10_train_lmdb is already there" in err


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_told_before_anything_is_written(cifar, call, name):
    (cifar / "in" / name).unlink()
    status, _, err = call("convert_cifar_data", cifar / "in", cifar / "out", "lmdb")
    assert status == 1 and err.count("\n") == 1 and f"{name}: No such file" in err
    assert os.listdir(cifar / "out") == []


def test_mnist_becomes_pairs(tmp_path, idx_files, call):
    words = ["convert_mnist_siamese_data", *idx_files, tmp_path / "pairs_lmdb", "-backend", "lmdb", "-seed", "1"]
    status, out, err = call(*words)
    assert (status, out) == (0, "")
    assert re.search(r"A total of 22 items\.\n.*Processed 22 files\.\n", err)
    rows = read(tmp_path / "pairs_lmdb")
    assert len(rows) == 22 and {one.channels for one in rows} == {2} and {one.label for one in rows} == {0, 1}


def test_pairs_go_into_a_leveldb_as_caffes_do(tmp_path, idx_files, call):
    pytest.importorskip("plyvel")
    assert call("convert_mnist_siamese_data", *idx_files, tmp_path / "pairs")[0] == 0
    with open_database(tmp_path / "pairs", "leveldb") as rows:
        assert Datum.FromString(bytes(rows.next())).channels == 2
