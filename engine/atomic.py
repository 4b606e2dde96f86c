"""Writing files and folders so that nobody ever sees half of one."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EISDIR
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from ..proto.temporary import named, temporary_beside


@contextmanager
def atomic_write(path: str | PathLike, mode: str = "wb", **options: Any) -> Iterator[IO[Any]]:
    """Open a file to be written anew: ``with atomic_write(path) as file: file.write(...)``.

    The name changes hands once all is written and on the disk; if the block raises, the old file stays.
    `mode` and `options` as for `open`.
    """
    with atomic_path(path) as temporary, open(temporary, mode, **options) as file:
        yield file


@contextmanager
def atomic_path(path: str | PathLike) -> Iterator[Path]:
    """The path of a file to be written in place of `path`, in the same folder, for those who must open it themselves.

    A link stays a link, and a file that is replaced hands on its mode bits. What is no file but can be written, such
    as a pipe or a device, is written once all is there. Nothing is left behind on failure. What processes that were
    killed have left in that folder is removed. Raises IsADirectoryError for a folder, FileNotFoundError where there is
    no folder to write in, and OSError with the file's name for a full disk.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(EISDIR, "cannot write a file where there is a folder", str(path))
    if target.exists() and not target.is_file():
        with TemporaryDirectory() as folder:
            yield Path(folder) / "whole"
            with open(Path(folder) / "whole", "rb") as whole, open(target, "wb") as out:
                shutil.copyfileobj(whole, out)
        return
    temporary = _beside(target)
    try:
        with named(path, temporary):
            yield temporary
            with suppress(FileNotFoundError):
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            _to_disk(temporary)
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | PathLike) -> Iterator[Path]:
    """A new folder to be filled, which becomes `path` at the end. Raises FileExistsError where there is one.

    What processes that were killed have left beside it is removed.
    """
    target = Path(path)
    if target.exists():
        raise FileExistsError(f"{target} is already there")
    temporary = _beside(target)
    try:
        with named(path, temporary):
            temporary.mkdir()
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _to_disk(file)
            os.rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _beside(target: Path) -> Path:
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {target}: there is no folder {target.parent}")
    return temporary_beside(target)


def _to_disk(file: Path) -> None:
    with open(file, "rb+") as opened:
        os.fsync(opened.fileno())
