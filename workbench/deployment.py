"""The deploy net of a training net: inputs in place of its data, probabilities in place of its losses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import text_format

from ..engine import LAYERS, TEST, TRAIN, LayerReport, Report, check, load_layers
from ..engine.source import Source
from ..proto import Document
from ..proto.messages import LayerParameter

HEADS = {"SoftmaxWithLoss": "Softmax", "InfogainLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"}
"""By type of a loss, the layer that makes of its first bottom what the loss compares with the label."""

OWN_SOURCES = ("Parameter",)
"""Types without bottoms that are part of the net, not of its data."""

SCORES = ("Accuracy",)
"""Types that judge a prediction and train nothing."""

WRITERS = ("HDF5Output",)
"""Types that write files."""

NOTED = ("scale", "mean_value", "mean_file", "crop_size", "force_color", "force_gray")
"""Settings of transform_param that whoever feeds the deploy net has to know."""

Shapes = Mapping[str, Sequence[int]]


@dataclass
class Parts:
    """What becomes of the layers of a training net, by their places in the text.

    `kept` stay as they are, `inputs` become Input layers with these tops, `heads` are losses that give way to a layer
    (type, bottom). All others go.
    """

    kept: set[int] = field(default_factory=set)
    inputs: dict[int, list[str]] = field(default_factory=dict)
    heads: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def shown(self) -> set[int]:
        """The layers that have a place in the deploy net."""
        return {*self.kept, *self.inputs, *self.heads}


def deploy(document: Document, *, shapes: Shapes | None = None, batch: int | None = None) -> Document:
    """The deploy net of a training net, as a new text; names, rates, comments of what stays are as they were.

    Data layers become Input layers, without what only losses read. SoftmaxWithLoss becomes a Softmax, `prob` if there
    is one only; other losses, Accuracy and what leads to them alone go, auxiliary classifiers among them: losses of
    the same label with a smaller loss_weight than the largest. It is the TEST net that is deployed; where rules name
    a stage "deploy", the one of that stage.

    Args:
        document: the training net.
        shapes: shapes of inputs by the name of their blob. Else they are those of the TEST net, which its settings or
            its database tell.
        batch: the length of the first axis of every input; that of the TEST net by default.

    Raises ValueError where a shape is not known, where nothing is left, and for a text that is in error.
    """
    modern = modernised(document)
    report = _report(modern)
    parts = parts_of(modern, report)
    if not parts.kept and not parts.heads:
        raise ValueError(f"{_where(document)}: nothing is left of this net without its data and losses.")
    made = Document.parse(modern.text, "net")
    names = _head_names(modern, parts)
    messages: Any = modern.message.layer
    known = {layer.index: layer for layer in report.layers}
    with made.transaction("deploy"):
        for record in reversed(modern.layers):
            index = record.index
            if index in parts.heads:
                head = _head(messages[index], *parts.heads[index], names[index])
                made.insert_layer(index, head)
                made.remove_layer(index + 1)
            elif index in parts.inputs and not _stays(record, parts.inputs[index], known[index], shapes or {}, batch):
                text = _input(messages[index], parts.inputs[index], known[index], shapes or {}, batch)
                made.insert_layer(index, text)
                made.remove_layer(index + 1)
            elif index not in parts.shown:
                made.remove_layer(index)
            else:
                for name in ("include", "exclude", "loss_weight"):
                    made.clear(("layer", index, name))
        made.clear(("state",))
    return made


def modernised(document: Document) -> Document:
    """A net in Caffe's present form: itself, or its upgraded text. Raises DefinitionError where it has none."""
    message: Any = document.message
    if not message.layers and not message.input:
        return document
    return Document.parse(text_format.MessageToString(Source(document, "net").param), "net", document.path)


def input_blobs(document: Document) -> list[str]:
    """The blobs that are inputs of the deploy net of a training net."""
    return [top for _, tops in sorted(parts_of(modernised(document)).inputs.items()) for top in tops]


def parts_of(document: Document, report: Report | None = None) -> Parts:
    """What `deploy` makes of the layers of a net in Caffe's present form."""
    return _Flow(document, report or _report(document)).parts()


