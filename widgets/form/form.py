"""The form itself: the message it is about, and the widgets around its sections."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets

from ..leaves import leaf
from ..pane import Pane, as_html, describe
from .arranging import Path, dotted
from .rows import assign
from .sections import MessageGroup


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
        self.fixes: dict[str, tuple[str, Callable[[], Any]]] = {}
        self.lock = threading.RLock()
        self._keys = FormKeys(on_undo, on_redo, lambda: self._prepare(soon or {}))
        self._keys.add_class("bb-form-keys")
        self._title = leaf(ipywidgets.HTML)
        self._title.add_class("bb-form-title")
        self._hint = leaf(ipywidgets.HTML)
        self._hint.add_class("bb-form-hint")
        self._status = leaf(ipywidgets.HTML)
        self._status.add_class("bb-form-status")
        self._remedies = leaf(ipywidgets.HBox, _dom_classes=("bb-remedies",))
        self._bodies: dict[tuple[str, tuple[str, ...], tuple[str, ...]], MessageGroup] = {}
        self._body: MessageGroup | None = None
        self._subject: tuple[str, str] | None = None
        super().__init__(self._head(), **kwargs)
        self.add_class("bb-form")

    def show(
        self,
        message: str,
        values: Mapping[str, Any],
        *,
        sections: Sequence[str] = (),
        title: str = "",
        diagnostics: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
        fixes: Mapping[str, tuple[str, Callable[[], Any]]] | None = None,
    ) -> None:
        """Show the fields of a message. The same message again only changes what differs; from any thread.

        Args:
            message: its name in the schema, such as "LayerParameter".
            values: what is written, as nested dicts and lists (see `written_values`), of several messages SEVERAL
                where they differ (see `shared`).
            sections: the message fields to show open: a layer's own settings, ("convolution_param",).
            title: names the subject. Under another title, unfinished input is forgotten.
            diagnostics: messages by dotted path. One that has no input of its own is shown on top.
            without: fields of the message that are not shown.
            fixes: by the path of a diagnostic, the label of a button beside it, and what that calls.
        """
        with self.lock:
            subject = (message, title)
            fresh = subject != self._subject
            self._subject = subject
            self.diagnostics, self.fixes = dict(diagnostics or {}), dict(fixes or {})
            body = self._body_of(message, sections, without)
            body.update(values, fresh)
            assign(self._title, "value", as_html(title))
            homeless = {path: text for path, text in self.diagnostics.items() if not body.holds(path)}
            assign(self._status, "value", "<br>".join(as_html(text) for text in homeless.values()))
            remedies = [self.fix_button(*fix) for path, fix in self.fixes.items() if path in homeless]
            if remedies or self._remedies.children:
                self._remedies.children = remedies
            if self._body is not body:
                self._body = body
                self.children = [*self._head(), body.box]

    def _head(self) -> list[ipywidgets.Widget]:
        return [self._keys, self._title, self._status, self._remedies]

    def fix_button(self, label: str, call: Callable[[], Any]) -> ipywidgets.Button:
        """A button that mends what is said beside it."""
        button = leaf(ipywidgets.Button, description=label, icon="wrench", _dom_classes=("bb-fix",))
        button.on_click(lambda _button: call())
        return button

    def _body_of(self, message: str, sections: Sequence[str] = (), without: Sequence[str] = ()) -> MessageGroup:
        key = (message, tuple(sections), tuple(without))
        if key not in self._bodies:
            self._bodies[key] = MessageGroup(self, (), message, sections, True, without)
        return self._bodies[key]

    def _prepare(self, messages: Mapping[str, Mapping[str, Any]]) -> None:
        with self.lock:
            for message, values in messages.items():
                if (message, (), ()) not in self._bodies:
                    self._body_of(message).update(values, True)

    def clear(self, hint: str = "") -> None:
        """Show no field, but a line that says how to come by some."""
        with self.lock:
            self._subject = self._body = None
            self._title.value = ""
            self._status.value = ""
            self._hint.value = as_html(hint)
            if self._remedies.children:
                self._remedies.children = []
            self.children = [*self._head(), self._hint]

    def focus(self, path: Path | None = None) -> None:
        """Bring the focus to the input of a field, or to the first of the subject's own fields."""
        self._keys.send({"type": "focus", "hook": f"bb-field-{'-'.join(map(str, path))}" if path else None})

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
        assign(self._status, "value", as_html(text))


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
