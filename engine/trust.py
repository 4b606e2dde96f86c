"""Trust. Which files the Python layers of a net would run, found without running them, and who allows that."""

from __future__ import annotations

import os
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from .errors import DefinitionError

Trusted = bool | str | os.PathLike | Iterable[str | os.PathLike] | None
VARIABLE = "BREWBENCH_TRUST"  # the environment variable that lists trusted folders
_SHOWN = 5  # files that a message names

_agreed: dict[str, set[str]] = {}  # in this process: the files agreed to, by the path of the document that names them


@dataclass(frozen=True)
class UserCode:
    """The module that a Python layer names, and the files that importing it would run, in order.

    A file is an absolute path, or the words "built in" with a module's name where there is no file. There are none
    where the module is imported already.
    """

    module: str
    files: tuple[str, ...] = ()

    @property
    def imported(self) -> bool:
        """Whether the program has imported the module by now: then it is the program's own code."""
        return sys.modules.get(self.module) is not None

    @property
    def file(self) -> str:
        """The file of the module itself."""
        return self.files[-1] if self.files else self.module


class UntrustedCode(DefinitionError):
    """A net cannot be built, since that would run code that nobody has agreed to; `code` says which."""

    def __init__(self, code: Sequence[UserCode]):
        super().__init__(asking(code), "module")
        self.code = tuple(code)


def asking(code: Sequence[UserCode]) -> str:
    """One line that says which files a net would run, and how to agree to it."""
    named = list(dict.fromkeys(f"{one.file} (module {one.module!r})" for one in code))
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return (
        f"building this net runs the code of {', '.join(named[:_SHOWN])}{more}, which is not trusted. If you trust "
        f"it, give trust=True, press the bench's button, or name its folder in {VARIABLE}."
    )


class Trust:
    """What may be run: everything, all that lies in some folders, or the files that somebody agreed to.

    `trusted` is True, False, a folder or several; the folders in BREWBENCH_TRUST, separated as in PATH, count too.
    What was agreed to for the text at `path` is remembered while the process lives. A module that the program has
    imported is its own code.
    """

    def __init__(self, trusted: Trusted = False, path: str | os.PathLike | None = None):
        self.everything = trusted is True
        folders = () if trusted is None or isinstance(trusted, bool) else trusted
        folders = [folders] if isinstance(folders, str | os.PathLike) else folders
        self._folders = [_resolved(folder) for folder in folders]
        self._files: set[str] = _agreed.setdefault(str(_resolved(path)), set()) if path is not None else set()

    def allows(self, code: UserCode) -> bool:
        """Whether a module may be imported."""
        return self.everything or code.imported or all(self._allows_file(file) for file in code.files)

    def agree(self, code: Iterable[UserCode]) -> None:
        """Let these be run from now on."""
        self._files.update(file for one in code for file in one.files)

    def need(self, code: UserCode) -> None:
        """Raise UntrustedCode for a module that may not be imported."""
        if not self.allows(code):
            raise UntrustedCode([code])

    def on_path(self, folders: Iterable[Path], code: UserCode) -> list[Path]:
        """Those of some folders from which the import of a module may take others: where trusted files lie."""
        if self.everything:
            return list(folders)
        files = [Path(file) for file in code.files]
        return [
            folder
            for folder in folders
            if any(folder.resolve() in file.resolve().parents for file in files) or self._in_folder(folder)
        ]

    def _allows_file(self, file: str) -> bool:
        return file in self._files or (os.path.isabs(file) and self._in_folder(Path(file)))

    def _in_folder(self, path: Path) -> bool:
        resolved = path.resolve()
        listed = [_resolved(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name.strip()]
        return any(folder == resolved or folder in resolved.parents for folder in (*self._folders, *listed))


EVERYTHING = Trust(True)


def _resolved(path: str | os.PathLike) -> Path:
    return Path(path).expanduser().resolve()


def search_folders(root: Path | None) -> list[Path]:
    """Where a net's modules are looked for before Python's path: the working directory, the folder of its file."""
    return [Path.cwd(), *([root.absolute()] if root is not None else [])]


def locate(module: str, root: Path | None) -> UserCode | None:
    """What importing a module would run; None where there is no such module. No code is run to find out.

    `root` is the folder of the net's file.
    """
    parts = module.split(".")
    if not all(parts):
        return None
    if sys.modules.get(module) is not None:
        return UserCode(module)
    files: list[str] = []
    places: list[str] | None = None  # where the parts of the package around it lie
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        imported = sys.modules.get(name)
        if imported is not None:
            places = list(getattr(imported, "__path__", ()))
            continue
        spec = _spec(name, places, [*map(str, search_folders(root)), *sys.path])
        if spec is None:
            return None
        if spec.loader is not None:
            files.append(os.path.abspath(spec.origin) if spec.has_location and spec.origin else f"built in {name!r}")
        places = list(spec.submodule_search_locations or ())
    return UserCode(module, tuple(files))


def _spec(name: str, places: list[str] | None, path: list[str]) -> ModuleSpec | None:
    """The spec that the import of `name` would find; `places` are those of its package, None for no package."""
    for finder in sys.meta_path:
        try:
            if finder is PathFinder:
                spec = _on_path(name, path if places is None else places)
            else:
                spec = finder.find_spec(name, places)
        except Exception:  # finders of other packages may not like a parent that is not imported
            continue
        if spec is not None:
            return spec
    return None


def _on_path(name: str, places: Iterable[str]) -> ModuleSpec | None:
    """What `PathFinder` finds, which for a part of a package would need the package to be imported."""
    portions: list[str] = []
    for place in places:
        finder: Any = pkgutil.get_importer(place or os.getcwd())
        spec = finder.find_spec(name) if finder is not None else None
        if spec is not None and spec.loader is not None:
            return spec
        if spec is not None:
            portions += spec.submodule_search_locations or ()
    if not portions:
        return None
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = portions
    return spec
