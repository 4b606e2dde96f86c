"""Plain widgets within the panes: labels, buttons, inputs, whose looks are ruled by CSS."""

from __future__ import annotations

from typing import Any, TypeVar

import ipywidgets

Leaf = TypeVar("Leaf", bound=ipywidgets.DOMWidget)

_layout: ipywidgets.Layout | None = None
_styles: dict[type, Any] = {}


def leaf(kind: type[Leaf], *arguments: Any, **traits: Any) -> Leaf:
    """A widget that shares its layout with all leaves, and its style with those of its kind; nobody changes either.

    The page opens every object of its own one by one: with theirs, a button would be three.
    """
    global _layout
    if _layout is None or _layout.comm is None:  # closed, as by Widget.close_all
        _layout = ipywidgets.Layout()
    style = _styles.get(kind)
    if style is not None and style.comm is not None:
        traits["style"] = style
    widget = kind(*arguments, **{"layout": _layout, **traits})
    _styles[kind] = getattr(widget, "style", None)
    return widget
