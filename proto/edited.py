"""Text that changes by splices, gathered into steps of undo."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Self

from . import layout
from .layout import Splice
from .syntax import complaint
from .tree import Path, Tree

PAUSE = 1.0  # seconds without typing that end a step of undo


@dataclass(frozen=True, slots=True)
class Change:
    """What a committed transaction, an undo or a redo did.

    `edits` are (start, end, replacement) in the order they were made, each in the text that the one before left;
    `paths` are the fields they were about.
    """

    version: int
    label: str
    edits: list[Splice]
    paths: tuple[Path, ...]


@dataclass(slots=True)
class _Step:
    """One step of undo: splices with the text they removed."""

    label: str
    splices: list[tuple[int, str, str]] = field(default_factory=list)  # start, removed, inserted
    paths: list[Path] = field(default_factory=list)
    typing: bool = False
    when: float = 0.0  # by `monotonic`, when the last of it was typed

    def edits(self, backward: bool = False) -> list[Splice]:
        if backward:
            return [(at, at + len(new), old) for at, old, new in reversed(self.splices)]
        return [(at, at + len(old), new) for at, old, new in self.splices]


class EditedText:
    """A tree of prototxt under change: transactions, undo and redo, and those who want to know of them.

    `path` is its file, None without one; `version` counts the changes; `tree` is the text as it is now.
    """

    def __init__(self, tree: Tree, path: str | None):
        self.tree, self.path, self.version = tree, path, 0
        self._done: list[_Step] = []
        self._undone: list[_Step] = []
        self._open: _Step | None = None
        self._subscribers: list[Callable[[Change], object]] = []

    @property
    def text(self) -> str:
        """The whole text; bytes that are not UTF-8 are lone surrogates, as by `surrogateescape`."""
        return self.tree.text

    @contextmanager
    def transaction(self, label: str = "edit") -> Iterator[Self]:
        """Gather edits into one step of undo and one `Change`; take all of them back if the block raises."""
        if self._open is not None:
            yield self  # part of the transaction around it
            return
        before, self._open = self.tree, _Step(label)
        try:
            yield self
        except BaseException:
            self.tree, self._open = before, None
            raise
        step, self._open = self._open, None
        if self.tree.text == before.text:
            self.tree = before
            return
        last = self._done[-1] if self._done else None
        if step.typing and last and last.typing and not self._undone and _continues(last, step):
            last.splices += step.splices
            last.paths += [path for path in step.paths if path not in last.paths]
            last.when = step.when
        else:
            self._done.append(step)
        self._undone.clear()
        self._notify(step.label, step.edits(), step.paths)

    def replace(self, text: str, merge: bool = False, label: str = "typing") -> None:
        """Take over what a user made of the whole text.

        Only the stretch that differs counts as edited. Where `text` comes from an editor that knows only one kind of
        line end, the others are kept. `merge` True joins the step of undo before, if that was typing at the same
        place and on the same line, at most a second ago. Raises `ParseError`, and changes nothing, where the text is
        no tree.
        """
        check_encodable(text, self.path)
        start, end, replacement = layout.difference(self.text, text)
        alone = self._open is None
        with self.transaction(label):
            assert self._open is not None
            self._open.typing, self._open.when = merge and alone, monotonic()
            self.splice(start, end, replacement)
            self.touch(self.tree.path_at(start))

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    @property
    def undo_label(self) -> str | None:
        """What `undo` would take back."""
        return self._done[-1].label if self._done else None

    @property
    def redo_label(self) -> str | None:
        """What `redo` would do again."""
        return self._undone[-1].label if self._undone else None

    def undo(self) -> bool:
        """Take the last step back. False where there is none."""
        return self._replay(self._done, self._undone, backward=True)

    def redo(self) -> bool:
        """Do the last undone step again. False where there is none."""
        return self._replay(self._undone, self._done, backward=False)

    def subscribe(self, callback: Callable[[Change], object]) -> Callable[[], None]:
        """Call `callback(change)` after every committed transaction, undo and redo; returns what ends that.

        All are called even if one raises; the first error then reaches whoever edited. The edit stands.
        """
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            with suppress(ValueError):
                self._subscribers.remove(callback)

        return unsubscribe

    def splice(self, start: int, end: int, replacement: str) -> None:
        """Replace the text from `start` to `end`, inside a transaction: the one way in which text changes."""
        assert self._open is not None
        removed = self.text[start:end]
        if removed == replacement:
            return
        self.tree = self.tree.splice(start, end, replacement, self.path)
        self._open.splices.append((start, removed, replacement))

    def touch(self, path: Path) -> None:
        """Note, inside a transaction, that an edit was about a field."""
        assert self._open is not None
        if path not in self._open.paths:
            self._open.paths.append(path)

    def _replay(self, source: list[_Step], target: list[_Step], backward: bool) -> bool:
        if self._open is not None:
            raise RuntimeError("undo and redo have no place inside a transaction")
        if not source:
            return False
        step = source[-1]
        tree = self.tree
        for start, end, replacement in step.edits(backward):
            tree = tree.splice(start, end, replacement, self.path)
        self.tree = tree
        target.append(source.pop())
        self._notify(step.label, step.edits(backward), step.paths)
        return True

    def _notify(self, label: str, edits: list[Splice], paths: list[Path]) -> None:
        self.version += 1
        change = Change(self.version, label, edits, tuple(paths))
        failures = []
        for callback in list(self._subscribers):
            try:
                callback(change)
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]


def check_encodable(text: str, path: str | None) -> None:
    """Refuse half a surrogate pair, which no file can hold."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise complaint(text, error.start, "half a surrogate pair, which UTF-8 cannot write", path) from None


def _continues(last: _Step, step: _Step) -> bool:
    """Whether typing goes on where it stopped, on the same line, without a pause for thought."""
    at, _, inserted = last.splices[-1]
    start, removed, new = step.splices[0]
    touches = start <= at + len(inserted) and start + len(removed) >= at
    return touches and "\n" not in new and not inserted.endswith("\n") and step.when - last.when <= PAUSE
