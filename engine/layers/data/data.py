"""Data. Images and labels from a database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.message import DecodeError

from ....proto.messages import DataParameter, Datum
from ...blob import Blob
from ...data.database import open_database
from ...data.datum import datum_shape, from_datum
from ...data.rows import Rows
from ...data.transform import Transformer, walk
from ...errors import DefinitionError
from ...layer import between, layer
from ._prefetching import Batch, Prefetching, Reader, put

if TYPE_CHECKING:
    from ...data.fast import Walk


@layer("Data", param="data_param")
class Data(Prefetching):
    r"""Rows of a database, in order, and from the start again; a thread keeps the next batches ready.

    What happens to each image is said by `transform_param`. When several processes train together, row r is for the
    process of rank r modulo their number; in TEST each of them reads all.

    Bottom: none.
    Top: images (N, C, H, W), N being `batch_size` and the rest as the first row says; labels (N,), if asked for.
    With `batch_size` 1 the rows may differ in size.
    Reference: Jia et al., "Caffe: Convolutional Architecture for Fast Feature Embedding", ACM MM 2014.
    """

    tops = between(1, 2)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        self.check_counts()
        self._path = self.context.find(self.settings.source, "source", "database")
        self._transformer = Transformer(self.param.transform_param, self.context, self.training, self.identity)
        with self._open() as rows:
            first = rows.next()
            if self.context.dry:
                shape, self._plain = _shape_of(first, self._transformer.color), False
            else:
                datum = _datum_of(0, first)
                shape = _image_of((0, datum), self._transformer.color).shape
                self._plain = bool(datum.data) and not datum.encoded
        self.begin((self.settings.batch_size, *self._transformer.shape(shape)), self.first_row())
        self._rows: int | None = None

    @property
    def draws(self) -> bool:
        return self._transformer.is_random or bool(self.settings.rand_skip)

    def reader(self, position: int, rank: int, ranks: int) -> Reader:
        return _RowReader(self._open(), self._transformer, self._plain, position, rank, ranks, self.name)

    @property
    def rows(self) -> int:
        """How many rows the database has; counted when somebody first asks, which takes a LevelDB a while."""
        if self._rows is None:
            with self._open() as rows:
                self._rows = len(rows)
        return self._rows

    def _open(self) -> Rows:
        return open_database(self._path, DataParameter.DB.Name(self.settings.backend))


class _RowReader(Reader):
    """`plain` says that rows are likely to be bytes as they are, which are transformed in one pass."""

    def __init__(
        self, source: Rows, transformer: Transformer, plain: bool, position: int, rank: int, ranks: int, name: str
    ):
        super().__init__(position, rank, ranks, name)
        self.source, self.transformer, self.plain = source, transformer, plain

    @cached_property
    def walk(self) -> Walk | None:
        """A way to the rows that leaves Python's lock alone."""
        return walk(self.source)

    def load(self, rows: range, batch: Batch) -> None:
        out, given = (batch.data, batch.labels), self.walk if self.plain else None
        if given is not None and self.transformer.apply_to_rows(given, rows, *out):
            return
        indices, values = self.source.take(rows)
        if self.plain and given is None and self.transformer.apply_to_rows(values, rows, *out):
            return
        found = [(index, _datum_of(index, value)) for index, value in zip(indices, values, strict=True)]
        batch.labels[:] = [datum.label for _, datum in found]
        encoded = any(datum.encoded for _, datum in found)
        images = (self.workers.map if encoded else map)(self._image_of, found)
        put(list(images), rows, self.transformer, batch)

    def _image_of(self, row: tuple[int, Any]) -> np.ndarray:
        return _image_of(row, self.transformer.color)


def _datum_of(row: int, value: bytes | memoryview) -> Any:
    """A row of a database, given by its number and its value, as a Datum."""
    try:
        return Datum.FromString(value)  # pyright: ignore[reportArgumentType]
    except DecodeError as error:
        raise _unsound(row, error) from error


def _shape_of(value: bytes | memoryview, color: bool | None) -> tuple[int, int, int]:
    """The shape (C, H, W) of the image of the first row, told without its pixels."""
    try:
        return datum_shape(value, color)
    except (ValueError, DecodeError) as error:
        raise _unsound(0, error) from error


def _image_of(row: tuple[int, Any], color: bool | None) -> np.ndarray:
    """The image (C, H, W) of a row, given by its number and its Datum."""
    try:
        return from_datum(row[1], color)
    except ValueError as error:
        raise _unsound(row[0], error) from error


def _unsound(row: int, error: Exception) -> DefinitionError:
    return DefinitionError(f"row {row} of the database is not a sound Datum: {error}.", "source")
