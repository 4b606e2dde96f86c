"""One iteration of a solver, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..engine import Net, Solver


@dataclass(frozen=True)
class Cursor:
    """A step of an iteration: a layer forward or backward, or the update that ends it.

    `index` is the layer's place in the net, `origin` that in the text; both are None for the update.
    """

    iteration: int
    direction: str  # "forward", "backward" or "update"
    index: int | None = None
    layer: str | None = None
    origin: int | None = None

    def __str__(self) -> str:
        return "the update" if self.layer is None else f"{self.layer}, {self.direction}"


class Walk:
    """Makes one iteration, and halts after every layer of the text, each way, and after the update.

    Layers that the net put in itself run along with the one before them, and so do layers that need no backward.
    To run through it is `Solver.iterate`, number for number. `coming` are the steps that have not run yet.
    """

    def __init__(self, solver: Solver):
        self.coming = steps(solver)
        self._run = _run(solver)

    def advance(self) -> Cursor | None:
        """Run the next step and return it; None where a test at the beginning was broken off."""
        done = next(self._run, None)
        if done is not None:
            self.coming.pop(0)
        return done


def steps(solver: Solver) -> list[Cursor]:
    """The steps of the coming iteration, in their order: the passes, then the update."""
    net, iteration = solver.net, solver.iter
    layers = [index for index, node in enumerate(net.nodes) if node.entry.origin is not None]
    forward = [_cursor(net, index, iteration, "forward") for index in layers]
    trained = [index for index in reversed(layers) if net.nodes[index].need_backward]
    backward = [_cursor(net, index, iteration, "backward") for index in trained]
    return [*((forward + backward) * solver.param.iter_size), Cursor(iteration, "update")]


def _run(solver: Solver) -> Iterator[Cursor]:
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
