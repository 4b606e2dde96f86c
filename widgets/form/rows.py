"""A row of a form: the input of one field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from ...proto.fields import Field
from ..leaves import leaf
from ..pane import as_html
from .arranging import Path, dotted, hint
from .values import SEVERAL, SHAPE, parse, same, spell, spell_one

if TYPE_CHECKING:
    from .form import ParameterForm


def assign(widget: Any, name: str, value: Any) -> None:
    """Set a trait only if it changes: validation alone costs more than comparing."""
    if getattr(widget, name) != value:
        setattr(widget, name, value)


def mark(widget: ipywidgets.DOMWidget, name: str, on: bool) -> None:
    if on != (name in widget._dom_classes):
        (widget.add_class if on else widget.remove_class)(name)


class Row:
    """One field that is no message: label, input, the way back to the default, and a line beneath."""

    def __init__(self, form: ParameterForm, path: Path, field: Field):
        self.form, self.path, self.field = form, path, field
        self.value: Any = None
        self.typed_error = ""
        self.fix: ipywidgets.Button | None = None  # the button that mends what the note says
        self.input = self._make_input()
        self.note = leaf(ipywidgets.HTML, as_html(self._hint()), _dom_classes=("bb-note",))
        hook = f"bb-field-{'-'.join(map(str, path))}"
        classes = ("bb-fieldrow", "bb-unset", hook)
        self.box = leaf(ipywidgets.Box, [self.input, self.note], _dom_classes=classes)
        self.input.observe(self._changed, "value")

    def _make_input(self) -> Any:
        field = self.field
        shared = {"description": field.name, "tooltip": hint(field)}
        if field.kind == "bool" and not field.repeated:
            return leaf(ipywidgets.Checkbox, value=bool(field.default), indent=True, **shared)
        if field.kind == "enum" and not field.repeated:
            return leaf(ipywidgets.Dropdown, options=self._options(), **shared)
        shared |= {"continuous_update": False, "placeholder": self._default()}
        options = self.form.suggestions.get(dotted(self.path), field.suggestions)
        if options and not field.repeated:
            return leaf(ipywidgets.Combobox, options=list(options), **shared)
        return leaf(ipywidgets.Text, **shared)

    def _default(self) -> str:
        return "" if self.field.default is None else spell_one(self.field, self.field.default)

    def _options(self, several: bool = False) -> list[tuple[str, Any]]:
        """The choices of an enum; the value SEVERAL is among them only while it is the field's."""
        unset = f"{self.field.default} (default)" if self.field.default is not None else "not set"
        first = [(str(SEVERAL), SEVERAL)] if several else []
        return [*first, (unset, None), *((name, name) for name, _ in self.field.choices)]

    def _offer(self, value: Any) -> None:
        options = self._options(several=value is SEVERAL)
        if len(options) != len(self.input.options):  # other options select their first, which nobody asked for
            self.input.unobserve(self._changed, "value")
            self.input.options = options
            self.input.value = value
            self.input.observe(self._changed, "value")
        assign(self.input, "value", value)

    def update(self, value: Any, fresh: bool) -> None:
        """Show what is written, None for nothing; typing that could not be read stays while nothing changed."""
        changed = not same(self.field, value, self.value)
        self.value = value
        if fresh or changed or not self.typed_error:
            self.typed_error = ""
            self._show_value()
        self._show_note()

    def _show_value(self) -> None:
        value = self.value
        if isinstance(self.input, ipywidgets.Checkbox):
            assign(self.input, "value", bool(self.field.default if value in (None, SEVERAL) else value))
        elif isinstance(self.input, ipywidgets.Dropdown):
            self._offer(value)
        else:
            assign(self.input, "placeholder", str(SEVERAL) if value is SEVERAL else self._default())
            assign(self.input, "value", "" if value in (None, SEVERAL) else spell(self.field, value))
        mark(self.box, "bb-several", value is SEVERAL)
        self._show_whether_set()

    def _show_whether_set(self) -> None:
        """A value that is written is not dimmed, and has a way back to the default, made when it is first needed."""
        mark(self.box, "bb-unset", self.value is None)
        if self.value is not None and not any("bb-clear" in child._dom_classes for child in self.box.children):
            reset = leaf(
                ipywidgets.Button, description="↺", tooltip=f"Back to the default of {self.field.name}",
                _dom_classes=("bb-clear",),
            )  # fmt: skip
            reset.on_click(self._reset)
            self.box.children = [*self.box.children, reset]

    def _show_note(self) -> None:
        path = next((path for path in self.form.diagnostics if self.holds(path)), None)
        error = self.typed_error or (self.form.diagnostics[path] if path is not None else "")
        mark(self.box, "bb-invalid", bool(error))
        assign(self.note, "value", as_html(error or self._hint()))
        self._offer_fix(None if path is None or self.typed_error else self.form.fixes.get(path))

    def _offer_fix(self, fix: tuple[str, Any] | None) -> None:
        before = self.fix
        if fix is None and before is None:
            return
        self.fix = None if fix is None else self.form.fix_button(*fix)
        others = [child for child in self.box.children if child is not before]
        self.box.children = others if self.fix is None else [*others, self.fix]

    def _hint(self) -> str:
        """The field's line; of a choice, also what the chosen one means."""
        chosen = self.field.default if self.value is None else self.value
        meaning = next((text for name, text in self.field.choices if name == chosen), "")
        return f"{hint(self.field)} {chosen}: {meaning}" if meaning else hint(self.field)

    def _changed(self, change: Any) -> None:
        with self.form.lock:
            try:
                value = self._read(change["new"])
            except ValueError as error:
                self.typed_error = str(error)
                self._show_note()
                return
            self.typed_error = ""
            if same(self.field, value, self.value):
                self._show_note()
                return
            before, self.value = self.value, value
        if value is None:
            error = self.form.tell(self.form.on_clear, self.path)
        else:
            error = self.form.tell(self.form.on_set, self.path, value)
        with self.form.lock:
            if error:
                self.value = before
            self.typed_error = error
            self._show_whether_set()
            self._show_note()

    def _read(self, entered: Any) -> Any:
        if self.value is SEVERAL and entered in ("", bool(self.field.default)):
            return SEVERAL  # what is shown meanwhile
        if isinstance(self.input, ipywidgets.Checkbox):
            # An unset box shows its default; only another value is a change.
            return None if self.value is None and entered == bool(self.field.default) else entered
        if isinstance(self.input, ipywidgets.Dropdown):
            return entered
        return parse(self.field, entered) if entered.strip() else None

    def _reset(self, _button: Any) -> None:
        with self.form.lock:
            written, self.value, self.typed_error = self.value, None, ""
            self._show_value()
        error = self.form.tell(self.form.on_clear, self.path) if written is not None else ""
        with self.form.lock:
            self.typed_error = error
            self._show_note()

    def holds(self, path: str) -> bool:
        inside = self.field.message == SHAPE and path.startswith(f"{dotted(self.path)}.")
        return path == dotted(self.path) or inside
