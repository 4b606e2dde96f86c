"""Sections of a form: the fields of a message one beneath the other, folds, and lists of messages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets

from ...proto.fields import Field
from ..leaves import leaf
from .arranging import Path, arrange, summary
from .rows import Row, assign, mark
from .values import SHAPE

if TYPE_CHECKING:
    from .form import ParameterForm


class Fold:
    """A head that opens and closes a section; what is inside is made when it is first opened.

    A message that is written once can be removed from here.
    """

    def __init__(
        self,
        form: ParameterForm,
        path: Path,
        title: str,
        build: Callable[[], FieldList | MessageGroup | MessageList],
        tooltip: str = "",
        hook: str = "",
        removable: bool = False,
    ):
        self.form, self.path, self.title = form, path, title
        self._build = build
        self._inside: FieldList | MessageGroup | MessageList | None = None
        self._values: Any = None
        self._note = ""
        self._fresh = True
        self._removable = removable
        self.head = leaf(
            ipywidgets.ToggleButton, description=title, icon="caret-right", tooltip=tooltip,
            _dom_classes=("bb-fold", f"bb-fold-{hook or '-'.join(map(str, path))}"),
        )  # fmt: skip
        self.head.observe(self._toggled, "value")
        self._top = leaf(ipywidgets.HBox, [self.head], _dom_classes=("bb-fold-head",))
        self.box = leaf(ipywidgets.VBox, [self._top])

    def update(self, values: Any, fresh: bool, note: str = "") -> None:
        self._values = values
        self._fresh = self._fresh or fresh
        self._note = note
        self._show_title()
        mark(self._top, "bb-unset", values is None)
        if self._removable and values is not None and len(self._top.children) == 1:
            remove = leaf(
                ipywidgets.Button, description="↺", tooltip=f"Remove {self.title}, back to its defaults",
                _dom_classes=("bb-clear",),
            )  # fmt: skip
            remove.on_click(self._removed)
            self._top.children = [self.head, remove]
        if self._inside is not None:
            self._inside.update(values, self._fresh)
            self._fresh = False

    def _show_title(self) -> None:
        closed_note = "" if self.head.value else self._note
        assign(self.head, "description", f"{self.title}: {closed_note}" if closed_note else self.title)

    def open(self) -> None:
        assign(self.head, "value", True)

    def holds(self, path: str) -> bool:
        return self._inside is not None and self._inside.holds(path)

    def _toggled(self, change: Any) -> None:
        with self.form.lock:
            if self._inside is None:
                self._inside = self._build()
                self._inside.box.add_class("bb-section")
                self._inside.update(self._values, True)
                self._fresh = False
            self._show_title()
            self.head.icon = "caret-down" if change["new"] else "caret-right"
            self.box.children = [self._top, self._inside.box] if change["new"] else [self._top]

    def _removed(self, _button: Any) -> None:
        if error := self.form.tell(self.form.on_clear, self.path):
            self.form.complain(error)


class FieldList:
    """Some fields of a message, one beneath the other; which ones may depend on what is written."""

    def __init__(self, form: ParameterForm, path: Path, which: Callable[[Mapping[str, Any]], Sequence[Field]]):
        self.form, self.path = form, path
        self._which = which
        self._parts: dict[str, Row | Fold] = {}
        self._shown: list[str] = []
        self.box = leaf(ipywidgets.VBox)

    def update(self, values: Mapping[str, Any] | None, fresh: bool) -> None:
        values = values or {}
        shown = self._which(values)
        for field in shown:
            part = self._parts.get(field.name)
            if part is None:
                part = self._parts[field.name] = self._make(field)
            value = values.get(field.name)
            if isinstance(part, Fold):
                part.update(value, fresh, summary(value))
            else:
                part.update(value, fresh)
        names = [field.name for field in shown]
        if names != self._shown:
            self._shown = names
            self.box.children = [self._parts[name].box for name in names]
        for name in names:
            part = self._parts[name]
            if isinstance(part, Fold) and self.form.faulty((*self.path, name)):
                part.open()

    def _make(self, field: Field) -> Row | Fold:
        form, path = self.form, (*self.path, field.name)
        if field.kind != "message" or field.message == SHAPE:
            return Row(form, path, field)
        if field.repeated:
            return Fold(form, path, field.name, lambda: MessageList(form, path, field), field.help)
        return Fold(form, path, field.name, lambda: MessageGroup(form, path, field.message), field.help, removable=True)

    def open(self, names: Sequence[str]) -> None:
        for name in names:
            part = self._parts.get(name)
            if isinstance(part, Fold):
                part.open()

    def holds(self, path: str) -> bool:
        return any(self._parts[name].holds(path) for name in self._shown)


class MessageGroup:
    """The fields of one message, the rarely needed ones folded."""

    def __init__(
        self, form: ParameterForm, path: Path, message: str, sections: Sequence[str] = (), top: bool = False,
        without: Collection[str] = (),
    ):
        self.form, self.path, self.sections = form, path, sections

        def arranged(values: Mapping[str, Any]) -> tuple[list[Field], list[Field], list[Field]]:
            return arrange(message, sections, values, top, without)

        self._arranged = arranged
        self._main = FieldList(form, path, lambda values: [*arranged(values)[0], *arranged(values)[1]])
        hook = "-".join([*map(str, path), "more"])
        rest = FieldList(form, path, lambda values: arranged(values)[2])
        self._more = Fold(form, path, "More", lambda: rest, hook=hook)
        self.box = leaf(ipywidgets.VBox, [self._main.box])

    def update(self, values: Mapping[str, Any] | None, fresh: bool) -> None:
        values = values or {}
        folded = self._arranged(values)[2]
        self._main.update(values, fresh)
        written = [field for field in folded if field.name in values]
        self._more.update(values, fresh, ", ".join(field.name for field in written))
        children = [self._main.box, self._more.box] if folded else [self._main.box]
        if len(children) != len(self.box.children):
            self.box.children = children
        if fresh:
            self._main.open(self.sections)
        if any(self.form.faulty((*self.path, field.name)) for field in folded):
            self._more.open()

    def holds(self, path: str) -> bool:
        return self._main.holds(path) or self._more.holds(path)


class MessageList:
    """The messages of a repeated field, with buttons to remove one and to append one."""

    def __init__(self, form: ParameterForm, path: Path, field: Field):
        self.form, self.path, self.field = form, path, field
        self._groups: list[MessageGroup] = []
        self._boxes: list[ipywidgets.VBox] = []
        self._count = -1
        self._add = leaf(
            ipywidgets.Button, description=f"Add {field.name}", icon="plus", _dom_classes=("bb-add",)
        )  # fmt: skip
        self._add.on_click(lambda _: self._tell(self.form.on_set, (*self.path, self._count), {}))
        self.box = leaf(ipywidgets.VBox)

    def update(self, values: Sequence[Any] | None, fresh: bool) -> None:
        values = values or []
        while len(self._groups) < len(values):
            self._append()
        for group, value in zip(self._groups, values, strict=False):
            group.update(value, fresh)
        if len(values) != self._count:
            self._count = len(values)
            self.box.children = [*self._boxes[: self._count], self._add]

    def _append(self) -> None:
        path = (*self.path, len(self._groups))
        tooltip = f"Remove {self.field.name} {path[-1]}"
        remove = leaf(ipywidgets.Button, description="remove", tooltip=tooltip, _dom_classes=("bb-remove",))
        remove.on_click(lambda _: self._tell(self.form.on_clear, path))
        label = leaf(ipywidgets.Label, f"{self.field.name} {path[-1]}")
        head = leaf(ipywidgets.HBox, [label, remove], _dom_classes=("bb-item-head",))
        group = MessageGroup(self.form, path, self.field.message)
        box = leaf(ipywidgets.VBox, [head, group.box], _dom_classes=("bb-item",))
        self._groups.append(group)
        self._boxes.append(box)

    def _tell(self, callback: Callable[..., Any], *arguments: Any) -> None:
        if error := self.form.tell(callback, *arguments):
            self.form.complain(error)

    def holds(self, path: str) -> bool:
        return any(group.holds(path) for group in self._groups[: max(self._count, 0)])
