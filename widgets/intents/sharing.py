"""Parameters that several layers share, by names in their `param` fields: made, taken back, told to the drawing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...engine import Report
from ...proto import Document

ENDS = ("w", "b")
"""Ends of the names that shared weights and offsets are given, as in Caffe's siamese net."""

MULTIPLIERS = ("lr_mult", "decay_mult")


def share(document: Document, report: Report, indices: Sequence[int]) -> None:
    """Let layers share their parameters, under the names that the first has for them or is given.

    Raises ValueError for layers without parameters, or of which the shapes differ.
    """
    if len(indices) < 2:
        raise ValueError("Select two layers or more that are to share their parameters.")
    _refuse_old(document)
    shapes = {layer.index: layer.param_shapes for layer in report.layers}
    owner, *others = indices
    name = document.layers[owner].name
    if not shapes[owner]:
        raise ValueError(f"{name} has no parameters to share, or their shapes are not known.")
    for index in others:
        if shapes[index] != shapes[owner]:
            raise ValueError(f"{name} has parameters of {_spelled(shapes[owner])}, {document.layers[index].name} of "
                             f"{_spelled(shapes[index])}: only equal shapes can be shared.")  # fmt: skip
    with document.transaction("share parameters"):
        for k in range(len(shapes[owner])):
            _share_one(document, owner, others, k)


def _share_one(document: Document, owner: int, others: Sequence[int], k: int) -> None:
    path = (*document.layers[owner].path, "param", k)
    shared = document.get((*path, "name")) or _free(document, owner, k)
    for index in (owner, *others):
        own = (*document.layers[index].path, "param")
        for missing in range(len(document.get(own) or ()), k + 1):
            document.set((*own, missing), {})
        document.set((*own, k, "name"), shared)
        for field in MULTIPLIERS:  # Caffe refuses a shared parameter of two rates
            if index != owner and document.has((*path, field)) and document.has((*own, k, field)):
                if document.get((*path, field)) != document.get((*own, k, field)):
                    document.clear((*own, k, field))


def _free(document: Document, owner: int, k: int) -> str:
    taken = {param.name for layer in document.message.layer for param in layer.param}
    stem = name = f"{document.layers[owner].name}_{ENDS[k] if k < len(ENDS) else k}"
    number = 1
    while name in taken:
        number += 1
        name = f"{stem}{number}"
    return name


def unshare(document: Document, indices: Sequence[int]) -> None:
    """Let layers have their parameters for themselves again. Raises ValueError where they share none."""
    _refuse_old(document)
    with document.transaction("stop sharing parameters"):
        done = False
        for index in indices:
            path = (*document.layers[index].path, "param")
            params = document.get(path) or []
            for k in reversed(range(len(params))):
                if params[k].name:
                    document.clear((*path, k, "name"))
                    done = True
                if k == len(document.get(path) or ()) - 1 and not document.get((*path, k)).ListFields():
                    document.clear((*path, k))
        if not done:
            raise ValueError("These layers share no parameters.")


def shares_of(layers: Iterable[Any], ids: dict[int, str]) -> list[dict[str, Any]]:
    """Which boxes share parameters: the parameters' names, joined, with the `ids` of two layers or more.

    `ids` has those of the layers by their places in the text.
    """
    sharers: dict[str, list[str]] = {}
    for index, layer in enumerate(layers):
        for param in layer.param:
            name = param if isinstance(param, str) else param.name  # a text in the old form
            if name and index in ids and ids[index] not in sharers.setdefault(name, []):
                sharers[name].append(ids[index])
    together: dict[tuple[str, ...], list[str]] = {}
    for name, found in sharers.items():
        if len(found) > 1:
            together.setdefault(tuple(found), []).append(name)
    return [{"name": ", ".join(names), "ids": list(found)} for found, names in together.items()]


def _refuse_old(document: Document) -> None:
    if document.message.layers:
        raise ValueError("In Caffe's V1 form (layers { ... }) the drawing cannot share parameters.")


def _spelled(shapes: Sequence[Sequence[int]]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes) or "no known shape"
