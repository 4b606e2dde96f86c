"""Layers duplicated, copied and pasted."""

from __future__ import annotations

from collections.abc import Sequence

from ...proto import Document, ParseError
from .names import blobs_of, free_blob, free_name


def duplicate(document: Document, indices: Sequence[int]) -> list[int]:
    """Copies behind the last of the layers, under new names; what they read of each other they read of the copies."""
    if not indices:
        raise ValueError("Select the layers to duplicate first.")
    made, renamed = [], {}
    with document.transaction("duplicate"):
        for place, index in enumerate(indices, start=indices[-1] + 1):
            record = document.layers[index]
            name = free_name(document, record.name)
            source = document.get(record.path)
            copy = type(source)()
            copy.CopyFrom(source)
            copy.name = name
            for k, bottom in enumerate(copy.bottom):
                copy.bottom[k] = renamed.get(bottom, bottom)
            for k, top in enumerate(record.top):
                in_place = k < len(record.bottom) and record.bottom[k] == top
                if not in_place:
                    renamed[top] = name if len(record.top) == 1 else free_blob(document, top)
                copy.top[k] = renamed.get(top, top)
            document.insert_layer(place, copy)
            made.append(place)
    return made


def copied(document: Document, indices: Sequence[int]) -> str:
    """The text of layers as it is written. Raises ValueError where there are none."""
    if not indices:
        raise ValueError("Select the layers to copy first.")
    spans = [document.span(document.layers[index].path) for index in indices if index >= 0]
    return "".join(document.text[span[0] : span[1]].rstrip() + "\n" for span in spans if span is not None)


def paste(document: Document, text: str, index: int) -> list[int]:
    """Write the layers of a text at a place; their places.

    Names and tops that are taken become new ones, also where the layers read each other; other bottoms stay. Raises
    ValueError for a text without layers.
    """
    try:
        other = Document.parse(text, "net")
    except ParseError as error:
        raise ValueError(f"The clipboard holds no layers: {error}") from None
    if not other.layers or any(record.path[0] != "layer" for record in other.layers):
        raise ValueError("The clipboard holds no layers (layer { ... }).")
    taken, renamed = blobs_of(document), {}
    with document.transaction("paste"):
        for k, record in enumerate(other.layers):
            names = {one.name for one in document.layers}
            name = free_name(document, record.name) if record.name in names else record.name
            if name != record.name:
                other.set((*record.path, "name"), name)
            for at, bottom in enumerate(record.bottom):
                if bottom in renamed:
                    other.set((*record.path, "bottom", at), renamed[bottom])
            for at, top in enumerate(record.top):
                if top in taken and top not in record.bottom:
                    own = len(record.top) == 1 and name not in taken
                    renamed[top] = name if own else free_blob(document, top)
                if top in renamed:
                    other.set((*record.path, "top", at), renamed[top])
            span = other.span(record.path)
            if span is not None:
                document.insert_layer(index + k, other.text[span[0] : span[1]].strip())
    return list(range(index, index + len(other.layers)))
