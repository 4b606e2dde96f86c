"""The net editor as a Jupyter widget: traits for what is drawn, callbacks for what the user wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from .svg import to_svg

HERE = Path(__file__).parent
EMPTY: dict[str, Any] = {
    "version": 0, "nodes": [], "edges": [], "groups": [], "problems": [], "palette": [], "width": 0, "height": 0
}


class NetEditor(anywidget.AnyWidget):
    """Draws a graph (see `build_graph`) and tells what the user would like done to it.

    The editor changes nothing itself: whoever listens edits the document and assigns a new `graph`.  An intent
    is a dict with a `type`:

    - `select` {ids, edges}: also mirrored in `selected`;
    - `connect` {source, source_port, target, target_port}: the port is None to append a bottom;
    - `disconnect` {edges} and `remove` {nodes, edges}: ids, see `edge_ends`;
    - `add` {layer_type, near, connect_from, branch}: ids or None; a branch does not come between two layers;
    - `rename` {id, name}; `duplicate` {ids}; `toggle_group` {id}: the group's name;
    - `undo`, `redo`, `relayout`.
    """

    _esm = HERE / "editor.js"
    _css = HERE / "editor.css"

    graph = traitlets.Dict().tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)
    height = traitlets.Unicode("560px", help="any CSS height").tag(sync=True)

    def __init__(self, graph: Mapping[str, Any] | None = None, **kwargs: Any):
        super().__init__(graph=dict(graph or EMPTY), **kwargs)
        self._intent_callbacks = ipywidgets.CallbackDispatcher()
        self.on_msg(self._receive)

    def on_intent(self, callback: Callable[[dict[str, Any]], None], remove: bool = False) -> None:
        """Call `callback(intent)` for everything the user asks for, or stop doing so.

        An exception in a callback is shown in the editor's own status line: in a notebook it would be lost.
        """
        self._intent_callbacks.register_callback(callback, remove=remove)

    def say(self, text: str, kind: str = "info") -> None:
        """Show one line under the drawing, and read it to screen readers; `kind` is "info" or "error"."""
        self.send({"type": "say", "text": text, "kind": kind})

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if not isinstance(content, dict) or not isinstance(content.get("type"), str):
            return
        for callback in list(self._intent_callbacks.callbacks):
            try:
                callback(content)
            except Exception as error:
                self.say(str(error) or type(error).__name__, "error")

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a picture for where no kernel is: a reopened notebook, a code host, a printout."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None and self.graph.get("nodes"):
            data["image/svg+xml"] = to_svg(self.graph)
        return bundle
