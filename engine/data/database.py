"""Databases of rows: LMDB folders as Caffe's tools write them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from itertools import islice
from os import PathLike
from pathlib import Path
from weakref import WeakValueDictionary

import lmdb

from ..atomic import atomic_folder
from ..errors import DefinitionError

_ROWS_AT_ONCE = 1000
_FIRST_MAP_SIZE = 1 << 24

# LMDB lets a process open a file once; whoever comes second shares what is open.
_environments: WeakValueDictionary[tuple[int, int], lmdb.Environment] = WeakValueDictionary()
_lock = threading.Lock()


class LMDB:
    """The rows of an LMDB in the order of their keys, read one after the other and from the start again.

    Works on folders that may not be written. Each object has a position of its own; one thread at a time may
    use it.
    """

    def __init__(self, environment: lmdb.Environment):
        self._environment: lmdb.Environment | None = environment
        self._transaction = environment.begin(buffers=True)
        self._cursor = self._transaction.cursor()
        self._count: int = self._transaction.stat()["entries"]
        self._position = 0
        self._cursor.first()

    def __enter__(self) -> LMDB:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._count

    @property
    def position(self) -> int:
        """Index of the row that `next` returns next."""
        return self._position

    def seek(self, position: int) -> None:
        """Go to a row by its index; a row beyond the end counts from the start again."""
        position %= self._count
        if position < self._position:
            self._position = 0
            self._cursor.first()
        while self._position < position:
            self._cursor.next()
            self._position += 1

    def next(self) -> memoryview:
        """The value of the current row, then step to the following one. Good until `close`."""
        value = self._cursor.value()
        self._position += 1
        if not self._cursor.next():
            self._position = 0
            self._cursor.first()
        return value

    def close(self) -> None:
        """Give back what is open; the object cannot be used any more."""
        self._cursor.close()
        self._transaction.abort()
        self._environment = None


def open_database(path: str | PathLike, backend: str = "lmdb") -> LMDB:
    """Open a database for reading. Raises DefinitionError on ``source`` or ``backend`` when that is not possible."""
    folder = Path(path)
    file = folder / "data.mdb"
    is_leveldb = (folder / "CURRENT").exists()
    if backend.lower() == "leveldb":
        if file.exists():
            raise DefinitionError(f"{str(path)!r} is an LMDB; say backend: LMDB.", "backend")
        raise DefinitionError("LevelDB cannot be read yet; use an LMDB and backend: LMDB.", "backend")
    if not folder.exists():
        raise DefinitionError(f"there is no database {str(path)!r}.", "source")
    if not folder.is_dir():
        raise DefinitionError(f"{str(path)!r} is a file; an LMDB is a folder that holds data.mdb.", "source")
    if not file.exists():
        what = "is a LevelDB, which cannot be read yet" if is_leveldb else "is not an LMDB: it holds no data.mdb"
        raise DefinitionError(f"{str(path)!r} {what}.", "source")
    try:
        environment = _environment_of(folder, file)
    except lmdb.Error as error:
        # Text of the form "/folder: MDB_INVALID: File is not an LMDB file".
        reason = str(error).rpartition(": ")[2]
        raise DefinitionError(f"{str(path)!r} cannot be read as an LMDB: {reason}.", "source") from error
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if file.stat().st_size < needed:
        raise DefinitionError(
            f"{str(path)!r} is cut short: data.mdb has {file.stat().st_size:,} of {needed:,} bytes.", "source"
        )
    if not environment.stat()["entries"]:
        raise DefinitionError(f"{str(path)!r} holds no rows.", "source")
    return LMDB(environment)


def _environment_of(folder: Path, file: Path) -> lmdb.Environment:
    status = file.stat()
    key = (status.st_dev, status.st_ino)
    with _lock:
        environment = _environments.get(key)
        if environment is None:
            environment = lmdb.open(str(folder), readonly=True, lock=False, create=False)
            _environments[key] = environment
    return environment


def write_lmdb(path: str | PathLike, rows: Iterable[tuple[bytes, bytes]]) -> int:
    """Write an LMDB of (key, value) rows, whose keys must ascend; returns how many. The folder appears when complete.

    Raises FileExistsError when the folder is already there, ValueError for keys that do not ascend.
    """
    count = 0
    rows = iter(rows)
    with atomic_folder(path) as folder:
        with lmdb.open(str(folder), map_size=_FIRST_MAP_SIZE, lock=False, sync=False, mode=0o664) as environment:
            while chunk := list(islice(rows, _ROWS_AT_ONCE)):
                _append(environment, chunk)
                count += len(chunk)
    return count


def _append(environment: lmdb.Environment, chunk: list[tuple[bytes, bytes]]) -> None:
    """Put rows behind those already there, in one transaction; the map grows as it has to."""
    while True:
        try:
            with environment.begin(write=True) as transaction, transaction.cursor() as cursor:
                _, added = cursor.putmulti(chunk, append=True)
            break
        except lmdb.MapFullError:
            environment.set_mapsize(2 * environment.info()["map_size"])
    if added != len(chunk):
        raise ValueError("the keys of an LMDB must ascend")
