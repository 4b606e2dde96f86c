"""AnnotatedData. Images with the boxes of what is seen in them, from a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from ....proto.messages import AnnotatedDatum
from ...blob import Blob
from ...data.datum import datum_shape, from_datum
from ...data.rows import Rows
from ...data.transform import Shape, Transformer
from ...errors import DefinitionError
from ...layer import layer
from ..data._expected import Expected
from ..data._prefetching import Batch, Reader, common_shape
from ..data.data import Data
from ._annotations import Annotated, Augmenter

_EDGES = (0.25, 0.25, 0.75, 0.75)


@layer("AnnotatedData", param="data_param")
class AnnotatedData(Data):
    r"""Rows of a database of AnnotatedDatum, in order, and from the start again: what detectors are trained with.

    Of `transform_param` come first `distort_param` and `expand_param`, which sets the image into a canvas of the
    mean's colour. Then a part of it is taken, one of those that the `batch_sampler` of `annotated_data_param` find,
    and treated as in Data. At each step a box's edge at x goes to

    $$ x' = \min\left(1, \max\left(0, \frac{x - l}{r - l}\right)\right) $$

    for a part between l and r, and what has no area left, or does not meet `emit_constraint`, is dropped.

    Bottom: none.
    Top: images (N, C, H, W), N being `batch_size`; things (1, 1, G, 8), if asked for: item, class, number, left,
        upper, right and lower edge as parts of the image, and 1 for a difficult one; one row of -1 where no item has
        any. With neither `anno_type` nor the `type` of the rows, labels (N,) instead.
    Reference: Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016.
    Fork: weiliu89/caffe, branch ssd, which goes through JPEG between the steps.
    """

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        self.check_counts()
        own, transform = self.param.annotated_data_param, self.param.transform_param
        self._path = self.context.find(self.settings.source, "source", "database")
        self._transformer = Transformer(transform, self.context, self.training, self.identity)
        self._augmenter = Augmenter(transform, own.batch_sampler, self._transformer)
        with self._open() as rows:
            first = _row_of(0, rows.next())
        self._annotated = own.HasField("anno_type") or first.HasField("type")
        color = self._transformer.color
        shape = _shape_of(first, color) if self.context.dry else _seen(0, first, color).image.shape
        count = sum(len(group.annotation) for group in first.annotation_group)
        labels = (1, 1, max(count, 1), 8) if self._annotated else None
        self.begin((self.settings.batch_size, *self._transformer.shape(shape)), self.first_row(), labels)
        self._rows: int | None = None

    def expected(self) -> Expected | None:
        found = super().expected()
        return found and found._replace(shapes=(*found.shapes, (1, 1, 1, 8)), label=(0, 1, 0, *_EDGES, 0))

    @property
    def draws(self) -> bool:
        return self._augmenter.is_random or bool(self.settings.rand_skip)

    def reader(self, position: int, rank: int, ranks: int) -> Reader:
        each = self._annotated and not self.param.annotated_data_param.HasField("anno_type")
        kind = "each" if each else "all" if self._annotated else "none"
        return _AnnotatedReader(self._open(), self._augmenter, kind, position, rank, ranks, self.name)


class _AnnotatedReader(Reader):
    """`annotated` says of which rows things are told: "all", "none", or "each", which then must say so."""

    def __init__(
        self, source: Rows, augmenter: Augmenter, annotated: str, position: int, rank: int, ranks: int, name: str
    ):
        super().__init__(position, rank, ranks, name)
        self.source, self.augmenter, self.annotated = source, augmenter, annotated

    def load(self, rows: range, batch: Batch) -> None:
        indices, values = self.source.take(rows)
        found = [_row_of(index, value) for index, value in zip(indices, values, strict=True)]
        for index, row in zip(indices, found, strict=True):
            if self.annotated == "each" and not row.HasField("type"):
                raise _unsound(index, "it is not annotated, unlike the first")
        ready = self.workers.map(self._prepared, zip(indices, found, rows, strict=True))
        common_shape([self.augmenter.transformer.shape(shape) for _, shape in ready], batch)
        things = []
        for item, (seen, shape) in enumerate(ready):
            seen = self.augmenter.finish(seen, shape, rows[item], batch.data[item])
            number = np.full((len(seen.boxes), 1), item)
            things.append(np.hstack([number, seen.marks[:, :2], seen.boxes, seen.marks[:, 2:]]))
        if self.annotated == "none":
            batch.relabel(np.array([row.datum.label for row in found]))
            return
        known = np.concatenate(things)
        batch.relabel((known if len(known) else np.full((1, 8), -1))[None, None])

    def _prepared(self, row: tuple[int, Any, int]) -> tuple[Annotated, Shape]:
        index, found, position = row
        return self.augmenter.prepare(_seen(index, found, self.augmenter.transformer.color), position)


def _row_of(index: int, value: bytes | memoryview) -> Any:
    """A row of a database, given by its number and its value, as an AnnotatedDatum with an image."""
    try:
        row = AnnotatedDatum.FromString(value)  # pyright: ignore[reportArgumentType]
    except DecodeError as error:
        raise _unsound(index, error) from error
    if not row.HasField("datum"):
        raise _unsound(index, "it has no image; rows of plain Datums are for the type Data")
    return row


def _shape_of(row: Any, color: bool | None) -> Shape:
    """The shape (C, H, W) of the image of the first row, told without its pixels."""
    try:
        return datum_shape(row.datum.SerializeToString(), color)
    except ValueError as error:
        raise _unsound(0, error) from error


def _seen(index: int, row: Any, color: bool | None) -> Annotated:
    try:
        return Annotated.of(from_datum(row.datum, color), row.annotation_group)
    except ValueError as error:
        raise _unsound(index, error) from error


def _unsound(index: int, reason: object) -> DefinitionError:
    return DefinitionError(f"row {index} of the database is not a sound AnnotatedDatum: {reason}.", "source")
