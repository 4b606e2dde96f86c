"""What runs, where that is not the text that is shown: said in one sentence, with the differences on demand."""

from __future__ import annotations

from collections.abc import Callable

from ...proto.printable import printable
from ...workbench.fixes import diff_of
from ..notice import Notice
from .state import State
from .texts import Texts


class Running:
    """Says when the net that runs is not that of the text. `notice` is what a bench shows."""

    def __init__(self, state: State, texts: Texts, guard: Callable[[Callable[[], object]], None]):
        self.state, self._texts, self._guard = state, texts, guard
        self.notice = Notice()
        self._open = False

    def refresh(self) -> None:
        """Say how the net that runs stands to the texts as they are now."""
        live = self.state.live
        status = live.status.state
        if live.net is None or live.built is None or status not in ("broken", "failed"):
            self._open = False
            self.notice.say("")
            return
        why = next((one for one in (*live.diagnostics, *live.solver_diagnostics) if one.severity == "error"), None)
        place = f" (line {why.line}: {why.message.rstrip('.')})" if why is not None and why.line else ""
        verb = "cannot be built" if status == "failed" else "has an error"
        text = f"The text shown {verb}{printable(place)}: the net of the text before it runs on."
        actions = [
            ("Hide what runs" if self._open else "Show what runs", self._toggle),
            ("Back to what runs", lambda: self._guard(self._go_back)),
        ]
        self.notice.say(text, actions, self._diff() if self._open else "")

    def _toggle(self) -> None:
        self._open = not self._open
        self.refresh()

    def _diff(self) -> str:
        """From the texts that run to those that are shown, what is typed and does not parse included."""
        live = self.state.live
        assert live.built is not None
        pairs = [(live.built[0], live.document), (live.built[1], live.solver_document)]
        parts = []
        for runs, shown in pairs:
            if runs is None or shown is None:
                continue
            typed = self._texts.pane.text if shown is self.state.active and self._texts.unparsed() else shown.text
            parts.append(diff_of(runs.text, typed, (f"{runs.kind} that runs", "text shown")))
        return "\n".join(part for part in parts if part)

    def _go_back(self) -> None:
        """Make the texts those that run, each by one edit that can be undone."""
        live = self.state.live
        assert live.built is not None
        if self._texts.unparsed():
            self._texts.undo()
        for runs, shown in ((live.built[0], live.document), (live.built[1], live.solver_document)):
            if runs is not None and shown is not None and shown.text != runs.text:
                shown.replace(runs.text, label="back to what runs")
