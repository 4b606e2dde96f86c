"""CIFAR-10's binary files, and the databases made of them."""

import numpy as np
import pytest

from brewbench.engine.data.cifar import convert_cifar, read_batch
from brewbench.engine.data.database import open_database
from brewbench.proto.messages import Datum


def batch(count, seed):
    """A file's content: for each image its label, then 1,024 red, green and blue values."""
    random = np.random.default_rng(seed)
    labels, images = random.integers(0, 10, count), random.integers(0, 256, (count, 3, 32, 32))
    rows = zip(labels, images.astype(np.uint8), strict=True)
    content = b"".join(bytes([label]) + image.tobytes() for label, image in rows)
    return content, labels, images


def test_files_are_rows_of_a_label_and_an_image(tmp_path):
    content, labels, images = batch(7, 0)
    (tmp_path / "a.bin").write_bytes(content)
    found = read_batch(tmp_path / "a.bin")
    np.testing.assert_array_equal(found[0], images)
    np.testing.assert_array_equal(found[1], labels)


@pytest.mark.parametrize("content", [b"", b"x" * 3072, b"x" * 3074])
def test_a_file_of_another_length_is_named(tmp_path, content):
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.bin: .* no multiple of the 3,073"):
        convert_cifar([tmp_path / "a.bin"], tmp_path / "db")
    assert not (tmp_path / "db").exists()


def test_the_database_holds_all_files_in_order(tmp_path):
    batches = [batch(3, 1), batch(2, 2)]
    files = [tmp_path / "a.bin", tmp_path / "b.bin"]
    for file, (content, *_) in zip(files, batches, strict=True):
        file.write_bytes(content)
    told = []
    assert convert_cifar(files, tmp_path / "db", progress=lambda *done: told.append(done)) == 5
    assert told == [(0, 2), (1, 2), (2, 2)]
    with open_database(tmp_path / "db") as rows:
        found = [Datum.FromString(bytes(rows.next())) for _ in range(5)]
    assert {(one.channels, one.height, one.width) for one in found} == {(3, 32, 32)}
    assert [one.label for one in found] == [*batches[0][1], *batches[1][1]]
    pixels = np.frombuffer(b"".join(one.data for one in found), np.uint8).reshape(5, 3, 32, 32)
    np.testing.assert_array_equal(pixels, np.concatenate([batches[0][2], batches[1][2]]))
