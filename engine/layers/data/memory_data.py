"""MemoryData. Arrays handed over by the program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...blob import Blob
from ...data.datum import from_datum
from ...data.transform import Transformer
from ...errors import DefinitionError
from ...layer import Layer, layer
from ...memory import HOST, WRITE


@layer("MemoryData", param="memory_data_param")
class MemoryData(Layer):
    r"""Batch after batch of arrays in memory, and from the start again.

    `reset` takes arrays as they are; `add` takes images, to which `transform_param` applies.

    Bottom: none.
    Top: data (N, C, H, W) and labels (N,), N being `batch_size`; after the first forward the labels are
    (N, 1, 1, 1), as in Caffe.
    Reference: Jia et al., "Caffe: Convolutional Architecture for Fast Feature Embedding", ACM MM 2014.
    """

    bottoms = 0
    tops = 2
    is_source = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        settings = self.settings
        for name in ("batch_size", "channels", "height", "width"):
            if not getattr(settings, name):
                raise DefinitionError(f"{name} must be at least 1; got 0.", name)
        self.batch_size: int = settings.batch_size
        self._row_shape = (settings.channels, settings.height, settings.width)
        self._label_shape: tuple[int, ...] = ()
        self._transformer = Transformer(self.param.transform_param, self.context, self.training, self.identity)
        self._data: np.ndarray | None = None
        self._labels = np.empty(0)
        self._waiting = False  # whether rows of the last `add` have yet to be seen
        self._added = 0
        self._position = 0

    @property
    def draws(self) -> bool:
        return self._transformer.is_random

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        top[0].reshape(self.batch_size, *self._row_shape)
        top[1].reshape(self.batch_size, *self._label_shape)

    def reset(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Take data (rows, C, H, W) and labels (rows,), or with axes of length 1, untransformed; begin at the first.

        The arrays are not copied: what is written into them later is seen. Raises ValueError when the shapes do not
        fit, or the rows are no whole number of batches.
        """
        if data.shape[1:] != self._row_shape:
            expected = ", ".join(map(str, ("rows", *self._row_shape)))
            raise ValueError(f"layer {self.name!r} takes data of shape ({expected}); got {data.shape}")
        if labels.shape[:1] != data.shape[:1] or labels.size != len(data):
            raise ValueError(f"{len(data)} rows of data need as many labels; their shape is {labels.shape}")
        self._check_rows(len(data))
        self._data, self._labels = data, labels.reshape(-1)
        self._waiting = False
        self._position = 0

    def add(self, images: Sequence[Any], labels: Sequence[int] | None = None) -> None:
        """Take images, arrays (C, H, W) or Datums, transformed; Datums bring their labels.

        Raises ValueError when those added before have not all been seen, or the images are no whole number of
        batches; DefinitionError when one cannot be transformed to the shape that the layer declares.
        """
        if self._waiting:
            raise ValueError(f"layer {self.name!r} still has images that no forward has seen")
        self._check_rows(len(images))
        if labels is None:
            labels = [datum.label for datum in images]
            images = [from_datum(datum, self._transformer.color) for datum in images]
        data = np.empty((len(images), *self._row_shape), self.context.dtype)
        rows = range(self._added, self._added + len(images))
        self._transformer.apply(images, rows, data)
        self._added = rows.stop
        self.reset(data, np.asarray(labels))
        self._waiting = True

    @property
    def rows(self) -> int | None:
        """The rows that were given last."""
        return None if self._data is None else len(self._data)

    def take_over(self, other: MemoryData) -> None:
        """Go on with the rows of a layer whose images have the same shape."""
        if other._row_shape == self._row_shape and (other._data is None or not len(other._data) % self.batch_size):
            self._data, self._labels = other._data, other._labels

    def _check_rows(self, count: int) -> None:
        if not count or count % self.batch_size:
            raise ValueError(f"the rows must be a multiple of batch_size {self.batch_size}; got {count}")

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        if self._data is None:
            raise DefinitionError("there is no data yet; call reset(data, labels) of the layer, or add(images).")
        self._label_shape = (1, 1, 1)
        self.reshape(bottom, top)
        start = self._position % len(self._data)
        rows = slice(start, start + self.batch_size)
        for blob, values in zip(top, (self._data, self._labels), strict=True):
            blob.data_memory.on(HOST, WRITE)[:] = values[rows].ravel()
        self._position = rows.stop % len(self._data)
        self._waiting = self._waiting and self._position != 0

    @property
    def position(self) -> int:
        """The row at which the next forward's batch begins."""
        return self._position

    def seek(self, position: int) -> None:
        """Let the next batch begin at a row, a multiple of the batch size."""
        self._position = position
