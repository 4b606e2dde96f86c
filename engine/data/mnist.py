"""MNIST. Its IDX files, and the databases made of them."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Iterator
from math import prod
from os import PathLike
from pathlib import Path

import numpy as np

from ...proto.messages import Datum
from .. import rng
from .database import write_database

IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049

Progress = Callable[[int, int], None]


def read_images(path: str | PathLike) -> np.ndarray:
    """The images of an IDX file, plain or gzip: uint8, (N, rows, columns). Errors as for `read_labels`."""
    return _read_idx(path, IMAGES_MAGIC, 3, "images")


def read_labels(path: str | PathLike) -> np.ndarray:
    """The labels of an IDX file, plain or gzip: uint8, (N,).

    Raises ValueError, with the file's name, for another kind of file or one that is cut short; OSError when it
    cannot be read.
    """
    return _read_idx(path, LABELS_MAGIC, 1, "labels")


def _read_idx(path: str | PathLike, magic: int, axes: int, what: str) -> np.ndarray:
    content = Path(path).read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path}: the gzip file is damaged or cut short: {error}") from error
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError(f"{path}: {len(content)} bytes are too few for an IDX file of {what}")
    found, *shape = struct.unpack_from(f">{1 + axes}I", content)
    if found != magic:
        raise ValueError(f"{path}: is not an IDX file of {what}: it begins with {found}, not with {magic}")
    if len(content) - start < prod(shape):
        raise ValueError(f"{path}: is cut short: {len(content) - start:,} of {prod(shape):,} bytes of {what}")
    return np.frombuffer(content, np.uint8, prod(shape), start).reshape(shape)


def convert_mnist(
    images: str | PathLike,
    labels: str | PathLike,
    db: str | PathLike,
    backend: str = "lmdb",
    progress: Progress | None = None,
) -> int:
    """Make a database of an IDX file of images and one of labels, as Caffe's convert_mnist_data does.

    The keys are the row numbers in eight digits. `progress(done, total)` is called every thousand rows. The
    database appears when it is complete; returns the number of rows. Raises ValueError for files that are not
    what they should be and a backend that is neither lmdb nor leveldb, FileExistsError when the database is there.
    """
    return write_database(db, _rows(*_read_both(images, labels), progress), backend)


def convert_mnist_pairs(
    images: str | PathLike,
    labels: str | PathLike,
    db: str | PathLike,
    backend: str = "leveldb",
    seed: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Make a database of random pairs of images, as Caffe's convert_mnist_siamese_data does.

    As many pairs as there are images, both drawn from all of them, by `seed` if one is given. A row has two channels,
    one for each image, and the label 1 if their labels are equal, else 0. All else is as for `convert_mnist`.
    """
    pictures, digits = _read_both(images, labels)
    draws = rng.bits(2 * len(pictures), rng.key(rng.fresh_seed() if seed is None else seed, "pairs"))
    pairs = draws.astype(np.int64).reshape(-1, 2) % max(len(pictures), 1)
    same = (digits[pairs[:, 0]] == digits[pairs[:, 1]]).astype(np.uint8)
    return write_database(db, _rows(pictures, same, progress, pairs), backend)


def _read_both(images: str | PathLike, labels: str | PathLike) -> tuple[np.ndarray, np.ndarray]:
    pictures, digits = read_images(images), read_labels(labels)
    if len(pictures) != len(digits):
        raise ValueError(f"{images} holds {len(pictures):,} images, {labels} {len(digits):,} labels")
    return pictures, digits


def _rows(
    images: np.ndarray, labels: np.ndarray, progress: Progress | None, groups: np.ndarray | None = None
) -> Iterator[tuple[bytes, bytes]]:
    """A row for each label: the image of that number, or the images whose numbers `groups` (N, channels) gives."""
    datum = Datum(channels=1 if groups is None else groups.shape[1], height=images.shape[1], width=images.shape[2])
    for index, label in enumerate(labels.tolist()):
        if progress is not None and index % 1000 == 0:
            progress(index, len(labels))
        datum.data, datum.label = images[index if groups is None else groups[index]].tobytes(), label
        yield b"%08d" % index, datum.SerializeToString()
    if progress is not None:
        progress(len(labels), len(labels))