def places_in_deploy(document: Document) -> set[int]:
    """The layers, by their places in the text of a training net of any age, that its deploy net has in some form.

    Raises DefinitionError where an old net has no present form.
    """
    modern = modernised(document)
    shown = parts_of(modern).shown
    if modern is document:
        return shown
    origins = Source(document, "net").origins
    return {origin for index in shown if (origin := origins[index]) is not None}


def _report(document: Document) -> Report:
    load_layers()
    rules = [rule for layer in document.message.layer for rule in (*layer.include, *layer.exclude)]
    stages = ["deploy"] if any("deploy" in (*rule.stage, *rule.not_stage) for rule in rules) else []
    return check(document, TEST, stages=stages)


def _where(document: Document) -> str:
    return document.path or "The net"


class _Flow:
    """Who reads what from whom in the TEST net; layers are numbered by their places in the text."""

    def __init__(self, document: Document, report: Report):
        self.messages: Any = document.message.layer
        self.records = document.layers
        self.layers = {one.index: one for one in report.layers if one.included and one.index >= 0}
        self.training = {one.index for one in check(document, TRAIN).layers if one.included}
        self.sources: dict[int, list[int | None]] = {}
        self.read: set[tuple[int, str]] = set()  # writings of blobs that some layer reads
        self.last: dict[str, int] = {}
        self.learned: set[int] = set()  # layers with parameters, and all behind them
        for index, layer in sorted(self.layers.items()):
            found = [self.last.get(blob) for blob in layer.bottoms]
            self.sources[index] = found
            self.read.update((source, blob) for source, blob in zip(found, layer.bottoms, strict=True)
                             if source is not None)  # fmt: skip
            self.last.update(dict.fromkeys(layer.tops, index))
            if _has_parameters(layer) or any(source in self.learned for source in found):
                self.learned.add(index)

    def parts(self) -> Parts:
        known = sorted({*self.layers, *self.training})
        judges = [index for index in known if self._judges(self.records[index].type, self.messages[index])]
        losses = [index for index in judges if self.records[index].type not in (*SCORES, *WRITERS)]
        asked = self._main(losses) or judges
        outputs = {source for index in asked for source in self._predictions(index)}
        outputs |= {index for index, layer in self.layers.items()
                    if index in self.learned and any((index, top) not in self.read for top in layer.tops)}  # fmt: skip
        if not judges and not outputs:  # nothing is learned, nothing is judged
            outputs = {index for index, layer in self.layers.items() if layer.bottoms and layer.tops}
        needed = self._before(outputs - self._behind(judges))
        parts = Parts()
        for index in needed:
            if self._is_data(index):
                tops = self.layers[index].tops
                readers = [one for one in needed if index in self.sources[one]]
                used = {blob for one in readers for blob, source in
                        zip(self.layers[one].bottoms, self.sources[one], strict=True) if source == index}  # fmt: skip
                if used:
                    parts.inputs[index] = [top for top in tops if top in used]
            else:
                parts.kept.add(index)
        self._add_heads(parts, asked)
        return parts

    def _add_heads(self, parts: Parts, losses: Sequence[int]) -> None:
        """A layer in place of each loss whose prediction nothing turns into probabilities yet."""
        seen: set[tuple[str, int | None]] = set()
        for index in losses:
            kind, blob = HEADS.get(self.records[index].type), next(iter(self.records[index].bottom), "")
            source = found[0] if (found := self.sources.get(index)) else self.last.get(blob)
            if kind is None or not blob or (kind, source) in seen:
                continue
            seen.add((kind, source))
            if not any(self.layers[one].type == kind and source in self.sources[one] for one in parts.kept):
                parts.heads[index] = kind, blob

    def _judges(self, kind: str, message: Any) -> bool:
        """Whether a layer compares a prediction with the truth, or writes files."""
        cls = LAYERS.get(kind)
        known = cls.is_loss or cls.category == "loss" if cls else kind.endswith(("Loss", "Accuracy", "Evaluate"))
        return known or any(message.loss_weight) or kind in WRITERS

    def _main(self, losses: Sequence[int]) -> list[int]:
        """Losses without those of auxiliary classifiers: of the same label with a smaller weight."""
        best: dict[tuple[str, ...], float] = {}
        keys = {}
        for index in losses:
            keys[index] = tuple(self.records[index].bottom[1:])
            best[keys[index]] = max(best.get(keys[index], 0.0), self._weight(index))
        return [index for index in losses if self._weight(index) == best[keys[index]]]

    def _weight(self, index: int) -> float:
        return next(iter(self.messages[index].loss_weight), 1.0)

    def _predictions(self, index: int) -> list[int]:
        """The layers whose tops a judge is about: those that come from parameters, else the first."""
        bottoms = self.records[index].bottom
        found = self.sources.get(index) or [self.last.get(blob) for blob in bottoms]
        known = [source for source in found if source is not None]
        return [source for source in known if source in self.learned] or known[:1]

    def _behind(self, indices: Collection[int]) -> set[int]:
        """Layers with all that depends on them."""
        found = set(indices)
        for index, sources in self.sources.items():
            if found.intersection(sources):
                found.add(index)
        return found

    def _before(self, indices: Collection[int]) -> set[int]:
        """Layers with all that they need."""
        found: set[int] = set()
        ahead = list(indices)
        while ahead:
            index = ahead.pop()
            if index not in found:
                found.add(index)
                ahead += [source for source in self.sources[index] if source is not None]
        return found

    def _is_data(self, index: int) -> bool:
        layer = self.layers[index]
        return not layer.bottoms and layer.type not in OWN_SOURCES


