"""What git holds of the project: the index, which is what the next commit will hold of it.

A user may have run, edited and saved the notebooks and models of the working copy; no test may depend on that.
Where git does not hold this folder (a downloaded archive), files are taken as they are on disk.
"""

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def git(*words: str, asked: bytes = b"") -> bytes:
    """What a git command prints, `asked` being its input.

    Raises OSError where there is no git, CalledProcessError where it fails.
    """
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), *words]
    return subprocess.run(command, input=asked, capture_output=True, check=True, timeout=60).stdout


@functools.cache
def why_not() -> str | None:
    """The reason for which git cannot say what it holds of this folder; None where it can."""
    try:
        top = Path(git("rev-parse", "--show-toplevel").decode().strip())
    except (OSError, subprocess.CalledProcessError) as error:
        return f"git does not hold this folder ({error})"
    if not top.exists() or not top.samefile(ROOT):
        return f"git does not hold this folder, but {top}"
    return None


def skip_without_git() -> None:
    """Skip the test, visibly, where git cannot say what it holds."""
    if reason := why_not():
        pytest.skip(reason)


def files(*patterns: str) -> list[Path]:
    """The files that git holds, relative to the root, in order; those on disk where it does not hold this folder.

    A pattern is one of git's (`notebooks/*.ipynb`, where the star matches folders, too); none: all files.
    """
    if why_not() is None:
        listed = git("ls-files", "-z", "--", *patterns).decode().split("\0")
        return sorted({Path(name) for name in listed if name})
    found = [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()]
    shown = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    return sorted(path for path in shown if not patterns or any(path.match(pattern) for pattern in patterns))


def content(path: Path | str) -> bytes:
    """What git holds of a file, named relative to the root; what is on disk where it does not hold this folder."""
    if why_not() is None:
        return git("show", f":{Path(path).as_posix()}")
    return (ROOT / path).read_bytes()


def contents() -> Iterator[tuple[Path, bytes]]:
    """Every file that git holds, with its content."""
    entries = [entry.split("\t", 1) for entry in git("ls-files", "-z", "--stage").decode().split("\0") if entry]
    names = {entry[1]: entry[0].split()[1] for entry in entries if not entry[0].startswith("160000")}  # no submodule
    objects = git("cat-file", "--batch", asked="".join(f"{number}\n" for number in names.values()).encode())
    at = 0
    for name in names:
        end = objects.index(b"\n", at)
        length = int(objects[at:end].split()[2])
        yield Path(name), objects[end + 1 : end + 1 + length]
        at = end + length + 2


def copy(folder: str, target: Path) -> Path:
    """A copy of a folder of the project as git holds it, below `target`; returns the copy."""
    if why_not() is None:
        names = [path.as_posix() for path in files(folder)]
        git("checkout-index", f"--prefix={target.as_posix()}/", "--", *names)
    else:
        ignored = shutil.ignore_patterns(".ipynb_checkpoints", "*_lmdb")
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    return target / folder


@functools.cache
def folder(name: str) -> Path:
    """A folder of the project as git holds it, to read in: a copy that lives as long as the tests run."""
    _kept.append(tempfile.TemporaryDirectory(prefix="held-"))
    return copy(name, Path(_kept[-1].name))


_kept: list[tempfile.TemporaryDirectory] = []
