"""What the layers of one net have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from . import rng
from .errors import DefinitionError, MissingFile
from .memory import HOST, Place
from .stand_in import StandIns
from .trust import EVERYTHING, Trust

Shapes = tuple[tuple[int, ...], ...]
Seen = Callable[[Any, Shapes], tuple[Shapes, Shapes] | None]

_LOOKED_AT = 1 << 18  # characters of a list: some thousand lines
_LONGEST = 300  # characters of a file's name that a message shows


@dataclass
class Context:
    """Phase, place, number type and random stream of a net; one object, seen by all its layers.

    `passes` counts the forward passes: random layers draw by (seed, layer, passes). `dry` says that only
    shapes are wanted (`check`): a layer then starts no thread and keeps no file open. `rank` and `ranks` tell
    data layers which share of the rows is theirs when several processes train together. `precision` is that of
    matrix products and convolutions on a device: "tf32" rounds their factors to 10 bits, "ieee" does not. `stand_in`
    says which data layers have stand-in data.

    `trust` says which modules of Python layers may be imported; a dry look imports none. What it knows of them, it
    knows from `shapes`, by the name of a blob, and from `seen`, which maps a layer and the shapes of its bottoms to
    those of its tops and of its parameters, or to None.
    """

    phase: int = 1
    seed: int = field(default_factory=rng.fresh_seed)
    dtype: Any = np.float32
    place: Place = HOST
    backend: str = "cpu"
    precision: str = "tf32"
    passes: int = 0
    root: Path | None = None
    dry: bool = False
    stand_in: StandIns = field(default_factory=StandIns)
    trust: Trust = EVERYTHING
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    seen: Seen | None = None
    rank: int = 0
    ranks: int = 1
    scratch: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)  # buffers that ops share

    @property
    def training(self) -> bool:
        """Whether the phase is TRAIN."""
        return self.phase == 0

    @property
    def most_read(self) -> int | None:
        """How many characters of a list of files are read: all (None), or, where only shapes are wanted, the first."""
        return _LOOKED_AT if self.dry else None

    def find(self, source: str, field: str, what: str = "file") -> Path:
        """The path of a file or folder that a definition names.

        As in Caffe a relative name counts from the working directory; where there is nothing of that name, it
        counts from the folder of the net's own file. Raises MissingFile on `field` when it is in neither,
        DefinitionError when it is empty, or cannot be looked for.
        """
        if not source:
            raise DefinitionError(f"{field.rpartition('.')[2]} must name a {what}; it is empty.", field)
        given = Path(source)
        tried = [given]
        if self.root is not None and not given.is_absolute() and self.root / given != given:
            tried.append(self.root / given)
        for path in tried:
            try:
                if path.is_file() or path.is_dir():
                    return path
                if path.exists():  # opening a pipe may wait for ever
                    raise DefinitionError(f"{shown(path)} is a pipe or a device, not a {what}.", field)
            except OSError as error:  # such as a name that is too long, or a folder that is closed to us
                message = f"{what} {shown(source)} cannot be looked for: {error.strerror}."
                raise DefinitionError(message, field) from error
        hint = _escape_hint(source)
        places = " and ".join(shown(path) for path in tried)
        missing = f"{what} {shown(source)}"
        raise MissingFile(f"there is no {missing}{hint or f'; looked for {places}'}.", field, missing)


def shown(name: str | PathLike) -> str:
    """A file's name as a message shows it: quoted, without control characters, its middle left out where it is long."""
    text = str(name)
    return repr(text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}...{text[-_LONGEST // 2 :]}")


def _escape_hint(source: str) -> str:
    """What to say of a name with control characters in it: those that come of a backslash in prototxt."""
    if not any(ord(character) < 32 or ord(character) == 127 for character in source):
        return ""
    return "; in prototxt a backslash begins an escape such as \\n, a new line: write \\\\ or / between folders"
