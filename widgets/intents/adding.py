"""Layers added behind others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...engine import LAYERS, Report, check, load_layers
from ...engine.layer import count_of
from ...proto import Document
from ...proto.messages import LayerParameter, NetParameter
from ...workbench.modules import Module
from ...workbench.own_modules import all_modules
from .names import End, Graph, Say, ends_of, free_group, free_name, indices_of, may_be_overwritten, rename_ends, tops_of
from .presets import fill

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
    """Layers or modules one behind the other, the first behind the layer selected; the last one, by its place.

    Each comes between what the one before gives and all that read it, in place if its type is written so. It is a
    branch that nobody reads yet where the intent says `branch`, where it is a loss or the like, or where it is not
    one blob that comes in and goes out. A type that takes any number of bottoms reads all of the layers `also`.
    """
    load_layers()
    asked = intent.get("layers") or [{"type": intent["layer_type"], "args": []}]
    near = indices_of(report, [intent["near"]]) if intent.get("near") else []
    blobs = _given(report, graph, intent["connect_from"]) if intent.get("connect_from") else []
    also = intent.get("also") or []
    if len(also) > 1 and _takes_any(asked[0]["type"]):
        blobs = [given[0] for one in _in_order(report, also) if (given := _given(report, graph, one))]
    place = near[-1] + 1 if near else len(document.layers)
    said: list[str] = []
    with document.transaction("add layer"):
        for k, one in enumerate(asked):
            if k:
                report = check(document, report.phase)
                tops = document.layers[place - 1].top
                blobs = [(place - 1, tops[0])] if tops else []
            said.clear()  # what is said of the last one says enough
            made = _Adding(document, report, one["type"], one.get("args", ()), said.append)
            index = made.at(place, blobs, branch=bool(intent.get("branch")) and k == 0)
            place = index + 1
    for text in said:
        say(text)
    return [place - 1]


def _takes_any(type_name: str) -> bool:
    cls = LAYERS.get(type_name)
    return cls is not None and count_of(cls.bottoms).most is None and cls.category not in ("loss", "data")


def _in_order(report: Report, ids: Sequence[str]) -> list[str]:
    """Boxes in the order of their layers, without strips of a box that is among them."""
    placed = {one: found[-1] for one in ids if (found := indices_of(report, [one]))}
    return sorted(placed, key=placed.__getitem__)


class _Adding:
    """One layer, or one module, as it is added."""

    def __init__(self, document: Document, report: Report, type_name: str, args: Sequence[str], say: Say):
        self.document, self.report, self.type, self.args, self.say = document, report, type_name, args, say
        self.cls = LAYERS.get(type_name)
        self.module = all_modules().get(type_name)
        free = free_group if self.module else free_name
        self.name = free(document, type_name.lower().replace("-", "_"))

    def at(self, place: int, blobs: Sequence[tuple[int, str]], branch: bool) -> int:
        """Write it behind the layers that give `blobs`, else at a place of the text; the last layer's place."""
        if self.module:
            return self._module(self.module, blobs, branch)
        message, tops = self._message()
        if not blobs or (self.cls is not None and count_of(self.cls.bottoms).most == 0):
            fill(message, self.args, self.document, self.report, place)
            self.document.insert_layer(place, message)
            return place
        if len(blobs) > 1 and _takes_any(self.type):
            return self._join(message, blobs)
        return self._behind(message, tops, blobs, branch)

    def _message(self) -> tuple[Any, int]:
        """The layer, with its tops under names of their own, and how many they are."""
        message = LayerParameter(name=self.name, type=self.type)
        tops = count_of(self.cls.tops).least if self.cls else 1
        if self.cls and tops == 0 and count_of(self.cls.tops).most is None:
            tops = 1
        message.top.extend([self.name] if tops == 1 else [f"{self.name}_{k}" for k in range(tops)])
        return message, tops

    def _module(self, module: Module, blobs: Sequence[tuple[int, str]], branch: bool) -> int:
        if not blobs:
            raise ValueError(f"Select the layer that {self.type} comes behind first.")
        spot = _spot_behind(self.document, self.report, *blobs[0])
        between = len(blobs) == 1 and not branch
        try:
            numbers = [int(arg) for arg in self.args]
        except ValueError:
            raise ValueError(f"{self.type} takes whole numbers: {' '.join(module.numbers)}.") from None
        layers = module.layers(self.name, spot.blob, numbers)
        if between:
            rename_ends(self.document, spot.ends, layers[-1].top[0])
        for k, layer in enumerate(layers):
            _take_rules(self.document, spot, layer)
            self.document.insert_layer(spot.index + k, layer)
        self.say(f"{self.name}, {len(layers)} layers, reads {spot.blob}.")
        return spot.index + len(layers) - 1

    def _join(self, message: Any, blobs: Sequence[tuple[int, str]]) -> int:
        """A layer that reads all these blobs, behind the last of those that write them."""
        message.bottom.extend(blob for _, blob in blobs)
        index = max(_spot_behind(self.document, self.report, *one).index for one in blobs)
        fill(message, self.args, self.document, self.report, index)
        self.document.insert_layer(index, message)
        self.say(f"{self.name} reads {', '.join(message.bottom)}.")
        return index

    def _behind(self, message: Any, tops: int, blobs: Sequence[tuple[int, str]], branch: bool) -> int:
        document, report, cls, name = self.document, self.report, self.cls, self.name
        spot = _spot_behind(document, report, *blobs[0])
        message.bottom.append(spot.blob)
        missing = count_of(cls.bottoms).least - 1 if cls else 0
        if missing == 1 and (guess := _guess(report, spot, message)):
            message.bottom.append(guess)
            missing = 0
        _take_rules(document, spot, message)
        fill(message, self.args, document, report, spot.index)
        ends_here = cls is not None and (cls.category == "loss" or cls.is_loss)
        between = len(blobs) == 1 and tops == 1 and not ends_here and not branch
        writer = next(layer for layer in report.layers if layer.index == spot.writer)
        if (between and cls and cls.in_place and count_of(cls.bottoms).least == 1 and self.type not in OWN_TOP
                and may_be_overwritten(writer.type, self.type)):  # fmt: skip
            message.top[:] = [spot.blob]
        if between and message.top[0] != spot.blob:
            rename_ends(document, spot.ends, message.top[0])
        document.insert_layer(spot.index, message)
        if missing > 0:
            more = f"{missing} more bottom{'s' if missing > 1 else ''}"
            self.say(f"{name} needs {more}: connect {writer.name} and others to it.")
        elif len(blobs) > 1 and not ends_here:
            self.say(f"{writer.name} gives several blobs: {name} reads {spot.blob}, and nobody reads {name} yet.")
        elif between:
            in_place = message.top[0] == spot.blob
            self.say(f"{name} works in place on {spot.blob}." if in_place else f"{name} follows {writer.name}.")
        elif not ends_here and tops:
            self.say(f"{name} is a branch of {writer.name}: nobody reads it yet.")
        return spot.index


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
