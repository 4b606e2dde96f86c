"""Databases made of images, and mean images, against those that Caffe's tools made."""

import os
import shutil
from pathlib import Path

import lmdb
import numpy as np
import pytest

from brewbench.engine import files
from brewbench.engine.data.database import open_database, write_lmdb
from brewbench.engine.data.datum import from_datum, to_datum
from brewbench.engine.data.images import encode_image
from brewbench.engine.data.imageset import channel_means, compute_image_mean, convert_imageset
from brewbench.engine.errors import DefinitionError
from brewbench.proto.messages import Datum

FILES = Path(__file__).parents[2] / "golden" / "files"
ROOT = f"{FILES}{os.sep}"


def rows(folder: Path) -> list[tuple[bytes, bytes]]:
    with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return list(transaction.cursor())


@pytest.mark.parametrize(
    ("name", "image_list", "settings"),
    [
        ("imageset_raw16_lmdb", "images_same.txt", {"check_size": True}),
        ("imageset_encoded_lmdb", "images_same.txt", {"encoded": True}),
        ("imageset_encoded_lmdb", "images_same.txt", {"encode_type": "PNG"}),
        ("imageset_lmdb", "images_all.txt", {"resize": (12, 10)}),
        ("imageset_gray_lmdb", "images_all.txt", {"resize": (8, 8), "gray": True}),
    ],
)
def test_the_database_is_that_of_caffe(tmp_path, name, image_list, settings):
    told = []
    expected = rows(FILES / name)
    count = convert_imageset(
        ROOT, FILES / image_list, tmp_path / "db", progress=lambda *done: told.append(done), **settings
    )
    assert rows(tmp_path / "db") == expected
    assert count == len(expected) and told == [(0, count), (count, count)]


def test_a_leveldb_has_the_same_rows(tmp_path):
    pytest.importorskip("plyvel", reason="LevelDB needs plyvel")
    convert_imageset(ROOT, FILES / "images_all.txt", tmp_path / "db", backend="leveldb", resize=(12, 10))
    with open_database(tmp_path / "db", "leveldb") as database:
        assert [database.next() for _ in range(20)] == [value for _, value in rows(FILES / "imageset_lmdb")]


def test_images_are_encoded_anew_where_they_change(tmp_path):
    convert_imageset(ROOT, FILES / "images_all.txt", tmp_path / "db", encoded=True, resize=(12, 10))
    for (_, row), (_, expected) in zip(rows(tmp_path / "db"), rows(FILES / "imageset_lmdb"), strict=True):
        datum = Datum.FromString(row)
        assert datum.encoded and datum.data.startswith(b"\x89PNG")
        np.testing.assert_array_equal(from_datum(datum), from_datum(Datum.FromString(expected)))
    convert_imageset(ROOT, FILES / "images_same.txt", tmp_path / "jpeg", encode_type="jpg")
    assert Datum.FromString(rows(tmp_path / "jpeg")[3][1]).data.startswith(b"\xff\xd8")


def test_shuffling_mixes_the_list_and_keeps_the_labels(tmp_path):
    expected = {key.partition(b"_")[2]: row for key, row in rows(FILES / "imageset_raw16_lmdb")}
    orders = []
    for run, seed in enumerate((1, 1, 2)):
        convert_imageset(ROOT, FILES / "images_same.txt", tmp_path / str(run), shuffle=True, seed=seed)
        found = rows(tmp_path / str(run))
        assert [int(key[:8]) for key, _ in found] == list(range(16))
        assert {key.partition(b"_")[2]: row for key, row in found} == expected
        orders.append([key for key, _ in found])
    assert orders[0] == orders[1] != orders[2]


def test_what_cannot_be_read_is_left_out_and_told(tmp_path):
    (tmp_path / "list").write_text("images/im00.png 5\nimages/gone.png 6\nimages_all.txt 7\nimages/im01.png 8\n")
    told = []
    assert convert_imageset(ROOT, tmp_path / "list", tmp_path / "db", warn=told.append) == 2
    assert [key for key, _ in rows(tmp_path / "db")] == [b"00000000_images/im00.png", b"00000003_images/im01.png"]
    assert told[0].startswith("images/gone.png is left out: ") and "is not an image" in told[1] and len(told) == 2


def test_settings_and_lists_that_cannot_be_leave_nothing_behind(tmp_path):
    def fails(message: str, lines: str = "images/im00.png 1\nimages/im16.png 1\n", **settings) -> None:
        (tmp_path / "list").write_text(lines)
        with pytest.raises(ValueError, match=message):
            convert_imageset(ROOT, tmp_path / "list", tmp_path / "db", **settings)
        assert os.listdir(tmp_path) == ["list"]

    fails("im16.png makes 420 bytes; those before made 360", check_size=True)
    fails("the backend can be lmdb or leveldb; got 'hdf5'", backend="hdf5")
    fails("cannot be encoded as 'xyz'", encode_type="xyz")
    fails("none of the images could be read", "images/gone.png 1\n")
    fails("names no image", "\n")
    fails("list:1: expected an image's name", "images/im00.png\n")


@pytest.mark.parametrize(
    ("db", "backend", "mean"),
    [
        ("imageset_lmdb", "lmdb", "imageset_mean.binaryproto"),
        ("mnist_like_lmdb", "LMDB", "mnist_like_mean.binaryproto"),
        ("imageset_leveldb", "leveldb", "imageset_mean_leveldb.binaryproto"),
    ],
)
def test_the_mean_is_that_of_caffe(tmp_path, db, backend, mean):
    if backend == "leveldb":
        pytest.importorskip("plyvel", reason="LevelDB needs plyvel")
    told = []
    found = compute_image_mean(
        FILES / db, tmp_path / "mean", backend=backend, progress=lambda *done: told.append(done)
    )
    assert (tmp_path / "mean").read_bytes() == (FILES / mean).read_bytes()
    np.testing.assert_array_equal(found, files.read_blob(FILES / mean)[0])
    assert told == [(0, 20), (20, 20)]
    if db.startswith("imageset"):
        assert [f"{value:g}" for value in channel_means(found)] == ["122.45", "117.452", "116.439"]  # as Caffe logs


def test_encoded_images_have_a_mean_too():
    raw, encoded = (compute_image_mean(FILES / f"imageset_{kind}_lmdb") for kind in ("raw16", "encoded"))
    np.testing.assert_array_equal(raw, encoded)


def test_rows_that_have_no_mean_are_told(tmp_path):
    good = to_datum(np.zeros((1, 2, 2), np.uint8)).SerializeToString()
    other = Datum(encoded=True, data=encode_image(np.zeros((1, 3, 2), np.uint8), "png")).SerializeToString()
    for name, row, message in (
        ("unsound", b"\x22\xff", "row 1 is not a sound Datum"),
        ("other", other, r"row 1 has the shape \(1, 3, 2\), those before \(1, 2, 2\)"),
    ):
        write_lmdb(tmp_path / name, [(b"0", good), (b"1", row)])
        with pytest.raises(ValueError, match=message):
            compute_image_mean(tmp_path / name, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
    with pytest.raises(DefinitionError, match="there is no database"):
        compute_image_mean(tmp_path / "nowhere")
    shutil.rmtree(tmp_path / "other")
