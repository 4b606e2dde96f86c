"""What the user asks for in the drawing, as edits of the text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..engine import LAYERS, Report, load_layers
from ..engine.layer import count_of
from ..proto import Document
from ..proto.messages import LayerParameter
from .editor.graph import edge_ends, layer_ids

Graph = Mapping[str, Any]


def palette() -> list[dict[str, str]]:
    """The layer types on offer, for the editor: type, category, and the first sentence of the type's docstring."""
    load_layers()
    entries = [
        {"type": name, "category": cls.category, "help": (cls.__doc__ or "").strip().partition("\n")[0]}
        for name, cls in LAYERS.items()
        if name != "Split"
    ]
    return sorted(entries, key=lambda entry: (entry["category"], entry["type"]))


def indices_of(report: Report, ids: Iterable[str]) -> list[int]:
    """The layers behind boxes and strips, by their place in the text; a collapsed group stands for all its layers."""
    by_id = {name: layer.index for name, layer in zip(layer_ids(report.layers), report.layers, strict=True)}
    found: set[int] = set()
    for one in ids:
        if one in by_id:
            found.add(by_id[one])
        elif one.endswith("/"):
            found.update(layer.index for layer in report.layers if layer.name.rpartition("/")[0] + "/" == one)
    return sorted(found)


def _written(report: Report, ids: Iterable[str]) -> list[int]:
    """`indices_of`, for an edit of the layers. Raises ValueError where one is no layer of the text."""
    found = indices_of(report, ids)
    if found and found[0] < 0:
        raise ValueError("This input is written in the old form (input: ...), which the drawing cannot edit.")
    return found


def _tops(report: Report, index: int) -> tuple[str, ...]:
    return next(layer.tops for layer in report.layers if layer.index == index)


def carry_out(document: Document, report: Report, graph: Graph, intent: Mapping[str, Any]) -> list[int] | None:
    """Edit the document as an intent of the editor asks, in one step of undo.

    Returns the layers to select afterwards, None to leave the selection. Raises ValueError, in words for the user,
    for what cannot be done.
    """
    kind = intent["type"]
    if kind == "connect":
        return _connect(document, report, intent)
    if kind == "disconnect":
        with document.transaction("disconnect"):
            _cut(document, graph, intent["edges"])
        return None
    if kind == "remove":
        return _remove(document, report, graph, intent)
    if kind == "add":
        return _add(document, report, intent)
    if kind == "duplicate":
        return _duplicate(document, _written(report, intent["ids"]))
    if kind == "rename":
        (index,) = _written(report, [intent["id"]])
        document.rename_layer(index, intent["name"])
        return [index]
    if kind in ("undo", "redo"):
        if not (document.undo() if kind == "undo" else document.redo()):
            raise ValueError(f"There is nothing to {kind}.")
        return None
    raise ValueError(f"The editor asks for {kind!r}, which the bench does not know.")


def _connect(document: Document, report: Report, intent: Mapping[str, Any]) -> list[int]:
    (source,) = indices_of(report, [intent["source"]])
    (target,) = _written(report, [intent["target"]])
    tops = _tops(report, source)
    port = intent["source_port"] or 0
    if port >= len(tops):
        raise ValueError(f"{intent['source']!r} has no top to connect.")
    with document.transaction("connect"):
        if target < source:  # text runs from bottom to top: a reader comes after the writer
            document.move_layer(target, source)
            source, target = source - 1, source
        position = intent["target_port"]
        if position is not None and position < len(document.layers[target].bottom):
            document.set(("layer", target, "bottom", position), tops[port])
        else:
            document.connect(tops[port], target)
    return [target]


def _cut(document: Document, graph: Graph, edges: Sequence[str]) -> None:
    ends = sorted({end for edge in edges for end in edge_ends(graph, edge)}, reverse=True)
    for layer, bottom in ends:
        document.disconnect(layer, bottom)


def _remove(document: Document, report: Report, graph: Graph, intent: Mapping[str, Any]) -> list[int]:
    doomed = _written(report, intent["nodes"])
    with document.transaction("remove"):
        _cut(document, graph, intent.get("edges", ()))
        for index in reversed(doomed):
            document.remove_layer(index)
    return []


def _add(document: Document, report: Report, intent: Mapping[str, Any]) -> list[int]:
    """A layer behind the one selected, reading its first top; as many tops as its type must have."""
    type_name = intent["layer_type"]
    load_layers()
    cls = LAYERS.get(type_name)
    near = indices_of(report, [intent["near"]]) if intent.get("near") else []
    index = near[-1] + 1 if near else len(document.layers)
    name = _free_name(document, type_name.lower())
    message = LayerParameter(name=name, type=type_name)
    if intent.get("connect_from"):
        (source,) = indices_of(report, [intent["connect_from"]])
        message.bottom.extend(_tops(report, source)[:1])
    tops = count_of(cls.tops).least if cls else 1
    if cls and tops == 0 and count_of(cls.tops).most is None:
        tops = 1
    message.top.extend([name] if tops == 1 else [f"{name}_{k}" for k in range(tops)])
    document.insert_layer(index, message)
    return [index]


def _duplicate(document: Document, indices: Sequence[int]) -> list[int]:
    """Copies behind the last of the layers, under new names; what they read of each other they read of the copies."""
    if not indices:
        raise ValueError("Select the layers to duplicate first.")
    made, renamed = [], {}
    with document.transaction("duplicate"):
        for place, index in enumerate(indices, start=indices[-1] + 1):
            record = document.layers[index]
            name = _free_name(document, record.name)
            copy = LayerParameter()
            copy.CopyFrom(document.message.layer[index])
            copy.name = name
            for k, bottom in enumerate(copy.bottom):
                copy.bottom[k] = renamed.get(bottom, bottom)
            for k, top in enumerate(record.top):
                in_place = k < len(record.bottom) and record.bottom[k] == top
                if not in_place:
                    renamed[top] = name if len(record.top) == 1 else _free_blob(document, top)
                copy.top[k] = renamed.get(top, top)
            document.insert_layer(place, copy)
            made.append(place)
    return made


def _free_name(document: Document, stem: str) -> str:
    """A name for a layer that neither a layer nor a blob has."""
    taken = {record.name for record in document.layers} | _blobs(document)
    stem = stem.rstrip("0123456789") or stem
    return next(name for k in range(1, len(taken) + 2) if (name := f"{stem}{k}") not in taken)


def _free_blob(document: Document, stem: str) -> str:
    taken = _blobs(document)
    return next(name for k in range(2, len(taken) + 3) if (name := f"{stem}_{k}") not in taken)


def _blobs(document: Document) -> set[str]:
    return {blob for record in document.layers for blob in (*record.top, *record.bottom)}
