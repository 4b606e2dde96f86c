"""The net editor as a Jupyter widget: a graph to draw in, what the user wants done to it out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import ipywidgets

from ..pane import Pane
from .svg import to_svg

EMPTY: dict[str, Any] = {
    "version": 0, "nodes": [], "edges": [], "groups": [], "problems": [], "palette": [], "width": 0, "height": 0
}  # fmt: skip


class NetEditor(Pane, script="editor"):
    """Draws a graph (see `build_graph`) and tells what the user would like done to it.

    The editor changes nothing itself: whoever listens edits the document and assigns a new `graph`. An intent
    is a dict with a `type`:

    - `select` {ids, edges}: also mirrored in `selected`, and in the other views of this editor;
    - `connect` {source, source_port, target, target_port}: the port is None to append a bottom;
    - `disconnect` {edges} and `remove` {nodes, edges}: ids, see `edge_ends`;
    - `add` {layer_type, near, connect_from, branch}: ids or None; a branch does not come between two layers;
      `layers`, if there, are several in a row, each {type, args}; `also` are all that are selected;
    - `copy` {ids}; `paste` {text, near};
    - `edit` {id}: its fields are wanted;
    - `rename` {id, name}, with `alone` where the top is to keep its name; `duplicate` {ids}; `toggle_group` {id}: the
      group's name;
    - `rule` {ids, phase}: to be in TRAIN only, in TEST only, or in both (""); `view` {name}, one of the graph's
      `views`;
    - `share` {ids}, `unshare` {ids}: parameters under the names in `param`;
    - `save_module` {ids, name}, `remove_module` {name}: modules of the user's own;
    - `make` {net}: the "deploy" or "training" net of this one;
    - `export` {kind}: the net as "svg", "png", "html" or "prototxt";
    - `search`: the list of layers was opened, `offer` answers; `find` {index}: a layer of it was chosen, by its place
      in the text;
    - `undo`, `redo`, `relayout`.

    `height` is any CSS height.
    """

    def __init__(self, graph: Mapping[str, Any] | None = None, height: str = "560px", **kwargs: Any):
        self._graph = dict(graph or EMPTY)
        self._selected: list[str] = []
        self._steps: dict[str, Any] = {"ran": None, "next": None, "bad": None}
        self._height = height
        self._intent_callbacks = ipywidgets.CallbackDispatcher()
        self._overlays: list[dict[str, str]] = []
        self._overlay: dict[str, Any] | None = None
        self.on_overlay: Callable[[str, str], Any] | None = None
        super().__init__(**kwargs)

    @property
    def height(self) -> str:
        """The height of the pane: any CSS height."""
        return self._height

    @height.setter
    def height(self, height: str) -> None:
        self._height = height
        self.send({"type": "height", "height": height})

    @property
    def graph(self) -> dict[str, Any]:
        """The graph that is drawn, as `build_graph` makes it."""
        return self._graph

    @graph.setter
    def graph(self, graph: Mapping[str, Any]) -> None:
        self._graph = dict(graph)
        self.send({"type": "graph", "graph": self._graph})

    @property
    def selected(self) -> list[str]:
        """The ids of the layers that are selected."""
        return self._selected

    @selected.setter
    def selected(self, ids: Iterable[str]) -> None:
        self._select(ids)

    def _select(self, ids: Iterable[str], view: str | None = None) -> None:
        """Select layers in all views but the one where the user did it."""
        chosen = list(ids)
        if chosen != self._selected:
            self._selected = chosen
            self.send({"type": "select", "ids": chosen} | ({"except": view} if view else {}))

    def mark_steps(
        self, ran: Mapping[str, str] | None, coming: Mapping[str, str] | None, bad: Mapping[str, str] | None = None
    ) -> None:
        """Mark the layer that ran last, the one that runs next, and the first that made a NaN or an infinity.

        Each is {id, direction}, or None.
        """
        steps = {"ran": ran, "next": coming, "bad": bad}
        if steps != self._steps:
            self._steps = steps
            self.send({"type": "steps", **steps})

    def on_intent(self, callback: Callable[[dict[str, Any]], None], remove: bool = False) -> None:
        """Call `callback(intent)` for everything the user asks for, or stop doing so.

        An exception in a callback is shown in the editor's own status line: in a notebook it would be lost.
        """
        self._intent_callbacks.register_callback(callback, remove=remove)

    def offer(self, entries: Sequence[Mapping[str, Any]], view: str | None = None) -> None:
        """Answer a search: every layer, those in folded groups too, with `index`, `name`, `type`, `category`, `note`
        and the `haystack` that words are looked for in.
        """
        self.send({"type": "layers", "layers": list(entries)} | ({"to": view} if view else {}))

    def offer_overlays(self, overlays: Iterable[Mapping[str, str]]) -> None:
        """Offer figures to colour the drawing by, each with `name`, `title` and `help`.

        `on_overlay(ask, name)` is called with "choose" and a name, "" for none; with "measure"; and with "drawn" when
        a view has drawn an overlay that is `live`.
        """
        self._overlays = [dict(one) for one in overlays]
        self.send({"type": "overlays", "overlays": self._overlays})

    def show_overlay(self, overlay: Mapping[str, Any] | None) -> None:
        """Colour the drawing by an overlay (see `page/overlay.js`), or not any more."""
        self._overlay = None if overlay is None else dict(overlay)
        self.send({"type": "overlay", "overlay": self._overlay})

    def _greeting(self) -> list[dict[str, Any]]:
        return [
            {"type": "height", "height": self._height},
            {"type": "graph", "graph": self._graph},
            {"type": "select", "ids": self._selected},
            {"type": "overlays", "overlays": self._overlays},
            *([{"type": "overlay", "overlay": self._overlay}] if self._overlay else []),
            {"type": "steps", **self._steps},
        ]

    def _receive(self, widget: Any, content: Any, buffers: Sequence[memoryview]) -> None:
        if not isinstance(content, dict) or not isinstance(content.get("type"), str):
            return
        if content["type"] == "hello":
            super()._receive(widget, content, buffers)
            return
        if content["type"] == "overlay":
            self.run_callback(self.on_overlay, content.get("ask", ""), content.get("name", ""))
            return
        intent = {key: value for key, value in content.items() if key != "view" or content["type"] == "search"}
        if intent["type"] == "select":
            self._select(intent.get("ids", ()), content.get("view"))
        for callback in list(self._intent_callbacks.callbacks):
            self.run_callback(callback, intent)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a picture for where no kernel is: a reopened notebook, a code host, a printout."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None and self._graph.get("nodes"):
            data["image/svg+xml"] = to_svg(self._graph)
        return bundle
