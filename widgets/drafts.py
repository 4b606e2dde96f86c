"""The bar that asks what to do with unsaved texts that were found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import ipywidgets

from ..workbench.drafts import Draft
from .pane import as_html


class DraftBar(ipywidgets.HBox):
    """Names the files whose unsaved edits were found, beside two buttons; hidden where there are none.

    `restore(drafts)` and `throw_away(drafts)` are called with what was found.
    """

    def __init__(
        self, restore: Callable[[Sequence[Draft]], object], throw_away: Callable[[Sequence[Draft]], object]
    ):
        self._drafts: Sequence[Draft] = ()
        self._text = ipywidgets.HTML()
        self.restore = ipywidgets.Button(description="Take them up again", icon="undo", button_style="warning")
        self.throw_away = ipywidgets.Button(description="Throw them away", icon="trash")
        self.restore.on_click(lambda _button: restore(self._drafts))
        self.throw_away.on_click(lambda _button: throw_away(self._drafts))
        super().__init__([self._text, self.restore, self.throw_away])
        self.add_class("bb-question")
        self.ask(())

    def ask(self, drafts: Sequence[Draft]) -> None:
        """Ask about these drafts; about none, hide."""
        self._drafts = tuple(drafts)
        said = [_spell(draft) for draft in self._drafts]
        with self.hold_sync():
            self._text.value = as_html(f"There are edits that nobody saved: {'; '.join(said)}.") if said else ""
            self.layout.display = None if said else "none"


def _spell(draft: Draft) -> str:
    when = datetime.fromtimestamp(draft.when)
    day = "" if when.date() == datetime.now().date() else f"{when:%-d %B} "
    count = draft.lines
    since = "; the file has changed since" if draft.overtaken else ""
    return f"{draft.path.name} ({count} line{'' if count == 1 else 's'}, from {day}{when:%H:%M}{since})"
