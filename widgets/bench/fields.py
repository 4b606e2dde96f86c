"""The form of a bench: the fields of the selected layer, or of the solver while its text is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...engine import LAYERS, load_layers
from ..form import ParameterForm, written_values
from ..names import is_taken, said_of
from .state import PHASES, State
from .texts import Texts

HINT = "Select a layer in the drawing or the text: here are its fields."


class Fields:
    """Shows the fields of what is selected, and edits the text by them. `form` is what a bench shows."""

    def __init__(self, state: State, texts: Texts):
        load_layers()
        self.state, self._texts = state, texts
        solver = state.live.solver_document
        self.form = ParameterForm(
            self._set, self._clear, on_undo=texts.undo, on_redo=texts.redo,
            suggestions={"type": sorted(LAYERS)},
            soon={"SolverParameter": written_values(solver.message)} if solver is not None else None,
        )  # fmt: skip

    def refresh(self) -> None:
        """Show the fields of what is selected now."""
        live, selected = self.state.live, self.state.selected
        if not self.state.shows_net:
            values = written_values(self.state.active.message)
            found = {one.field: one.message for one in live.solver_diagnostics if one.field}
            self.form.show("SolverParameter", values, title="Solver", diagnostics=found)
            return
        layers: Any = getattr(live.document.message, self.state.layer_field)
        if not selected or not 0 <= selected[0] < len(layers):
            self.form.clear(HINT)
            return
        index = selected[0]
        layer = layers[index]
        found = {}
        for one in live.diagnostics:
            if one.layer_index == index:
                found.setdefault(one.field or "", one.message)
        if layer.name and is_taken(map(live.report, PHASES.values()), index, layer.name):
            found.setdefault("name", said_of(layer.name))
        own = LAYERS[layer.type].param_field if layer.type in LAYERS else None
        self.form.show(
            "V1LayerParameter" if self.state.layer_field == "layers" else "LayerParameter",
            written_values(layer),
            sections=(own,) if own else (),
            title=f"{layer.name} ({layer.type})",
            diagnostics=found,
        )

    def _path(self, path: Sequence[str | int]) -> tuple[str | int, ...]:
        if not self.state.shows_net:
            return tuple(path)
        return (self.state.layer_field, self.state.selected[0], *path)

    def _set(self, path: Sequence[str | int], value: Any) -> None:
        self._texts.need_sound()
        self.state.active.set(self._path(path), value)

    def _clear(self, path: Sequence[str | int]) -> None:
        self._texts.need_sound()
        self.state.active.clear(self._path(path))
