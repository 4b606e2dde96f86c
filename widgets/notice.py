"""A notice: one quiet sentence in a bench, with buttons, and a diff that is shown when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import ipywidgets

from .leaves import leaf
from .pane import as_html

KINDS = {"+": "ins", "-": "del", "@": "hunk"}  # of a line of a diff, by how it begins


class Notice(ipywidgets.VBox):
    """Says something until it is told to say nothing, which hides it."""

    def __init__(self) -> None:
        self.buttons: list[ipywidgets.Button] = []
        self._actions: list[tuple[str, Callable[[], object]]] = []
        super().__init__(layout={"display": "none"})
        self.add_class("bb-notice")

    @cached_property
    def row(self) -> ipywidgets.HBox:
        """The sentence beside the buttons; made, as all that is here, when there is something to say."""
        return leaf(ipywidgets.HBox, [self._text], _dom_classes=("bb-notice-row",))

    @cached_property
    def _text(self) -> ipywidgets.HTML:
        return leaf(ipywidgets.HTML)

    @cached_property
    def _details(self) -> ipywidgets.HTML:
        return leaf(ipywidgets.HTML, _dom_classes=("bb-diff",))

    def say(self, text: str, actions: Sequence[tuple[str, Callable[[], object]]] = (), diff: str = "") -> None:
        """Show a sentence, a button for each action (its label, and what it calls), and a diff if there is one."""
        if not text and not self.children:
            return
        with self.hold_sync():
            self._text.value = as_html(text)
            self.layout.display = None if text else "none"
            self._offer(actions)
            self.children = [self.row]
            if diff:
                self._details.value = diff_html(diff)
                self.children = [self.row, self._details]

    def _offer(self, actions: Sequence[tuple[str, Callable[[], object]]]) -> None:
        before, self._actions = self._actions, list(actions)
        if [label for label, _ in actions] == [label for label, _ in before]:
            return  # the buttons stay, and with them the focus
        self.buttons = [leaf(ipywidgets.Button, description=label) for label, _ in actions]
        for number, button in enumerate(self.buttons):
            button.on_click(lambda _button, number=number: self._actions[number][1]())
        self.row.children = [self._text, *self.buttons]


def diff_html(diff: str) -> str:
    """A unified diff as preformatted HTML, each line in an element that says what it is."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    marked = (f'<span class="bb-{KINDS.get(line[:1], "same")}">{as_html(line) or " "}</span>' for line in lines)
    return f'<pre tabindex="0" aria-label="Differences">{"".join(marked)}</pre>' if lines else ""
