"""What the layers have in common whose batches are made ready by a thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ... import rng
from ...blob import Blob
from ...data.prefetch import Prefetcher
from ...data.transform import Transformer
from ...data.workers import Workers
from ...errors import DefinitionError
from ...layer import Layer
from ...memory import HOST, WRITE, Place
from ._expected import Expected, expected_images

MOST_READY = 10_000  # batches made ready: far more than can hide any pause of a disk


@dataclass
class Batch:
    """Images, labels, and the row at which the batch after this one begins.

    They lie in host memory of the kind that is copied to `place` fastest.
    """

    data: np.ndarray  # (N, C, H, W)
    labels: np.ndarray  # (N,), or what else is known of the images
    following: int = 0
    place: Place = HOST

    @classmethod
    def of(
        cls, shape: tuple[int, ...], dtype: Any, place: Place = HOST, labels: tuple[int, ...] | None = None
    ) -> Batch:
        shapes = (shape, shape[:1] if labels is None else labels)
        data, known = (place.host_array(prod(one), np.dtype(dtype)).reshape(one) for one in shapes)
        return cls(data, known, place=place)

    def reshape(self, shape: tuple[int, ...]) -> None:
        """Let the images have another shape; what is in them is lost."""
        self.data = self.place.host_array(prod(shape), self.data.dtype).reshape(shape)

    def relabel(self, labels: np.ndarray) -> None:
        """Take on labels, of which there may be another number than before."""
        if labels.shape != self.labels.shape:
            self.labels = self.place.host_array(labels.size, self.labels.dtype).reshape(labels.shape)
        self.labels[...] = labels


class Reader:
    """Fills batches from an endless stream of rows, `ranks` rows at a time of which one is taken.

    It lives in the thread, and knows nothing of the layer.
    """

    def __init__(self, position: int, rank: int, ranks: int, name: str):
        self.position, self.rank, self.ranks = position, rank, ranks
        self.workers = Workers(f"decode {name}")

    def fill(self, batch: Batch) -> None:
        """The next batch. Raises DefinitionError that names the row when a row is not what it should be."""
        count = len(batch.data)
        start = self.position + (self.rank - self.position) % self.ranks
        self.load(range(start, start + count * self.ranks, self.ranks), batch)
        batch.following = self.position = self.position + count * self.ranks

    def load(self, rows: range, batch: Batch) -> None:
        """Put the rows of these positions in the stream into a batch."""
        raise NotImplementedError


def common_shape(shapes: Sequence[tuple[int, int, int]], batch: Batch) -> tuple[int, int, int]:
    """The one shape of the images of a batch, which takes it on. Raises DefinitionError where there are several."""
    for shape in shapes[1:]:
        if shape != shapes[0]:
            message = f"images of shapes {shapes[0]} and {shape} cannot share a batch; they need batch_size 1."
            raise DefinitionError(message, "batch_size")
    if shapes[0] != batch.data.shape[1:]:
        batch.reshape((len(shapes), *shapes[0]))
    return shapes[0]


def put(images: Sequence[np.ndarray], rows: range, transformer: Transformer, batch: Batch) -> None:
    """Transform images (C, H, W) into a batch, which takes on the shape of the first."""
    shape = transformer.shape(images[0].shape)
    if shape != batch.data.shape[1:]:
        batch.reshape((len(images), *shape))
    transformer.apply(images, rows, batch.data)


class Prefetching(Layer):
    """A source of batches of images and labels; a thread keeps the next `data_param.prefetch` of them ready.

    A type says in `setup` what shape its batches have (`begin`), and makes the reader that fills them.
    """

    bottoms = 0
    is_source = True

    def reader(self, position: int, rank: int, ranks: int) -> Reader:
        """What fills batches from a row on."""
        raise NotImplementedError

    @property
    def made_ready(self) -> int:
        return self.param.data_param.prefetch

    def check_counts(self) -> None:
        """Raises DefinitionError when batches are to have no rows, or no sensible number of them is to be ready."""
        if not self.settings.batch_size:
            raise DefinitionError("batch_size must be at least 1; got 0.", "batch_size")
        count = self.param.data_param.prefetch
        if not 1 <= count <= MOST_READY:
            message = f"prefetch must be from 1 to {MOST_READY:,}: so many whole batches wait in memory; got {count:,}."
            raise DefinitionError(message, "data_param.prefetch")

    def expected(self) -> Expected | None:
        """The shapes that the tops are likely to have, for where the source is missing; None where nothing tells.

        Only settings are read. Tops beyond those given are (N,). Raises DefinitionError for unsound settings.
        """
        self.check_counts()
        return expected_images(self)

    def begin(self, shape: tuple[int, ...], position: int = 0, labels: tuple[int, ...] | None = None) -> None:
        """Say what shape batches have at first, and their labels where it is not (N,), and the row they begin with."""
        self._shapes = (shape, shape[:1] if labels is None else labels)
        self._position = position
        self._prefetcher: Prefetcher[Batch] | None = None
        self.batches: list[Batch] = []  # that the thread fills

    def first_row(self) -> int:
        """A row below `rand_skip`."""
        limit = self.settings.rand_skip
        return int(rng.bits(1, self.random_key("rand_skip"))[0]) % limit if limit else 0

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        for blob, shape in zip(top, self._shapes, strict=False):
            blob.reshape(*shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        batch = self.take(top)
        for blob, values in zip(top, (batch.data, batch.labels), strict=False):
            blob.data_memory.on(HOST, WRITE)[:] = values.ravel()
        self.give_back(batch)

    def take(self, top: Sequence[Blob]) -> Batch:
        """The next batch, whose shape the tops take on. Whoever has copied its values gives it back."""
        if self._prefetcher is None or self._prefetcher.process != os.getpid():
            self._prefetcher = self._start()
        batch = self._prefetcher.take()
        self._shapes = (batch.data.shape, batch.labels.shape)
        self.reshape((), top)
        self._position = batch.following
        return batch

    def give_back(self, batch: Batch) -> None:
        """Let a batch be filled again, unless reading has begun anew since it was taken."""
        if self._prefetcher is not None and any(one is batch for one in self.batches):
            self._prefetcher.give_back(batch)

    def _start(self) -> Prefetcher[Batch]:
        rank, ranks = (self.context.rank, self.context.ranks) if self.training else (0, 1)
        reader = self.reader(self._position, rank, ranks)
        count, place = self.param.data_param.prefetch, self.context.place
        shape, labels = self._shapes
        self.batches = [Batch.of(shape, self.context.dtype, place, labels) for _ in range(count)]
        return Prefetcher(reader.fill, self.batches, f"prefetch {self.name}")

    @property
    def position(self) -> int:
        """The row at which the next forward's batch begins. It counts on where the rows start again.

        What the thread has read ahead does not show; of several processes, all have the same position.
        """
        return self._position

    def seek(self, position: int) -> None:
        """Let the next batch begin at a row, counted as by `position`."""
        self.close()
        self._position = position

    def close(self) -> None:
        """Stop the thread and close what it reads. The next forward opens it again, at the same position."""
        if self._prefetcher is not None:
            self._prefetcher.close()
            self._prefetcher = None
