"""The parameter form: inputs for the fields of a message, generated from the schema's field records alone."""

import csv
import io
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np

from ..proto.fields import Field, fields
from .pane import Pane, as_html, describe
from .shapes import parse_shapes, spell_shapes

Path = tuple[str | int, ...]

COMMON = {"LayerParameter": ("param", "include", "exclude", "loss_weight", "propagate_down")}
"""What every layer may have, apart from its own settings: shown folded, below them."""

SHAPE = "BlobShape"
"""The message that is one line of a form, not a section."""

UINT32_MAX = 2**32 - 1


def written_values(message: Any) -> dict[str, Any]:
    """The fields that are set in a protobuf message, as nested dicts and lists, enums by name."""
    values: dict[str, Any] = {}
    for descriptor, value in message.ListFields():
        if descriptor.message_type:
            read: Callable[[Any], Any] = written_values
        elif descriptor.enum_type:
            names = descriptor.enum_type.values_by_number
            read = lambda number, names=names: names[number].name  # noqa: E731
        else:
            read = lambda scalar: scalar  # noqa: E731
        values[descriptor.name] = read(value) if not descriptor.is_repeated else [read(each) for each in value]
    return values


def spell(field: Field, value: Any) -> str:
    """A value as it is typed into an input; a list is separated by commas."""
    if field.message == SHAPE:
        return spell_shapes(value)
    if field.repeated:
        line = io.StringIO()
        csv.writer(line).writerow([_spell_one(field, each) for each in value])
        return line.getvalue().rstrip("\r\n").replace(",", ", ") if field.kind != "string" else line.getvalue().rstrip()
    return _spell_one(field, value)


def _spell_one(field: Field, value: Any) -> str:
    match field.kind:
        case "bool":
            return "true" if value else "false"
        case "float":
            single = np.float32(value)
            return str(single if single == value else float(value)).removesuffix(".0")
        case "bytes":
            return value.decode("latin-1") if isinstance(value, bytes) else str(value)
        case _:
            return str(value)


def parse(field: Field, text: str) -> Any:
    """The value that a text stands for: a list where the field is repeated.

    Raises ValueError where it is not a value of the field, saying what was expected and what was found.
    """
    if field.message == SHAPE:
        return parse_shapes(text, field.repeated)
    if not field.repeated:
        return _parse_one(field, text.strip())
    items = next(csv.reader([text], skipinitialspace=True), [])
    if field.kind not in ("string", "bytes"):
        items = [each for item in items for each in item.split()]
    return [_parse_one(field, item.strip()) for item in items if item.strip()]


def _parse_one(field: Field, text: str) -> Any:
    match field.kind:
        case "int" | "uint":
            value: Any = _parse_whole(text)
        case "float":
            try:
                value = float(text.rstrip("fF") if not text.lower().lstrip("+-").startswith("inf") else text)
            except ValueError:
                raise ValueError(f"Expected a number; found {text!r}.") from None
        case "bool":
            if text not in ("true", "false"):
                raise ValueError(f"Expected true or false; found {text!r}.")
            return text == "true"
        case "enum":
            names = [name for name, _ in field.choices]
            if text not in names:
                raise ValueError(f"Expected one of {', '.join(names)}; found {text!r}.")
            return text
        case "bytes":
            return text.encode("latin-1", "replace")
        case _:
            return text
    highest = UINT32_MAX if field.kind == "uint" and field.max is None else field.max
    if field.min is not None and value < field.min:
        raise ValueError(f"{field.name} must be at least {field.min:g}; got {text}.")
    if highest is not None and value > highest:
        raise ValueError(f"{field.name} must be at most {highest}; got {text}.")
    return value


def _parse_whole(text: str) -> int:
    try:
        return int(text, 16 if text.lower().lstrip("+-").startswith("0x") else 10)
    except ValueError:
        raise ValueError(f"Expected a whole number; found {text!r}.") from None


def same(field: Field, one: Any, other: Any) -> bool:
    """Whether two values of a field are equal; decimals as far as a float32 tells them apart."""
    if one is None or other is None:
        return one is other
    if field.kind != "float":
        return one == other
    ones, others = np.atleast_1d(np.float32(one)), np.atleast_1d(np.float32(other))
    return np.array_equal(ones, others, equal_nan=True)


