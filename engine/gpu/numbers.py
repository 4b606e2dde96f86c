"""The numbers that change from step to step, in device memory, where a captured step finds the current ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..context import Context

# In the order of the enum in kernels.cu; LOSS and STEPS follow them there.
FIELDS = ("rate", "momentum", "momentum2", "rms_decay", "delta", "correction", "decay", "scale", "passes", "clip")
LOSS = len(FIELDS)
COUNT = len(FIELDS) + 2


class Numbers:
    """Rate, momentum, decay, ..., and the number of the forward pass, as kernels read them."""

    def __init__(self, device: Any):
        self.device = device
        self.values = device.allocate(COUNT, np.dtype(np.float64))
        self._given = np.zeros(len(FIELDS))

    def set(self, **given: float) -> None:
        """Change some for the work that follows. While a step is captured they come from its slots instead."""
        if self.device.capturing:
            return
        for name, value in given.items():
            self._given[FIELDS.index(name)] = value
        self.device.from_host(self._given.copy(), self.values[: len(FIELDS)])

    def expect(self, values: Sequence[float]) -> None:
        """Know what a captured step is about to take from its slot, so that a change of some leaves the others."""
        self._given[:] = values


def numbers_of(context: Context) -> Numbers:
    """The numbers of a net."""
    found = context.scratch.get("numbers")
    if found is None:
        found = context.scratch["numbers"] = Numbers(context.place)
    return found
