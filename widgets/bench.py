"""The bench: a net's drawing, text, form, stepper, curves and arrays, all on one live net."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
from google.protobuf import text_format

from ..engine import LAYERS, TEST, TRAIN, Diagnostic, Net, Report, Solver, load_layers
from ..engine.backend import Backend, gpu_missing
from ..engine.context import Context
from ..engine.making import Making
from ..engine.trust import Trusted
from ..proto import Document
from ..proto.printable import printable
from ..workbench import LiveNet, Plan, Session, Walkthrough
from ..workbench.events import Courier
from .arrays import ArrayView, look_at
from .curves import Curves
from .editor import NetEditor, build_graph, default_collapsed, to_svg
from .editor.graph import layer_ids
from .form import ParameterForm, written_values
from .intents import carry_out, indices_of, palette
from .pane import Throttle, as_html, read_bundle
from .stand_in import StandInBar
from .stepper import Stepper
from .text import TextPane, one_line_end
from .trust import TrustBar

SOLVER_FIELDS = ("base_lr", "momentum", "weight_decay")
PHASES = {"TRAIN": TRAIN, "TEST": TEST}
VIEWS_HZ = 10  # how often the arrays follow a running session, at the most


def open(
    definition: Any,
    net: Any = None,
    *,
    phase: int = TEST,
    weights: str | PathLike | None = None,
    seed: int | None = None,
    backend: Backend | str | None = None,
    trust: Trusted = False,
    shapes: Mapping[str, Sequence[int]] | None = None,
    stand_in: Any = None,
) -> Bench:
    """A bench on a net, or on a solver and its net.

    `definition` is the path of a prototxt of either kind, a Document, a message, or a NetSpec; `net` takes the
    place of the net that a solver names. `weights` is a `.caffemodel` to begin with, `seed` fixes all that is
    random. Without a solver the net is in `phase` and is stepped forward and backward only. `backend` says where to
    compute, "cpu" or "gpu"; the stepper can change it.

    Opening runs no code that the text names. Where there are Python layers, the bench asks before it builds the net,
    unless `trust` is True or names folders that hold their modules; `shapes` states the shapes of their tops meanwhile.

    A net whose database is not there shows its shapes as far as its settings tell them. `stand_in`, as for Net, lets it
    run on made-up data, or the bar that the bench shows then.

    Raises OSError, ParseError or DefinitionError, in one line, for what cannot be opened, RuntimeError for a GPU that
    is not there. What is wrong inside a net does not raise: the bench marks it.
    """
    document = as_document(definition)
    given: Any = {"seed": seed, "weights": weights, "backend": backend, "trust": trust, "shapes": shapes}
    given["stand_in"] = stand_in
    if document.kind == "net":
        return Bench(LiveNet(document, phase, **given))
    inner = as_document(net, "net") if net is not None else net_of(document)
    return Bench(LiveNet(inner, solver_document=document, **given))


def as_document(definition: Any, kind: str | None = None) -> Document:
    """Whatever names a net or a solver, as a text that can be edited."""
    if isinstance(definition, Document):
        return definition
    if isinstance(definition, str | PathLike):
        return Document.open(definition, kind)
    if hasattr(definition, "to_proto"):
        definition = definition.to_proto()
    return Document.parse(text_format.MessageToString(definition), kind)


def net_of(solver: Document) -> Document:
    """The document of the net that a solver trains: the file it names, or the net written inside it."""
    param: Any = solver.message
    for field in ("net_param", "train_net_param"):
        if param.HasField(field):
            return as_document(getattr(param, field), "net")
    name = param.net or param.train_net
    root = Path(solver.path).parent if solver.path else None
    return Document.open(Context(root=root).find(name, "net", "net"), "net")


class Bench(ipywidgets.VBox):
    """All views of one live net. `net`, `solver`, `session` and `document` are there for cells to use.

    What is selected in one view is selected in all; an edit in one is the same edit of the text, with one undo.
    Nothing the views do can raise out of them: what goes wrong is said in the view where it was asked for.
    """

    def __init__(self, live: LiveNet):
        self.live = live
        self.session: Any = Session(live) if live.solver_document is not None else Walkthrough(live)
        self.view_phase = live.phase
        self._active: Document = live.document  # the text shown, edited and undone
        self._selected: list[int] = []
        self._collapsed = default_collapsed(live.report(self.view_phase))
        self._goal = (0, None)  # the iteration at which steps were asked for, and how many
        self._making = self._testing = ""  # what keeps a run from going on
        self._plotted = 0  # points of the session's history that the curves show
        self._lock = threading.RLock()
        self._looks = Courier(0, "looks")  # a look waits for the layer that runs, or its kernels: events must not
        self._palette = palette()
        self._make_views()
        style = ipywidgets.HTML(f"<style>{read_bundle('bench.css')}</style>")
        super().__init__([style, self.trust, self.stand_in, self.stepper, self._top, self._bottom])
        self.add_class("bb-bench")
        self._follow()
        self._build()
        self.stepper.update(phase="TRAIN" if self.view_phase == TRAIN else "TEST")
        self.stepper.update(device=live.backend.name, no_gpu=gpu_missing())
        self._refresh()

    def __repr__(self) -> str:
        return f"<Bench on {self.live.report(self.view_phase).name or 'a net'!r}, {self.live.status.state}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The bench, and the drawing alone for where no kernel is: a reopened notebook, a code host, a printout."""
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        if bundle is not None and self.editor.graph.get("nodes"):
            bundle["image/svg+xml"] = to_svg(self.editor.graph)
        return bundle

    # For cells

    @property
    def net(self) -> Net:
        """The net as it runs now. Raises RuntimeError, with the first error, where its text has never been sound."""
        if self.live.net is None:
            raise RuntimeError(f"There is no net yet: {self.live.status}")
        return self.live.net

    @property
    def solver(self) -> Solver:
        """The solver as it runs now. Raises RuntimeError where there is none."""
        if self.live.solver is None:
            raise RuntimeError("The bench was opened on a net alone; open its solver to train it.")
        return self.live.solver

    @property
    def document(self) -> Document:
        """The net's text."""
        return self.live.document

    def save(self) -> None:
        """Write the texts that were edited back to their files."""
        for document in (self.live.document, self.live.solver_document):
            if document is not None and document.path and document.dirty:
                document.save()
        self._show_heading()

    def select(self, *layers: str | int) -> None:
        """Select layers by name, or by their place in the text, in every view."""
        names = {layer.name: layer.index for layer in self.live.report(self.view_phase).layers}
        self._select([names[one] if isinstance(one, str) else one for one in layers])

    def close(self) -> None:
        """Stop the session and everything that follows it."""
        self.session.close()
        self._looks.close()
        self.live.close()
        super().close()

    # Making

    def _make_views(self) -> None:
        self.trust = TrustBar(lambda: self._guarded(self.live.trust_code))
        self.stand_in = StandInBar(lambda given: self._guarded(lambda: self._use_stand_in(given)))
        self.stepper = Stepper(self._commands(), fields=self._solver_fields())
        self.editor = NetEditor(height="620px")
        self.editor.add_class("bb-editor-column")
        self.editor.on_intent(self._on_intent)
        self.text = TextPane(
            self._active.text,
            on_edit=self._on_typed,
            on_cursor=self._on_cursor,
            on_undo=self._undo,
            on_redo=self._redo,
            on_save=self.save,
        )
        load_layers()
        solver = self.live.solver_document
        self.form = ParameterForm(
            self._on_set, self._on_clear, on_undo=self._undo, on_redo=self._redo,
            suggestions={"type": sorted(LAYERS)},
            soon={"SolverParameter": written_values(solver.message)} if solver is not None else None,
        )  # fmt: skip
        self.curves = Curves()
        self.array = ArrayView(on_select=self._on_unit)
        self.array_choice = ipywidgets.Dropdown(options=[("nothing", ())], layout={"width": "auto"})
        self.array_choice.add_class("bb-array-choice")
        self.array_choice.observe(self._on_array_chosen, "value")
        self._heading = ipywidgets.HTML()
        texts = self._texts()
        tooltips = [printable(one.path or name) for name, one in texts]
        self._tabs = ipywidgets.ToggleButtons(options=texts, tooltips=tooltips)
        self._tabs.add_class("bb-texts")
        self._tabs.observe(self._on_tab, "value")
        self._save = ipywidgets.Button(description="Save", tooltip="Write the text to its file", icon="save")
        self._save.add_class("bb-save")
        self._save.on_click(lambda _button: self._guarded(self.save))
        bar = ipywidgets.HBox([self._tabs, self._save, self._heading])
        bar.add_class("bb-text-bar")
        text = ipywidgets.VBox([bar, self.text])
        text.add_class("bb-text-column")
        self._top = ipywidgets.HBox([self.editor, text, self.form])
        self._top.add_class("bb-top")
        arrays = ipywidgets.VBox([self.array_choice, self.array])
        arrays.add_class("bb-array-column")
        views = [self.curves, arrays] if self.live.solver_document is not None else [arrays]
        self._bottom = ipywidgets.HBox(views)
        self._bottom.add_class("bb-bottom")

    def _texts(self) -> list[tuple[str, Document]]:
        documents = [self.live.document, self.live.solver_document]
        fallback = {"net": "net", "solver": "solver"}
        return [
            (printable(Path(one.path).name.removesuffix(".prototxt")) if one.path else fallback[one.kind], one)
            for one in documents
            if one is not None
        ]

    def _commands(self) -> dict[str, Any]:
        session = self.session
        commands: dict[str, Any] = {
            "reset": session.rewind,
            "backward": session.step_backward,
            "forward": session.step_forward,
            "phase": self._on_phase,
            "device": self._on_device,
            "refresh": self._on_refresh_rate,
        }
        if self.live.solver_document is not None:
            commands |= {
                "step": self._on_steps,
                "play": session.play,
                "pause": session.pause,
                "set": self._on_rate,
            }
        return commands

    def _solver_fields(self) -> dict[str, float]:
        if self.live.solver_document is None:
            return {}
        param: Any = self.live.solver_document.message
        return {name: float(str(np.float32(getattr(param, name)))) for name in SOLVER_FIELDS}

    def _build(self) -> None:
        """Bring the net to life, if its text is sound."""
        if self.live.net is None and self.live.ready:
            try:
                self.live.build()
            except Exception as error:
                self.stepper.update(error=str(error))

    # Following the live net and the session

    def _follow(self) -> None:
        self._on_refresh_rate(VIEWS_HZ)
        session = self.session
        self._unsubscribe = [
            self.live.changed.subscribe(lambda _report: self._on_changed()),
            self.live.rebuilt.subscribe(self._on_rebuilt),
            session.on_state.subscribe(lambda _state: self._show_progress()),
            session.on_error.subscribe(lambda _error: self._show_progress()),
            session.on_cursor.subscribe(self._on_step),
            session.on_making.subscribe(self._on_making),
        ]
        if isinstance(session, Session):
            self._unsubscribe += [
                session.on_progress.subscribe(self._on_progress),
                session.on_test.subscribe(self._on_test),
                session.on_testing.subscribe(self._on_testing),
            ]

    def _on_refresh_rate(self, hz: float) -> None:
        """How often the arrays follow a running session; 0: not before it pauses."""
        self._array_throttle = Throttle(lambda _changes: self._look(), hz) if hz else lambda **_changes: None

    def _look(self) -> None:
        """Have the arrays drawn anew, without waiting for it."""
        self._looks.post_latest("array", lambda: self.array.refresh())

    def _on_changed(self) -> None:
        """The text was edited, here or by a cell."""
        self._build()
        self._refresh()

    def _on_rebuilt(self, plan: Plan) -> None:
        """Another net took the place of the one before: say what became of the weights."""
        self._show_arrays()
        self.stepper.update(error="")
        changes = list(plan.changes)
        if changes and len(changes) == len(plan.entries) and all(one.action == "new" for one in changes):
            self.editor.say("All parameters begin anew.")
        elif changes:
            more = f" (and {len(changes) - 1} more)" if len(changes) > 1 else ""
            self.editor.say(f"{changes[0]}{more}")

    def _refresh(self) -> None:
        """Show the texts as they are now in every view."""
        with self._lock:
            report = self.live.report(self.view_phase)
            self._selected = [index for index in self._selected if index < len(report.layers)]
            self.editor.graph = self._graph(report)
            self._mirror_selection(report)
            if not self._unparsed():
                self.text.set_text(self._active.text)
            self.trust.ask(self.live.untrusted)
            self.stand_in.offer(self.live.missing, self.live.lack)
            self._show_marks()
            self._show_form()
            self._show_arrays()
            self._show_heading()
            self.stepper.update(fields=self._solver_fields())

    def _unparsed(self) -> Diagnostic | None:
        """Why the text in the pane is no prototxt, if it is not: then it is not yet the document's."""
        net = self._active is self.live.document
        found = self.live.diagnostics if net else self.live.solver_diagnostics
        differs = self.text.text != one_line_end(self._active.text)
        return found[0] if found and found[0].type is None and differs else None

    def _need_sound_text(self) -> None:
        """Raise ValueError where an edit elsewhere would overwrite what is being typed."""
        if wrong := self._unparsed():
            raise ValueError(f"Mend line {wrong.line} of the text first, or take it back with Ctrl+Z: {wrong.message}")

    def _graph(self, report: Report) -> dict[str, Any]:
        graph = build_graph(
            report, collapsed_groups=self._collapsed, palette=self._palette, version=self.live.document.version
        )
        return graph | {"can_undo": self.live.document.can_undo, "can_redo": self.live.document.can_redo}

    def _show_marks(self) -> None:
        net = self._active is self.live.document
        found = self.live.diagnostics if net else self.live.solver_diagnostics
        self.text.set_marks(
            {"line": one.line, "severity": one.severity, "message": printable(one.message)} for one in found if one.line
        )

    def _show_heading(self) -> None:
        report = self.live.report(self.view_phase)
        least = "" if report.complete else "at least "
        self._heading.value = as_html(f"{least}{report.param_count:,} parameters" if report.ok else "")
        self._save.disabled = not (self._active.dirty and self._active.path)
        self._save.description = "Save*" if self._active.dirty else "Save"

    # Selection

    def _select(self, indices: Sequence[int]) -> None:
        with self._lock:
            self._selected = list(indices)
            self._mirror_selection(self.live.report(self.view_phase))
            if self._selected and self._active is self.live.document:
                span = self._lines_of(self._selected[0])
                if span:
                    self.text.reveal(*span)
            self._show_form()
            self._show_arrays()

    def _mirror_selection(self, report: Report) -> None:
        ids = layer_ids(report.layers)
        self.editor.selected = [ids[k] for k, layer in enumerate(report.layers) if layer.index in self._selected]

    def _lines_of(self, index: int) -> tuple[int, int] | None:
        document = self.live.document
        path = (self._list(), index)
        span = document.span(path) if index >= 0 else None
        if span is None:
            return None
        first = document.line(path)
        return first, first + document.text[span[0] : span[1]].rstrip().count("\n")

    def _list(self) -> str:
        """The field that holds the layers: `layers` in a net of the old form."""
        message: Any = self.live.document.message
        return "layers" if message.layers else "layer"

    # The form

    def _show_form(self) -> None:
        if self._active is not self.live.document:
            values = written_values(self._active.message)
            found = {one.field: one.message for one in self.live.solver_diagnostics if one.field}
            self.form.show("SolverParameter", values, title="Solver", diagnostics=found)
            return
        layers: Any = getattr(self.live.document.message, self._list())
        if not self._selected or not 0 <= self._selected[0] < len(layers):
            self.form.clear("Select a layer in the drawing or the text: here are its fields.")
            return
        index = self._selected[0]
        layer = layers[index]
        found: dict[str, str] = {}
        for one in self.live.diagnostics:
            if one.layer_index == index:
                found.setdefault(one.field or "", one.message)
        own = LAYERS[layer.type].param_field if layer.type in LAYERS else None
        message = "V1LayerParameter" if self._list() == "layers" else "LayerParameter"
        self.form.show(
            message,
            written_values(layer),
            sections=(own,) if own else (),
            title=f"{layer.name} ({layer.type})",
            diagnostics=found,
        )

    def _form_path(self, path: Sequence[str | int]) -> tuple[str | int, ...]:
        if self._active is not self.live.document:
            return tuple(path)
        return (self._list(), self._selected[0], *path)

    def _on_set(self, path: Sequence[str | int], value: Any) -> None:
        self._need_sound_text()
        self._active.set(self._form_path(path), value)

    def _on_clear(self, path: Sequence[str | int]) -> None:
        self._need_sound_text()
        self._active.clear(self._form_path(path))

    # The text

    def _on_typed(self, text: str) -> None:
        self.live.try_text(text, solver=self._active is not self.live.document)

    def _on_cursor(self, line: int, column: int) -> None:
        if self._active is not self.live.document:
            return
        path = self.live.document.path_at(line, column)
        if len(path) > 1 and path[0] in ("layer", "layers") and path[1] not in self._selected:
            with self._lock:
                self._selected = [int(path[1])]
                self._mirror_selection(self.live.report(self.view_phase))
                self._show_form()
                self._show_arrays()

    def _on_tab(self, change: Mapping[str, Any]) -> None:
        with self._lock:
            self._active = change["new"]
            self.text.kind = self._active.kind
            self.text.set_text(self._active.text)
            self.text.reveal(None)
            self._show_marks()
            self._show_form()
            self._show_heading()

    def _undo(self) -> None:
        if self._unparsed():
            self.text.set_text(self._active.text)
            self._on_typed(self._active.text)
        elif not self._active.undo():
            raise ValueError("There is nothing to undo.")

    def _redo(self) -> None:
        if not self._active.redo():
            raise ValueError("There is nothing to redo.")

    # The drawing

    def _on_intent(self, intent: Mapping[str, Any]) -> None:
        report = self.live.report(self.view_phase)
        if intent["type"] == "select":
            indices = indices_of(report, intent["ids"])
            if indices != self._selected:
                self._select(indices)
        elif intent["type"] == "toggle_group":
            self._collapsed ^= {intent["id"]}
            self.editor.graph = self._graph(report)
        elif intent["type"] == "relayout":
            self.editor.graph = self._graph(report)
        elif intent["type"] == "undo" and self._active is self.live.document:
            self._undo()
        else:
            self._need_sound_text()
            said: list[str] = []
            selected = carry_out(self.live.document, report, self.editor.graph, intent, said.append)
            if selected is not None:
                self._select(selected)
            for text in said:
                self.editor.say(text)

    def _use_stand_in(self, given: Any) -> None:
        """Let the net run on stand-in data. Raises ValueError where that does not tell all shapes."""
        self.stepper.update(error="")
        self.live.use_stand_in(given)
        if self.live.missing:
            raise ValueError("Type a shape, such as 32x3x224x224: the layer's settings do not tell it.")

    # The session

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except Exception as error:
            self.stepper.update(error=str(error))

    def _on_rate(self, name: str, value: float) -> None:
        self.session.set(name, value)

    def _on_phase(self, phase: str) -> None:
        with self._lock:
            self.view_phase = PHASES[phase]
            self.stepper.update(phase=phase)
        self._refresh()

    def _on_device(self, name: str) -> None:
        """Move the session to the CPU or the GPU. Raises RuntimeError while it is running."""
        self.session.move_to(name)
        self.stepper.update(device=self.live.backend.name)

    def _on_steps(self, iterations: int) -> None:
        self._goal = (self.session.iteration, iterations)
        self.session.step(iterations)

    def _show_progress(self) -> None:
        session = self.session
        error = (session.error or "").strip().rpartition("\n")[2]
        begun, total = self._goal
        if session.state != "running":
            self._goal = (0, None)
            self._look()
        self.stepper.update(
            state=session.state,
            iteration=session.iteration,
            error=error,
            done=session.iteration - begun,
            total=total if session.state == "running" else None,
        )

    def _on_progress(self, points: Any) -> None:
        """Rows of the history from number `points.start` on; a run that was rewound begins anew."""
        if points.start < self._plotted:
            self.curves.clear()
            points = self.session.history.since(0)
            for (_, name), table in self.session.history.tests.items():
                if len(table.rows):
                    self._plot_test(name, table.rows["iteration"], table.rows["value"])
        rows = points.rows
        if len(rows):
            self.curves.append("loss", rows["iteration"], rows["loss"], rates=rows["rate"])
        self.stepper.update(loss=f"{rows['loss'][-1]:.4g}" if len(rows) else "")
        self._plotted = points.start + len(rows)
        begun, total = self._goal
        self.stepper.update(iteration=self.session.iteration, done=self.session.iteration - begun, total=total)
        self._array_throttle(tick=True)

    def _on_test(self, result: Any) -> None:
        for name, value in result.values.items():
            self._plot_test(name, [result.iteration], [value])

    def _plot_test(self, name: str, iterations: Any, values: Any) -> None:
        """Losses are drawn beside the loss, everything else (accuracies) on a scale of its own."""
        axis = "left" if "loss" in name else "right"
        self.curves.append(f"test {printable(name)}", iterations, values, axis=axis, noisy=False)

    def _on_making(self, making: Making | None) -> None:
        """A kernel is being made (None: it is done), which holds up the first run on a machine."""
        self._making = f"making kernels for the first run: {spell_making(making)}…" if making else ""
        self.stepper.update(waiting=self._making or self._testing)

    def _on_testing(self, batches: int) -> None:
        """A test net is running so many batches (0: it is over), which holds up the training."""
        self._testing = f"testing, {batches} batch{'es' if batches > 1 else ''}…" if batches else ""
        self.stepper.update(waiting=self._making or self._testing)

    def _on_step(self, cursor: Any) -> None:
        """A layer was run by itself (None: the iteration is over): show it, and what it made."""
        self.stepper.update(
            layer=cursor.layer if cursor else None,
            direction=cursor.direction if cursor else None,
            iteration=self.session.iteration,
        )
        if cursor is not None and cursor.origin is not None:
            self._select([cursor.origin])
        self._look()

    # Arrays

    def _show_arrays(self) -> None:
        """Offer the blobs of the selected layer: its parameters, tops and bottoms."""
        net = self.live.net
        options: list[tuple[str, Any]] = []
        if net is not None and self._selected:
            record = self.live.report(self.view_phase).layers
            chosen = [layer for layer in record if layer.index == self._selected[0]]
            for layer in chosen:
                options += [
                    (f"{layer.name}: {what} {_spell(blob.shape)}", ("params", layer.name, index))
                    for index, blob in enumerate(net.params.get(layer.name, []))
                    for what in [("weights", "bias")[index] if index < 2 else f"parameter {index}"]
                ]
                options += [
                    (f"{name} {_spell(net.blobs[name].shape)}", ("blobs", name, 0))
                    for name in dict.fromkeys((*layer.tops, *layer.bottoms))
                    if name in net.blobs
                ]
        options = [(printable(label), value) for label, value in options] or [("select a layer to look into", ())]
        before = self.array_choice.value
        values = [value for _, value in options]
        self.array_choice.options = options
        self.array_choice.value = before if before in values else values[0]
        self._show_array()

    def _on_array_chosen(self, _change: Mapping[str, Any]) -> None:
        self._show_array()

    def _show_array(self) -> None:
        choice = self.array_choice.value
        if not choice:
            self.array.show("", None)
            return
        kind, name, index = choice

        def read(part: Any) -> Any:
            net = self.live.net
            blobs = net.params.get(name, []) if net and kind == "params" else []
            if net and kind == "blobs" and name in net.blobs:
                blobs = [net.blobs[name]]
            if index >= len(blobs):
                return None
            return look_at(blobs[index], part)

        label = f"{name} {index}" if kind == "params" else name
        self.array.show(label, read, "parameters" if kind == "params" else "activations")

    def _on_unit(self, unit: int) -> None:
        self.array.say(f"unit {unit}")


def spell_making(making: Making) -> str:
    """For which layer a kernel is being made, and how far that is into the iteration."""
    net, forward = making.net, making.direction == "forward"
    count = len(net.layers)
    total = count if forward and not net.context.training else 2 * count
    done = making.index + 1 if forward else 2 * count - making.index
    return f"{net.layer_names[making.index]} {making.direction} ({done} of {total})"


def _spell(shape: Sequence[int]) -> str:
    return "×".join(str(length) for length in shape) or "scalar"