def hint(field: Field) -> str:
    """One line under an input: what the field does, in which unit, from where to where."""
    notes = [f"in {field.unit}" if field.unit else ""]
    if field.min is not None and (field.kind != "uint" or field.min > 0):
        notes.append(f"at least {field.min:g}")
    if field.max is not None:
        notes.append(f"at most {field.max:g}")
    if field.message == SHAPE:
        notes.append("as in 1x3x224x224")
    if field.repeated:
        notes.append("comma-separated")
    notes = [note for note in notes if note]
    return f"{field.help} ({', '.join(notes)})" if notes else field.help



def summary(value: Any) -> str:
    """A message in a few words, for the head of its folded section."""
    if not value:
        return ""
    if isinstance(value, list):
        return f"{len(value)}: " + "; ".join(summary(each) or "empty" for each in value)
    scalars = [(name, each) for name, each in value.items() if not isinstance(each, dict | list)]
    words = [str(each) if isinstance(each, str) else f"{name} {_spell_number(each)}" for name, each in scalars]
    words += [f"{name} {' '.join(map(str, each))}" for name, each in value.items()
              if isinstance(each, list) and not any(isinstance(item, dict) for item in each)]  # fmt: skip
    return ", ".join(words[:4])


def _spell_number(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) and math.isfinite(value) else str(value)


def arrange(
    message: str, sections: Sequence[str] = (), values: Mapping[str, Any] | None = None, top: bool = False
) -> tuple[list[Field], list[Field], list[Field]]:
    """Which fields of a message a form shows: at once, in open sections, and folded under "more".

    Args:
        message: a message name such as "LayerParameter".
        sections: message fields to show open, such as ("convolution_param",).
        values: what is written: it is shown even if deprecated or unusual.
        top: whether this is the message the form is about. Its other message fields appear only when
            written, or in COMMON: a layer has sixty of them and needs one.
    """
    values = values or {}
    common = COMMON.get(message, ())
    records = [field for field in fields(message) if not field.deprecated or field.name in values]
    by_name = {field.name: field for field in records}
    opened = [by_name[name] for name in sections if name in by_name]
    others = [field for field in records if top and field.kind == "message" and field.name not in (*sections, *common)]
    opened += [field for field in others if field.name in values]
    left = [field for field in records if field not in opened and field not in others]
    folded = [field for field in left if field.advanced or field.deprecated or field.name in common]
    if top:
        folded.sort(key=lambda field: common.index(field.name) if field.name in common else len(common))
    return [field for field in left if field not in folded], opened, folded


def dotted(path: Path) -> str:
    """A path as diagnostics spell it: "convolution_param.num_output", "param.0.lr_mult"."""
    return ".".join(map(str, path))


