"""What a file is, told by how it begins, for messages about one that stands where another is expected."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

_STARTS = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\xff\xfe", "a text in UTF-16"),
    (b"\xfe\xff", "a text in UTF-16"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"BM", "an image"),
    (b"II*\0", "an image"),
    (b"MM\0*", "an image"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip file"),
)
_HEAD = 2048  # bytes that are looked at


def refuse_binary(path: str | PathLike) -> None:
    """Raise ValueError that says what it is for all but a text file, OSError when it cannot be read."""
    kind = binary_kind(path)
    if kind is not None:
        raise ValueError(f"{path}: is {kind}, not a text file")


def binary_kind(path: str | PathLike) -> str | None:
    """What a folder, or a file that holds no text, is; None for a text. Raises OSError when it cannot be read."""
    path = Path(path)
    if path.is_dir():
        holds = any((path / sign).exists() for sign in ("data.mdb", "CURRENT"))
        return "a folder that holds a database" if holds else "a folder"
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    for start, kind in _STARTS:
        if head.startswith(start) and (len(start) > 2 or b"\0" in head):
            return kind
    return "a binary file" if b"\0" in head else None

