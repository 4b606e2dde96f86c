"""The cache on disk of what numba compiles, under names that change with every source the machine code comes from.

numba keys that cache by the name of a function and by the time and size of its own file. Helpers of other files are
inlined into the same machine code, and numba does not look whether they have changed. So the name of a kept function
ends with a digest of the files that hold what it reaches, of the constants it reads, and of the kind of vectors.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from os import scandir, stat
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

DIGITS = 12
_HERE = Path(__file__).parent
_FOLDERS = (_HERE, _HERE / "data", _HERE / "ops" / "tile")  # the sources of everything that numba compiles
_CONSTANTS = (int, float, str, bytes, np.generic, np.dtype)

Version = tuple[int, int]


def _version(found: Any) -> Version:
    """Time of the last change, in ns, and size in bytes, of an `os.stat` result."""
    return found.st_mtime_ns, found.st_size


def _versions() -> dict[str, Version]:
    """The versions of the files of this package that numba may compile from."""
    return {
        entry.path: _version(entry.stat())
        for folder in _FOLDERS
        if folder.is_dir()
        for entry in scandir(folder)
        if entry.name.endswith(".py")
    }


# Taken as the package is imported. A file that is edited later is no longer what this process runs.
_imported = _versions()


def _names(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes in a function and in those defined in it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _globals(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Name and value of what a function reads from outside of it; of modules, their members of these names."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not yet bound
            yield name, cell.cell_contents
    names = set(_names(function.__code__))
    for name in names & function.__globals__.keys():
        value = function.__globals__[name]
        yield name, value
        if isinstance(value, ModuleType):
            yield from ((other, vars(value)[other]) for other in names & vars(value).keys())


def _python(value: Any) -> Any:
    """The Python function behind one that numba wraps, for a call or as an intrinsic; else the value itself."""
    return getattr(value, "py_func", None) or getattr(value, "_defn", None) or value


def _constant(value: Any) -> str | None:
    """A constant as a text that is equal in all processes; None where the value is none that numba compiles in."""
    from numba.core.types import Type

    if value is None or isinstance(value, (*_CONSTANTS, Type)):  # a Type, too: the fields of a record, their offsets
        return repr(value)
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, tuple):
        parts = [_constant(one) for one in value]
        return None if None in parts else f"({parts})"
    return None


@cache
def _read(function: FunctionType, package: str) -> tuple[set[str], set[str], list[FunctionType]]:
    """Files, constants and functions of a package that a function itself reads."""
    files, constants, functions = {function.__code__.co_filename}, set(), []
    for name, value in _globals(function):
        value = _python(value)
        constant = _constant(value)
        if constant is not None:
            constants.add(f"{name} {constant}")
            continue
        named = value if isinstance(value, FunctionType | type) else type(value)
        if named.__module__.partition(".")[0] == package:
            files.add(getattr(sys.modules.get(named.__module__), "__file__", None) or "")
            if isinstance(value, FunctionType):
                functions.append(value)
    return files, constants, functions


def _reached(function: FunctionType) -> tuple[set[str], set[str]]:
    """Files that hold what a function reaches in its own top-level package, and the constants read on the way."""
    package = function.__module__.partition(".")[0]
    files, constants, seen, waiting = set(), set(), {function}, [function]
    while waiting:
        more_files, more_constants, functions = _read(waiting.pop(), package)
        files |= more_files
        constants |= more_constants
        waiting += [one for one in functions if one not in seen]
        seen.update(functions)
    return files - {""}, constants


@cache
def _content(file: str) -> str:
    """A digest of a file; equal digests are equal files."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _is_imported(file: str) -> bool:
    """Whether a file is still the one that this process has imported."""
    before = _imported.get(file)
    return before is None or before == _version(stat(file))


def stamp(function: FunctionType, *how: object) -> str | None:
    """The kind of vectors, and a digest of all that is compiled into a function and of `how` it is compiled.

    None where the sources are not on disk: in a package imported from an archive, or edited after its import.
    """
    from .ops.tile.target import kind, lanes, registers

    files, constants = _reached(function)
    parts = [kind(), lanes(), registers(), *map(str, how), *sorted(constants)]
    try:
        parts += [_content(file) for file in sorted(files)]
        if not all(_is_imported(file) for file in files):
            return None
    except OSError:
        return None
    return f"{kind()}_{hashlib.sha256(repr(parts).encode()).hexdigest()[:DIGITS]}"


def kept_on_disk(decorator: Callable[..., Any], function: Any, signature: Any, **options: Any) -> Any:
    """The function compiled by one of numba's decorators, from disk where its code is there; kept there if possible."""
    settings = sorted((name, sorted(value) if isinstance(value, set) else value) for name, value in options.items())
    stamped = stamp(function, signature, settings)
    if stamped is None:
        return decorator(signature, **options)(function)
    plain = function.__qualname__
    function.__qualname__ = f"{plain}_{stamped}"  # numba names its files by it
    try:
        compiled = decorator(signature, cache=True, **options)(function)
    except RuntimeError:  # no place to keep it
        return decorator(signature, **options)(function)
    finally:
        function.__qualname__ = plain
    hits = compiled.stats.cache_hits if hasattr(compiled, "stats") else compiled.cache_hits
    if not hits:
        start = f"{Path(function.__code__.co_filename).stem}.{plain}_{stamped}"
        _remove_older(Path(compiled._cache.cache_path), start.replace("<", "").replace(">", ""))
    return compiled


def _remove_older(folder: Path, start: str) -> None:
    """Delete what is kept of the same function, for the same kind of vectors, for other sources.

    A process that still runs those compiles anew what is deleted: numba takes a missing file for one never written.
    """
    for file in folder.glob(f"{start[:-DIGITS]}{'?' * DIGITS}-*.nb?"):
        if not file.name.startswith(f"{start}-"):
            with suppress(OSError):
                file.unlink()
