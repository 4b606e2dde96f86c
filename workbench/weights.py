"""What files of weights hold: tensors by layer, with statistics and histograms when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from os import PathLike, fspath
from typing import Any

import numpy as np

from ..engine.files import is_hdf5, read_blob, read_net_weights, read_solver_state
from ..engine.stand_in import spell_shape
from ..proto.printable import printable

BINS = 50
ENDINGS = (".caffemodel", ".solverstate", ".h5", ".binaryproto")
HEAD = ("layer", "type", "blob", "shape", "values", "number")


@dataclass(frozen=True)
class Statistics:
    """Of the values of a tensor. `lowest`, `highest`, `mean` and `deviation` leave NaN out, `zeros` and `nan` count."""

    lowest: float
    highest: float
    mean: float
    deviation: float
    zeros: int
    nan: int


@dataclass(frozen=True)
class Tensor:
    """One blob of a file: `layer` and `type` say whose it is, `index` which of that layer's.

    Of a solver's state the layer is "history", of a mean image "". Its values stay in the file until they are asked
    for.
    """

    layer: str
    type: str
    index: int
    source: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape)

    @property
    def dtype(self) -> np.dtype:
        """The type of the values in the file."""
        return np.dtype(self.source.dtype)

    @property
    def count(self) -> int:
        """The number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """The bytes that the values take in the file."""
        return self.count * self.dtype.itemsize

    def values(self) -> np.ndarray:
        """The values, of this tensor's shape. Raises ValueError where the file does not hold them."""
        return np.asarray(self.source)

    def statistics(self) -> Statistics:
        """Raises ValueError where the file does not hold the values."""
        values = self.values().astype(np.float64).ravel()
        sound = values[~np.isnan(values)]
        if not len(sound):
            return Statistics(np.nan, np.nan, np.nan, np.nan, 0, len(values))
        with np.errstate(all="ignore"):  # infinities have no deviation
            lowest, highest, mean, deviation = map(float, (sound.min(), sound.max(), sound.mean(), sound.std()))
        return Statistics(lowest, highest, mean, deviation, int((sound == 0).sum()), len(values) - len(sound))

    def histogram(self, bins: int = BINS) -> tuple[np.ndarray, np.ndarray]:
        """How many finite values lie in each of so many equal steps (bins,), and the edges of these (bins + 1,)."""
        values = self.values().ravel()
        return np.histogram(values[np.isfinite(values)].astype(np.float64), bins)


@dataclass(frozen=True)
class WeightsFile:
    """A file of tensors. `kind` is "weights", "state" or "blob"; `iteration` is that of a state."""

    path: str
    kind: str
    tensors: tuple[Tensor, ...]
    iteration: int | None = None

    @property
    def count(self) -> int:
        """The number of values of all tensors."""
        return sum(tensor.count for tensor in self.tensors)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(printable(one.layer))}</td><td>{escape(printable(one.type))}</td><td>{one.index}</td>"
            f"<td>{spell_shape(one.shape)}</td><td>{one.dtype}</td><td>{one.count:,}</td></tr>"
            for one in self.tensors
        )
        head = "".join(f"<th>{name}</th>" for name in HEAD)
        return f"<p>{escape(printable(str(self)))}</p><table><tr>{head}</tr>{rows}</table>"

    def __str__(self) -> str:
        of = "" if self.iteration is None else f" of iteration {self.iteration}"
        return f"{self.path}: {len(self.tensors)} tensors{of}, {self.count:,} values"


def is_weights(path: str | PathLike[str]) -> bool:
    """Whether a file is one of weights by its name."""
    return fspath(path).endswith(ENDINGS)


def open_weights(path: str | PathLike[str]) -> WeightsFile:
    """The tensors of a `.caffemodel`, a `.solverstate` (of both also HDF5) or a `.binaryproto`, none of them read yet.

    What it is follows from the name, where that tells, else from the content. Raises OSError, ValueError that names
    the file where it is none of them, or damaged.
    """
    path = fspath(path)
    if ".solverstate" in path:
        state = read_solver_state(path)
        tensors = tuple(Tensor("history", "", index, one) for index, one in enumerate(state.history))
        return WeightsFile(path, "state", tensors, state.iter)
    if path.endswith(".binaryproto") and not is_hdf5(path):
        return WeightsFile(path, "blob", (Tensor("", "", 0, read_blob(path)),))
    tensors = tuple(
        Tensor(layer.name, layer.type, index, blob)
        for layer in read_net_weights(path)
        for index, blob in enumerate(layer.blobs)
        if blob is not None
    )
    return WeightsFile(path, "weights", tensors)
