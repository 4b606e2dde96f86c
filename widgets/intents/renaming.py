"""Layers renamed, together with the top that carries their name."""

from __future__ import annotations

from ...engine import Report
from ...proto import Document
from ..names import is_taken, said_of
from .names import End, Say, blobs_of, ends_of, rename_ends


def rename(document: Document, report: Report, index: int, new: str, say: Say, alone: bool = False) -> list[int]:
    """Rename a layer; its top too where that has the layer's name, with every bottom that reads it.

    In-place layers behind it follow. Names of shared parameters stay. The top keeps its name where `alone` is true,
    where the new name is a blob's already, and where a layer of another phase writes the same blob: its readers
    read both.
    """
    record = document.layers[index]
    old = record.name
    carries = not alone and bool(old) and old in record.top and old not in record.bottom and new != old
    ends = _ends_behind(document, report, index, old) if carries else None
    note = said_of(new) if is_taken([report], index, new) else ""
    with document.transaction(f"rename layer {old!r}"):
        if carries and (new in blobs_of(document) or new in document.message.input):
            note = note or f"There is a blob {new!r} already: the top {old!r} keeps its name."
        elif carries and ends is None:
            note = f"The top {old!r} keeps its name: a layer of another phase writes it, too."
        elif ends is not None:
            rename_ends(document, ends, new)
        document.rename_layer(index, new)
    if note:
        say(note)
    return [index]


def _ends_behind(document: Document, report: Report, writer: int, blob: str) -> list[End] | None:
    """The top by which a layer writes a blob, and all ends that mean the same values; None where a layer of another
    phase writes the blob, too.
    """
    layers = document.layers
    included = {layer.index: layer.included for layer in report.layers}
    writers = [one.index for one in layers if blob in one.top and blob not in one.bottom and one.index != writer]
    if any(included.get(one) != included.get(writer) for one in writers):
        return None
    stop = min((one for one in writers if one > writer), default=len(layers))  # from here on other values
    ends: list[End] = []
    for one in layers[writer:stop]:
        ends += [*ends_of(one, "bottom", blob), *ends_of(one, "top", blob)]
    return ends
