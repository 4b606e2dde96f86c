"""The fixes of a bench: the edits that mend findings, offered beside them in form and text, and carried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...engine import TEST, TRAIN, Diagnostic, Report
from ...workbench.fixes import Fix, fix_of
from ..notice import Notice
from .state import State

Guard = Callable[[Callable[[], object]], None]


class Mending:
    """Knows the fix of each finding about the net, and edits the text by it, in one step of undo.

    A large one shows its diff first, in `notice`. `need_sound` raises where the text may not be edited; `guard` says
    what a click raises.
    """

    def __init__(self, state: State, need_sound: Callable[[], None], guard: Guard):
        self.state, self._need_sound, self._guard = state, need_sound, guard
        self.notice = Notice()
        self._known: tuple[int, dict[Diagnostic, Fix | None]] = (-1, {})
        self._large: Fix | None = None  # what is shown as a diff

    def fix_of(self, found: Diagnostic) -> Fix | None:
        """The fix of a finding about the net as its text is now; None where there is none."""
        document = self.state.live.document
        if not self.state.shows_net:
            return None
        if self._known[0] != document.version:
            self._known = document.version, {}
        known = self._known[1]
        if found not in known:
            known[found] = fix_of(found, document, self._report_with(found))
        return known[found]

    def _report_with(self, found: Diagnostic) -> Report:
        """A report in whose net the layer of a finding takes part."""
        reports = [self.state.live.report(phase) for phase in (self.state.phase, TRAIN, TEST)]
        for report in reports:
            if any(layer.index == found.layer_index and layer.included for layer in report.layers):
                return report
        return reports[0]

    def refresh(self) -> None:
        """Offer what concerns the whole net, such as the upgrade of an old one."""
        findings = self.state.live.diagnostics if self.state.shows_net else ()
        whole = [(one, fix) for one in findings if one.layer_index is None and (fix := self.fix_of(one)) is not None]
        if not whole:
            self._large = None
            self.notice.say("")
        elif self._large is None:
            found, fix = whole[0]
            self.notice.say(found.message, [(f"{fix.label.capitalize()}…", self.click(fix))])

    def carry_out(self, fix: Fix) -> None:
        """Mend, or show what would change and ask. Raises ValueError where the text may not be edited."""
        self._need_sound()
        if fix.is_large and fix is not self._large:
            self._large = fix
            self.notice.say(
                f"To {fix.label}, this would change:",
                [("Apply", self.click(fix)), ("Cancel", self._cancel)],
                fix.diff(self.state.live.document),
            )
            return
        self._large = None
        names = self._names()
        fix.carry_out(self.state.live.document)
        self._select_again(names)

    def click(self, fix: Fix) -> Callable[[], None]:
        """What a button does that offers a fix."""
        return lambda: self._guard(lambda: self.carry_out(fix))

    def by_label(self, line: int, label: str) -> None:
        """Carry out the fix of that label which a finding of that line has. Raises ValueError where there is none."""
        for found in self.state.live.diagnostics:
            fix = self.fix_of(found) if found.line == line else None
            if fix is not None and fix.label == label:
                self.carry_out(fix)
                return
        raise ValueError("That finding is gone.")

    def _cancel(self) -> None:
        self._large = None
        self.refresh()

    def _layers(self) -> Any:
        return getattr(self.state.live.document.message, self.state.layer_field)

    def _names(self) -> list[str]:
        layers = self._layers()
        return [layers[index].name for index in self.state.selected if 0 <= index < len(layers)]

    def _select_again(self, names: list[str]) -> None:
        """Keep the layers selected that were, although others came or went before them."""
        places = {layer.name: index for index, layer in reversed(list(enumerate(self._layers())))}
        kept = [places[name] for name in names if name in places]
        if len(kept) == len(names) and names:
            self.state.selected = kept
