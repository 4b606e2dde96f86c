"""Data. Images and labels from a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from ....proto.messages import DataParameter, Datum
from ... import rng
from ...blob import Blob
from ...data.database import LMDB, open_database
from ...data.datum import from_datum
from ...data.prefetch import Prefetcher
from ...data.transform import Transformer
from ...errors import DefinitionError
from ...layer import Layer, between, layer
from ...memory import HOST, WRITE


@layer("Data", param="data_param")
class Data(Layer):
    r"""Rows of a database, in order, and from the start again; a thread keeps the next batches ready.

    What happens to each image is said by `transform_param`. When several processes train together, row r is for the
    process of rank r modulo their number; in TEST each of them reads all.

    Bottom: none.
    Top: images (N, C, H, W), N being `batch_size` and the rest as the first row says; labels (N,), if asked for.
    With `batch_size` 1 the rows may differ in size.
    Reference: Jia et al., "Caffe: Convolutional Architecture for Fast Feature Embedding", ACM MM 2014.
    """

    bottoms = 0
    tops = between(1, 2)
    is_source = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        settings = self.settings
        if not settings.batch_size:
            raise DefinitionError("batch_size must be at least 1; got 0.", "batch_size")
        if not settings.prefetch:
            raise DefinitionError("prefetch must be at least 1; got 0.", "prefetch")
        self._path = self.context.find(settings.source, "source", "database")
        self._backend = DataParameter.DB.Name(settings.backend)
        self._transformer = Transformer(self.param.transform_param, self.context, self.training, self.name)
        with open_database(self._path, self._backend) as database:
            datum = Datum()
            image = _image_of(database, datum, self._transformer.color)
            self._rows = len(database)
        self._shape = (settings.batch_size, *self._transformer.shape(image.shape))  # (N, C, H, W)
        self._prefetcher: Prefetcher[_Batch] | None = None
        self._position = self._first_row()

    def _first_row(self) -> int:
        limit = self.settings.rand_skip
        return int(rng.bits(1, rng.key(self.context.seed, self.name, "rand_skip"))[0]) % limit if limit else 0

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        for blob, shape in zip(top, (self._shape, self._shape[:1]), strict=False):
            blob.reshape(*shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        if self._prefetcher is None:
            self._prefetcher = self._start()
        batch = self._prefetcher.take()
        self._shape = batch.data.shape
        self.reshape(bottom, top)
        for blob, values in zip(top, (batch.data, batch.labels), strict=False):
            blob.data_memory.on(HOST, WRITE)[:] = values.ravel()
        self._position = batch.following
        self._prefetcher.give_back(batch)

    def _start(self) -> Prefetcher[_Batch]:
        rank, ranks = (self.context.rank, self.context.ranks) if self.training else (0, 1)
        database = open_database(self._path, self._backend)
        reader = _Reader(database, self._transformer, self._position, rank, ranks)
        slots = [_Batch.of(self._shape, self.context.dtype) for _ in range(self.settings.prefetch)]
        return Prefetcher(reader.fill, slots, f"prefetch {self.name}")

    @property
    def rows(self) -> int:
        """How many rows the database had when the layer was set up."""
        return self._rows

    @property
    def position(self) -> int:
        """The row at which the next forward's batch begins. It counts on where the database starts again.

        What the thread has read ahead does not show; of several processes, all have the same position.
        """
        return self._position

    def seek(self, position: int) -> None:
        """Let the next batch begin at a row, counted as by `position`."""
        self.close()
        self._position = position

    def close(self) -> None:
        """Stop the thread and close the database. The next forward opens them again, at the same position."""
        if self._prefetcher is not None:
            self._prefetcher.close()
            self._prefetcher = None


@dataclass
class _Batch:
    """Images, labels, and the row at which the batch after this one begins."""

    data: np.ndarray  # (N, C, H, W)
    labels: np.ndarray  # (N,)
    following: int = 0

    @classmethod
    def of(cls, shape: tuple[int, ...], dtype: Any) -> _Batch:
        return cls(np.empty(shape, dtype), np.empty(shape[:1], dtype))


class _Reader:
    """Fills batches from a database, `ranks` rows at a time of which one is taken."""

    def __init__(self, database: LMDB, transformer: Transformer, position: int, rank: int, ranks: int):
        self.database, self.transformer = database, transformer
        self.position, self.rank, self.ranks = position, rank, ranks

    def fill(self, batch: _Batch) -> None:
        """The next batch. Raises DefinitionError that names the database's row when a row is not what it should be."""
        count = len(batch.labels)
        start = self.position + (self.rank - self.position) % self.ranks
        rows = range(start, start + count * self.ranks, self.ranks)
        datum = Datum()
        images = []
        for index, row in enumerate(rows):
            self.database.seek(row)
            images.append(_image_of(self.database, datum, self.transformer.color))
            batch.labels[index] = datum.label
        shape = self.transformer.shape(images[0].shape)
        if shape != batch.data.shape[1:]:
            batch.data = np.empty((count, *shape), batch.data.dtype)
        self.transformer.apply(images, rows, batch.data)
        batch.following = self.position = self.position + count * self.ranks


def _image_of(database: LMDB, datum: Any, color: bool | None) -> np.ndarray:
    """Read the next row into `datum`; returns its image."""
    row = database.position
    try:
        datum.ParseFromString(database.next())
        return from_datum(datum, color)
    except (ValueError, DecodeError) as error:
        raise DefinitionError(f"row {row} of the database is not a sound Datum: {error}.", "source") from error
