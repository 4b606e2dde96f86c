"""HDF5Data. Rows of datasets in HDF5 files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import numpy as np

from ... import rng
from ...blob import Blob
from ...data.kinds import binary_kind
from ...errors import DefinitionError
from ...hdf5 import MOST_COMPRESSED
from ...layer import Layer, at_least, layer
from ...memory import HOST, WRITE


@layer("HDF5Data", param="hdf5_data_param")
class HDF5Data(Layer):
    r"""Rows of the HDF5 files that a list names, by word or line; a batch runs on over the end of a file.

    `shuffle` mixes the files, and the rows within each, anew for every epoch. Nothing is transformed. When several
    processes train together, row r is for the process of rank r modulo their number; in TEST each of them reads all.

    Bottom: none.
    Top: any number; each is filled from the dataset of its own name, of shape (rows, ...), as (N, ...), N being
    `batch_size`.
    Reference: Jia et al., "Caffe: Convolutional Architecture for Fast Feature Embedding", ACM MM 2014.
    """

    bottoms = 0
    tops = at_least(1)
    is_source = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        if self.param.HasField("transform_param"):
            raise DefinitionError("HDF5Data transforms nothing; take transform_param away.", "transform_param")
        if not self.settings.batch_size:
            raise DefinitionError("batch_size must be at least 1; got 0.", "batch_size")
        self._paths = [path for line in self._lines() for path in self._files_in(line.strip())]
        if not self._paths:
            raise DefinitionError(f"the list {self.settings.source!r} names no file.", "source")
        self._row_shapes = [shape[1:] for shape in self._shapes_in(self._paths[0])]
        self._counts: list[int] = []  # rows of each file; asked for when rows are read
        self._position = 0
        self._forget()

    def _lines(self) -> list[str]:
        """The lines of the list; where only shapes are wanted, the first of them."""
        source, most = self.settings.source, self.context.most_read
        path = self.context.find(source, "source", "list of HDF5 files")
        try:
            kind = binary_kind(path)
            if kind is not None:
                message = f"{source!r} is {kind}; source names a text file that lists HDF5 files, one on a line."
                raise DefinitionError(message, "source")
            with open(path, encoding="utf-8") as file:
                lines = file.read(most).splitlines()
                return lines[:-1] if len(lines) > 1 and file.read(1) else lines
        except (OSError, UnicodeDecodeError) as error:
            raise DefinitionError(f"{source!r} cannot be read as a list of files: {error}.", "source") from error

    def _files_in(self, line: str) -> list[Path]:
        """The files that a line names: as in Caffe each word one, unless the whole line is the name of one."""
        words = line.split()
        if len(words) > 1:
            with suppress(DefinitionError, OSError):  # a line of many names is too long for one
                return [self.context.find(line, "source")]
        return [self.context.find(word, "source", "HDF5 file") for word in words]

    @property
    def draws(self) -> bool:
        return self.settings.shuffle

    def _forget(self) -> None:
        """Forget what has been read, and the order of an epoch, which depends on the seed."""
        self._epoch: tuple[int, list[int], list[int]] = (-1, [], [])  # its number, its files in order, where they end
        self._loaded: tuple[tuple[int, int], list[np.ndarray]] = ((-1, -1), [])

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        for blob, shape in zip(top, self._row_shapes, strict=True):
            blob.reshape(self.settings.batch_size, *shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        rank, ranks = (self.context.rank, self.context.ranks) if self.training else (0, 1)
        count = self.settings.batch_size
        outs = [blob.data_memory.on(HOST, WRITE).reshape(blob.shape) for blob in top]
        row = self._position + (rank - self._position) % ranks
        done = 0
        while done < count:
            arrays, start = self._file_at(row)
            rows = slice(start, start + (count - done) * ranks, ranks)
            taken = len(range(len(arrays[0]))[rows])
            for out, array in zip(outs, arrays, strict=True):
                out[done : done + taken] = array[rows]
            done += taken
            row += taken * ranks
        self._position += count * ranks

    def _file_at(self, position: int) -> tuple[list[np.ndarray], int]:
        """The arrays of the file that a position in the stream of rows falls into, and the row in them."""
        if not self._counts:
            self._counts = [self._rows_in(path) for path in self._paths]
            if not sum(self._counts):
                raise DefinitionError("the HDF5 files hold no rows.", "source")
        epoch, row = divmod(position, sum(self._counts))
        if self._epoch[0] != epoch:
            files = list(range(len(self._paths)))
            if self.settings.shuffle:
                files = self._mixed(len(files), "files", epoch).tolist()
            self._epoch = (epoch, files, list(accumulate(self._counts[index] for index in files)))
        _, files, ends = self._epoch
        place = bisect_right(ends, row)
        index = files[place]
        key = (index, epoch if self.settings.shuffle else 0)
        if self._loaded[0] != key:
            arrays = self._read(self._paths[index])
            if self.settings.shuffle:
                order = self._mixed(len(arrays[0]), f"rows {index}", epoch)
                arrays = [array[order] for array in arrays]
            self._loaded = (key, arrays)
        return self._loaded[1], row - (ends[place] - self._counts[index])

    def _mixed(self, count: int, what: str, epoch: int) -> np.ndarray:
        return rng.permutation(count, self.random_key(what), epoch)

    def _read(self, path: Path) -> list[np.ndarray]:
        """The datasets of the tops in a file, as numbers of this net's type."""
        with self._open(path) as file:
            return [np.asarray(file[name][()], self.context.dtype) for name in self.param.top]

    def _rows_in(self, path: Path) -> int:
        shapes = self._shapes_in(path)
        if [shape[1:] for shape in shapes] != self._row_shapes:
            raise DefinitionError(f"the rows of {str(path)!r} differ in shape from those of the first file.", "source")
        return shapes[0][0]

    def _shapes_in(self, path: Path) -> list[tuple[int, ...]]:
        """The shapes of the datasets of the tops in a file. Raises DefinitionError when they cannot be taken."""
        shapes = []
        with self._open(path) as file:
            most = MOST_COMPRESSED * path.stat().st_size
            for index, name in enumerate(self.param.top):
                if name not in file:
                    has = ", ".join(map(repr, islice(file, 5))) or "nothing"
                    has += ", ..." if len(file) > 5 else ""
                    raise DefinitionError(f"{str(path)!r} has no dataset {name!r}; it has {has}.", f"top.{index}")
                dataset = file[name]
                if not hasattr(dataset, "nbytes") or dataset.dtype.kind not in "iuf":
                    raise DefinitionError(f"{name!r} in {str(path)!r} does not hold numbers.", f"top.{index}")
                if not dataset.shape:
                    raise DefinitionError(f"{name!r} in {str(path)!r} has no axis for rows.", f"top.{index}")
                if not (dataset.is_virtual or dataset.external) and dataset.nbytes > most:
                    found = f"{name!r} in {str(path)!r} says it has {dataset.nbytes:,} bytes"
                    raise DefinitionError(f"{found}, more than the file holds.", f"top.{index}")
                shapes.append(dataset.shape)
        if len({shape[0] for shape in shapes}) > 1:
            found = ", ".join(f"{name!r} {shape[0]}" for name, shape in zip(self.param.top, shapes, strict=True))
            raise DefinitionError(f"the datasets in {str(path)!r} differ in their number of rows: {found}.", "source")
        return shapes

    @contextmanager
    def _open(self, path: Path) -> Iterator[Any]:
        """A file. What HDF5 says of its damages, in any of its ways, becomes a DefinitionError."""
        import h5py

        try:
            with h5py.File(path, "r") as file:
                yield file
        except DefinitionError:
            raise
        except (OSError, KeyError, RuntimeError, TypeError, ValueError, MemoryError) as error:
            message = f"{str(path)!r} cannot be read as HDF5{_instead(path)}: {error}."
            raise DefinitionError(message, "source") from error

    @property
    def position(self) -> int:
        """The row at which the next forward's batch begins. It counts on where the files start again."""
        return self._position

    def seek(self, position: int) -> None:
        """Let the next batch begin at a row, counted as by `position`."""
        self._position = position
        self._forget()

    def close(self) -> None:
        """Let go of the rows in memory. The next forward reads them again, and goes on at the same position."""
        self._forget()


def _instead(path: Path) -> str:
    """What a file is that is no HDF5 file, for a message."""
    with suppress(OSError):
        kind = binary_kind(path) or "a text file"
        return "" if "HDF5" in kind else f", for it is {kind}"
    return ""
