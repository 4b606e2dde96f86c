"""The table of layer types that ONNX can say, each with the function that says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from ....engine.blob import Blob
from .graph import Graph, Value

FAMILIES = ("neuron", "vision", "pooling", "arranging", "combining", "normalising", "recurrent", "choosing", "losses")


@dataclass
class Step:
    """One layer of the net with the values that it reads, the shapes of those it makes, and its parameter blobs.

    `in_place` says that the first top is the first bottom, as for Caffe's quirks with it.
    """

    layer: Any
    bottoms: list[Value]
    tops: list[Value]
    blobs: Sequence[Blob]
    in_place: bool = False

    @property
    def settings(self) -> Any:
        return self.layer.settings

    @property
    def x(self) -> str:
        """The name of the first bottom's values."""
        return self.bottoms[0].name


Export = Callable[[Graph, Step], str | Sequence[str]]  # the names of the values that are the tops

EXPORTS: dict[str, Export] = {}


Given = TypeVar("Given", bound=Export)


def exports(*types: str) -> Callable[[Given], Given]:
    """Register a function for layer types. It may raise Unmapped, and NeedsFixedBatch."""

    def register(function: Given) -> Given:
        for one in types:
            assert one not in EXPORTS, one
            EXPORTS[one] = function
        return function

    return register


@cache
def load() -> dict[str, Export]:
    """The table, complete."""
    for family in FAMILIES:
        import_module(f".{family}", __package__)
    return EXPORTS
