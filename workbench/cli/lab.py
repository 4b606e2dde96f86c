"""`brewbench lab`: JupyterLab, open on the bench."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .flags import UsageError

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
FIRST = "00-the-bench.ipynb"
HELP = f"""\
usage: brewbench lab [NOTEBOOK] [JupyterLab's arguments]

Opens JupyterLab on a notebook: {FIRST} of the repository's notebooks if none is given.
For example: brewbench lab --no-browser --port 8890"""


def run(words: Sequence[str]) -> None:
    """Become JupyterLab, so that Ctrl+C and signals reach it and nothing else. Raises UsageError."""
    if words and words[0].lstrip("-") in ("help", "h") and words[0].startswith("-"):
        print(HELP)
        return
    given = words[0] if words and not words[0].startswith("-") else None
    notebook = find_notebook(given)
    # A default address rather than a file to open: it is in the link that Jupyter prints, too.
    address = f"--LabApp.default_url=/lab/tree/{notebook.name}"
    command = [sys.executable, "-m", "jupyterlab", address, *words[given is not None :]]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in command:
        command.append("--allow-root")  # a container's only user; Jupyter would refuse to start
    os.chdir(notebook.parent)
    sys.stdout.flush()
    os.execv(command[0], command)


def find_notebook(name: str | None = None) -> Path:
    """A notebook by its path, or by its name in the repository's notebooks. Raises UsageError where there is none."""
    tried = [Path(name), NOTEBOOKS / name] if name else [NOTEBOOKS / FIRST]
    for path in tried:
        if path.is_file():
            return path.resolve()
    if name:
        raise UsageError(f"there is no notebook {name!r}")
    raise UsageError(f"there is no {tried[0]}: the notebooks come with the repository; name one of your own")
