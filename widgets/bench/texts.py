"""The texts of a bench: one pane for the net's and the solver's, with their marks, undo and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets

from ...engine import Diagnostic
from ...proto import Document, ParseError
from ...proto.printable import printable
from ...workbench.drafts import Draft, DraftKeeper, discard, find
from ...workbench.fixes import Fix
from ..drafts import DraftBar
from ..leaves import leaf
from ..pane import as_html
from ..text import TextPane
from .state import State


class Texts:
    """Shows the text in hand and takes what is typed.

    `on_place(index)` is told the layer that the cursor came to, `on_switch()` that another text is shown; `on_save()`
    is called by the button and by Ctrl+S. `box` is what a bench shows.
    """

    def __init__(
        self,
        state: State,
        on_place: Callable[[int], None],
        on_switch: Callable[[], None],
        on_save: Callable[[], None],
    ):
        self.state, self._on_place, self._on_switch = state, on_place, on_switch
        self.fix_of: Callable[[Diagnostic], Fix | None] = lambda found: None  # what is offered beside a mark
        self.on_fix: Callable[[int, str], object] = lambda line, label: None
        self.pane = TextPane(
            state.active.text,
            on_edit=self._typed,
            on_cursor=self._moved,
            on_undo=self.undo,
            on_redo=self.redo,
            on_save=on_save,
            on_fix=lambda line, label: self.on_fix(line, label),
        )
        documents = [one for one in (state.live.document, state.live.solver_document) if one is not None]
        self.keeper = DraftKeeper(documents, lambda message: self.pane.say(message, "error"))
        self.drafts = DraftBar(self._restore, self._throw_away)
        self.drafts.ask([found for one in documents if one.path and (found := find(one.path))])
        self.heading = leaf(ipywidgets.HTML)
        texts = self._named()
        tooltips = [printable(one.path or name) for name, one in texts]
        self.tabs = leaf(ipywidgets.ToggleButtons, options=texts, tooltips=tooltips)
        self.tabs.add_class("bb-texts")
        self.tabs.observe(self._switch, "value")
        self.save_button = leaf(
            ipywidgets.Button, description="Save", tooltip="Write the text to its file", icon="save"
        )
        self.save_button.add_class("bb-save")
        self.save_button.on_click(lambda _button: on_save())
        bar = leaf(ipywidgets.HBox, [self.tabs, self.save_button, self.heading])
        bar.add_class("bb-text-bar")
        self.box = leaf(ipywidgets.VBox, [bar, self.pane])
        self.box.add_class("bb-text-column")

    def _named(self) -> list[tuple[str, Document]]:
        live = self.state.live
        documents = [one for one in (live.document, live.solver_document) if one is not None]
        named = [Path(one.path).name.removesuffix(".prototxt") if one.path else one.kind for one in documents]
        return [(printable(name), one) for name, one in zip(named, documents, strict=True)]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is wrong with the text that is shown."""
        live = self.state.live
        return live.diagnostics if self.state.shows_net else tuple(live.solver_diagnostics)

    def refresh(self) -> None:
        """Show text, marks and heading as they are now; a text that does not parse stays as it was typed."""
        if not self.unparsed():
            self.pane.set_text(self.state.active.text)
        self._show_marks()
        self.show_heading()

    def _show_marks(self) -> None:
        self.pane.set_marks(
            {
                "line": one.line, "severity": one.severity, "message": printable(one.message),
                "fixes": [fix.label] if (fix := self.fix_of(one)) is not None else [],
            }
            for one in self.diagnostics
            if one.line
        )

    def show_heading(self) -> None:
        """Say how many parameters the net has, and whether the text that is shown is saved."""
        report, active = self.state.report, self.state.active
        least = "" if report.complete else "at least "
        said = ["unsaved"] if active.dirty else []
        said += [f"{least}{report.param_count:,} parameters"] if report.ok else []
        self.heading.value = as_html(", ".join(said))
        self.save_button.disabled = not (active.dirty and active.path)
        self.save_button.description = "Save*" if active.dirty else "Save"

    def unparsed(self) -> Diagnostic | None:
        """Why the text in the pane is no prototxt, if it is not: then it is not yet the document's."""
        return self.state.live.unparsed(solver=not self.state.shows_net)

    def need_sound(self) -> None:
        """Raise ValueError where an edit elsewhere would overwrite what is being typed."""
        if wrong := self.unparsed():
            raise ValueError(f"Mend line {wrong.line} of the text first, or take it back with Ctrl+Z: {wrong.message}")

    def reveal(self, index: int) -> None:
        """Mark the lines of a layer, by its place in the net's text, and scroll to them."""
        document = self.state.live.document
        path = (self.state.layer_field, index)
        span = document.span(path) if index >= 0 else None
        if span is not None and self.state.shows_net:
            first = document.line(path)
            self.pane.reveal(first, first + document.text[span[0] : span[1]].rstrip().count("\n"))

    def save(self) -> None:
        """Write the texts that were edited back to their files. Raises OSError."""
        for document in (self.state.live.document, self.state.live.solver_document):
            if document is not None and document.path and document.dirty:
                document.save()
                self.keeper.note(document)
        self.show_heading()

    def unsaved(self) -> list[str]:
        """The names of the texts that have a file and differ from it."""
        return [name for name, document in self._named() if document.path and document.dirty]

    def undo(self) -> None:
        """Take the last edit of the text back, or what was typed and does not parse. Raises ValueError for none."""
        if self.unparsed():
            self.pane.set_text(self.state.active.text)
            self._typed(self.state.active.text)
        elif not self.state.active.undo():
            raise ValueError("There is nothing to undo.")

    def redo(self) -> None:
        """Do the last edit that was taken back again. Raises ValueError where there is none."""
        if not self.state.active.redo():
            raise ValueError("There is nothing to redo.")

    def _typed(self, text: str) -> None:
        if not self.state.live.try_text(text, solver=not self.state.shows_net):
            self.keeper.note(self.state.active, text)

    def _restore(self, drafts: Sequence[Draft]) -> None:
        """Let the texts be those of the drafts, each by one edit that can be undone."""
        self.drafts.ask(())
        for draft in drafts:
            for document in (self.state.live.document, self.state.live.solver_document):
                if document is None or document.path is None or Path(document.path) != draft.path:
                    continue
                try:
                    document.replace(draft.text, label="take up unsaved edits")
                except ParseError as error:  # typed, and no prototxt yet: it is marked where it was typed
                    self.tabs.value = document
                    self.pane.set_text(draft.text)
                    self._typed(draft.text)
                    self.pane.say(str(error), "error")

    def _throw_away(self, drafts: Sequence[Draft]) -> None:
        self.drafts.ask(())
        for draft in drafts:
            discard(draft.path)
        self.pane.say("The unsaved edits are gone; the texts are those of the files.")

    def close(self) -> None:
        """Follow the texts no longer; what is unsaved stays kept beside the files."""
        self.keeper.close()

    def _moved(self, line: int, column: int) -> None:
        if not self.state.shows_net:
            return
        path = self.state.live.document.path_at(line, column)
        if len(path) > 1 and path[0] in ("layer", "layers"):
            self._on_place(int(path[1]))

    def _switch(self, change: Mapping[str, Any]) -> None:
        with self.state.lock:
            self.state.active = change["new"]
            self.pane.kind = self.state.active.kind
            self.pane.set_text(self.state.active.text)
            self.pane.reveal(None)
            self._show_marks()
            self.show_heading()
            self._on_switch()