class ParameterForm(ipywidgets.VBox):
    """Inputs for a layer, a solver or any other message of the schema.

    It knows field records, no layer: what it shows is what the schema says. A change is told once, when it is
    made: with Enter or on leaving a text input, at once for a choice. What cannot be a value is marked at its
    field and not told.

    Args:
        on_set: called with the path of a field and its new value: ("convolution_param", "num_output"), 24. All
            of a repeated field is one list; a message is appended with its index and {}: ("param", 2), {}.
            What it raises is shown at the field.
        on_clear: called with the path of a field, or of one message of several, that is to be removed.
        on_undo, on_redo: called for Ctrl+Z and Ctrl+Y outside of unfinished typing.
        suggestions: by dotted path, values worth offering for a text field, such as {"type": [...]}.
        soon: by name, messages that may be asked for next, with what is written in them: their inputs are made once
            the form is in the page, so that they are there when they are wanted.
    """

    def __init__(
        self,
        on_set: Callable[[Path, Any], Any],
        on_clear: Callable[[Path], Any],
        *,
        on_undo: Callable[[], Any] | None = None,
        on_redo: Callable[[], Any] | None = None,
        suggestions: Mapping[str, Sequence[str]] | None = None,
        soon: Mapping[str, Mapping[str, Any]] | None = None,
        **kwargs: Any,
    ):
        self.on_set = on_set
        self.on_clear = on_clear
        self.suggestions = dict(suggestions or {})
        self.diagnostics: dict[str, str] = {}
        self.lock = threading.RLock()
        self._layout = ipywidgets.Layout()
        self._styles: dict[type, Any] = {}
        self._keys = FormKeys(on_undo, on_redo, lambda: self._prepare(soon or {}))
        self._keys.add_class("bb-form-keys")
        self._title = ipywidgets.HTML()
        self._title.add_class("bb-form-title")
        self._hint = ipywidgets.HTML()
        self._hint.add_class("bb-form-hint")
        self._status = ipywidgets.HTML()
        self._status.add_class("bb-form-status")
        self._bodies: dict[tuple[str, tuple[str, ...]], _Group] = {}
        self._body: _Group | None = None
        self._subject: tuple[str, str] | None = None
        super().__init__([self._keys, self._title, self._status], **kwargs)
        self.add_class("bb-form")

    def show(
        self,
        message: str,
        values: Mapping[str, Any],
        *,
        sections: Sequence[str] = (),
        title: str = "",
        diagnostics: Mapping[str, str] | None = None,
    ) -> None:
        """Show the fields of a message. The same message again only changes what differs; from any thread.

        Args:
            message: its name in the schema, such as "LayerParameter".
            values: what is written, as nested dicts and lists (see `written_values`).
            sections: the message fields to show open: a layer's own settings, ("convolution_param",).
            title: names the subject. Under another title, unfinished input is forgotten.
            diagnostics: messages by dotted path. One that has no input of its own is shown on top.
        """
        with self.lock:
            subject = (message, title)
            fresh = subject != self._subject
            self._subject = subject
            self.diagnostics = dict(diagnostics or {})
            body = self._body_of(message, sections)
            body.update(values, fresh)
            _assign(self._title, "value", as_html(title))
            homeless = [text for path, text in self.diagnostics.items() if not body.holds(path)]
            _assign(self._status, "value", "<br>".join(as_html(text) for text in homeless))
            if self._body is not body:
                self._body = body
                self.children = [self._keys, self._title, self._status, body.box]

    def _body_of(self, message: str, sections: Sequence[str] = ()) -> "_Group":
        key = (message, tuple(sections))
        if key not in self._bodies:
            self._bodies[key] = _Group(self, (), message, sections=sections, top=True)
        return self._bodies[key]

    def _prepare(self, messages: Mapping[str, Mapping[str, Any]]) -> None:
        with self.lock:
            for message, values in messages.items():
                if (message, ()) not in self._bodies:
                    self._body_of(message).update(values, True)

    def clear(self, hint: str = "") -> None:
        """Show no field, but a line that says how to come by some."""
        with self.lock:
            self._subject = self._body = None
            self._title.value = ""
            self._status.value = ""
            self._hint.value = as_html(hint)
            self.children = [self._keys, self._title, self._status, self._hint]

    def focus(self, path: Path | None = None) -> None:
        """Bring the focus to the input of a field, or to the first of the subject's own fields."""
        self._keys.send({"type": "focus", "hook": f"bb-field-{'-'.join(map(str, path))}" if path else None})

    def make(self, kind: type, *arguments: Any, **traits: Any) -> Any:
        """A widget that shares its layout, and its style with all of its kind, since CSS rules here.

        The page opens every object of its own one by one: with theirs, an input would be three.
        """
        if kind in self._styles:
            traits["style"] = self._styles[kind]
        widget = kind(*arguments, layout=self._layout, **traits)
        if hasattr(widget, "style"):
            self._styles[kind] = widget.style
        return widget

    def tell(self, callback: Callable[..., Any], *arguments: Any) -> str:
        """Call the owner; what it raised as a line, empty where it went well."""
        try:
            callback(*arguments)
        except Exception as error:
            return describe(error)
        return ""

    def faulty(self, path: Path) -> bool:
        """Whether a field, or one inside it, is at fault: it must not be hidden then."""
        return any((fault + ".").startswith(dotted(path) + ".") for fault in self.diagnostics)

    def complain(self, text: str) -> None:
        """Show an error that belongs to no input."""
        _assign(self._status, "value", as_html(text))


class FormKeys(Pane, script="form"):
    """The part of a form that lives in the page: undo keys, and marks that screen readers understand."""

    def __init__(
        self,
        on_undo: Callable[[], Any] | None,
        on_redo: Callable[[], Any] | None,
        on_open: Callable[[], Any] | None = None,
    ):
        self._on_undo = on_undo
        self._on_redo = on_redo
        self._on_open = on_open
        super().__init__()

    def _page_hello(self, content: dict, buffers: Any) -> None:
        super()._page_hello(content, buffers)
        self.run_callback(self._on_open)

    def _page_undo(self, _content: dict, _buffers: Any) -> None:
        self.run_callback(self._on_undo)

    def _page_redo(self, _content: dict, _buffers: Any) -> None:
        self.run_callback(self._on_redo)


