"""LevelDB folders, as older Caffe nets and tools have them. They are read here; writing needs the package plyvel."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from os import PathLike
from pathlib import Path
from typing import Any

from ..atomic import atomic_folder
from ..errors import DefinitionError, MissingPackage
from .leveldb_file import Entry, Manifest, log_entries, read_manifest, table_entries
from .rows import Rows

_ROWS_AT_ONCE = 1000
_WRITE_BUFFER = 1 << 28  # as Caffe's tools have it


class LevelDB(Rows):
    """The rows of a LevelDB.

    Its files are read, and nothing is written: the folder may be one that cannot be written, and be open any number
    of times. What its logs hold is kept in memory. Raises DefinitionError on ``source`` when the folder cannot be read
    as a LevelDB, holds no rows, or, as rows are read, turns out to be damaged.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        current = self._read("CURRENT").decode(errors="replace").strip()
        with self._naming(current):
            manifest = read_manifest(self._read(Path(current).name))
        self._levels: dict[int, list[tuple[bytes, str]]] = {}  # least key and name of each table
        for place, ((level, number), least) in enumerate(manifest.tables.items()):
            own = level or -place  # those of level 0 overlap: each is a level of its own
            self._levels.setdefault(own, []).append((least, self._table(number)))
        self._written = self._written_since(manifest)
        self._first()

    def close(self) -> None:
        self._values.close()

    def _table(self, number: int) -> str:
        for name in (f"{number:06}.ldb", f"{number:06}.sst"):
            if (self._folder / name).is_file():
                return name
        raise self._error(f"the table {number:06}.ldb is not there")

    def _written_since(self, manifest: Manifest) -> list[Entry]:
        """What the logs hold that is in no table yet, the last write to each key, in the order of keys."""
        found: dict[bytes, tuple[int, memoryview]] = {}
        logs = [log for log in self._folder.glob("*.log") if log.stem.isdecimal()]
        for number, name in sorted((int(log.stem), log.name) for log in logs):
            if number >= manifest.log or number == manifest.other_log:
                with self._naming(name):
                    found.update((key, (mark, value)) for key, mark, value in log_entries(self._read(name)))
        return [(key, *found[key]) for key in sorted(found)]

    def _read(self, name: str) -> bytes:
        path = self._folder / name
        if not path.is_file():  # nor a pipe, which would be waited for
            raise self._error(f"there is no file {name}")
        return path.read_bytes()

    @contextmanager
    def _naming(self, name: str) -> Iterator[None]:
        """Name a file in what is wrong with it."""
        try:
            yield
        except DefinitionError:
            raise
        except (ValueError, OSError) as error:
            raise self._error(f"{name}: {error}") from error

    def _error(self, reason: str) -> DefinitionError:
        return DefinitionError(f"{str(self._folder)!r} cannot be read as a LevelDB: {reason}.", "source")

    # What Rows asks for

    def _first(self) -> None:
        self._values = self._newest()
        if not self._step():
            raise DefinitionError(f"{str(self._folder)!r} holds no rows.", "source")

    def _step(self) -> bool:
        row = next(self._values, None)
        if row is not None:
            self._current = row
        return row is not None

    def _value(self) -> memoryview:
        return self._current

    def _newest(self) -> Generator[memoryview]:
        """The value that was last written to each key, in the order of keys; none for keys that were deleted since."""
        sources: list[Iterable[Entry]] = [self._written] if self._written else []
        sources += [chain.from_iterable(map(self._entries, sorted(tables))) for tables in self._levels.values()]
        entries = sources[0] if len(sources) == 1 else heapq.merge(*sources, key=lambda one: (one[0], -one[1]))
        last: bytes | None = None
        for key, mark, value in entries:
            if key != last:
                last = key
                if mark & 1:
                    yield value

    def _entries(self, table: tuple[bytes, str]) -> Iterator[Entry]:
        with self._naming(table[1]):
            yield from table_entries(self._folder / table[1])


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
        raise MissingPackage("Writing a LevelDB needs the package plyvel: pip install 'brewbench[leveldb]'") from error
    return plyvel
