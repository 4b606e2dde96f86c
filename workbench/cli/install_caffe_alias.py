"""`brewbench install_caffe_alias`: `import caffe`, and a program `caffe`, for all of an environment."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from . import say
from .flags import Parser, UsageError

_MODULE = "_brewbench_caffe_alias"
_TRY = f"try: import {_MODULE} as m; m.add_finder()\\nexcept ImportError: pass"
_LINE = f'import sys; exec("{_TRY}")  # written by Brewbench\n'  # site.py runs a line that begins with import
_EPILOG = """
After it, every Python of this environment, also in notebooks, finds Brewbench's pycaffe as `caffe`, before any folder
caffe on its path; and there is a program caffe, which is brewbench by Caffe's name. Two small files do it in the folder
of installed packages, one of which is read when Python starts; Brewbench itself is imported when a program imports
caffe. It is refused where another caffe is installed.
"""


def run(words: Sequence[str]) -> None:
    """Install the alias, or remove it. Raises UsageError where another caffe is installed, OSError."""
    parser = Parser("install_caffe_alias", _EPILOG)
    parser.switch("remove", help="take it away again")
    args = parser.parse(words)
    if args.remove:
        _remove()
    else:
        _install()


def _install() -> None:
    from ...engine.atomic import atomic_write
    from .. import startup
    from ..programs import refuse_others, write_program

    other = _other_caffe()
    if other:
        raise UsageError(f"another caffe is installed: {other}; uninstall it first, or use brewbench run")
    library, program = _places(_scheme())
    pth, module = library / f"{_MODULE}.pth", library / f"{_MODULE}.py"
    refuse_others([pth, module, program])
    library.mkdir(parents=True, exist_ok=True)
    with atomic_write(module, "w", encoding="utf-8") as file:
        file.write(Path(startup.__file__).read_text(encoding="utf-8"))
    write_program(program)
    with atomic_write(pth, "w", encoding="utf-8") as file:
        file.write(_LINE)
    say(f"import caffe is Brewbench's from now on, in {sys.prefix}")
    say(f"Wrote {pth}, {module.name} beside it, and {program}")


def _remove() -> None:
    from ..programs import is_ours

    removed = []
    for scheme in dict.fromkeys((sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))):
        library, program = _places(scheme)
        for path in (library / f"{_MODULE}.pth", library / f"{_MODULE}.py", program):
            if is_ours(path):
                path.unlink()
                removed.append(path)
    say(f"Removed {', '.join(map(str, removed))}" if removed else "There is no alias to remove")


def _scheme() -> str:
    """Where packages are installed: for all who use this Python, or for this user if that cannot be written."""
    common = sysconfig.get_default_scheme()
    folder = _places(common)[0]
    usable = os.access(folder, os.W_OK) if folder.exists() else True
    return common if usable or not site.ENABLE_USER_SITE else sysconfig.get_preferred_scheme("user")


def _places(scheme: str) -> tuple[Path, Path]:
    """The folder of installed packages, and the file of the program."""
    name = "caffe.cmd" if os.name == "nt" else "caffe"
    return Path(sysconfig.get_path("purelib", scheme)), Path(sysconfig.get_path("scripts", scheme)) / name


def _other_caffe() -> str:
    """Where Python would find a caffe that is not ours; empty where there is none. Bare folders do not count."""
    from .run import ON_PATH

    own = {ON_PATH, "", os.getcwd(), os.path.dirname(os.path.realpath(sys.argv[0]))}
    found = PathFinder.find_spec("caffe", [folder for folder in sys.path if folder not in own])
    return found.origin or "" if found is not None and found.loader is not None else ""
