"""The bar that asks, once, before a net runs code that its text names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import ipywidgets

from ..engine.trust import UserCode
from ..proto.printable import printable
from .pane import as_html

_SHOWN = 5  # files that the bar names


class TrustBar(ipywidgets.HBox):
    """Names the files of code that waits to be trusted, beside a button that calls `agree`; hidden where none does."""

    def __init__(self, agree: Callable[[], object]):
        self._text = ipywidgets.HTML()
        self.button = ipywidgets.Button(icon="play", button_style="warning")
        self.button.on_click(lambda _button: agree())
        super().__init__([self._text, self.button])
        self.add_class("bb-trust")
        self.ask(())

    def ask(self, code: Sequence[UserCode]) -> None:
        """Ask for the files of these modules."""
        files = list(dict.fromkeys(file for one in code for file in one.files))
        named = ", ".join(f"<code>{as_html(file)}</code>" for file in files[:_SHOWN])
        named += f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        names = list(dict.fromkeys(printable(Path(one.file).name) for one in code))
        with self.hold_sync():
            self._text.value = f"The Python layers of this net run code, which nobody has trusted yet: {named}"
            self.button.description = f"Run code from {names[0] if len(names) == 1 else f'{len(names)} files'}"
            self.button.tooltip = "\n".join(map(printable, files))
            self.layout.display = None if code else "none"
