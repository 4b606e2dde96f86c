"""CIFAR-10. Its binary files, and the databases made of them."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import numpy as np

from ...proto.messages import Datum
from .database import write_database
from .mnist import Progress

SHAPE = (3, 32, 32)  # red, green, blue
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)

_ROW = 1 + 3 * 32 * 32  # a label, then the pixels


def read_batch(path: str | PathLike) -> tuple[np.ndarray, np.ndarray]:
    """The images, uint8 (N, 3, 32, 32), and the labels, uint8 (N,), of a binary file of CIFAR-10.

    Raises ValueError, with the file's name, for one of another length; OSError when it cannot be read.
    """
    content = Path(path).read_bytes()
    if not content or len(content) % _ROW:
        raise ValueError(f"{path}: {len(content):,} bytes are no multiple of the {_ROW:,} of an image and its label")
    rows = np.frombuffer(content, np.uint8).reshape(-1, _ROW)
    return rows[:, 1:].reshape(-1, *SHAPE), rows[:, 0]


def convert_cifar(
    files: list[Path], db: str | PathLike, backend: str = "lmdb", progress: Progress | None = None
) -> int:
    """Make a database of binary files of CIFAR-10, one after the other, as Caffe's convert_cifar_data does.

    The keys are the row numbers in five digits. `progress(done, total)` is called for each file, counted in files.
    The database appears when it is complete; returns the number of rows. Raises what `read_batch` raises,
    FileExistsError when the database is there, ValueError for a backend that is neither lmdb nor leveldb.
    """
    return write_database(db, _rows(files, progress), backend)


def _rows(files: list[Path], progress: Progress | None) -> Iterator[tuple[bytes, bytes]]:
    datum = Datum(channels=SHAPE[0], height=SHAPE[1], width=SHAPE[2])
    first = 0
    for done, file in enumerate(files):
        if progress is not None:
            progress(done, len(files))
        images, labels = read_batch(file)
        for index, (image, label) in enumerate(zip(images, labels.tolist(), strict=True), first):
            datum.data, datum.label = image.tobytes(), label
            yield b"%05d" % index, datum.SerializeToString()
        first += len(labels)
    if progress is not None:
        progress(len(files), len(files))
