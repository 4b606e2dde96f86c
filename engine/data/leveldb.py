"""LevelDB folders, as older Caffe nets and tools have them; needs the package plyvel."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from itertools import islice
from os import PathLike
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

from ..atomic import atomic_folder
from ..errors import MissingPackage
from .rows import Rows

_ROWS_AT_ONCE = 1000
_WRITE_BUFFER = 1 << 28  # as Caffe's tools have it
_OWN_FILES = {"LOCK", "LOG", "LOG.old"}  # what a LevelDB makes anew whenever it is opened


class LevelDB(Rows):
    """The rows of a LevelDB.

    Opening one writes into it, so a shadow is opened: a temporary folder of links to its files. The folder itself
    stays as it is, may be one that cannot be written, and can be open any number of times.
    Raises MissingPackage without plyvel, OSError when the folder cannot be read as a LevelDB, ValueError when it
    holds no rows.
    """

    def __init__(self, folder: Path):
        plyvel = _plyvel()
        shadow = Path(mkdtemp(prefix="leveldb-"))
        self._clean = finalize(self, shutil.rmtree, shadow, ignore_errors=True)
        try:
            _link(folder.resolve(), shadow)
        except OSError:
            self._clean()
            raise
        try:
            self._database = plyvel.DB(str(shadow))
        except plyvel.Error as error:
            self._clean()
            raise OSError(str(error).replace(str(shadow), str(folder))) from error
        self._cursor = self._database.iterator(fill_cache=False)
        if not self._step():
            self.close()
            raise ValueError("holds no rows")

    def close(self) -> None:
        self._cursor.close()
        self._database.close()
        self._clean()

    def _first(self) -> None:
        self._cursor.seek_to_start()
        self._step()

    def _step(self) -> bool:
        row = next(self._cursor, None)
        if row is not None:
            self._current: bytes = row[1]
        return row is not None

    def _value(self) -> bytes:
        return self._current


def _link(folder: Path, shadow: Path) -> None:
    """Link the files of a database into a shadow of it.

    Raises OSError for a file that is a link itself: LevelDB writes new files, by numbers that the database tells,
    and would write into what the link leads to.
    """
    for file in folder.iterdir():
        if file.name in _OWN_FILES:
            continue
        if file.is_symlink():
            raise OSError(f"{file.name!r} in it is a link, and LevelDB might write where it leads; copy the file there")
        (shadow / file.name).symlink_to(file)


def write_leveldb(path: str | PathLike, rows: Iterable[tuple[bytes, bytes]]) -> int:
    """Write a LevelDB of (key, value) rows in any order; returns how many. The folder appears when complete.

    Raises FileExistsError when the folder is already there, MissingPackage without plyvel.
    """
    plyvel = _plyvel()
    count = 0
    rows = iter(rows)
    with atomic_folder(path) as folder:
        database = plyvel.DB(str(folder), create_if_missing=True, write_buffer_size=_WRITE_BUFFER)
        try:
            while chunk := list(islice(rows, _ROWS_AT_ONCE)):
                with database.write_batch() as batch:
                    for key, value in chunk:
                        batch.put(key, value)
                count += len(chunk)
        finally:
            database.close()
    return count


def require_leveldb() -> None:
    """Raises MissingPackage where a LevelDB cannot be written."""
    _plyvel()


def _plyvel() -> Any:
    try:
        import plyvel  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingPackage("LevelDB needs the package plyvel: pip install 'brewbench[leveldb]'") from error
    return plyvel
