"""A notice: one quiet sentence in a bench, with buttons, and a diff that is shown when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets

from .pane import as_html

KINDS = {"+": "ins", "-": "del", "@": "hunk"}  # of a line of a diff, by how it begins


class Notice(ipywidgets.VBox):
    """Says something until it is told to say nothing, which hides it."""

    def __init__(self) -> None:
        self._text = ipywidgets.HTML()
        self._details = ipywidgets.HTML()
        self._details.add_class("bb-diff")
        self.row = ipywidgets.HBox([self._text])
        self.row.add_class("bb-notice-row")
        self.buttons: list[ipywidgets.Button] = []
        self._actions: list[tuple[str, Callable[[], object]]] = []
        super().__init__([self.row])
        self.add_class("bb-notice")
        self.say("")

    def say(self, text: str, actions: Sequence[tuple[str, Callable[[], object]]] = (), diff: str = "") -> None:
        """Show a sentence, a button for each action (its label, and what it calls), and a diff if there is one."""
        with self.hold_sync():
            self._text.value = as_html(text)
            self.layout.display = None if text else "none"
            self._offer(actions)
            self._details.value = diff_html(diff)
            self.children = [self.row, self._details] if diff else [self.row]

    def _offer(self, actions: Sequence[tuple[str, Callable[[], object]]]) -> None:
        before, self._actions = self._actions, list(actions)
        if [label for label, _ in actions] == [label for label, _ in before]:
            return  # the buttons stay, and with them the focus
        self.buttons = [ipywidgets.Button(description=label) for label, _ in actions]
        for number, button in enumerate(self.buttons):
            button.on_click(lambda _button, number=number: self._actions[number][1]())
        self.row.children = [self._text, *self.buttons]


def diff_html(diff: str) -> str:
    """A unified diff as preformatted HTML, each line in an element that says what it is."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    marked = (f'<span class="bb-{KINDS.get(line[:1], "same")}">{as_html(line) or " "}</span>' for line in lines)
    return f'<pre tabindex="0" aria-label="Differences">{"".join(marked)}</pre>' if lines else ""
