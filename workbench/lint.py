"""What a valid net most likely gets wrong: findings beyond what a check refuses, each with a remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..engine import TRAIN, Diagnostic, LayerReport, Report
from ..engine.source import Source
from ..proto import Document

LEARNED_WEIGHTS = {
    "Convolution": "convolution_param", "Deconvolution": "convolution_param", "InnerProduct": "inner_product_param",
    "Embed": "embed_param",
}  # fmt: skip
READ_BACK = ("Sigmoid", "TanH", "ELU", "Exp", "Softmax", "LRN", "MVN", "LSTM", "RNN")
"""Types whose gradient is computed from their top."""
TAKE_LABELS = ("Accuracy", "Silence", "Slice", "Split", "Reshape", "Flatten", "Concat", "Filter", "Python", "ArgMax")
"""Types that may read labels without being a loss."""

Found = Iterator[tuple[str, LayerReport, str | None]]


def lint(report: Report, net: Any) -> list[Diagnostic]:
    """Findings about a net in the phase of its report, as warnings with layer and field; lines are not known here.

    `net` is the NetParameter that was checked. What only matters to a net that learns is not said of one without a
    loss.
    """
    if net.layers:
        message = (
            "This net is written in Caffe's V1 form (layers { type: CONVOLUTION ... }), which the drawing cannot edit: "
            "brewbench upgrade_net_proto_text OLD NEW writes it in today's form."
        )
        return [Diagnostic(message, "warning", rule="old form")]
    layers = [layer for layer in report.layers if layer.included and 0 <= layer.index < len(net.layer)]
    params = {layer.index: net.layer[layer.index] for layer in layers}
    learns = any(_is_loss(layer, params[layer.index]) for layer in layers)
    rules = {
        "names": _nameless(layers), "stride": _strides(layers, params), "kernel": _padded(layers, params),
        "probabilities": _probabilities(layers),
    }  # fmt: skip
    if learns:
        rules |= {
            "filler": _fillers(layers, params), "labels": _labels(layers, params), "overwritten": _overwritten(layers),
            "unscaled": _unscaled(layers, report),
        }  # fmt: skip
        rules |= {"unread": _unread(layers, params)} if report.phase == TRAIN else {}
    return [
        Diagnostic(message, "warning", layer.name, layer.type, layer.index, field, rule=name)
        for name, rule in rules.items()
        for message, layer, field in rule
    ]


def linted(report: Report, document: Document) -> Report:
    """A report of a document with the findings of `lint` among its own, each with its line."""
    found = lint(report, document.message)
    if not found:
        return report
    source = Source(document, "net")
    placed = [one.at(file=source.file, line=source.line(one.layer_index, one.field)) for one in found]
    everything = sorted((*report.diagnostics, *placed), key=lambda one: (one.line is None, one.line))
    return replace(report, diagnostics=tuple(everything))


def _is_loss(layer: LayerReport, param: Any) -> bool:
    return any(param.loss_weight) or (layer.category == "loss" and layer.type not in ("Accuracy",))


def _fillers(layers: Sequence[LayerReport], params: dict[int, Any]) -> Found:
    for layer in layers:
        field = LEARNED_WEIGHTS.get(layer.type)
        settings = getattr(params[layer.index], field) if field is not None else None
        if settings is None or (settings.HasField("weight_filler") and not _is_zero(settings.weight_filler)):
            continue
        specs = params[layer.index].param
        if specs and (specs[0].lr_mult == 0 or specs[0].name):  # frozen, or shared with a layer that fills them
            continue
        state = "is constant 0" if settings.HasField("weight_filler") else "is not given"
        yield (
            f"weight_filler {state}: all weights begin at 0, all units get the same gradient and stay alike. "
            'Expected a filler such as { type: "xavier" }, unless the weights come from a file.',
            layer, f"{field}.weight_filler",
        )  # fmt: skip


def _is_zero(filler: Any) -> bool:
    return filler.type == "constant" and filler.value == 0


def _nameless(layers: Sequence[LayerReport]) -> Found:
    for layer in layers:
        if not layer.name:
            yield "has no name, by which its parameters and logs are found. Expected one of its own.", layer, "name"


def _probabilities(layers: Sequence[LayerReport]) -> Found:
    writers = _writers(layers)
    for layer in layers:
        writer = writers.get((layer.index, layer.bottoms[0])) if layer.bottoms else None
        if writer is None:
            continue
        for loss, inside in (("SoftmaxWithLoss", "Softmax"), ("SigmoidCrossEntropyLoss", "Sigmoid")):
            if layer.type == loss and writer.type == inside:
                yield (
                    f"reads the {inside} {writer.name!r}, and takes the {inside.lower()} itself once more. "
                    f"Expected scores: connect it to what {writer.name!r} reads.",
                    layer, "bottom.0",
                )  # fmt: skip


def _labels(layers: Sequence[LayerReport], params: dict[int, Any]) -> Found:
    sources = [layer for layer in layers if not layer.bottoms and len(layer.tops) > 1 and layer.category == "data"]
    labels = {layer.tops[1] for layer in sources}
    for layer in layers:
        for number, blob in enumerate(layer.bottoms):
            if blob in labels and layer.category != "loss" and layer.type not in TAKE_LABELS:
                yield f"reads the labels {blob!r} as if they were data.", layer, f"bottom.{number}"


def _unread(layers: Sequence[LayerReport], params: dict[int, Any]) -> Found:
    read = {blob for layer in layers for blob in layer.bottoms}
    for layer in layers:
        if _is_loss(layer, params[layer.index]) or layer.category in ("data", "loss") or not layer.bottoms:
            continue
        for number, blob in enumerate(layer.tops):
            if blob not in read:
                yield f"gives {blob!r}, which no layer reads and which is no loss.", layer, f"top.{number}"


def _overwritten(layers: Sequence[LayerReport]) -> Found:
    writers = _writers(layers)
    for layer in layers:
        writer = writers.get((layer.index, layer.bottoms[0])) if layer.in_place else None
        if writer is not None and writer.type in READ_BACK:
            yield (
                f"works in place on the top of {writer.name!r} ({writer.type}), which needs that top for its gradient: "
                "the gradient will be wrong. Expected a top with a name of its own.",
                layer, "top.0",
            )  # fmt: skip


def _unscaled(layers: Sequence[LayerReport], report: Report) -> Found:
    for at, layer in enumerate(layers):
        if layer.type != "BatchNorm" or not layer.tops:
            continue
        following = next((one for one in layers[at + 1 :] if layer.tops[0] in one.bottoms), None)
        if following is not None and following.type not in ("Scale", "Bias"):
            yield (
                f"only normalises, and {following.name!r} ({following.type}) follows. Expected a Scale with "
                "bias_term: true behind it, which learns a factor and an offset for each channel.",
                layer, None,
            )  # fmt: skip


def _strides(layers: Sequence[LayerReport], params: dict[int, Any]) -> Found:
    for layer in layers:
        field = {"Convolution": "convolution_param", "Pooling": "pooling_param"}.get(layer.type)
        if field is None:
            continue
        settings = getattr(params[layer.index], field)
        kernel = _single(settings.kernel_size if layer.type == "Convolution" else [settings.kernel_size])
        stride = _single(settings.stride if layer.type == "Convolution" else [settings.stride])
        if kernel and stride and 1 < kernel < stride:
            yield (
                f"stride {stride} is larger than kernel_size {kernel}: what lies between two windows is never read.",
                layer, f"{field}.stride",
            )  # fmt: skip


def _padded(layers: Sequence[LayerReport], params: dict[int, Any]) -> Found:
    for layer in layers:
        field = {"Convolution": "convolution_param", "Pooling": "pooling_param"}.get(layer.type)
        shape = layer.bottom_shapes[0] if field is not None and layer.bottom_shapes else None
        if field is None or shape is None or len(shape) != 4:
            continue
        settings = getattr(params[layer.index], field)
        kernel = _single(settings.kernel_size if layer.type == "Convolution" else [settings.kernel_size])
        if kernel > min(shape[2:]):
            yield (
                f"kernel_size {kernel} is larger than the bottom, which has {min(shape[2:])} there: a part of every "
                "window lies in the padding.",
                layer, f"{field}.kernel_size",
            )  # fmt: skip


def _single(values: Any) -> int:
    given = set(values)
    return given.pop() if len(given) == 1 else 0


def _writers(layers: Sequence[LayerReport]) -> dict[tuple[int, str], LayerReport]:
    """For each layer, by its place in the text, and blob that it reads: the layer that wrote it last before."""
    last: dict[str, LayerReport] = {}
    found = {}
    for layer in layers:
        found.update({(layer.index, blob): last[blob] for blob in layer.bottoms if blob in last})
        last.update(dict.fromkeys(layer.tops, layer))
    return found
