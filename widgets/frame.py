"""The frame of a bench: tabs of its side panel, dividers that are dragged, and the whole screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .pane import Pane


class Frame(Pane, script="frame"):
    """The strip above the side panel. Its page finds the bench around it and arranges what is in it.

    Args:
        tabs: name and title of each pane of the side panel, in its order; the first is open at first.
        curves: whether there are curves below, which may be hidden.
        on_tabs: called with the names of the panes that are open, when the user opens others.
        on_save: called when the user, who saves the notebook, wants the texts saved too.

    Widths, heights and what is open are remembered by the browser, for all benches of a page's address.
    """

    def __init__(
        self,
        tabs: Mapping[str, str],
        *,
        curves: bool = True,
        on_tabs: Callable[[list[str]], Any] | None = None,
        on_save: Callable[[], Any] | None = None,
        **kwargs: Any,
    ):
        self._tabs = dict(tabs)
        self._curves = curves
        self._unsaved: list[str] = []
        self.on_tabs, self.on_save = on_tabs, on_save
        self.on_keep: Callable[[], Any] | None = None  # called when a page wants to keep pictures of the bench
        super().__init__(**kwargs)

    def bring(self, name: str) -> None:
        """Show a pane of the side panel. Raises KeyError for one that is not there."""
        if name not in self._tabs:
            raise KeyError(f"the side panel has no {name!r}; it has {', '.join(self._tabs)}")
        self.send({"type": "open", "name": name})

    def set_unsaved(self, names: Sequence[str]) -> None:
        """Say which texts are not saved: the page offers to save them when the notebook is saved."""
        if list(names) != self._unsaved:
            self._unsaved = list(names)
            self.send({"type": "unsaved", "names": self._unsaved})

    def _greeting(self) -> list[dict[str, Any]]:
        return [
            {"type": "panes", "tabs": list(self._tabs.items()), "curves": self._curves},
            {"type": "unsaved", "names": self._unsaved},
        ]

    def _page_save(self, _content: dict, _buffers: Any) -> None:
        self.run_callback(self.on_save)

    def _page_keep(self, _content: dict, _buffers: Any) -> None:
        self.run_callback(self.on_keep)

    def _page_tabs(self, content: dict, _buffers: Any) -> None:
        self.run_callback(self.on_tabs, [name for name in content["open"] if name in self._tabs])
