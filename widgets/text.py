"""The text pane: prototxt in an editor that colours it, marks its lines and tells what is typed."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..proto.layout import difference
from .pane import Pane
from .schema import schema_of


def one_line_end(text: str) -> str:
    """A text as the page has it: every line ends in a line feed, whatever it ends in on the disk."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def with_crlf(before: str, after: str) -> str:
    """`after` with CRLF in the lines that are new: what was pasted from a text that has them keeps them."""
    start, end, inserted = difference(before, after)
    return after[:start] + inserted.replace("\n", "\r\n") + before[end:]


class TextPane(Pane, script="text"):
    """Shows a text to edit.

    The pane keeps what is typed and what it was last told, and nothing else: whoever owns the document listens
    and answers with `set_text`, `set_marks` and `reveal`.

    Args:
        text: what to show first.
        on_edit: called with the whole text, a moment after the user typed.
        on_cursor: called with line and column (from 1) where the cursor came to rest.
        on_undo, on_redo: called for Ctrl+Z and Ctrl+Y: undo belongs to the document, not to the browser.
        on_save: called for Ctrl+S, after `on_edit` if there is something to tell.
        on_fix: called with the line of a mark and the label of the one of its fixes that was chosen.
        kind: "net" or "solver": what may be written, for completion and help.

    Attributes:
        text: what the pane shows, as far as the kernel knows, each line ending in a line feed.
        version: how many edits came from the page.
    """

    def __init__(
        self,
        text: str = "",
        *,
        on_edit: Callable[[str], Any] | None = None,
        on_cursor: Callable[[int, int], Any] | None = None,
        on_undo: Callable[[], Any] | None = None,
        on_redo: Callable[[], Any] | None = None,
        on_save: Callable[[], Any] | None = None,
        on_fix: Callable[[int, str], Any] | None = None,
        kind: str = "net",
        **kwargs: Any,
    ):
        self.text = one_line_end(text)
        self._kind = kind
        self.version = 0
        self.on_edit = on_edit
        self.on_cursor = on_cursor
        self.on_undo = on_undo
        self.on_redo = on_redo
        self.on_save, self.on_fix = on_save, on_fix
        self._marks: list[dict[str, Any]] = []
        self._range: tuple[int, int] | None = None
        self._seen: dict[str, int] = {}
        self._lock = threading.RLock()
        super().__init__(**kwargs)

    @property
    def kind(self) -> str:
        """What the text is, "net" or "solver"."""
        return self._kind

    @kind.setter
    def kind(self, kind: str) -> None:
        if kind != self._kind:
            self._kind = kind
            self.send({"type": "schema", "schema": None})  # a page asks for the other when it needs it

    def set_text(self, text: str, version: int | None = None) -> None:
        """Show another text; cursor and scroll position stay where they were in what did not change.

        Args:
            text: the whole text.
            version: the `version` that the text answers; where the user has typed since, it is late and is
                dropped. Without one it counts as an answer to everything typed so far.
        """
        text = one_line_end(text)
        with self._lock:
            if text == self.text or (version is not None and version != self.version):
                return
            self.text = text
            self._send_text()

    def set_marks(self, marks: Iterable[Mapping[str, Any]]) -> None:
        """Mark lines in the margin: dicts of `line` (from 1), `severity` ("error" or "warning"), `message`, `fixes`.

        The fixes of a mark are labels of buttons beside it.
        """
        with self._lock:
            self._marks = [
                {
                    "line": mark["line"],
                    "severity": mark.get("severity", "error"),
                    "message": mark.get("message", ""),
                    "fixes": list(mark.get("fixes", ())),
                }
                for mark in marks
            ]
            self.send({"type": "marks", "marks": self._marks})

    def reveal(self, first: int | None, last: int | None = None) -> None:
        """Highlight the lines `first` to `last` (from 1, both included) and scroll to them; None for none."""
        with self._lock:
            self._range = None if first is None else (first, first if last is None else last)
            self.send({"type": "reveal", "range": self._range})

    def _send_text(self) -> None:
        # `seen` tells each view which of its edits this text takes into account.
        self.send({"type": "text", "text": self.text, "seen": self._seen})

    def _greeting(self) -> list[dict[str, Any]]:
        with self._lock:
            return [
                {"type": "text", "text": self.text, "seen": dict(self._seen)},
                {"type": "marks", "marks": self._marks},
                {"type": "reveal", "range": self._range},
            ]

    def _page_hello(self, content: dict, buffers: Any) -> None:
        with self._lock:
            self._seen[content["view"]] = 0
            super()._page_hello(content, buffers)

    def _page_schema(self, content: dict, _buffers: Any) -> None:
        self.send({"type": "schema", "schema": schema_of(self.kind), "to": content["view"]})

    def _page_edit(self, content: dict, _buffers: Any) -> None:
        with self._lock:
            before, text = self.text, content["text"]
            self._seen[content["view"]] = content["sequence"]
            self.text = text
            self.version += 1
            if len(self._seen) > 1:
                self._send_text()
        self.run_callback(self.on_edit, with_crlf(before, text) if content.get("crlf") else text)

    def _page_cursor(self, content: dict, _buffers: Any) -> None:
        self.run_callback(self.on_cursor, content["line"], content["column"])

    def _page_undo(self, _content: dict, _buffers: Any) -> None:
        self.run_callback(self.on_undo)

    def _page_redo(self, _content: dict, _buffers: Any) -> None:
        self.run_callback(self.on_redo)

    def _page_fix(self, content: dict, _buffers: Any) -> None:
        self.run_callback(self.on_fix, int(content["line"]), str(content["label"]))

    def _page_save(self, _content: dict, _buffers: Any) -> None:
        self.run_callback(self.on_save)
