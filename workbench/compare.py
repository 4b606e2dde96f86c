"""What differs between two nets, or between two files of weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from ..engine import Report, check
from ..engine.files import read_net_weights
from ..engine.identity import numbers_of
from ..engine.source import Source
from ..proto import Document

Key = tuple[str, int]  # a name, and the number among the layers that have it
Shapes = tuple[tuple[int, ...], ...]
UNTOLD = {"name", "bottom", "top"}  # fields that do not make a layer another when it is only renamed


@dataclass(frozen=True)
class FieldChange:
    """A field of a layer, by its path, as it is in the first net and in the second; None: it is not written."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.path}: {_spell(self.before)} -> {_spell(self.after)}"


@dataclass(frozen=True)
class LayerChange:
    """What became of a layer.

    `kind` is "added", "removed", "changed" or "renamed"; `before` and `after` are its names, its places in the two
    texts are `at` (None where it is not), `fields` what differs, `params` the shapes of its parameters before and
    after where they differ.
    """

    kind: str
    before: str | None
    after: str | None
    type: str
    at: tuple[int | None, int | None]
    fields: tuple[FieldChange, ...] = ()
    params: tuple[Shapes, Shapes] | None = None

    @property
    def name(self) -> str:
        """The name it has now, or had."""
        return self.after if self.after is not None else self.before or ""


@dataclass(frozen=True)
class BlobChange:
    """A parameter of two files of weights: shapes (None where it is not), and how far values lie apart.

    `largest` and `mean` are of the absolute differences, None where shapes differ.
    """

    layer: str
    index: int
    shapes: tuple[tuple[int, ...] | None, tuple[int, ...] | None]
    largest: float | None = None
    mean: float | None = None


def compare(before: Document | str | PathLike[str], after: Document | str | PathLike[str]) -> list[LayerChange]:
    """The layers that differ, those of the second net in its order, then those that are gone.

    Layers are the same where name and number among equals are; an old format is read as today's. A layer that is gone
    beside one that came in with the same type and settings was renamed. Order alone is no difference. Shapes are those
    of the TEST nets, where they can be told.

    Raises OSError, ParseError, DefinitionError for a net that cannot be read.
    """
    old, new = (_Side(one) for one in (before, after))
    renamed = _renamed(old, new)
    found = []
    for key, layer in new.layers.items():
        was = key if key in old.layers else renamed.get(key)
        if was is None:
            found.append(LayerChange("added", None, layer.name, layer.type, (None, new.places[key])))
            continue
        fields = tuple(one for one in _changes(_flat(old.layers[was]), _flat(layer)) if one.path != "name")
        params = None if old.params[was] == new.params[key] else (old.params[was], new.params[key])
        if fields or params or was != key:
            kind = "renamed" if was != key else "changed"
            place = (old.places[was], new.places[key])
            found.append(LayerChange(kind, was[0], layer.name, layer.type, place, fields, params))
    gone = [key for key in old.layers if key not in new.layers and key not in renamed.values()]
    found += [LayerChange("removed", key[0], None, old.layers[key].type, (old.places[key], None)) for key in gone]
    return found


def compare_weights(before: str | PathLike[str], after: str | PathLike[str]) -> list[BlobChange]:
    """The parameters of two `.caffemodel` files, or HDF5, that differ in shape or in any value.

    Raises OSError, ValueError for a file that cannot be read.
    """
    old, new = (_weights(path) for path in (before, after))
    found = []
    for key in dict.fromkeys((*old, *new)):
        one, other = old.get(key), new.get(key)
        shapes = (None if one is None else tuple(one.shape), None if other is None else tuple(other.shape))
        name, _, index = key
        if shapes[0] != shapes[1]:
            found.append(BlobChange(name, index, shapes))
            continue
        x, y = np.asarray(one, np.float64), np.asarray(other, np.float64)
        with np.errstate(invalid="ignore"):
            apart = np.where((x == y) | (np.isnan(x) & np.isnan(y)), 0, np.abs(x - y))
        if apart.any():
            found.append(BlobChange(name, index, shapes, float(apart.max()), float(apart.mean())))
    return found


