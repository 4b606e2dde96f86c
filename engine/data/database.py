"""Databases of rows: LMDB and LevelDB folders as Caffe's tools write them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from os import PathLike
from pathlib import Path

import lmdb

from ..atomic import atomic_folder
from ..errors import DefinitionError
from .kinds import binary_kind
from .leveldb import LevelDB, require_leveldb, write_leveldb
from .lmdb_file import LMDB
from .rows import Rows

_SIGNS = {"LMDB": "data.mdb", "LEVELDB": "CURRENT"}  # the file by which a folder of each kind is known
_ARTICLES = {"LMDB": "an LMDB", "LEVELDB": "a LevelDB"}
_ROWS_AT_ONCE = 1000
_FIRST_MAP_SIZE = 1 << 24


def open_database(path: str | PathLike, backend: str = "lmdb") -> Rows:
    """Open a database for reading; `backend` is lmdb or leveldb, in any case.

    Raises DefinitionError on ``source`` or ``backend`` when that is not possible, ValueError for another backend.
    """
    folder, kind = Path(path), _kind_of(backend)
    if not folder.exists():
        raise DefinitionError(f"there is no database {str(path)!r}.", "source")
    if not folder.is_dir():
        found, wanted = binary_kind(path) or "a text file", f"{_ARTICLES[kind]} is a folder that holds {_SIGNS[kind]}"
        raise DefinitionError(f"{str(path)!r} is {found}; {wanted}.", "source")
    if not (folder / _SIGNS[kind]).exists():
        for other, sign in _SIGNS.items():
            if (folder / sign).exists():
                raise DefinitionError(f"{str(path)!r} is {_ARTICLES[other]}; say backend: {other}.", "backend")
        raise DefinitionError(f"{str(path)!r} is not {_ARTICLES[kind]}: it holds no {_SIGNS[kind]}.", "source")
    return LMDB(folder) if kind == "LMDB" else LevelDB(folder)


def write_database(path: str | PathLike, rows: Iterable[tuple[bytes, bytes]], backend: str = "lmdb") -> int:
    """Write a database of (key, value) rows, as `write_lmdb` or `write_leveldb` does; returns how many.

    Raises ValueError for a backend that is neither.
    """
    write = write_lmdb if _kind_of(backend) == "LMDB" else write_leveldb
    return write(path, rows)


def require_backend(backend: str) -> None:
    """Raises MissingPackage where no database of this kind can be written, ValueError for an unknown one."""
    if _kind_of(backend) == "LEVELDB":
        require_leveldb()


def _kind_of(backend: str) -> str:
    if backend.upper() not in _SIGNS:
        raise ValueError(f"the backend can be lmdb or leveldb; got {backend!r}")
    return backend.upper()


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
