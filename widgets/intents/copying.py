"""Layers duplicated, copied and pasted."""

from __future__ import annotations

from collections.abc import Sequence

from ...proto import Document
from ...proto.messages import LayerParameter
from .names import free_blob, free_name


def duplicate(document: Document, indices: Sequence[int]) -> list[int]:
    """Copies behind the last of the layers, under new names; what they read of each other they read of the copies."""
    if not indices:
        raise ValueError("Select the layers to duplicate first.")
    made, renamed = [], {}
    with document.transaction("duplicate"):
        for place, index in enumerate(indices, start=indices[-1] + 1):
            record = document.layers[index]
            name = free_name(document, record.name)
            copy = LayerParameter()
            copy.CopyFrom(document.message.layer[index])
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