def spell(change: LayerChange | BlobChange) -> list[str]:
    """A change in lines: a sign (+ added, - removed, ~ changed) with the layer, and what differs below it."""
    if isinstance(change, BlobChange):
        shapes = " -> ".join("nothing" if shape is None else _shape(shape) for shape in change.shapes)
        if change.largest is None:
            return [f"~ {change.layer}[{change.index}]: {shapes}"]
        far = f"largest difference {change.largest:.3g}, mean {change.mean:.3g}"
        return [f"~ {change.layer}[{change.index}] {_shape(change.shapes[0] or ())}: {far}"]
    sign = {"added": "+", "removed": "-"}.get(change.kind, "~")
    was = f", before {change.before}" if change.kind == "renamed" else ""
    lines = [f"{sign} {change.name} ({change.type}){was}", *(f"    {field}" for field in change.fields)]
    if change.params is not None:
        lines.append("    parameters: " + " -> ".join(_shapes(shapes) for shapes in change.params))
    return lines


class _Side:
    """One of the two nets: its layers in today's format, where they stand in the text, and their parameters."""

    def __init__(self, definition: Document | str | PathLike[str]):
        source = Source(definition, "net")
        layers = list(source.param.layer)
        keys = list(zip((layer.name for layer in layers), numbers_of(layers), strict=True))
        self.layers = dict(zip(keys, layers, strict=True))
        self.places: Mapping[Key, int | None] = dict(zip(keys, source.origins, strict=True))
        report = check(source, 1)
        self.params = {key: _param_shapes(report, place) for key, place in self.places.items()}


def _param_shapes(report: Report, place: int | None) -> Shapes:
    return next((one.param_shapes for one in report.layers if one.index == place and one.included), ())


def _renamed(old: _Side, new: _Side) -> dict[Key, Key]:
    """The old keys of layers that have another name in the new net, by the new."""
    gone = [key for key in old.layers if key not in new.layers]
    found = {}
    for key, layer in new.layers.items():
        if key in old.layers:
            continue
        for was in gone:
            if _told(old.layers[was]) == _told(layer):
                found[key] = was
                gone.remove(was)
                break
    return found


def _told(layer: Any) -> dict[str, Any]:
    return {path: value for path, value in _flat(layer).items() if path.split("[")[0] not in UNTOLD}


def _flat(message: Any, before: str = "") -> dict[str, Any]:
    """The values that a message sets, by their paths."""
    found = {}
    for field, value in message.ListFields():
        path = f"{before}{field.name}"
        for index, one in enumerate(value if field.is_repeated else [value]):
            here = f"{path}[{index}]" if field.is_repeated else path
            if field.message_type is not None:
                found.update(_flat(one, f"{here}."))
            elif field.enum_type is not None:
                found[here] = field.enum_type.values_by_number[one].name
            else:
                found[here] = one
    return found


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[FieldChange]:
    for path in dict.fromkeys((*old, *new)):
        if old.get(path) != new.get(path):
            yield FieldChange(path, old.get(path), new.get(path))


def _weights(path: str | PathLike[str]) -> dict[tuple[str, int, int], Any]:
    """The parameters of a file by layer, number among equals, and index; their values stay in it until taken."""
    found: dict[tuple[str, int, int], Any] = {}
    counts: dict[str, int] = {}
    for layer in read_net_weights(path):
        number = counts.get(layer.name, 0)
        counts[layer.name] = number + 1
        found.update({(layer.name, number, k): blob for k, blob in enumerate(layer.blobs) if blob is not None})
    return found


def _spell(value: Any) -> str:
    if value is None:
        return "not set"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "one value"


def _shapes(shapes: Shapes) -> str:
    return ", ".join(map(_shape, shapes)) or "none"
