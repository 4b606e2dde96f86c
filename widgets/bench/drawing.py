"""The drawing of a bench: the net's graph, and what the user asks for in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...engine import TRAIN, Report
from ...proto import Document
from ...workbench import Cursor, NotFinite, Plan, own_modules
from ...workbench.deployment import places_in_deploy
from ..editor import NetEditor, build_graph, default_collapsed
from ..editor.graph import groups_around, layer_ids
from ..export import export
from ..form import written_values
from ..intents import carry_out, copied, indices_of, palette, rules_of, shares_of, wanted_field, written
from .state import State
from .texts import Texts

VIEWS = ("TRAIN", "TEST", "deploy")
"""What can be looked at: the layers that are not in it are dim."""


class Drawing:
    """Draws the net as its text is now. `on_select(indices)` is told what the user selects; `editor` is the widget.

    `on_edit(path)` is told which field of the selected layer the user goes on with, None for the first of its own;
    `on_view(name)` which of VIEWS is to be looked at, `on_make(kind)` which net is to be made of this one.
    """

    def __init__(self, state: State, texts: Texts, on_select: Callable[[Sequence[int]], None],
                 on_edit: Callable[[tuple[str, str] | None], None] = lambda path: None,
                 on_view: Callable[[str], None] = lambda name: None,
                 on_make: Callable[[str], None] = lambda kind: None):  # fmt: skip
        self.state, self._texts, self._on_select = state, texts, on_select
        self._on_edit, self._on_view, self._on_make = on_edit, on_view, on_make
        self._collapsed = default_collapsed(state.report)
        self._palette = palette()
        self.editor = NetEditor(height="100%")
        self.editor.add_class("bb-editor-column")
        self.editor.on_intent(self._on_intent)

    def refresh(self) -> None:
        """Draw the net anew."""
        document = self.state.live.document
        view = "deploy" if self.state.deploying else "TRAIN" if self.state.phase == TRAIN else "TEST"
        report = in_deploy(document, self.state.report) if self.state.deploying else self.state.report
        layers = getattr(document.message, self.state.layer_field)
        graph = build_graph(
            report, collapsed_groups=self._collapsed, palette=self._palette, version=document.version,
            rules=rules_of(layers),
        )  # fmt: skip
        ids = {layer.index: one for one, layer in zip(layer_ids(report.layers), report.layers, strict=True)}
        can = {"can_undo": document.can_undo, "can_redo": document.can_redo}
        self.editor.graph = graph | can | {"views": list(VIEWS), "view": view, "shares": shares_of(layers, ids)}
        self.show_selection()

    def show_selection(self) -> None:
        """Mark the selected layers."""
        layers = self.state.report.layers
        ids = layer_ids(layers)
        self.editor.selected = [ids[k] for k, layer in enumerate(layers) if layer.index in self.state.selected]

    def show_steps(self, ran: Cursor | None, coming: Cursor | None, bad: NotFinite | None = None) -> None:
        """Mark the layer that ran last, the one that comes next, and the first that made a NaN or an infinity."""
        layers = self.state.report.layers
        ids = {layer.index: one for one, layer in zip(layer_ids(layers), layers, strict=True)}

        def marked(origin: int | None, direction: str) -> dict[str, str] | None:
            return {"id": ids[origin], "direction": direction} if origin in ids else None

        steps = [marked(step.origin, step.direction) if step else None for step in (ran, coming)]
        spoiled = marked(bad.origin, "forward" if bad.part == "data" else "backward") if bad else None
        self.editor.mark_steps(steps[0], steps[1], spoiled)

    def tell(self, plan: Plan) -> None:
        """Say what became of the weights when another net took the place of the one before."""
        changes = list(plan.changes)
        if changes and len(changes) == len(plan.entries) and all(one.action == "new" for one in changes):
            self.editor.say("All parameters begin anew.")
        elif changes:
            more = f" (and {len(changes) - 1} more)" if len(changes) > 1 else ""
            self.editor.say(f"{changes[0]}{more}")

    def _findable(self) -> list[dict[str, Any]]:
        """Every layer with what it can be found by: name, type, blobs, and the values that are written."""
        layers: Any = getattr(self.state.live.document.message, self.state.layer_field)
        entries = []
        for record in self.state.report.layers:
            known = 0 <= record.index < len(layers)
            values = spell_values(written_values(layers[record.index])) if known else []
            words = [record.name, record.type, *record.tops, *record.bottoms, *values]
            entries.append({
                "index": record.index, "name": record.name, "type": record.type, "category": record.category,
                "note": record.summary, "haystack": " ".join(dict.fromkeys(words)).lower(),
            })  # fmt: skip
        return entries

    def _find(self, index: int) -> None:
        """Select a layer by its place in the text, and open the groups that hide it."""
        layers = self.state.report.layers
        at = next((at for at, layer in enumerate(layers) if layer.index == index), None)
        if at is None:
            raise ValueError("That layer is gone.")
        hiding = set(groups_around(layers, at)) & self._collapsed
        if hiding:
            self._collapsed -= hiding
            self.refresh()
        self._on_select([index])

    def _keep_module(self, intent: Mapping[str, Any]) -> None:
        """Keep the selected layers as a module of the user's own, or throw one away. Raises ValueError, OSError."""
        document, name = self.state.live.document, intent["name"].strip()
        if intent["type"] == "save_module":
            if document.message.layers:
                raise ValueError("The layers of a net in Caffe's V1 form are no module of today's.")
            indices = written(self.state.report, intent["ids"])
            path = own_modules.save(name, [document.message.layer[index] for index in indices])
            said = f"{name} is in the palette, among your own modules; its file is {path}."
        else:
            own_modules.remove(name)
            said = f"{name} is no longer in the palette."
        self._palette = palette()
        self.refresh()
        self.editor.say(said)

    def _on_intent(self, intent: Mapping[str, Any]) -> None:
        report = self.state.report
        if intent["type"] == "select":
            indices = indices_of(report, intent["ids"])
            if indices != self.state.selected:
                self._on_select(indices)
        elif intent["type"] == "toggle_group":
            self._collapsed ^= {intent["id"]}
            self.refresh()
        elif intent["type"] == "view":
            self._on_view(intent["name"])
        elif intent["type"] in ("save_module", "remove_module"):
            self._keep_module(intent)
        elif intent["type"] == "make":
            self._texts.need_sound()
            self._on_make(intent["net"])
        elif intent["type"] == "export":
            kind = "svg" if intent["kind"] == "png" else intent["kind"]
            file = export(kind, self.state.live.document, self.state.report, self.editor.graph)
            self.editor.send({"type": "file", "png": intent["kind"] == "png", **file._asdict()})
        elif intent["type"] == "relayout":
            self.refresh()
        elif intent["type"] == "search":
            self.editor.offer(self._findable(), intent.get("view"))
        elif intent["type"] == "find":
            self._find(intent["index"])
        elif intent["type"] == "copy":
            text = copied(self.state.live.document, indices_of(report, intent["ids"]))
            self.editor.send({"type": "clipboard", "text": text})
        elif intent["type"] == "edit":
            self._on_edit(None)
        elif intent["type"] == "undo" and self.state.shows_net:
            self._texts.undo()
        else:
            self._texts.need_sound()
            said: list[str] = []
            selected = carry_out(self.state.live.document, report, self.editor.graph, intent, said.append)
            if selected is not None:
                self._on_select(selected)
            for text in said:
                self.editor.say(text)
            if intent["type"] == "add" and not intent.get("layers") and selected:
                wanted = wanted_field(intent["layer_type"])
                if wanted is not None:
                    self._on_edit(wanted)


def in_deploy(document: Document, report: Report) -> Report:
    """A report in which those layers take part that the deploy net has in some form; as it is for a net without."""
    try:
        shown = places_in_deploy(document)
    except ValueError:  # an old net that cannot be upgraded
        return report
    layers = tuple(replace(one, included=one.index in shown) if one.index >= 0 else one for one in report.layers)
    return replace(report, layers=layers)


def spell_values(values: Mapping[str, Any]) -> list[str]:
    """The values of nested fields as they are searched for: ``kernel_size:7``."""
    found: list[str] = []
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                found += spell_values(one)
            else:
                found.append(f"{name}:{str(one).lower() if isinstance(one, bool) else one}")
    return found