def _has_parameters(layer: LayerReport) -> bool:
    """Also where no shape is known, and so no parameter's."""
    cls = LAYERS.get(layer.type)
    return bool(layer.param_shapes) or (cls is not None and cls.param_field in (
        "convolution_param", "inner_product_param", "embed_param", "recurrent_param"))  # fmt: skip


def _head_names(document: Document, parts: Parts) -> dict[int, str]:
    kept = [document.layers[index] for index in parts.kept]
    taken = {name for record in kept for name in (record.name, *record.top)}
    taken |= {top for tops in parts.inputs.values() for top in tops}
    names = {}
    for index, (_, blob) in sorted(parts.heads.items()):
        stem = "prob" if len(parts.heads) == 1 else f"{blob}_prob"
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}{number}"
        taken.add(name)
        names[index] = name
    return names


def _head(loss: Any, kind: str, bottom: str, name: str) -> Any:
    head: Any = LayerParameter(name=name, type=kind, bottom=[bottom], top=[name])
    if kind == "Softmax" and loss.HasField("softmax_param"):
        head.softmax_param.CopyFrom(loss.softmax_param)
    return head


def _stays(record: Any, tops: Sequence[str], known: LayerReport, shapes: Shapes, batch: int | None) -> bool:
    """Whether an Input layer is what the deploy net needs already."""
    same = all(tuple(shapes.get(top, shape or ())) == shape for top, shape in
               zip(known.tops, known.top_shapes, strict=False))  # fmt: skip
    return record.type == "Input" and tuple(tops) == record.top and same and batch is None


def _input(layer: Any, tops: Sequence[str], known: LayerReport, shapes: Shapes, batch: int | None) -> str:
    """The text of an Input layer in place of a data layer, with a comment on what that did to its images."""
    made: Any = LayerParameter(name=tops[0], type="Input", top=tops)
    for top in tops:
        shape = shapes.get(top) or next(
            (shape for name, shape in zip(known.tops, known.top_shapes, strict=False) if name == top), None
        )
        if not shape:
            raise ValueError(f"The shape of {top!r} is not known: state one, such as 1x3x224x224.")
        whole = [batch, *shape[1:]] if batch is not None and top not in shapes else list(shape)
        made.input_param.shape.add(dim=whole)
    noted = [f"{name} {_spelled(value)}" for descriptor, value in layer.transform_param.ListFields()
             if (name := descriptor.name) in NOTED]  # fmt: skip
    comment = f"# The net was trained on data with {', '.join(noted)}.\n" if noted else ""
    body = text_format.MessageToString(made, indent=2).rstrip()
    return f"{comment}layer {{\n{body}\n}}"


def _spelled(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.9g}"
    return str(value) if isinstance(value, str | int) else " ".join(f"{one:.9g}" for one in value)
