"""Small programs that hand over to Brewbench's command line, and how they are told from those of others."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from ..engine.atomic import atomic_write

_SIGN = "written by Brewbench"


def write_program(path: Path, *command: str) -> None:
    """Write a program that runs ``brewbench COMMAND`` with its own arguments behind, in this Python.

    Raises FileExistsError where there is a file of somebody else's.
    """
    refuse_others([path])
    path.parent.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-P", "-m", f"{__package__}.cli", *command]
    if os.name == "nt":
        text = f"@rem {_SIGN}\r\n@" + " ".join(f'"{word}"' for word in words) + " %*\r\n"
    else:
        text = f'#!/bin/sh\n# {_SIGN}\nexec {shlex.join(words)} "$@"\n'
    with atomic_write(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    path.chmod(0o755)


def is_ours(path: Path) -> bool:
    """Whether there is a file at `path` that Brewbench wrote."""
    try:
        return _SIGN.encode() in path.read_bytes()[:200]
    except OSError:
        return False


def refuse_others(paths: Iterable[Path]) -> None:
    """Raise FileExistsError for the first path where there is something that Brewbench did not write."""
    for path in paths:
        if os.path.lexists(path) and not is_ours(path):
            raise FileExistsError(f"{path} is already there, and not Brewbench's: nothing was written")