def _assign(widget: Any, name: str, value: Any) -> None:
    """Set a trait only if it changes: validation alone costs more than comparing."""
    if getattr(widget, name) != value:
        setattr(widget, name, value)


def _mark(widget: ipywidgets.DOMWidget, name: str, on: bool) -> None:
    if on != (name in widget._dom_classes):
        (widget.add_class if on else widget.remove_class)(name)


class _Row:
    """One field that is no message: label, input, the way back to the default, and a line beneath."""

    def __init__(self, form: ParameterForm, path: Path, field: Field):
        self.form, self.path, self.field = form, path, field
        self.value: Any = None
        self.typed_error = ""
        self.input = self._make_input()
        self.note = form.make(ipywidgets.HTML, as_html(self._hint()), _dom_classes=("bb-note",))
        hook = f"bb-field-{'-'.join(map(str, path))}"
        classes = ("bb-fieldrow", "bb-unset", hook)
        self.box = form.make(ipywidgets.Box, [self.input, self.note], _dom_classes=classes)
        self.input.observe(self._changed, "value")

    def _make_input(self) -> Any:
        field = self.field
        shared = {"description": field.name, "tooltip": hint(field)}
        if field.kind == "bool" and not field.repeated:
            return self.form.make(ipywidgets.Checkbox, value=bool(field.default), indent=True, **shared)
        if field.kind == "enum" and not field.repeated:
            unset = f"{field.default} (default)" if field.default is not None else "not set"
            options = [(unset, None), *((name, name) for name, _ in field.choices)]
            return self.form.make(ipywidgets.Dropdown, options=options, **shared)
        default = "" if field.default is None else _spell_one(field, field.default)
        shared |= {"continuous_update": False, "placeholder": default}
        options = self.form.suggestions.get(dotted(self.path), field.suggestions)
        if options and not field.repeated:
            return self.form.make(ipywidgets.Combobox, options=list(options), **shared)
        return self.form.make(ipywidgets.Text, **shared)

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
            _assign(self.input, "value", bool(self.field.default if value is None else value))
        elif isinstance(self.input, ipywidgets.Dropdown):
            _assign(self.input, "value", value)
        else:
            _assign(self.input, "value", "" if value is None else spell(self.field, value))
        self._show_whether_set()

    def _show_whether_set(self) -> None:
        """A value that is written is not dimmed, and has a way back to the default, made when it is first needed."""
        _mark(self.box, "bb-unset", self.value is None)
        if self.value is not None and len(self.box.children) == 2:
            reset = self.form.make(
                ipywidgets.Button, description="↺", tooltip=f"Back to the default of {self.field.name}",
                _dom_classes=("bb-clear",),
            )  # fmt: skip
            reset.on_click(self._reset)
            self.box.children = [*self.box.children, reset]

    def _show_note(self) -> None:
        found = (text for path, text in self.form.diagnostics.items() if self.holds(path))
        error = self.typed_error or next(found, "")
        _mark(self.box, "bb-invalid", bool(error))
        _assign(self.note, "value", as_html(error or self._hint()))

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


