"""The bar that asks, once, before a net runs code that its text names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import ipywidgets

from ..engine.trust import UserCode
from ..proto.printable import printable
from .leaves import leaf
from .pane import as_html

_SHOWN = 5  # files that the bar names


class TrustBar(ipywidgets.HBox):
    """Names the files of code that waits to be trusted, beside a button that calls `agree`; hidden where none does."""

    def __init__(self, agree: Callable[[], object]):
        self._agree = agree
        super().__init__(layout={"display": "none"})
        self.add_class("bb-trust")

    @cached_property
    def _text(self) -> ipywidgets.HTML:
        return leaf(ipywidgets.HTML)

    @cached_property
    def button(self) -> ipywidgets.Button:
        """What is pressed to agree; made, as all that is in the bar, when there is something to ask."""
        button = leaf(ipywidgets.Button, icon="play", button_style="warning")
        button.on_click(lambda _button: self._agree())
        return button

    def ask(self, code: Sequence[UserCode]) -> None:
        """Ask for the files of these modules; for none, hide."""
        if not code:
            self.layout.display = "none"
            return
        files = list(dict.fromkeys(file for one in code for file in one.files))
        named = ", ".join(f"<code>{as_html(file)}</code>" for file in files[:_SHOWN])
        named += f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        names = list(dict.fromkeys(printable(Path(one.file).name) for one in code))
        with self.hold_sync():
            self._text.value = f"The Python layers of this net run code, which nobody has trusted yet: {named}"
            self.button.description = f"Run code from {names[0] if len(names) == 1 else f'{len(names)} files'}"
            self.button.tooltip = "\n".join(map(printable, files))
            self.children = [self._text, self.button]
            self.layout.display = None
