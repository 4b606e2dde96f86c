"""StandInData. A data layer without what it reads: shapes and made-up values in its place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from ... import rng
from ...blob import Blob
from ...context import Context
from ...errors import DefinitionError, MissingFile
from ...layer import LAYERS, Layer, at_least, load_layers
from ...memory import HOST, WRITE
from ...stand_in import Shape, StandIn, spell_shape
from ._prefetching import Expected, Prefetching


class StandInData(Layer):
    """What a layer's tops are to be where it does not run; the values are the same at every pass.

    Bottom: none.
    Top: the shapes that the user states, or that the settings tell; tops beyond those are labels (N,), N being the
    first length of the first. Random values are normal, of mean 0 and deviation 1, constant ones 1; labels are 0 or
    1 at random, or 0.
    """

    bottoms = 0
    tops = at_least(1)
    is_source = True

    def __init__(
        self, param: Any, context: Context, what: StandIn, missing: MissingFile | None = None, asked: bool = True
    ):
        """`missing` is why the layer itself cannot be; None where the user named it. Where the user has not asked
        for stand-in data, only its shapes are wanted.
        """
        super().__init__(param, context)
        self.what, self.missing, self.asked = what, missing, asked

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        found = Expected(self.what.shapes, "") if self.what.shapes else self._expected()
        if found is None:
            raise self._unknown_shape()
        shapes = found.shapes if self.what.shapes else found.shapes[: len(top)]
        if len(shapes) > len(top):
            raise DefinitionError(f"stand-in data has {len(shapes)} shapes, the layer {len(top)} tops.", "top")
        self.shapes = [*shapes, *[shapes[0][:1]] * (len(top) - len(shapes))]
        self.stand_in = f"stand-in data, {spell_shape(shapes[0])}, {self.what.values}" if self.asked else ""
        self.label = found.label
        self._values: tuple[int, list[np.ndarray]] = (-1, [])  # the seed that they come from, and they
        self._tell(found)

    def _expected(self) -> Expected | None:
        own = LAYERS[self.type](self.param, self.context) if self.type in LAYERS else None
        return own.expected() if isinstance(own, Prefetching) else None

    def _unknown_shape(self) -> DefinitionError:
        """What is raised where nothing is known of the shapes."""
        hint = "give it stand-in data, as in stand_in={" + f'"{self.name}": "32x3x224x224"' + "}"
        if self.missing is None:
            return DefinitionError(f"nothing tells the shapes of its tops; {hint}.")
        message = f"{self.missing.message.rstrip('.')}. Nothing tells the shapes of its tops; {hint}."
        return MissingFile(message, self.missing.field or "source", self.missing.what)

    def _tell(self, found: Expected) -> None:
        """Warn of what the tops hold, or lack."""
        lack, field = "", None
        if self.missing:
            nor = f", nor the {found.lacks}" if found.lacks else ""
            lack, field = f"there is no {self.missing.what}{nor}", self.missing.field
        told = f"shapes are from {found.why}" if found.why else ""
        if self.asked:
            because = "; ".join(part for part in (lack, told) if part)
            self.warn(f"runs on {self.stand_in}{because and ': '}{because}.", field)
        else:
            tops = ", ".join(map(spell_shape, self.shapes))
            self.warn(f"{lack}; {told}: {tops}. To run without it, give the net stand-in data (stand_in).", field)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        for blob, shape in zip(top, self.shapes, strict=True):
            blob.reshape(*shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        seed = self.context.seed  # that of a run which goes on may be another
        if self._values[0] != seed:
            self._values = seed, [self._made(index, shape) for index, shape in enumerate(self.shapes)]
        for blob, values in zip(top, self._values[1], strict=True):
            blob.data_memory.on(HOST, WRITE)[:] = values

    def _made(self, index: int, shape: Shape) -> np.ndarray:
        is_label = index > 0 and len(shape) == 1
        if self.label and index == 1:
            return np.resize(np.array(self.label, self.context.dtype), prod(shape))
        if self.what.values == "constant":
            return np.full(prod(shape), 0 if is_label else 1, self.context.dtype)
        key = self.random_key("stand-in", index, self.context.rank)
        if is_label:
            return (rng.bits(prod(shape), key) % 2).astype(self.context.dtype)
        return rng.gaussian(prod(shape), key).astype(self.context.dtype)

    @property
    def rows(self) -> int:
        """Those of the one batch."""
        return self.shapes[0][0]


def stand_in_by_name(param: Any, context: Context) -> StandInData | None:
    """The layer in place of one to which the user gave stand-in data by its name, if it has no bottoms."""
    what = context.stand_in.named.get(param.name)
    load_layers()
    return None if what is None or param.bottom else _kind(param.type)(param, context, what)


def stand_in_for(layer: Layer, error: MissingFile) -> StandInData:
    """The layer in place of one whose source is not there. Raises the error where nobody asked for it."""
    what, dry = layer.context.stand_in.missing, layer.context.dry
    if not layer.is_source or error.field != "source" or (what is None and not dry):
        raise error
    made = _kind(layer.type)(layer.param, layer.context, what or StandIn(), error, what is not None)
    made.number = layer.number
    return made


@cache
def _kind(type_name: str) -> type[StandInData]:
    """The class for the place of a type, whose name, parameters and category it has."""
    cls = LAYERS.get(type_name, Layer)
    kept = {"type": type_name, "param_field": cls.param_field, "category": cls.category}
    return type(f"StandIn{type_name}", (StandInData,), kept)
