"""The table of ONNX operators that layers can compute, each with the function that adds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import Unmapped
from .builder import Builder, Tensor

FAMILIES = ("sliding", "pointwise", "arithmetic", "arranging", "reducing")


@dataclass
class Call:
    """One node: its inputs (blobs of the net, or constants), its attributes, how many outputs, the opset."""

    op: str
    inputs: list[Tensor | np.ndarray | None]
    attributes: dict[str, Any]
    outputs: int
    opset: int

    def x(self, index: int = 0) -> Tensor:
        """An input that is a blob. Raises Unmapped for a constant, or none."""
        found = self.inputs[index] if index < len(self.inputs) else None
        if not isinstance(found, Tensor):
            raise Unmapped(f"input {index} is {'missing' if found is None else 'a constant'}")
        return found

    def constant(self, index: int) -> np.ndarray | None:
        """An input that is a constant, or None where it is left out. Raises Unmapped for a blob."""
        found = self.inputs[index] if index < len(self.inputs) else None
        if isinstance(found, Tensor):
            raise Unmapped(f"input {index} is computed, and must be a constant here")
        return found

    def needed(self, index: int) -> np.ndarray:
        """An input that must be there, and a constant. Raises Unmapped."""
        found = self.constant(index)
        if found is None:
            raise Unmapped(f"input {index} is missing")
        return found

    def get(self, name: str, otherwise: Any = None) -> Any:
        """An attribute."""
        return self.attributes.get(name, otherwise)

    def given(self, name: str, index: int, otherwise: Any = None) -> Any:
        """Numbers that are an attribute in older opsets, and an input in newer ones, as a list."""
        found = self.constant(index)
        if found is not None:
            return found.reshape(-1).tolist()
        return self.attributes.get(name, otherwise)


Read = Callable[[Builder, Call], Tensor | np.ndarray | Sequence[Tensor]]

READS: dict[str, Read] = {}


def reads(*ops: str) -> Callable[[Read], Read]:
    """Register a function for operators. It may raise Unmapped."""

    def register(function: Read) -> Read:
        for one in ops:
            assert one not in READS, one
            READS[one] = function
        return function

    return register


@cache
def load() -> dict[str, Read]:
    """The table, complete."""
    for family in FAMILIES:
        import_module(f".{family}", __package__)
    return READS
