"""LevelDB folders, as older Caffe nets and tools have them; needs the package plyvel."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from itertools import islice
from os import PathLike
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from weakref import finalize

from ...proto.temporary import temporary_beside
from ..atomic import atomic_folder
from ..errors import DefinitionError, MissingPackage
from .rows import Rows

_ROWS_AT_ONCE = 1000
_WRITE_BUFFER = 1 << 28  # as Caffe's tools have it
_OWN_FILES = {"LOCK", "LOG", "LOG.old"}  # what a LevelDB makes anew whenever it is opened


class LevelDB(Rows):
    """The rows of a LevelDB.

    Opening one writes into it, so a shadow is opened: a temporary folder of links to its files. The folder itself
    stays as it is, may be one that cannot be written, and can be open any number of times.
    Raises MissingPackage without plyvel, OSError when the folder cannot be read as a LevelDB, ValueError when it
    holds no rows, DefinitionError on ``source`` when rows turn out to be damaged as they are read.
    """

    def __init__(self, folder: Path):
        plyvel = _plyvel()
        shadow = temporary_beside(Path(gettempdir()) / "leveldb")  # what killed processes have left there goes
        shadow.mkdir(mode=0o700)
        opened: list[Any] = []
        self._release = finalize(self, _release, opened, shadow)
        self._error, self._names = plyvel.Error, (str(shadow), str(folder))
        try:
            _link(folder.resolve(), shadow)
            opened.append(plyvel.DB(str(shadow), paranoid_checks=True))
            # The raw one: the other takes a table that cannot be opened for the end.
            self._cursor = opened[0].raw_iterator(fill_cache=False, verify_checksums=True)
            opened.append(self._cursor)
            if not self._go(self._cursor.seek_to_first):
                raise ValueError("holds no rows")
        except plyvel.Error as error:
            self.close()
            raise OSError(self._words_of(error)) from error
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        self._release()

    def _first(self) -> None:
        self._go(self._cursor.seek_to_first)

    def _step(self) -> bool:
        return self._go(self._cursor.next)

    def _go(self, move: Callable[[], None]) -> bool:
        """Move the cursor; whether it is at a row then."""
        try:
            move()
            there = self._cursor.valid()
            if there:
                self._current: bytes = self._cursor.value()
        except self._error as error:
            message = f"the LevelDB {self._names[1]!r} is damaged: {self._words_of(error)}."
            raise DefinitionError(message, "source") from error
        return there

    def _value(self) -> bytes:
        return self._current

    def _words_of(self, error: Exception) -> str:
        """What LevelDB says, in bytes, about the links that it was shown, as text about the folder."""
        said = error.args[0] if error.args else ""
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return " ".join(text.replace(*self._names).split())


def _release(opened: list[Any], shadow: Path) -> None:
    """Close what was opened, the last first: a cursor that outlives its database ends the process."""
    for one in reversed(opened):
        one.close()
    shutil.rmtree(shadow, ignore_errors=True)


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
