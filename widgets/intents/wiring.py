"""Layers connected, disconnected and removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

from ...engine import Report
from ...proto import Document
from ..editor.graph import edge_ends
from .names import End, Graph, Say, ends_of, indices_of, may_be_overwritten, rename_ends, tops_of, written


def connect(document: Document, report: Report, intent: Mapping[str, Any]) -> list[int]:
    (source,) = indices_of(report, [intent["source"]])
    (target,) = written(report, [intent["target"]])
    tops = tops_of(report, source)
    port = intent["source_port"] or 0
    if port >= len(tops):
        raise ValueError(f"{intent['source']!r} has no top to connect.")
    with document.transaction("connect"):
        if target < source:  # text runs from bottom to top: a reader comes after the writer
            document.move_layer(target, source)
            source, target = source - 1, source
        position = intent["target_port"]
        if position is not None and position < len(document.layers[target].bottom):
            document.set((*document.layers[target].path, "bottom", position), tops[port])
        else:
            document.connect(tops[port], target)
    return [target]


def cut(document: Document, graph: Graph, edges: Sequence[str]) -> None:
    ends = sorted({end for edge in edges for end in edge_ends(graph, edge)}, reverse=True)
    for layer, bottom in ends:
        document.disconnect(layer, bottom)


def remove(document: Document, report: Report, graph: Graph, intent: Mapping[str, Any], say: Say) -> list[int]:
    doomed = written(report, intent["nodes"])
    part = {layer.index for layer in report.layers if layer.included}
    before = _orphans(document, [record.index in part for record in document.layers])
    left = [record.index in part for record in document.layers if record.index not in doomed]
    with document.transaction("remove"):
        cut(document, graph, intent.get("edges", ()))
        for index in reversed(doomed):
            _bridge(document, index)
            document.remove_layer(index)
    lost = [f"{layer} lost its input {blob}" for layer, blob in _orphans(document, left) - before]
    if lost:
        more = f", and {len(lost) - 3} more" if len(lost) > 3 else ""
        say(f"{', '.join(lost[:3])}{more}.")
    return []


def _bridge(document: Document, index: int) -> None:
    """Let those who read what a layer makes read what it reads, before it goes.

    Nothing is done for a layer of several bottoms or tops or of none, for one that has a twin in another phase, nor
    where what it reads is no longer there for one of its readers.
    """
    layers = document.layers
    record = layers[index]
    if len(record.bottom) != 1 or len(record.top) != 1 or record.bottom == record.top:
        return
    (bottom,), (top,) = record.bottom, record.top
    if any(top in one.top and top not in one.bottom for one in layers if one.index != index):
        return
    writer = max((one.index for one in layers[:index] if bottom in one.top), default=-1)
    shared = any(bottom in one.bottom for one in layers[writer + 1 :] if one.index != index)
    ends: list[End] = []
    for one in layers[index + 1 :]:
        found = ends_of(one, "bottom", top)
        if found and any(bottom in other.top for other in layers[index + 1 : one.index]):
            return
        ends += found
        if found and top in one.top:
            if shared or not may_be_overwritten(layers[writer].type if writer >= 0 else "", one.type):
                break  # it writes the blob from now on, instead of overwriting it
            ends += ends_of(one, "top", top)
    rename_ends(document, ends, bottom)


def _orphans(document: Document, included: Sequence[bool]) -> Counter[tuple[str, str]]:
    """What layers of this phase read although none before writes it: name of the layer, blob."""
    message: Any = document.message
    known, found = set(message.input), Counter()
    for record in compress(document.layers, included):
        found.update((record.name, blob) for blob in record.bottom if blob not in known)
        known.update(record.top)
    return found
