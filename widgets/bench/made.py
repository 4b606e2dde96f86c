"""Nets that are made of the net on the bench: its deploy net, its training net; shown as text, saved on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import ipywidgets

from ...engine import TEST
from ...engine.atomic import atomic_write
from ...workbench.deployment import deploy
from ...workbench.training_net import DATA, LOSSES, solver_text, trainable
from ..leaves import leaf
from ..pane import as_html, describe
from ..text import TextPane
from .state import State

TITLES = {"deploy": "Deploy net", "training": "Training net"}
ENDS = ("_train_test", "_train_val", "_trainval", "_train", "_deploy")
"""Ends of the names of files that say which of the nets of a model they are."""


class MadeNet(ipywidgets.VBox):
    """A net that was made of the one on the bench, as a text that may be edited, with a file to save it to.

    It appears when the drawing asks for it, and goes by its button. A file that is there is replaced only after the
    button was pressed twice.
    """

    def __init__(self, state: State):
        self._state = state
        self._kind = "deploy"
        self._asked = ""  # the file that is there and may be replaced
        super().__init__(layout={"display": "none"})
        self.add_class("bb-made")

    @cached_property
    def pane(self) -> TextPane:
        """The text; made, as all that is here, when a net is asked for."""
        return TextPane("")

    @cached_property
    def path(self) -> ipywidgets.Text:
        """Where the file to save to is typed."""
        return leaf(ipywidgets.Text, description="file", continuous_update=False)

    @cached_property
    def data(self) -> ipywidgets.Dropdown:
        """The type of data layer of a training net."""
        return self._choice("data", DATA)

    @cached_property
    def loss(self) -> ipywidgets.Dropdown:
        """The type of loss of a training net."""
        return self._choice("loss", list(LOSSES))

    @cached_property
    def solver(self) -> ipywidgets.Checkbox:
        """Whether a solver is written beside a training net."""
        return leaf(ipywidgets.Checkbox, description="with a solver", indent=False)

    @cached_property
    def save(self) -> ipywidgets.Button:
        return _button("Save as", "save", "Write the text to this file", lambda: self._guarded(self._save))

    @cached_property
    def close_button(self) -> ipywidgets.Button:
        return _button("Close", "times", "Forget the text", self.hide)

    @cached_property
    def title(self) -> ipywidgets.HTML:
        return leaf(ipywidgets.HTML)

    @cached_property
    def said(self) -> ipywidgets.HTML:
        """What became of saving."""
        return leaf(ipywidgets.HTML, _dom_classes=("bb-made-said",))

    @cached_property
    def _choices(self) -> ipywidgets.HBox:
        return ipywidgets.HBox([self.data, self.loss, self.solver])

    @cached_property
    def _row(self) -> ipywidgets.HBox:
        row = [self.title, self._choices, self.path, self.save, self.close_button, self.said]
        return leaf(ipywidgets.HBox, row, _dom_classes=("bb-made-row",))

    def _choice(self, name: str, options: Sequence[str]) -> ipywidgets.Dropdown:
        choice = leaf(ipywidgets.Dropdown, description=name, options=options)
        choice.observe(lambda _change: self._guarded(self._make), "value")
        return choice

    def hide(self) -> None:
        """Let go of the text; nothing of it is in the page then."""
        self.children = []
        self.layout.display = "none"

    def show(self, kind: str) -> None:
        """Make a net, "deploy" or "training", and show it. Raises ValueError where it cannot be made."""
        before, self._kind = self._kind, kind
        try:
            self._make()
        except ValueError:
            self._kind = before
            raise
        path = self._state.live.document.path
        stem = Path(path).stem if path else "net"
        stem = next((stem.removesuffix(end) for end in ENDS if stem.endswith(end)), stem)
        name = f"{stem}_{'deploy' if kind == 'deploy' else 'train_test'}.prototxt"
        self.path.value = str(Path(path).with_name(name)) if path else name
        self._choices.layout.display = None if kind == "training" else "none"
        self.children = [self._row, self.pane]
        self.layout.display = None

    def _make(self) -> None:
        document = self._state.live.document
        if self._kind == "deploy":
            made = deploy(document, shapes=self._shapes())
        else:
            made = trainable(document, data=str(self.data.value), loss=str(self.loss.value))
        self.pane.set_text(made.text)
        self.title.value = f"<b>{TITLES[self._kind]}</b>, {len(made.layers)} layers"
        self._tell("")

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the data as the bench knows them, those of stand-in data among them."""
        found: dict[str, tuple[int, ...]] = {}
        for layer in self._state.live.report(TEST).layers:
            if layer.included and not layer.bottoms:
                found |= {top: shape for top, shape in zip(layer.tops, layer.top_shapes, strict=False) if shape}
        return found

    def _save(self) -> None:
        path = Path(self.path.value.strip()).expanduser()
        if not path.name:
            raise ValueError("Type the name of a file.")
        solver = path.with_name(f"{path.stem}_solver.prototxt")
        texts = {path: self.pane.text}
        if self._kind == "training" and self.solver.value:
            texts[solver] = solver_text(str(path), str(path.with_suffix("")))
        there = [str(one) for one in texts if one.exists()]
        if there and self._asked != str(path):
            self._asked = str(path)
            raise ValueError(f"{' and '.join(there)} exists: press Save as again to replace it.")
        for one, text in texts.items():
            with atomic_write(one, "w", encoding="utf-8") as file:
                file.write(text)
        self._asked = ""
        self._tell(f"Wrote {' and '.join(map(str, texts))}.")

    def _tell(self, text: str) -> None:
        self.said.value = as_html(text)

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:
            self._tell(describe(error))


def _button(text: str, icon: str, tooltip: str, work: Callable[[], object]) -> ipywidgets.Button:
    button = leaf(ipywidgets.Button, description=text, icon=icon, tooltip=tooltip)
    button.on_click(lambda _button: work())
    return button
