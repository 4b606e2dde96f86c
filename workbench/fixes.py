"""Fixes. The edit of the text that mends a finding, where there is one that is surely meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches, unified_diff
from typing import Any

from ..engine import LAYERS, Diagnostic, LayerReport, Report, load_layers
from ..proto import Document
from .deployment import modernised

SLOTS = {"BatchNorm": 3, "BN": 4}  # params of the statistics


@dataclass(frozen=True)
class Fix:
    """An edit of the net's text, one step of undo. `label` names it in a few words: "add weight_filler xavier".

    `is_large` says that it changes more than a few lines: its `diff` is to be seen before it is applied.
    """

    label: str
    apply: Callable[[Document], None]
    is_large: bool = False

    def carry_out(self, document: Document) -> None:
        """Edit the document in one step of undo. Raises ValueError where the text is another by now."""
        with document.transaction(self.label):
            self.apply(document)

    def diff(self, document: Document) -> str:
        """What would change, as a unified diff."""
        copy = Document.parse(document.text, "net")
        self.carry_out(copy)
        return diff_of(document.text, copy.text)


def diff_of(before: str, after: str, names: tuple[str, str] = ("before", "after")) -> str:
    """A unified diff of two texts, with three lines around each change; empty where they are the same."""
    return "\n".join(unified_diff(before.splitlines(), after.splitlines(), *names, lineterm=""))


def fix_of(found: Diagnostic, document: Document, report: Report) -> Fix | None:
    """The fix of a finding about a net, None where there is none.

    `report` is one that knows the layer in its net: its shapes and its place among the others.
    """
    if found.rule == "old form":
        return Fix("upgrade to today's form", _upgrade, is_large=True)
    layer = next((one for one in report.layers if one.index == found.layer_index), None)
    if layer is None or layer.index < 0 or layer.index >= len(document.layers) or document.kind != "net":
        return None
    if document.layers[layer.index].path[:1] != ("layer",):
        return None
    rule = found.rule or _rule_of(found)
    return RULES[rule](found, layer, document, report) if rule in RULES else None


def _rule_of(found: Diagnostic) -> str | None:
    """What an error of the engine is about, as far as there are fixes."""
    field = found.field or ""
    if found.severity == "warning":
        return "names" if field == "name" else None
    if field == "type":
        return "type"
    if field.startswith("param.") and found.type in SLOTS:
        return "statistics"
    if field == "bottom":
        return "label"
    return "kernel" if field.endswith(".kernel_size") and "larger" in found.message else None


# One function for each rule: finding, layer, document and report to a fix, or None


def _rename(found: Diagnostic, layer: LayerReport, document: Document, report: Report) -> Fix | None:
    taken = {record.name for record in document.layers}
    if layer.name and layer.number == 0:
        return None  # the others are renamed: weights go to the first
    stem = f"{layer.name}_" if layer.name else layer.type.lower()
    name = next(free for k in range(1, len(taken) + 2) if (free := f"{stem}{k}") not in taken)
    label = f"rename to {name}" if layer.name else f"name it {name}"
    return Fix(label, lambda text: text.rename_layer(layer.index, name))


def _type(found: Diagnostic, layer: LayerReport, document: Document, report: Report) -> Fix | None:
    load_layers()
    by_small = {name.lower(): name for name in LAYERS}
    near = get_close_matches(layer.type.lower(), by_small, 1, 0.75)
    if not near:
        return None
    name = by_small[near[0]]
    return Fix(f"make it {name}", lambda text: text.set(("layer", layer.index, "type"), name))


def _filler(found: Diagnostic, layer: LayerReport, document: Document, report: Report) -> Fix:
    path = ("layer", layer.index, *(found.field or "").split("."))

    def apply(text: Document) -> None:
        if text.has(path):
            text.clear(path)
        text.set(path, {"type": "xavier"})

    verb = "make" if document.has(path) else "add"
    return Fix(f"{verb} weight_filler xavier", apply)


def _softmax(found: Diagnostic, layer: LayerReport, document: Document, report: Report) -> Fix | None:
    writer = _writer(report, layer, layer.bottoms[0])
    if writer is None or writer.index < 0 or not writer.bottoms:
        return None
    blob, scores = layer.bottoms[0], writer.bottoms[0]
    others = [one for one in _readers(document, blob) if one != layer.index and one > writer.index]

    def apply(text: Document) -> None:
        if blob != scores:
            text.set(("layer", layer.index, "bottom", 0), scores)
        if not others or blob == scores:
            text.remove_layer(writer.index)

    keeps = bool(others) and blob != scores
    what = f"connect {scores}" if keeps else f"remove {writer.type} before {layer.type}"
    return Fix(what, apply)


def _silence(found: Diagnostic, layer: LayerReport, document: Document, report: Report) -> Fix:
    blob = layer.tops[int((found.field or "top.0").rpartition(".")[2])]
    block = f'layer {{\n  name: "{_free(document, "silence")}"\n  type: "Silence"\n  bottom: "{blob}"\n}}'
    return Fix("put a Silence behind", lambda text: text.insert_layer(layer.index + 1, block))


def _own_top(found: Diagnostic, layer: LayerReport, document: Document, report: Report) -> Fix:
    blob = layer.tops[0]
    fresh = _free(document, f"{layer.name or blob}_")

    def apply(text: Document) -> None:
        ends = list(_later_ends(text, layer.index, blob))
        text.set(("layer", layer.index, "top", 0), fresh)
        for path in ends:
            text.set(path, fresh)

    return Fix(f"give it the top {fresh}", apply)


def _scale(found: Diagnostic, layer: LayerReport, document: Document, report: Report) -> Fix:
    top = layer.tops[0]
    stem = f"scale{layer.name.removeprefix('bn')}" if layer.name.startswith("bn") else "scale"
    name = _free(document, stem, bare=True)
    block = (
        f'layer {{\n  name: "{name}"\n  type: "Scale"\n  bottom: "{top}"\n  top: "{top}"\n'
        "  scale_param {\n    bias_term: true\n  }\n}"
    )
    return Fix("put a Scale behind", lambda text: text.insert_layer(layer.index + 1, block))


def _stride(found: Diagnostic, layer: LayerReport, document: Document, report: Report) -> Fix | None:
    param, _, _ = (found.field or "").partition(".")
    path = ("layer", layer.index, param)
    kernel = document.get((*path, "kernel_size"))
    kernel = kernel[0] if isinstance(kernel, list) and kernel else kernel
    if not isinstance(kernel, int):
        return None
    value: Any = [kernel] if param == "convolution_param" else kernel
    return Fix(f"make stride {kernel}", lambda text: text.set((*path, "stride"), value))


def _kernel(found: Diagnostic, layer: LayerReport, document: Document, report: Report) -> Fix | None:
    shape = layer.bottom_shapes[0] if layer.bottom_shapes else None
    if shape is None or len(shape) < 3 or not (found.field or "").endswith(".kernel_size"):
        return None
    size = min(shape[2:])
    param = (found.field or "").partition(".")[0]
    value: Any = [size] if param == "convolution_param" else size
    return Fix(f"make kernel_size {size}", lambda text: text.set(("layer", layer.index, param, "kernel_size"), value))


def _statistics(found: Diagnostic, layer: LayerReport, document: Document, report: Report) -> Fix:
    path = ("layer", layer.index, "param")

    def apply(text: Document) -> None:
        count = len(text.get(path) or ())
        for k in range(max(count, SLOTS[layer.type])):
            if k >= count:
                text.set((*path, k), {})
            text.set((*path, k, "lr_mult"), 0)

    return Fix(f"give {layer.type}'s statistics lr_mult 0", apply)


def _label(found: Diagnostic, layer: LayerReport, document: Document, report: Report) -> Fix | None:
    if layer.category != "loss" or len(layer.bottoms) != 1:
        return None
    sources = [one for one in report.layers if one.included and one.category == "data" and not one.bottoms]
    labels = [blob for one in sources for blob in one.tops[1:] if one.index < layer.index]
    labels += [blob for one in sources for blob in one.tops[:1] if blob == "label" and one.index < layer.index]
    if len(set(labels)) != 1:
        return None
    return Fix(f"connect {labels[0]}", lambda text: text.connect(labels[0], layer.index))


RULES: dict[str, Callable[[Diagnostic, LayerReport, Document, Report], Fix | None]] = {
    "names": _rename, "type": _type, "filler": _filler, "probabilities": _softmax, "unread": _silence,
    "overwritten": _own_top, "unscaled": _scale, "stride": _stride, "kernel": _kernel, "statistics": _statistics,
    "label": _label,
}  # fmt: skip


def _upgrade(document: Document) -> None:
    document.replace(modernised(document).text, label="upgrade")


def _writer(report: Report, layer: LayerReport, blob: str) -> LayerReport | None:
    """The layer that wrote a blob last before another reads it."""
    before = [one for one in report.layers if one.included and one.index < layer.index and blob in one.tops]
    return before[-1] if before else None


def _readers(document: Document, blob: str) -> list[int]:
    return [record.index for record in document.layers if blob in record.bottom]


def _later_ends(document: Document, index: int, blob: str) -> Iterator[tuple[str | int, ...]]:
    """Where later layers read a blob, or write it in place, up to one that makes it anew."""
    for record in list(document.layers)[index + 1 :]:
        yield from (("layer", record.index, "bottom", k) for k, name in enumerate(record.bottom) if name == blob)
        if blob in record.top:
            if blob not in record.bottom:
                return
            yield from (("layer", record.index, "top", k) for k, name in enumerate(record.top) if name == blob)


def _free(document: Document, stem: str, bare: bool = False) -> str:
    """A name that neither a layer nor a blob has: the stem itself where it may be `bare`, else with a number."""
    taken = {record.name for record in document.layers}
    taken |= {blob for record in document.layers for blob in (*record.top, *record.bottom)}
    if bare and stem not in taken:
        return stem
    return next(name for k in range(1, len(taken) + 2) if (name := f"{stem}{k}") not in taken)
