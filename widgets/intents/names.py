"""The layers and blobs that an intent names, and names for new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...engine import LAYERS, Report
from ...proto import Document
from ..editor.graph import layer_ids, members_of

Graph = Mapping[str, Any]
Say = Callable[[str], object]
End = tuple[str, int, int]  # "bottom" or "top", the layer by its place in the text, which one of them

READ_THEIR_TOPS = ("LRN", "LSTM", "MVN", "RNN", "Softmax")
"""Beside neurons, the types that need on the way back what they gave: no layer in place may overwrite it."""


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


def written(report: Report, ids: Iterable[str]) -> list[int]:
    """`indices_of`, for an edit of the layers. Raises ValueError where one is no layer of the text."""
    found = indices_of(report, ids)
    if found and found[0] < 0:
        raise ValueError("This input is written in the old form (input: ...), which the drawing cannot edit.")
    return found


def tops_of(report: Report, index: int) -> tuple[str, ...]:
    return next(layer.tops for layer in report.layers if layer.index == index)


def ends_of(record: Any, kind: str, blob: str) -> list[End]:
    return [(kind, record.index, k) for k, name in enumerate(getattr(record, kind)) if name == blob]


def rename_ends(document: Document, ends: Iterable[End], blob: str) -> None:
    for kind, index, k in ends:
        document.set((*document.layers[index].path, kind, k), blob)


def may_be_overwritten(writer: str, by: str) -> bool:
    """Whether a layer of type `by` may work in place on what one of type `writer` made, as Caffe's nets are written."""
    cls = LAYERS.get(writer)
    if cls is None or cls.is_source or cls.category not in ("vision", "common", "neuron"):
        return False
    if cls.category == "neuron":  # most read on the way back what they gave; of ReLU's the sign is left
        return writer == "Dropout" or (by == "Dropout" and writer in ("ReLU", "PReLU"))
    return writer not in READ_THEIR_TOPS


def free_name(document: Document, stem: str) -> str:
    """A name for a layer that neither a layer nor a blob has."""
    taken = {record.name for record in document.layers} | blobs_of(document)
    stem = stem.rstrip("0123456789") or stem
    return next(name for k in range(1, len(taken) + 2) if (name := f"{stem}{k}") not in taken)


def free_group(document: Document, stem: str) -> str:
    """A name for a module, with which neither a layer nor a blob begins."""
    taken = {record.name for record in document.layers} | blobs_of(document)

    def clashes(name: str) -> bool:
        return any(one == name or one.startswith((f"{name}/", f"{name}_")) for one in taken)

    return next(name for k in range(1, len(taken) + 2) if not clashes(name := f"{stem}{k}"))


def free_blob(document: Document, stem: str) -> str:
    taken = blobs_of(document)
    return next(name for k in range(2, len(taken) + 3) if (name := f"{stem}_{k}") not in taken)


def blobs_of(document: Document) -> set[str]:
    return {blob for record in document.layers for blob in (*record.top, *record.bottom)}
