"""Overlays. Figures of a net's layers by which a drawing is coloured: costs, times, norms, dead units."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf, nan, sqrt
from time import monotonic
from typing import Any

import numpy as np

from ..engine import Blob, Listener, Net, Solver
from .costs import Cost

CHUNK = 1 << 20  # values that are summed in single precision; the sums are added in double
SHARE = 0.1  # of the time a solver has, that measuring may take

Values = dict[int, float]
Read = Callable[[Blob], "np.ndarray | None"]


@dataclass(frozen=True)
class Overlay:
    """One figure of each layer. `unit` is "" for a plain number, "B", "px", "ms" or "%".

    `source` says what it is computed from: "costs" (the check), "time" (a measurement) or "net" (a living net).
    `gather` is the figure of a folded group: the "sum" of those inside, or the "max".
    """

    name: str
    title: str
    unit: str
    source: str
    gather: str
    help: str


OVERLAYS = {
    one.name: one
    for one in (
        Overlay("parameters", "parameters", "", "costs", "sum", "Number of parameters"),
        Overlay("multiply_adds", "multiply-adds", "", "costs", "sum", "Multiplications with an addition, per image"),
        Overlay("activations", "activation memory", "B", "costs", "sum", "Bytes of the tops, for the whole batch"),
        Overlay("receptive_field", "receptive field", "px", "costs", "max", "Pixels of the input that a value sees"),
        Overlay("forward", "forward time", "ms", "time", "sum", "Median of a few passes of a copy of the net"),
        Overlay("backward", "backward time", "ms", "time", "sum", "Median of a few passes of a copy of the net"),
        Overlay("gradient", "gradient norm", "", "net", "max", "L2 norm of the parameters' gradients"),
        Overlay("weights", "weight norm", "", "net", "max", "L2 norm of the parameters"),
        Overlay("update", "update / weights", "", "net", "max", "L2 norm of the last update, by that of the weights"),
        Overlay("change", "weight change", "%", "net", "max", "L2 norm of what training changed, by that at the start"),
        Overlay("dead", "dead units", "%", "net", "max", "Channels that are 0 over the whole batch"),
    )
}
"""The overlays, by name, in the order in which they are offered."""


def cost_values(name: str, costs: Iterable[Cost]) -> Values:
    """The figures of an overlay whose source is "costs", by the layer's place in the text; 0 and unknown left out."""
    figures = {cost.index: getattr(cost, name) for cost in costs}
    found = {index: max(one) if isinstance(one, tuple) else one for index, one in figures.items() if one}
    return {index: float(one) for index, one in found.items()}


def norm(arrays: Iterable[np.ndarray]) -> float:
    """The L2 norm of all values of some arrays together."""
    total = 0.0
    for array in arrays:
        flat = array.reshape(-1)
        for start in range(0, flat.size, CHUNK):
            part = flat[start : start + CHUNK]
            with np.errstate(over="ignore"):
                square = float(np.dot(part, part))
            total += square if square != inf else float(np.square(part, dtype=np.float64).sum())
    return sqrt(total) if total == total else nan


def weight_norms(net: Net) -> Values:
    """Norm of each layer's learnable parameters."""
    return {index: norm(blob.look("data") for blob in blobs) for index, blobs in _learning(net)}


def gradient_norms(net: Net, read: Read) -> Values:
    """Norm of each layer's gradients, which `read` gives by blob; layers of which it gives none are left out."""
    found = {}
    for index, blobs in _learning(net):
        arrays = [array for blob in blobs if (array := read(blob)) is not None]
        if arrays:
            found[index] = norm(arrays)
    return found


def update_ratios(net: Net, read: Read) -> Values:
    """Norm of each layer's last update, which `read` gives by blob, by the norm of its parameters."""
    updates, weights = gradient_norms(net, read), weight_norms(net)
    return {index: _ratio(update, weights[index]) for index, update in updates.items()}


