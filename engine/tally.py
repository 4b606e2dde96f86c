"""What a test net's outputs come to over the batches of a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .average_precision import COLUMNS, VERSIONS, Detections
from .blob import Blob
from .errors import DefinitionError
from .memory import HOST

EVALUATIONS = ("classification", "detection")


class Means:
    """The mean of each value of each output."""

    def __init__(self, names: Sequence[str], weights: Sequence[float]):
        self.names, self.weights, self.batches = names, weights, 0
        self._totals: list[np.ndarray] = []

    def add(self, outputs: Sequence[Blob]) -> None:
        """Take in the outputs of a batch."""
        values = [blob.data_memory.on(HOST) for blob in outputs]
        self.batches += 1
        if self.batches == 1:
            self._totals = [value.astype(np.float64) for value in values]
            return
        for total, value in zip(self._totals, values, strict=True):
            total += value

    def values(self) -> Iterator[tuple[str, float, float]]:
        """Name, mean and weight in the loss, value by value; nothing where there was no batch."""
        for name, weight, total in zip(self.names, self.weights, self._totals, strict=self.batches > 0):
            for value in total:
                yield name, float(value) / self.batches, weight

    def classes(self) -> dict[str, dict[int, float]]:
        """For each output, by name, what there is to say of its classes."""
        return {}


class Precisions:
    """The mean average precision of each output, whose rows are made as by DetectionEvaluate."""

    def __init__(self, names: Sequence[str], version: str):
        self.names, self.version, self.batches = names, version, 0
        self._found = [Detections() for _ in names]

    def add(self, outputs: Sequence[Blob]) -> None:
        """Take in the outputs of a batch. Raises DefinitionError for one whose rows are not of five numbers."""
        self.batches += 1
        for name, blob, found in zip(self.names, outputs, self._found, strict=True):
            if not blob.shape or blob.shape[-1] != COLUMNS:
                message = f"eval_type detection needs rows of {COLUMNS} numbers, as DetectionEvaluate makes them; "
                raise DefinitionError(f"{message}output {name!r} of the test net is {blob.shape}.", "eval_type")
            found.add(blob.data_memory.on(HOST).reshape(-1, COLUMNS))

    def values(self) -> Iterator[tuple[str, float, float]]:
        """Name, mean average precision, and 0."""
        if self.batches:
            for name, found in zip(self.names, self._found, strict=True):
                yield name, found.mean(self.version), 0.0

    def classes(self) -> dict[str, dict[int, float]]:
        """For each output, by name, the average precision of each class of which there was a detection."""
        return {name: found.by_class(self.version) for name, found in zip(self.names, self._found, strict=True)}


def tally(param: Any, names: Sequence[str], weights: Sequence[float]) -> Means | Precisions:
    """For the outputs of a test net, as a SolverParameter's `eval_type` says."""
    return Precisions(names, param.ap_version) if param.eval_type == "detection" else Means(names, weights)


def check_evaluation(param: Any) -> None:
    """Raises DefinitionError for an `eval_type` or `ap_version` of a SolverParameter that does not exist."""
    for field, known in (("eval_type", EVALUATIONS), ("ap_version", VERSIONS)):
        value = getattr(param, field)
        if value not in known:
            raise DefinitionError(f"{field} must be one of {', '.join(known)}; got {value!r}.", field)
