"""HDF5 files that are written whole or not at all, whatever HDF5 makes of a full disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from os import PathLike
from typing import Any

from .atomic import atomic_path


@contextmanager
def new_hdf5(path: str | PathLike) -> Iterator[Any]:
    """A new, open h5py.File, which takes the place of `path` once it is complete, as with `atomic_path`.

    Raises OSError with the file's name for a full disk.
    """
    with atomic_path(path) as temporary, FileIO(temporary, "w+") as file, _opened(file, "w") as opened:
        yield opened


@contextmanager
def more_hdf5(path: str | PathLike) -> Iterator[Any]:
    """An open h5py.File to be added to, in place. Raises OSError with the file's name for a full disk."""
    try:
        with FileIO(path, "r+") as file, _opened(file, "r+") as opened:
            yield opened
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, f"{error.strerror}, while it was added to", str(path)) from error


@contextmanager
def _opened(file: FileIO, mode: str) -> Iterator[Any]:
    import h5py

    patient = _Patient(file)
    try:
        with h5py.File(patient, mode) as opened:
            yield opened
    except Exception:
        if patient.error is None:
            raise
    if patient.error is not None:
        raise patient.error


class _Patient:
    """A file that keeps an error of writing to itself, and takes no more from there on.

    HDF5 cannot close a file that cannot be written: it stays open, full disk and all, until the process ends, and
    every object of it complains on stderr.
    """

    def __init__(self, file: FileIO):
        self._file = file
        self.error: OSError | None = None
        self.read, self.readinto, self.seek, self.tell = file.read, file.readinto, file.seek, file.tell

    def write(self, data: Any) -> int:
        data = memoryview(data).cast("B")
        done = 0
        while done < len(data) and self.error is None:
            try:
                done += self._file.write(data[done:]) or 0
            except OSError as error:
                self.error = error
        return len(data)

    def truncate(self, size: int) -> int:
        try:
            return self._file.truncate(size) if self.error is None else size
        except OSError as error:
            self.error = error
            return size

    def flush(self) -> None:
        """Nothing waits to be written."""
