"""The bar that asks what to do with unsaved texts that were found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property

import ipywidgets

from ..workbench.drafts import Draft
from .leaves import leaf
from .pane import as_html


class DraftBar(ipywidgets.HBox):
    """Names the files whose unsaved edits were found, beside two buttons; hidden where there are none.

    `restore(drafts)` and `throw_away(drafts)` are called with what was found.
    """

    def __init__(
        self, restore: Callable[[Sequence[Draft]], object], throw_away: Callable[[Sequence[Draft]], object]
    ):
        self._drafts: Sequence[Draft] = ()
        self._restore, self._throw_away = restore, throw_away
        super().__init__(layout={"display": "none"})
        self.add_class("bb-question")

    @cached_property
    def _text(self) -> ipywidgets.HTML:
        return leaf(ipywidgets.HTML)

    @cached_property
    def restore(self) -> ipywidgets.Button:
        """The button for the edits; made, as all that is in the bar, when there is something to ask."""
        button = leaf(ipywidgets.Button, description="Take them up again", icon="undo", button_style="warning")
        button.on_click(lambda _button: self._restore(self._drafts))
        return button

    @cached_property
    def throw_away(self) -> ipywidgets.Button:
        """The button for the text as it is saved."""
        button = leaf(ipywidgets.Button, description="Throw them away", icon="trash")
        button.on_click(lambda _button: self._throw_away(self._drafts))
        return button

    def ask(self, drafts: Sequence[Draft]) -> None:
        """Ask about these drafts; about none, hide."""
        self._drafts = tuple(drafts)
        if not self._drafts:
            self.layout.display = "none"
            return
        said = [_spell(draft) for draft in self._drafts]
        with self.hold_sync():
            self._text.value = as_html(f"There are edits that nobody saved: {'; '.join(said)}.")
            self.children = [self._text, self.restore, self.throw_away]
            self.layout.display = None


def _spell(draft: Draft) -> str:
    when = datetime.fromtimestamp(draft.when)
    day = "" if when.date() == datetime.now().date() else f"{when:%-d %B} "
    count = draft.lines
    since = "; the file has changed since" if draft.overtaken else ""
    return f"{draft.path.name} ({count} line{'' if count == 1 else 's'}, from {day}{when:%H:%M}{since})"