class _Fold:
    """A head that opens and closes a section; what is inside is made when it is first opened.

    A message that is written once can be removed from here.
    """

    def __init__(
        self,
        form: ParameterForm,
        path: Path,
        title: str,
        build: Callable[[], "_Fields | _Group | _List"],
        tooltip: str = "",
        hook: str = "",
        removable: bool = False,
    ):
        self.form, self.path, self.title = form, path, title
        self._build = build
        self._inside: _Fields | _Group | _List | None = None
        self._values: Any = None
        self._note = ""
        self._fresh = True
        self._removable = removable
        self.head = form.make(
            ipywidgets.ToggleButton, description=title, icon="caret-right", tooltip=tooltip,
            _dom_classes=("bb-fold", f"bb-fold-{hook or '-'.join(map(str, path))}"),
        )  # fmt: skip
        self.head.observe(self._toggled, "value")
        self._top = form.make(ipywidgets.HBox, [self.head], _dom_classes=("bb-fold-head",))
        self.box = form.make(ipywidgets.VBox, [self._top])

    def update(self, values: Any, fresh: bool, note: str = "") -> None:
        self._values = values
        self._fresh = self._fresh or fresh
        self._note = note
        self._show_title()
        _mark(self._top, "bb-unset", values is None)
        if self._removable and values is not None and len(self._top.children) == 1:
            remove = self.form.make(
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
        _assign(self.head, "description", f"{self.title}: {closed_note}" if closed_note else self.title)

    def open(self) -> None:
        _assign(self.head, "value", True)

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


class _Fields:
    """Some fields of a message, one beneath the other; which ones may depend on what is written."""

    def __init__(self, form: ParameterForm, path: Path, which: Callable[[Mapping[str, Any]], Sequence[Field]]):
        self.form, self.path = form, path
        self._which = which
        self._parts: dict[str, _Row | _Fold] = {}
        self._shown: list[str] = []
        self.box = form.make(ipywidgets.VBox)

    def update(self, values: Mapping[str, Any] | None, fresh: bool) -> None:
        values = values or {}
        shown = self._which(values)
        for field in shown:
            part = self._parts.get(field.name)
            if part is None:
                part = self._parts[field.name] = self._make(field)
            value = values.get(field.name)
            if isinstance(part, _Fold):
                part.update(value, fresh, summary(value))
            else:
                part.update(value, fresh)
        names = [field.name for field in shown]
        if names != self._shown:
            self._shown = names
            self.box.children = [self._parts[name].box for name in names]
        for name in names:
            part = self._parts[name]
            if isinstance(part, _Fold) and self.form.faulty((*self.path, name)):
                part.open()

    def _make(self, field: Field) -> "_Row | _Fold":
        form, path = self.form, (*self.path, field.name)
        if field.kind != "message" or field.message == SHAPE:
            return _Row(form, path, field)
        if field.repeated:
            return _Fold(form, path, field.name, lambda: _List(form, path, field), field.help)
        return _Fold(form, path, field.name, lambda: _Group(form, path, field.message), field.help, removable=True)

    def open(self, names: Sequence[str]) -> None:
        for name in names:
            part = self._parts.get(name)
            if isinstance(part, _Fold):
                part.open()

    def holds(self, path: str) -> bool:
        return any(self._parts[name].holds(path) for name in self._shown)


class _Group:
    """The fields of one message, the rarely needed ones folded."""

    def __init__(
        self, form: ParameterForm, path: Path, message: str, sections: Sequence[str] = (), top: bool = False
    ):
        self.form, self.path, self.sections = form, path, sections

        def arranged(values: Mapping[str, Any]) -> tuple[list[Field], list[Field], list[Field]]:
            return arrange(message, sections, values, top)

        self._arranged = arranged
        self._main = _Fields(form, path, lambda values: [*arranged(values)[0], *arranged(values)[1]])
        hook = "-".join([*map(str, path), "more"])
        rest = _Fields(form, path, lambda values: arranged(values)[2])
        self._more = _Fold(form, path, "More", lambda: rest, hook=hook)
        self.box = form.make(ipywidgets.VBox, [self._main.box])

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


class _List:
    """The messages of a repeated field, with buttons to remove one and to append one."""

    def __init__(self, form: ParameterForm, path: Path, field: Field):
        self.form, self.path, self.field = form, path, field
        self._groups: list[_Group] = []
        self._boxes: list[ipywidgets.VBox] = []
        self._count = -1
        self._add = form.make(
            ipywidgets.Button, description=f"Add {field.name}", icon="plus", _dom_classes=("bb-add",)
        )  # fmt: skip
        self._add.on_click(lambda _: self._tell(self.form.on_set, (*self.path, self._count), {}))
        self.box = form.make(ipywidgets.VBox)

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
        make = self.form.make
        tooltip = f"Remove {self.field.name} {path[-1]}"
        remove = make(ipywidgets.Button, description="remove", tooltip=tooltip, _dom_classes=("bb-remove",))
        remove.on_click(lambda _: self._tell(self.form.on_clear, path))
        label = make(ipywidgets.Label, f"{self.field.name} {path[-1]}")
        head = make(ipywidgets.HBox, [label, remove], _dom_classes=("bb-item-head",))
        group = _Group(self.form, path, self.field.message)
        box = make(ipywidgets.VBox, [head, group.box], _dom_classes=("bb-item",))
        self._groups.append(group)
        self._boxes.append(box)

    def _tell(self, callback: Callable[..., Any], *arguments: Any) -> None:
        if error := self.form.tell(callback, *arguments):
            self.form.complain(error)

    def holds(self, path: str) -> bool:
        return any(group.holds(path) for group in self._groups[: max(self._count, 0)])
