"""One iteration of a solver, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..engine import Net, Solver


@dataclass(frozen=True)
class Cursor:
    """What ran last: a layer forward or backward, or the update that ends an iteration.

    `index` is the layer's place in the net, `origin` that in the text; both are None for the update.
    """

    iteration: int
    direction: str  # "forward", "backward" or "update"
    index: int | None = None
    layer: str | None = None
    origin: int | None = None


def walk(solver: Solver) -> Iterator[Cursor]:
    """Make one iteration, and halt after every layer of the text, each way, and after the update.

    Layers that the net put in itself run along with the one before them, and so do layers that need no backward.
    To run through it is `Solver.iterate`, number for number.
    """
    if not solver.begin_iteration():
        return
    net, iteration = solver.net, solver.iter
    loss = 0.0
    for k in range(solver.param.iter_size):
        solver.begin_pass(k)
        part = 0.0
        for index, node in enumerate(net.nodes):
            part += net.forward_layer(index)
            if node.entry.origin is not None:
                yield _cursor(net, index, iteration, "forward")
        net.context.passes += 1
        loss += part
        for index in range(len(net.nodes) - 1, -1, -1):
            net.backward_layer(index)
            if net.nodes[index].entry.origin is not None and net.nodes[index].need_backward:
                yield _cursor(net, index, iteration, "backward")
    solver.finish_iteration(loss)
    yield Cursor(iteration, "update")


def _cursor(net: Net, index: int, iteration: int, direction: str) -> Cursor:
    return Cursor(iteration, direction, index, net.layer_names[index], net.nodes[index].entry.origin)
