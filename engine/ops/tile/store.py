"""Kernels on disk, so that only the first process ever has to make them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from ...atomic import atomic_write

MARK = b"brewbench"  # at the end of every file: what lacks it was not written whole
VARIABLE = "BREWBENCH_CACHE"  # a folder instead of the usual one


@cache
def folder() -> Path:
    """Where compiled kernels and drivers are kept: the user's folder for caches."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "brewbench"


def read(name: str) -> bytes | None:
    """What was kept under a name; None where nothing was, or it cannot be read whole."""
    with suppress(OSError):
        kept = (folder() / f"{name}.o").read_bytes()
        if kept[-len(MARK) :] == MARK:
            return kept[: -len(MARK)]
    return None


def write(name: str, code: bytes) -> None:
    """Keep something; where the folder cannot be written, nothing is kept and nobody is bothered."""
    with suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
        with atomic_write(folder() / f"{name}.o") as file:
            file.write(code + MARK)
