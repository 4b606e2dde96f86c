"""Drafts: texts that nobody has saved yet, kept beside their files until somebody does."""

from __future__ import annotations

import hashlib
import json
import os
import time
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..engine.atomic import atomic_write
from ..engine.ops.tile import store
from ..proto import Document
from .events import Courier

SETTLE = 0.3  # seconds between two writings of one draft
MOST = 64 << 20  # bytes of a draft that is read


@dataclass(frozen=True)
class Draft:
    """An unsaved text of a file: the text, when it was kept (seconds since the epoch), and whether the file has
    changed on the disk since the text was taken from it.
    """

    path: Path
    text: str
    when: float
    overtaken: bool

    @property
    def lines(self) -> int:
        """How many lines were written anew, or taken away, whichever are more."""
        file: Counter[str] = Counter()
        with suppress(OSError):
            file.update(self.path.read_text("utf-8", "surrogateescape").splitlines())
        draft = Counter(self.text.splitlines())
        return max((draft - file).total(), (file - draft).total())


def place_of(path: str | os.PathLike[str]) -> Path:
    """Where the draft of a file lies: hidden beside it, or in the user's cache folder where nothing can be written."""
    file = Path(path).absolute()
    if os.access(file.parent, os.W_OK):
        return file.with_name(f".{file.name}.unsaved")
    return store.folder() / "drafts" / f"{hashlib.sha256(os.fsencode(file)).hexdigest()[:24]}.unsaved"


def keep(path: str | os.PathLike[str], text: str, origin: str) -> None:
    """Keep a text as the draft of a file; `origin` is the text that the file had when it was opened or saved.

    Raises OSError.
    """
    place = place_of(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    content = {"text": text, "when": time.time(), "origin": _digest(origin)}
    with atomic_write(place, "w", encoding="utf-8") as file:
        json.dump(content, file)


def discard(path: str | os.PathLike[str]) -> None:
    """Throw the draft of a file away, if there is one."""
    with suppress(OSError):
        place_of(path).unlink()


def find(path: str | os.PathLike[str]) -> Draft | None:
    """The draft of a file; None where there is none, where it is damaged, and where it says what the file says."""
    settle_all()
    place, file = place_of(path), Path(path)
    try:
        if place.stat().st_size > MOST:
            return None
        content = json.loads(place.read_text(encoding="utf-8"))
        text, when, origin = content["text"], float(content["when"]), content["origin"]
        saved = file.read_bytes().decode("utf-8", "surrogateescape")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(text, str) or text == saved:
        return None
    return Draft(file, text, when, overtaken=_digest(saved) != origin)


class DraftKeeper:
    """Keeps a draft of each document that has a file, while its text is not what the file says.

    `on_failure(message)` is told, once, when drafts cannot be written.
    """

    def __init__(self, documents: Sequence[Document], on_failure: Callable[[str], object] = lambda message: None):
        self._documents = [document for document in documents if document.path]
        self._on_failure, self._failed = on_failure, False
        self._courier = Courier(SETTLE, "drafts")
        self._unsubscribe = [one.subscribe(lambda _change, one=one: self.note(one)) for one in self._documents]
        _keepers.add(self)

    def note(self, document: Document, text: str | None = None) -> None:
        """A document was edited or saved; `text` is what was typed, where that is no prototxt yet."""
        if document in self._documents:
            self._courier.post_latest(id(document), lambda: self._write(document, text))

    def settle(self) -> None:
        """Return when every draft is written."""
        self._courier.drain(5)

    def close(self) -> None:
        """Follow the documents no longer; the drafts stay."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._courier.close()
        _keepers.discard(self)

    def _write(self, document: Document, text: str | None) -> None:
        assert document.path is not None
        if text is None and not document.dirty:
            discard(document.path)
            return
        try:
            keep(document.path, document.text if text is None else text, document.saved)
            self._failed = False
        except (OSError, ValueError) as error:
            if not self._failed:
                self._on_failure(f"Unsaved edits cannot be kept: {error}")
            self._failed = True


_keepers: weakref.WeakSet[DraftKeeper] = weakref.WeakSet()


def settle_all() -> None:
    """Return when the drafts of all open documents of this process are written."""
    for keeper in list(_keepers):
        keeper.settle()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
