"""What the panes share: a script and a style each, messages between page and kernel, a status line."""

import threading
import time
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..proto.printable import printable

BUNDLE = Path(__file__).parent / "bundle"


def read_bundle(name: str) -> str:
    """The text of a script or style of the bundle, which `build.mjs` makes of the sources in `page/`."""
    return (BUNDLE / name).read_text(encoding="utf-8")


class Pane(anywidget.AnyWidget):
    """A widget whose page and kernel exchange messages only, so that nothing big stays in a saved notebook.

    A subclass names its script: `class TextPane(Pane, script="text")` is drawn by `page/text.js`, which knows
    nothing of Jupyter, and styled by `page/theme.css` and `page/text.css`. A message is a dict with a `type`; one from
    the page reaches the method `_page_<type>(content, buffers)`. Every view says `hello` when it opens: answer
    it with all that the view must show, which `_greeting` lists. An exception in a handler or callback goes to the
    status line of the pane, since a notebook would hide it in the log console.

    A kernel that is running the next cell answers no hello. So what the first view shows travels with the widget, in
    `opening`, until a hello was answered.
    """

    opening = traitlets.List(traitlets.Dict()).tag(sync=True)

    def __init_subclass__(cls, script: str = "", **kwargs: Any):
        if script:
            cls._esm = read_bundle(f"{script}.js")
            cls._css = read_bundle(f"{script}.css")
        super().__init_subclass__(**kwargs)

    def __init__(self, **kwargs: Any):
        self._met = False  # whether a view was answered
        super().__init__(opening=self._greeting(), **kwargs)
        self.on_msg(self._receive)

    def send(self, content: dict[str, Any], buffers: Any = None) -> None:
        """Send a message to all views, or to the one that it names in `to`, or to all but the one in `except`."""
        super().send(content, buffers)
        if not self._met:
            self.opening = self._greeting()

    def say(self, text: str, kind: str = "info") -> None:
        """Show one line in the pane, and have screen readers read it; `kind` is "info" or "error"."""
        self.send({"type": "say", "text": printable(text), "kind": kind})

    def run_callback(self, callback: Callable[..., Any] | None, *arguments: Any) -> None:
        """Call what the owner gave, if anything; what it raises is shown in the status line."""
        if callback is None:
            return
        try:
            callback(*arguments)
        except Exception as error:
            self.say(describe(error), "error")

    def _greeting(self) -> list[dict[str, Any]]:
        """The messages that show a view that opens all there is to see."""
        return []

    def _page_hello(self, content: dict, _buffers: Any) -> None:
        for message in self._greeting():
            self.send({**message, "to": content["view"]})

    def _receive(self, _widget: Any, content: Any, buffers: Sequence[memoryview]) -> None:
        try:
            handler = getattr(self, f"_page_{content['type']}")
        except (AttributeError, KeyError, TypeError):
            return
        if content["type"] == "hello":
            self._met = True
            self.opening = []
        self.run_callback(handler, content, buffers)


class Throttle:
    """Passes keyword changes on at most `hz` times a second, merged; the last ones always arrive.

    May be called from any thread. What comes within the pause after a call is passed on by a timer's thread.
    """

    def __init__(self, call: Callable[[dict[str, Any]], None], hz: float = 10):
        self._call = call
        self._period = 1 / hz
        self._last = float("-inf")
        self._pending: dict[str, Any] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._calling = threading.RLock()

    def __call__(self, **changes: Any) -> None:
        with self._lock:
            self._pending.update(changes)
            if self._timer:
                return
            wait = self._last + self._period - time.monotonic()
            if wait > 0:
                self._timer = threading.Timer(wait, self.flush)
                self._timer.daemon = True
                self._timer.start()
                return
        self.flush()

    def flush(self) -> None:
        """Pass on at once what is waiting."""
        with self._calling:
            with self._lock:
                changes, self._pending = self._pending, {}
                timer, self._timer = self._timer, None
                self._last = time.monotonic()
            if timer:
                timer.cancel()
            if changes:
                self._call(changes)


def describe(error: BaseException) -> str:
    """An exception in one line, for a status line: its message, or its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def as_html(text: str) -> str:
    """A text for an HTML widget, with nothing in it that is markup or steers the page."""
    return escape(printable(text))
