"""Bench. All views of one live net, composed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets

from ...engine import Net, Solver
from ...proto import Document
from ...workbench import Cursor, LiveNet, NotFinite, Plan
from ..editor import to_svg
from ..explainer import Explainer
from ..frame import Frame
from ..leaves import leaf
from ..pane import read_bundle
from ..printed import array_png, composed, curves_svg
from ..stand_in import StandInBar
from ..trust import TrustBar
from .drawing import Drawing
from .fields import Fields
from .figures import Figures
from .looks import Looks
from .made import MadeNet
from .mending import Mending
from .overlays import Overlays
from .pictures import Pictures
from .run import Run
from .running import Running
from .state import State
from .texts import Texts

BENCH_TYPE = "application/vnd.brewbench.bench+json"


class Bench(ipywidgets.VBox):
    """All views of one live net. `net`, `solver`, `session` and `document` are there for cells to use.

    What is selected in one view is selected in all; an edit in one is the same edit of the text, with one undo.
    Nothing the views do can raise out of them: what goes wrong is said in the view where it was asked for.

    `editor`, `text`, `form`, `stepper`, `curves`, `array` and `why` are its widgets. The parts that join them to the
    net, one duty each: `texts`, `fields`, `drawing`, `looks` and `run`, over one `state`.
    """

    def __init__(self, live: LiveNet):
        self.state = State(live)
        self.looks = Looks(self.state)
        self.run = Run(self.state, self.looks, self.refresh, self._select, self._show_steps)
        self.texts = Texts(self.state, self._on_place, self._on_switch, lambda: self.run.guarded(self.save))
        self.mending = Mending(self.state, self.texts.need_sound, self.run.guarded)
        self.texts.fix_of, self.texts.on_fix = self.mending.fix_of, self.mending.by_label
        self.running = Running(self.state, self.texts, self.run.guarded)
        self.fields = Fields(self.state, self.texts, self.mending)
        self.made = MadeNet(self.state)
        self.drawing = Drawing(
            self.state, self.texts, self._select, self._on_edit, self.run.look_at, self.made.show
        )
        self.figures = Figures(self.state, self._select)
        self.why = Explainer(live, in_sight=False)
        self.why.add_class("bb-why-column")
        self.overlays = Overlays(self.state, self.editor, self.figures.table)
        self.trust = TrustBar(lambda: self.run.guarded(live.trust_code))
        self.stand_in = StandInBar(lambda given: self.run.guarded(lambda: self._use_stand_in(given)))
        super().__init__(self._arranged())
        self.add_class("bb-bench")
        self.pictures = Pictures(self.frame, self.picture)
        self._unsubscribe = [
            live.changed.subscribe(lambda _report: self._on_changed()),
            live.rebuilt.subscribe(self._on_rebuilt),
            *self.run.follow(),
            self.session.on_state.subscribe(self._on_state),
            self.session.on_cursor.subscribe(lambda _cursor: self.overlays.refresh()),
        ]
        self._build()
        self.refresh()

    def _arranged(self) -> list[ipywidgets.Widget]:
        """The widgets from top to bottom: what needs an answer, stepper, drawing beside the side panel, curves."""
        tabs = {"form": "Form", "text": "Text", "look": "Look", "table": "Table", "why": "Why"}
        solver = self.state.live.solver_document is not None
        self.frame = Frame(tabs, curves=solver, on_save=self.save, on_tabs=self._on_tabs)
        panes = [self.form, self.texts.box, self.looks.box, self.figures.table, self.why]
        side = leaf(ipywidgets.VBox, [self.frame, *panes])
        side.add_class("bb-side")
        main = leaf(ipywidgets.HBox, [self.editor, side])
        main.add_class("bb-main")
        style = leaf(ipywidgets.HTML, f"<style>{read_bundle('bench.css')}</style>")
        style.add_class("bb-style")
        below = [self.curves] if solver else []
        asks = [self.texts.drafts, self.trust, self.stand_in, self.mending.notice]
        return [style, *asks, self.stepper, self.running.notice, self.made, main, *below]

    def __repr__(self) -> str:
        return f"<Bench on {self.state.report.name or 'a net'!r}, {self.live.status.state}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The bench, and a picture of it for where no kernel is: a reopened notebook, a code host, a printout.

        The extension of JupyterLab shows `BENCH_TYPE`: the bench where its model lives, else the picture.
        """
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[BENCH_TYPE] = {"model_id": self.model_id}
            if picture := self.picture():
                bundle["image/svg+xml"] = picture
        return bundle

    def _display_(self) -> Any:
        """What marimo shows, which has room for panes alone: all but the form, whose fields the text has, too."""
        from .marimo import arranged

        return arranged(self)

    def picture(self) -> str:
        """The drawing, the curves and the array that is looked at, as one static SVG; empty where there is nothing."""
        net = to_svg(self.editor.graph) if self.editor.graph.get("nodes") else ""
        curves = curves_svg(self.curves.series)
        try:
            frame, data = self.array.frame()
            array = array_png(frame, data)
        except Exception:  # a user's layer, or a device that failed: the picture goes without
            return composed(net, curves, b"", "") if net or curves else ""
        return composed(net, curves, array, frame["name"]) if net or curves or array else ""

    # For cells

    live = property(lambda self: self.state.live, doc="The live net that all views follow.")
    session = property(lambda self: self.state.session, doc="What plays, steps and rewinds it.")
    editor = property(lambda self: self.drawing.editor)
    text = property(lambda self: self.texts.pane)
    form = property(lambda self: self.fields.form)
    stepper = property(lambda self: self.run.stepper)
    curves = property(lambda self: self.run.curves)
    array = property(lambda self: self.looks.view)
    array_choice = property(lambda self: self.looks.choice)

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
        """Write the texts that were edited back to their files. Raises OSError."""
        self.texts.save()
        self.frame.set_unsaved(self.texts.unsaved())

    def select(self, *layers: str | int) -> None:
        """Select layers by name, or by their place in the text, in every view."""
        names: dict[str, int] = {}  # of the first layer of a name
        for layer in self.state.report.layers:
            names.setdefault(layer.name, layer.index)
        self._select([names[one] if isinstance(one, str) else one for one in layers])

    def close(self) -> None:
        """Stop the session and everything that follows it."""
        self.looks.close()
        self.why.close()
        self.overlays.close()
        self.pictures.close()
        self.texts.close()
        self.state.close()
        super().close()

    # Keeping the views in step

    def refresh(self) -> None:
        """Show the texts as they are now in every view."""
        state = self.state
        with state.lock:
            state.selected = [index for index in state.selected if index < len(state.report.layers)]
            self.drawing.refresh()
            self.trust.ask(self.live.untrusted)
            self.stand_in.offer(self.live.missing, self.live.lack)
            self.texts.refresh()
            self.mending.refresh()
            self.running.refresh()
            self.frame.set_unsaved(self.texts.unsaved())
            self.fields.refresh()
            self.looks.refresh()
            self.figures.refresh()
            self.overlays.refresh()
            self.pictures.update()
            self.stepper.update(fields=self.run.solver_fields())
            self.run.show_freezable()

    def _on_state(self, state: str) -> None:
        """The session runs, or rests."""
        if state != "running":
            self.overlays.refresh()
            self.pictures.update()

    def _build(self) -> None:
        """Bring the net to life, if its text is sound."""
        if self.live.net is None and self.live.ready:
            self.run.guarded(self.live.build)

    def _use_stand_in(self, given: Any) -> None:
        """Let the net run on stand-in data. Raises ValueError where that does not tell all shapes."""
        self.stepper.update(error="")
        self.live.use_stand_in(given)
        if self.live.missing:
            raise ValueError("Type a shape, such as 32x3x224x224: the layer's settings do not tell it.")

    def _on_changed(self) -> None:
        """The text was edited, here or by a cell."""
        self._build()
        self.refresh()

    def _on_rebuilt(self, plan: Plan) -> None:
        """Another net took the place of the one before."""
        self.looks.refresh()
        self.stepper.update(error="")
        self.overlays.rebuilt()
        self.drawing.tell(plan)
        self.run.show_freezable()

    def _select(self, indices: Sequence[int], reveal: bool = True) -> None:
        """Select layers in every view, and show the lines of the first unless the text is where it was chosen."""
        with self.state.lock:
            self.state.selected = list(indices)
            self.drawing.show_selection()
            if indices and reveal:
                self.texts.reveal(indices[0])
            self.fields.refresh()
            self.looks.refresh()
            self.figures.show_selection()
            self.run.show_freezable()

    def _show_steps(self, ran: Cursor | None, coming: Cursor | None, bad: NotFinite | None) -> None:
        """Another step of an iteration ran, or comes next."""
        with self.state.lock:
            self.drawing.show_steps(ran, coming, bad)

    def _on_tabs(self, open: Sequence[str]) -> None:
        """Other panes of the side panel are in sight."""
        self.figures.open("table" in open)
        self.looks.open("look" in open)
        self.why.bring("why" in open)

    def _on_edit(self, path: tuple[str, str] | None) -> None:
        """The user goes from the drawing to a field of the form."""
        self.frame.bring("form")
        self.form.focus(path)

    def _on_place(self, index: int) -> None:
        """The cursor of the text came to a layer."""
        if index not in self.state.selected:
            self._select([index], reveal=False)

    def _on_switch(self) -> None:
        """The other text is shown."""
        self.fields.refresh()