def weight_changes(net: Net, first: Net) -> Values:
    """Norm of the difference to another net's parameters by the norm of those, in percent.

    Layers that the other net does not have in the same shapes are left out; so are those whose first norm is 0.
    """
    starts = dict(_learning(first))
    found = {}
    for index, blobs in _learning(net):
        others = starts.get(index, ())
        if [blob.shape for blob in blobs] != [blob.shape for blob in others]:
            continue
        pairs = zip(blobs, others, strict=True)
        moved = norm(blob.look("data") - other.look("data") for blob, other in pairs)
        found[index] = 100 * _ratio(moved, norm(other.look("data") for other in others))
    return found


def dead_units(net: Net) -> Values:
    """Share of the channels, or units, of each layer's first top that are 0 for the whole batch, in percent.

    Of layers that compute something from a batch of channels: data layers, losses and single numbers are left out.
    """
    found = {}
    for node in net.nodes:
        top = node.tops[0] if node.tops else None
        if node.entry.origin is None or not node.bottoms or top is None or len(top.shape) < 2 or not top.count:
            continue
        values = top.look("data")
        alive = values.any(axis=(0, *range(2, values.ndim)))
        found[node.entry.origin] = 100 * (1 - np.count_nonzero(alive) / alive.size)
    return found


def live_values(name: str, net: Net, gradient: Read, update: Read, first: Callable[[], Net]) -> Values:
    """The figures of an overlay whose source is "net", by the layer's place in the text.

    `gradient` and `update` give those of a blob, None where they are not known; `first` the net at its start.
    """
    match name:
        case "gradient":
            return gradient_norms(net, gradient)
        case "weights":
            return weight_norms(net)
        case "update":
            return update_ratios(net, update)
        case "change":
            return weight_changes(net, first())
        case "dead":
            return dead_units(net)
    raise ValueError(f"there is no overlay {name!r} of a living net")


class Probe(Listener):
    """Measures one overlay of a net in training, on the solver's thread, and tells the values.

    At most once every `period` seconds, and for no more than a tenth of the time. Gradients and dead units are those
    of an iteration before its update, all else after it. What fails is told to `fail`, and the training goes on.
    After each telling it rests until `asked` is set again.
    """

    def __init__(self, name: str, first: Callable[[], Net], tell: Callable[[Values], object],
                 fail: Callable[[Exception], object], period: float = 0.5):  # fmt: skip
        self.name, self._first, self._tell, self._fail = name, first, tell, fail
        self.asked = True
        self._period, self._due = period, 0.0
        self._early = name in ("gradient", "dead")

    @property
    def needs_gradients(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether a device has to halt before the update."""
        return self._early

    def on_gradients_ready(self, solver: Solver) -> None:
        if self._early:
            self._measure(solver)

    def on_advance(self, solver: Solver) -> None:
        if not self._early:
            self._measure(solver)

    def _measure(self, solver: Solver) -> None:
        begin = monotonic()
        if not self.asked or begin < self._due:
            return
        self.asked = False
        try:
            read = lambda blob: blob.look("diff")  # noqa: E731
            self._tell(live_values(self.name, solver.net, read, read, self._first))
        except Exception as error:
            self._fail(error)
        end = monotonic()
        self._due = end + max(self._period, (end - begin) / SHARE)


def _learning(net: Net) -> Iterator[tuple[int, Sequence[Blob]]]:
    """Place in the text and parameters of each layer that learns."""
    learnable = {id(one.blob.data_memory) for one in net.learnable if one.lr_mult != 0}
    for node, layer in zip(net.nodes, net.layers, strict=True):
        blobs = [blob for blob in layer.blobs if id(blob.data_memory) in learnable]
        if node.entry.origin is not None and blobs:
            yield node.entry.origin, blobs


def _ratio(one: Any, other: Any) -> float:
    return one / other if other else (inf if one else 0.0)
