"""Databases made of image files, and the mean of a database's images: what Caffe's tools do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from ...proto.messages import BlobProto, Datum
from .. import rng
from ..atomic import atomic_write
from .database import open_database, write_database
from .datum import from_datum, to_datum
from .images import encode_image, file_format, read_image, read_list
from .mnist import Progress
from .workers import Workers

Warn = Callable[[str], None]

_REPORT_EVERY = 1000


def convert_imageset(
    root: str,
    image_list: str | PathLike,
    db: str | PathLike,
    *,
    backend: str = "lmdb",
    resize: tuple[int, int] | None = None,
    gray: bool = False,
    shuffle: bool = False,
    check_size: bool = False,
    encoded: bool = False,
    encode_type: str = "",
    seed: int | None = None,
    progress: Progress | None = None,
    warn: Warn | None = None,
) -> int:
    """Make a database of the images and labels of a list, as Caffe's convert_imageset does; returns how many.

    `root` is put before every name. `resize` is (height, width); `shuffle` mixes the list, by `seed` if one is given.
    `encoded` keeps images compressed, as `encode_type` ("png", "jpg", ...) or as the name's ending says; a file that
    is already what it should become is taken as it is. `check_size` refuses images that differ in size. Keys are
    ``00000012_name``, the number being the place in the list, mixed or not.

    An image that cannot be read is left out, and `warn(message)` called. `progress(done, total)` is called first,
    after every thousand rows written, and at the end; `total` leaves out what could not be read so far. The database
    appears when it is complete. Raises ValueError for a list or settings that are not what they should be and when no
    image at all can be read, OSError when the list cannot be read, FileExistsError when the database is there.
    """
    lines = read_list(image_list)
    if not lines:
        raise ValueError(f"{image_list}: names no image")
    if encode_type:
        file_format(encode_type)
    if shuffle:
        key = rng.key(rng.fresh_seed() if seed is None else seed, "convert_imageset")
        lines = [lines[index] for index in rng.permutation(len(lines), key)]
    make = partial(_datum_of, root=root, resize=resize, color=not gray, encoded=encoded or bool(encode_type))
    rows = _rows(lines, partial(make, encode_type=encode_type.lower()), check_size, progress, warn)
    return write_database(db, rows, backend)


def _rows(
    lines: list[tuple[str, int]],
    make: Callable[[tuple[str, int]], Any],
    check_size: bool,
    progress: Progress | None,
    warn: Warn | None,
) -> Iterator[tuple[bytes, bytes]]:
    size = None
    written, total = 0, len(lines)
    if progress is not None:
        progress(written, total)
    for index, made in enumerate(Workers("images").stream(make, lines)):
        name = lines[index][0]
        if isinstance(made, OSError | ValueError):
            total -= 1
            if warn is not None:
                warn(f"{name} is left out: {made}")
            continue
        if check_size:
            size = size or len(made.data)
            if len(made.data) != size:
                raise ValueError(f"{name} makes {len(made.data):,} bytes; those before made {size:,}")
        yield b"%08d_%s" % (index, name.encode(errors="surrogateescape")), made.SerializeToString()
        written += 1
        if progress is not None and written % _REPORT_EVERY == 0:
            progress(written, total)
    if not written:
        raise ValueError("none of the images could be read")
    if progress is not None:
        progress(written, total)


def _datum_of(
    line: tuple[str, int], root: str, resize: tuple[int, int] | None, color: bool, encoded: bool, encode_type: str
) -> Any:
    """The Datum of a line of the list; where its image cannot be read, the error that says why."""
    name, label = line
    path = Path(root + name)
    try:
        image = read_image(path, color, resize)
        if not encoded:
            datum = to_datum(image, label)
            datum.encoded = False  # said, as Caffe says it
            return datum
        ending = path.suffix[1:].lower()
        format = encode_type or ending
        same = format == ending or (format, ending) == ("jpg", "jpeg")
        data = path.read_bytes() if same and resize is None else encode_image(image, format)
        return Datum(data=data, label=label, encoded=True)
    except (OSError, ValueError) as error:
        return error


def compute_image_mean(
    db: str | PathLike,
    mean_file: str | PathLike | None = None,
    *,
    backend: str = "lmdb",
    progress: Progress | None = None,
) -> np.ndarray:
    """The mean of all images of a database, (C, H, W), float32, added up as Caffe's compute_image_mean does.

    It is written to `mean_file` (`.binaryproto`), if one is given. `progress(done, total)` is called every thousand
    images. Raises DefinitionError when the database cannot be opened, ValueError when a row is no image or differs
    in shape from the first, OSError when the file cannot be written. See `channel_means`.
    """
    with open_database(db, backend) as rows:
        total = len(rows)
        values = (bytes(rows.next()) for _ in range(total))
        images = Workers("images").stream(_image_of, values)
        mean = np.zeros(0, np.float32)
        for index, image in enumerate(images):
            if progress is not None and index % _REPORT_EVERY == 0:
                progress(index, total)
            if isinstance(image, ValueError | DecodeError):
                raise ValueError(f"{db}: row {index} is not a sound Datum: {image}") from image
            if index == 0:
                mean = np.zeros(image.shape, np.float32)
            if image.shape != mean.shape:
                raise ValueError(f"{db}: row {index} has the shape {image.shape}, those before {mean.shape}")
            mean += image
    mean /= np.float32(total)
    if mean_file is not None:
        channels, height, width = (int(length) for length in mean.shape)
        blob = BlobProto(num=1, channels=channels, height=height, width=width, data=mean.ravel().tolist())
        with atomic_write(mean_file) as file:
            file.write(blob.SerializeToString())
    if progress is not None:
        progress(total, total)
    return mean


def _image_of(row: bytes) -> Any:
    """The image (C, H, W) of a row; where there is none, the error that says why."""
    try:
        return from_datum(Datum.FromString(row))
    except (ValueError, DecodeError) as error:
        return error


def channel_means(mean: np.ndarray) -> np.ndarray:
    """The mean of each channel of a mean image (C, H, W), float32, as Caffe adds them up."""
    flat = mean.reshape(len(mean), -1).astype(np.float32)
    return np.cumsum(flat, axis=1, dtype=np.float32)[:, -1] / np.float32(flat.shape[1])
