"""Names of files that are being written, which tell who writes them, so that a dead writer's can be cleaned up."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from functools import cache
from hashlib import blake2b
from pathlib import Path
from uuid import getnode

_NAME = re.compile(r"\.brewbench-([0-9a-f]{12})-([0-9a-f]{12})-([0-9]+)-([0-9]+)-([0-9]+)-[0-9a-f]{16}\.tmp")
_UNKNOWN = "0" * 12
_FULL = (ENOSPC, EDQUOT, EFBIG, EIO)


def temporary_beside(target: str | os.PathLike) -> Path:
    """A new name in the folder of `target`, for what is to take its place when it is complete.

    What a process of this machine that is no longer alive has left in that folder under such a name is removed. What
    a live process writes, another machine (the folder may be on a network), or another container, is left alone; so
    is everything of any other name.
    """
    folder = Path(target).parent
    with suppress(OSError):
        clean(folder)
    return folder / f".brewbench-{'-'.join(_me())}-{secrets.token_hex(8)}.tmp"


def clean(folder: Path) -> None:
    """Remove from a folder what dead writers of this machine have left. Raises OSError when it cannot be listed."""
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if _NAME.fullmatch(entry.name)]
    for entry in found:
        match = _NAME.fullmatch(entry.name)
        if match is None or not _is_dead(*match.groups()):
            continue
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)


@contextmanager
def named(path: str | os.PathLike, temporary: Path) -> Iterator[None]:
    """Let an error of writing `temporary` name the file that it was to become, and say what is there now.

    Raises OSError for a full disk, in whichever words a library has said so.
    """
    try:
        yield
    except Exception as error:
        code = _code_of(error, temporary)
        if code is None:
            raise
        message = os.strerror(code)
        if code in _FULL:
            kept = "what was there before is still there" if os.path.exists(path) else "nothing of it is left"
            message += f", while it was written ({kept})"
        raise OSError(code, message, os.fspath(path)) from error


def _code_of(error: Exception, temporary: Path) -> int | None:
    """The number of the system's error that befell a temporary file; None for any other error."""
    if isinstance(error, OSError) and error.errno is not None:
        own = str(error.filename) == str(temporary) or (error.filename is None and error.errno in _FULL)
        return error.errno if own else None
    said = str(error)  # HDF5, LMDB and LevelDB hand on the system's words
    return next((code for code in _FULL if os.strerror(code) in said), None)


def _me() -> tuple[str, str, str, str, str]:
    """This process: its machine, the start of that, its own space of process numbers, its number and its start."""
    pid = os.getpid()
    return _machine(), _boot(), _space(), str(pid), _start_of(pid) or "0"


def _is_dead(machine: str, boot: str, space: str, pid: str, start: str) -> bool:
    """Whether the process that these name is known not to be alive."""
    if os.name != "posix" or boot == _UNKNOWN:
        return False
    if boot != _boot():  # of this machine before it was started anew, or of another machine
        return machine == _machine() != _UNKNOWN
    if space != _space():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False  # it is there, but somebody else's
    now = _start_of(int(pid))
    return now is not None and now != start or _is_zombie(int(pid))


@cache
def _machine() -> str:
    """A digest of the machine's name and number; zeros where it has no number: a name alone may be another's too."""
    for source in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        number = _read(source)
        if number:
            return _digest(f"{socket.gethostname()} {number}")
    return _UNKNOWN


@cache
def _boot() -> str:
    """A digest of what no other machine has, nor this one after it is started anew, where the kernel tells it."""
    number = _read("/proc/sys/kernel/random/boot_id")
    if number:
        return _digest(number)
    card = getnode()  # of the network; a random number, marked so, where there is none
    return _UNKNOWN if card >> 40 & 1 else _digest(f"{socket.gethostname()} {card}")


@cache
def _space() -> str:
    """The number of the namespace of process numbers; 0 where there are none."""
    try:
        return "".join(filter(str.isdigit, os.readlink("/proc/self/ns/pid"))) or "0"
    except OSError:
        return "0"


def _start_of(pid: int) -> str | None:
    """When a process began, in the kernel's ticks since the machine did; None where that cannot be read."""
    fields = _state_of(pid)
    return fields[19] if len(fields) > 19 else None


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended, and nobody has asked yet how."""
    return _state_of(pid)[:1] in (["Z"], ["X"])


def _state_of(pid: int) -> list[str]:
    """The fields of a process behind its name, which may hold anything."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError):
        return ""


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=6).hexdigest()


def write_atomically(path: str, data: bytes) -> None:
    """Write a file whole or not at all, keeping its mode, and through a link to the file it names."""
    target = os.path.realpath(path)
    try:
        mode = os.stat(target).st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    temporary = temporary_beside(target)
    try:
        with named(path, temporary):
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, mode)
            os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
