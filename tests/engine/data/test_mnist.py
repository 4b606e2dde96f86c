"""IDX files and the database made of them, against the one that Caffe's tool made."""

import gzip
import os
from pathlib import Path

import lmdb
import pytest

from brewbench.engine.data.mnist import convert_mnist, convert_mnist_pairs, read_images, read_labels
from brewbench.proto.messages import Datum

FILES = Path(__file__).parents[2] / "golden" / "files"
IMAGES, LABELS = FILES / "mini-images-idx3-ubyte", FILES / "mini-labels-idx1-ubyte"


def rows(folder: Path) -> list[tuple[bytes, bytes]]:
    with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return list(transaction.cursor())


@pytest.mark.parametrize("compressed", [False, True])
def test_the_database_is_that_of_caffe(tmp_path, compressed):
    images, labels = IMAGES, LABELS
    if compressed:
        images, labels = tmp_path / "images.gz", tmp_path / "labels.gz"
        images.write_bytes(gzip.compress(IMAGES.read_bytes()))
        labels.write_bytes(gzip.compress(LABELS.read_bytes()))
    told = []
    assert convert_mnist(images, labels, tmp_path / "db", progress=lambda *done: told.append(done)) == 20
    assert rows(tmp_path / "db") == rows(FILES / "mnist_like_lmdb")
    assert told == [(0, 20), (20, 20)]
    with pytest.raises(FileExistsError):
        convert_mnist(images, labels, tmp_path / "db")


def test_pairs_are_two_channels_and_whether_they_show_the_same(tmp_path):
    images, labels = read_images(IMAGES), read_labels(LABELS)
    number = {image.tobytes(): index for index, image in enumerate(images)}
    assert convert_mnist_pairs(IMAGES, LABELS, tmp_path / "db", "lmdb", seed=1) == 20
    pairs = []
    for index, (key, value) in enumerate(rows(tmp_path / "db")):
        datum = Datum.FromString(value)
        assert (key, datum.channels, datum.height, datum.width) == (b"%08d" % index, 2, *images.shape[1:])
        half = len(datum.data) // 2
        pairs.append((number[datum.data[:half]], number[datum.data[half:]]))
        assert datum.label == (labels[pairs[-1][0]] == labels[pairs[-1][1]])
    assert len(set(pairs)) > 10 and len({first for first, _ in pairs}) > 5
    for seed, same in ((1, True), (2, False), (None, False)):
        convert_mnist_pairs(IMAGES, LABELS, tmp_path / f"{seed}", "lmdb", seed=seed)
        assert (rows(tmp_path / f"{seed}") == rows(tmp_path / "db")) == same


def test_the_whole_training_set_ships_with_the_project():
    folder = Path(__file__).parents[3] / "notebooks" / "data" / "mnist"
    for part, count in (("train", 60000), ("t10k", 10000)):
        assert read_images(folder / f"{part}-images-idx3-ubyte.gz").shape == (count, 28, 28)
        assert read_labels(folder / f"{part}-labels-idx1-ubyte.gz").shape == (count,)


def test_files_that_are_not_what_they_should_be_are_named(tmp_path):
    broken = tmp_path / "broken"

    def reading(content: bytes, message: str) -> None:
        broken.write_bytes(content)
        with pytest.raises(ValueError, match=f"broken: .*{message}"):
            convert_mnist(broken, LABELS, tmp_path / "db")

    reading(IMAGES.read_bytes()[:-1], "cut short: 15,679 of 15,680 bytes of images")
    reading(b"abc", "3 bytes are too few")
    reading(LABELS.read_bytes(), "begins with 2049, not with 2051")
    reading(gzip.compress(IMAGES.read_bytes())[:-20], "gzip file is damaged or cut short")
    with pytest.raises(FileNotFoundError):
        convert_mnist(tmp_path / "nothing", LABELS, tmp_path / "db")
    fewer = bytearray(LABELS.read_bytes())
    fewer[7] = 19
    (tmp_path / "fewer").write_bytes(fewer)
    with pytest.raises(ValueError, match="20 images, .*19 labels"):
        convert_mnist(IMAGES, tmp_path / "fewer", tmp_path / "db")
    with pytest.raises(ValueError, match="the backend can be lmdb or leveldb; got 'hdf5'"):
        convert_mnist(IMAGES, LABELS, tmp_path / "db", "hdf5")
    assert sorted(os.listdir(tmp_path)) == ["broken", "fewer"]
