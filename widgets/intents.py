"""What the user asks for in the drawing, as edits of the text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from ..engine import LAYERS, Report, check, load_layers
from ..engine.layer import count_of
from ..proto import Document
from ..proto.messages import LayerParameter, NetParameter
from .editor.graph import edge_ends, layer_ids, members_of
from .names import is_taken, said_of

Graph = Mapping[str, Any]
Say = Callable[[str], object]
End = tuple[str, int, int]  # "bottom" or "top", the layer by its place in the text, which one of them

OWN_TOP = ("Softmax", "Python")
"""Types that may work in place, but are not written so: their top is wanted under a name of its own."""

READ_THEIR_TOPS = ("LRN", "LSTM", "MVN", "RNN", "Softmax")
"""Beside neurons, the types that need on the way back what they gave: no layer in place may overwrite it."""


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
        elif "/" in one:
            found.update(report.layers[at].index for at in members_of(report.layers, one))
    return sorted(found)


def _written(report: Report, ids: Iterable[str]) -> list[int]:
    """`indices_of`, for an edit of the layers. Raises ValueError where one is no layer of the text."""
    found = indices_of(report, ids)
    if found and found[0] < 0:
        raise ValueError("This input is written in the old form (input: ...), which the drawing cannot edit.")
    return found


def _tops(report: Report, index: int) -> tuple[str, ...]:
    return next(layer.tops for layer in report.layers if layer.index == index)


def carry_out(
    document: Document, report: Report, graph: Graph, intent: Mapping[str, Any], say: Say = lambda text: None
) -> list[int] | None:
    """Edit the document as an intent of the editor asks, in one step of undo.

    Returns the layers to select afterwards, None to leave the selection. What the user may not expect is told to
    `say`, afterwards. Raises ValueError, in words for the user, for what cannot be done.
    """
    kind = intent["type"]
    if kind == "connect":
        return _connect(document, report, intent)
    if kind == "disconnect":
        with document.transaction("disconnect"):
            _cut(document, graph, intent["edges"])
        return None
    if kind == "remove":
        return _remove(document, report, graph, intent, say)
    if kind == "add":
        return _add(document, report, graph, intent, say)
    if kind == "duplicate":
        return _duplicate(document, _written(report, intent["ids"]))
    if kind == "rename":
        (index,) = _written(report, [intent["id"]])
        document.rename_layer(index, intent["name"])
        if is_taken([report], index, intent["name"]):
            say(said_of(intent["name"]))
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


def _remove(document: Document, report: Report, graph: Graph, intent: Mapping[str, Any], say: Say) -> list[int]:
    doomed = _written(report, intent["nodes"])
    part = {layer.index for layer in report.layers if layer.included}
    before = _orphans(document, [record.index in part for record in document.layers])
    left = [record.index in part for record in document.layers if record.index not in doomed]
    with document.transaction("remove"):
        _cut(document, graph, intent.get("edges", ()))
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
        found = _ends(one, "bottom", top)
        if found and any(bottom in other.top for other in layers[index + 1 : one.index]):
            return
        ends += found
        if found and top in one.top:
            if shared or not _may_be_overwritten(layers[writer].type if writer >= 0 else "", one.type):
                break  # it writes the blob from now on, instead of overwriting it
            ends += _ends(one, "top", top)
    _rename(document, ends, bottom)


def _orphans(document: Document, included: Sequence[bool]) -> Counter[tuple[str, str]]:
    """What layers of this phase read although none before writes it: name of the layer, blob."""
    message: Any = document.message
    known, found = set(message.input), Counter()
    for record in compress(document.layers, included):
        found.update((record.name, blob) for blob in record.bottom if blob not in known)
        known.update(record.top)
    return found


def _ends(record: Any, kind: str, blob: str) -> list[End]:
    return [(kind, record.index, k) for k, name in enumerate(getattr(record, kind)) if name == blob]


def _rename(document: Document, ends: Iterable[End], blob: str) -> None:
    for kind, index, k in ends:
        document.set((*document.layers[index].path, kind, k), blob)


def _may_be_overwritten(writer: str, by: str) -> bool:
    """Whether a layer of type `by` may work in place on what one of type `writer` made, as Caffe's nets are written."""
    cls = LAYERS.get(writer)
    if cls is None or cls.is_source or cls.category not in ("vision", "common", "neuron"):
        return False
    if cls.category == "neuron":  # most read on the way back what they gave; of ReLU's the sign is left
        return writer == "Dropout" or (by == "Dropout" and writer in ("ReLU", "PReLU"))
    return writer not in READ_THEIR_TOPS


@dataclass(frozen=True)
class _Spot:
    """Where a layer can be put: who writes the blob there, where that is in the text, and who reads it from then on."""

    blob: str
    writer: int
    index: int
    ends: tuple[End, ...]  # bottoms that read it, and tops of those that overwrite it
    twin: bool  # whether layers of several phases write it


def _add(document: Document, report: Report, graph: Graph, intent: Mapping[str, Any], say: Say) -> list[int]:
    """A layer behind the one selected.

    It comes between what the selected one gives and all that read it, in place if its type is written so. It is a
    branch that nobody reads yet where the intent says `branch`, where it is a loss or the like, or where it is not
    one blob that comes in and goes out.
    """
    type_name = intent["layer_type"]
    load_layers()
    cls = LAYERS.get(type_name)
    near = indices_of(report, [intent["near"]]) if intent.get("near") else []
    name = _free_name(document, type_name.lower())
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
            and _may_be_overwritten(writer.type, type_name)):  # fmt: skip
        message.top[:] = [spot.blob]
    with document.transaction("add layer"):
        if between and message.top[0] != spot.blob:
            _rename(document, spot.ends, message.top[0])
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
    tops = _tops(report, index)
    known = _labels(report)
    data = [top for top in tops if top not in known] or list(tops[:1])
    strips = node["folded"] if node is not None else []
    last = {blob: strip["index"] for strip in strips for blob in _tops(report, strip["index"])}
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
        ends += _ends(one, "bottom", blob)
        if blob in one.bottom:
            ends += _ends(one, "top", blob)
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
