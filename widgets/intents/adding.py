"""Layers added behind others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...engine import LAYERS, Report, check, load_layers
from ...engine.layer import count_of
from ...proto import Document
from ...proto.messages import LayerParameter, NetParameter
from .names import End, Graph, Say, ends_of, free_name, indices_of, may_be_overwritten, rename_ends, tops_of

OWN_TOP = ("Softmax", "Python")
"""Types that may work in place, but are not written so: their top is wanted under a name of its own."""


@dataclass(frozen=True)
class _Spot:
    """Where a layer can be put: who writes the blob there, where that is in the text, and who reads it from then on."""

    blob: str
    writer: int
    index: int
    ends: tuple[End, ...]  # bottoms that read it, and tops of those that overwrite it
    twin: bool  # whether layers of several phases write it


def add(document: Document, report: Report, graph: Graph, intent: Mapping[str, Any], say: Say) -> list[int]:
    """A layer behind the one selected.

    It comes between what the selected one gives and all that read it, in place if its type is written so. It is a
    branch that nobody reads yet where the intent says `branch`, where it is a loss or the like, or where it is not
    one blob that comes in and goes out.
    """
    type_name = intent["layer_type"]
    load_layers()
    cls = LAYERS.get(type_name)
    near = indices_of(report, [intent["near"]]) if intent.get("near") else []
    name = free_name(document, type_name.lower())
    message = LayerParameter(name=name, type=type_name)
    tops = count_of(cls.tops).least if cls else 1
    if cls and tops == 0 and count_of(cls.tops).most is None:
        tops = 1
    message.top.extend([name] if tops == 1 else [f"{name}_{k}" for k in range(tops)])
    blobs: list[tuple[int, str]] = []
    if intent.get("connect_from") and (cls is None or count_of(cls.bottoms).most != 0):
        blobs = _given(report, graph, intent["connect_from"])
    if not blobs:
        index = near[-1] + 1 if near else len(document.layers)
        document.insert_layer(index, message)
        return [index]

    spot = _spot_behind(document, report, *blobs[0])
    message.bottom.append(spot.blob)
    missing = count_of(cls.bottoms).least - 1 if cls else 0
    if missing == 1 and (guess := _guess(report, spot, message)):
        message.bottom.append(guess)
        missing = 0
    _take_rules(document, spot, message)
    ends_here = cls is not None and (cls.category == "loss" or cls.is_loss)
    between = len(blobs) == 1 and tops == 1 and not ends_here and not intent.get("branch")
    writer = next(layer for layer in report.layers if layer.index == spot.writer)
    if (between and cls and cls.in_place and count_of(cls.bottoms).least == 1 and type_name not in OWN_TOP
            and may_be_overwritten(writer.type, type_name)):  # fmt: skip
        message.top[:] = [spot.blob]
    with document.transaction("add layer"):
        if between and message.top[0] != spot.blob:
            rename_ends(document, spot.ends, message.top[0])
        document.insert_layer(spot.index, message)
    if missing > 0:
        say(f"{name} needs {missing} more bottom{'s' if missing > 1 else ''}: connect {writer.name} and others to it.")
    elif len(blobs) > 1 and not ends_here:
        say(f"{writer.name} gives several blobs: {name} reads {spot.blob}, and nobody reads {name} yet.")
    elif between:
        in_place = message.top[0] == spot.blob
        say(f"{name} works in place on {spot.blob}." if in_place else f"{name} follows {writer.name}.")
    elif not ends_here and tops:
        say(f"{name} is a branch of {writer.name}: nobody reads it yet.")
    return [spot.index]


def _given(report: Report, graph: Graph, id: str) -> list[tuple[int, str]]:
    """What a box, strip or group gives, labels apart: the layer that wrote it last, strips of the box included."""
    node = next((node for node in graph["nodes"] if node["id"] == id), None)
    if node is not None and node["collapsed"]:
        edges = [edge for edge in graph["edges"] if edge["source"] == id]
        return list(dict.fromkeys((edge["writer"][0], edge["blob"]) for edge in edges))
    (index,) = indices_of(report, [id])
    tops = tops_of(report, index)
    known = _labels(report)
    data = [top for top in tops if top not in known] or list(tops[:1])
    strips = node["folded"] if node is not None else []
    last = {blob: strip["index"] for strip in strips for blob in tops_of(report, strip["index"])}
    return [(last.get(top, index), top) for top in data]


def _spot_behind(document: Document, report: Report, writer: int, blob: str) -> _Spot:
    included = {layer.index: layer.included for layer in report.layers}
    index, ends = max(writer + 1, 0), []
    twin = any(blob in one.top and blob not in one.bottom for one in document.layers[: max(writer, 0)])
    for one in document.layers[index:]:
        if blob in one.top and blob not in one.bottom:
            if included.get(one.index) == included.get(writer):
                break  # from here on the name means something else
            if not ends:
                index, twin = one.index + 1, True
        ends += ends_of(one, "bottom", blob)
        if blob in one.bottom:
            ends += ends_of(one, "top", blob)
    return _Spot(blob, writer, index, tuple(ends), twin)


def _take_rules(document: Document, spot: _Spot, message: Any) -> None:
    """Where what a layer reads is there in some phases only, it must be there in no other."""
    layers: Any = document.message.layer
    if not spot.twin and 0 <= spot.writer < len(layers):
        message.include.extend(layers[spot.writer].include)
        message.exclude.extend(layers[spot.writer].exclude)


def _labels(report: Report) -> set[str]:
    """What losses and the like take for the truth."""
    known = {layer.bottoms[-1] for layer in report.layers if layer.category == "loss" and len(layer.bottoms) > 1}
    return known | {"label"}


def _guess(report: Report, spot: _Spot, message: Any) -> str | None:
    """The other bottom of a layer that takes two, if only one of the blobs there are would do; for a loss, a label."""
    shapes = {}
    for layer in report.layers:
        if layer.index < spot.index and layer.included:
            shapes.update(zip(layer.tops, layer.top_shapes, strict=False))
    own = shapes.pop(spot.blob, None)
    if own is None:
        return None

    def fits(blob: str) -> bool:
        if shapes[blob] is None:
            return False
        net: Any = NetParameter()
        for k, shape in enumerate((own, shapes[blob])):
            net.layer.add(name=f"in{k}", type="Input", top=[f"in{k}"]).input_param.shape.add(dim=shape)
        net.layer.add().CopyFrom(message)
        net.layer[2].bottom[:] = ["in0", "in1"]
        return not any(one.severity == "error" and one.field in (None, "bottom")
                       for one in check(net, report.phase).diagnostics)  # fmt: skip

    truth = LAYERS[message.type].category == "loss"
    known = _labels(report)
    for candidates in ([blob for blob in shapes if blob in known] if truth else [], list(shapes)):
        found = [blob for blob in candidates if fits(blob)]
        if found:
            return found[0] if len(found) == 1 else None
    return None
