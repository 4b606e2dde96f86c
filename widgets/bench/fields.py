"""The form of a bench: the fields of the selected layers, or of the solver while its text is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...engine import LAYERS, load_layers
from ...proto import Document
from ..form import OWN, ParameterForm, shared, written_values
from ..names import is_taken, said_of
from .mending import Mending
from .state import PHASES, State
from .texts import Texts

HINT = "Select a layer in the drawing or the text: here are its fields."
MOST_NAMES = 5  # of several layers, in the form's title

Path = tuple[str | int, ...]


class Fields:
    """Shows the fields of what is selected, and edits the text by them. `form` is what a bench shows.

    Of several layers it shows the fields that all may have, those of their settings too where they have the same; an
    edit is one of all of them, in one step of undo.
    """

    def __init__(self, state: State, texts: Texts, mending: Mending):
        load_layers()
        self.state, self._texts, self._mending = state, texts, mending
        solver = state.live.solver_document
        self.form = ParameterForm(
            self._set, self._clear, on_undo=texts.undo, on_redo=texts.redo,
            suggestions={"type": sorted(LAYERS)},
            soon={"SolverParameter": written_values(solver.message)} if solver is not None else None,
        )  # fmt: skip

    def refresh(self) -> None:
        """Show the fields of what is selected now."""
        live = self.state.live
        if not self.state.shows_net:
            values = written_values(self.state.active.message)
            found = {one.field: one.message for one in live.solver_diagnostics if one.field}
            self.form.show("SolverParameter", values, title="Solver", diagnostics=found)
            return
        selected = self._selected()
        if not selected:
            self.form.clear(HINT)
        elif len(selected) == 1:
            self._show_one(selected[0])
        else:
            self._show_several(selected)

    def _layers(self) -> Any:
        return getattr(self.state.live.document.message, self.state.layer_field)

    def _selected(self) -> list[int]:
        count = len(self._layers())
        return [index for index in self.state.selected if 0 <= index < count]

    @property
    def _message(self) -> str:
        return "V1LayerParameter" if self.state.layer_field == "layers" else "LayerParameter"

    def _show_one(self, index: int) -> None:
        live, layer = self.state.live, self._layers()[index]
        found = self._found([index])
        if layer.name and is_taken(map(live.report, PHASES.values()), index, layer.name):
            found.setdefault("name", said_of(layer.name))
        own = _own(layer)
        sections = (own,) if own else ()
        title = f"{layer.name} ({layer.type})"
        self.form.show(
            self._message, written_values(layer), sections=sections, title=title, diagnostics=found,
            fixes=self._fixes(index),
        )  # fmt: skip

    def _show_several(self, selected: Sequence[int]) -> None:
        every = self._layers()
        layers = [every[index] for index in selected]
        types = {str(layer.type) for layer in layers}
        settings = {_own(layer) for layer in layers}
        own = settings.pop() if len(settings) == 1 else None
        alike = own is not None or len(types) == 1
        names = [layer.name for layer in layers[:MOST_NAMES]]
        more = f" and {len(layers) - MOST_NAMES} more" if len(layers) > MOST_NAMES else ""
        kind = f" ({types.pop()})" if len(types) == 1 else ""
        self.form.show(
            self._message,
            shared(self._message, [written_values(layer) for layer in layers], alike),
            sections=(own,) if own else (),
            title=f"{len(layers)} layers: {', '.join(names)}{more}{kind}",
            diagnostics=self._found(selected),
            without=OWN if kind else (*OWN, "type"),
        )

    def _found(self, selected: Sequence[int]) -> dict[str, str]:
        """What is wrong with layers, by field; of several, with the name of the layer."""
        found: dict[str, str] = {}
        for one in self.state.live.diagnostics:
            if one.layer_index in selected:
                who = f"{one.layer}: " if len(selected) > 1 and one.layer else ""
                found.setdefault(one.field or "", f"{who}{one.message}")
        return found

    def _fixes(self, index: int) -> dict[str, tuple[str, Callable[[], None]]]:
        """What mends the first finding about each field of a layer."""
        fixes: dict[str, tuple[str, Callable[[], None]]] = {}
        seen = set()
        for one in self.state.live.diagnostics:
            field = one.field or ""
            if one.layer_index != index or field in seen:
                continue
            seen.add(field)
            fix = self._mending.fix_of(one)
            if fix is not None:
                fixes[field] = fix.label, self._mending.click(fix)
        return fixes

    def _set(self, path: Path, value: Any) -> None:
        self._texts.need_sound()
        document, selected = self.state.active, self._selected()
        if not self.state.shows_net:
            document.set(path, value)
            return
        with document.transaction(f"set {path[-1]}"):
            for index in selected:
                if len(selected) > 1:
                    _reach(document, (self.state.layer_field, index), path)
                document.set((self.state.layer_field, index, *path), value)

    def _clear(self, path: Path) -> None:
        self._texts.need_sound()
        document = self.state.active
        if not self.state.shows_net:
            document.clear(path)
            return
        with document.transaction(f"clear {path[-1]}"):
            for index in self._selected():
                document.clear((self.state.layer_field, index, *path))


def _own(layer: Any) -> str | None:
    """The field with a layer's own settings, None where its type has none."""
    return LAYERS[layer.type].param_field if layer.type in LAYERS else None


def _reach(document: Document, layer: Path, path: Path) -> None:
    """Append the messages of repeated fields that a path passes and a layer does not have yet."""
    for k, step in enumerate(path):
        if isinstance(step, int):
            count = len(document.get((*layer, *path[:k])) or ())
            for missing in range(count, step + (k + 1 < len(path))):
                document.set((*layer, *path[:k], missing), {})
