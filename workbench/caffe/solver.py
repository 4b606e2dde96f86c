"""pycaffe's solvers."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any, ClassVar

from ... import engine
from ...engine.source import Source
from ...engine.turns import of_the_user
from ...proto.messages import SolverParameter
from .net import Net
from .settings import next_seed


class _Callback(engine.Listener):
    """Two plain functions as a listener."""

    def __init__(self, on_start: Callable[[], None] | None, on_gradients_ready: Callable[[], None] | None):
        self.start, self.gradients = on_start, on_gradients_ready

    def on_start(self, solver: engine.Solver) -> None:
        if self.start:
            with of_the_user(solver.turns):
                self.start()

    def on_gradients_ready(self, solver: engine.Solver) -> None:
        if self.gradients:
            with of_the_user(solver.turns):
                self.gradients()


class Solver:
    """A solver as pycaffe shows it; `engine` is the one underneath."""

    type: ClassVar[str | None] = None

    def __init__(self, solver_file: Any):
        definition = solver_file
        if self.type is not None:
            definition = Source(solver_file, "solver")
            definition.param.type = self.type
        self.engine = engine.get_solver(definition, seed=next_seed())
        self.net = Net(self.engine.net)
        self.test_nets = [Net(net) for net in self.engine.test_nets]

    @property
    def iter(self) -> int:
        """The number of updates made."""
        return self.engine.iter

    @property
    def param(self) -> SolverParameter:
        """The parameters; changing them takes effect at the next iteration."""
        return self.engine.param

    @property
    def lr(self) -> float:
        """The rate of the coming iteration."""
        return self.engine.rate

    def step(self, iterations: int) -> None:
        """Make so many iterations, with tests and snapshots where they fall due."""
        self.engine.step(iterations)

    def solve(self, resume_file: str | PathLike | None = None) -> None:
        """Train up to max_iter, from a snapshot if one is given."""
        self.engine.solve(resume_file)

    def apply_update(self) -> None:
        """Update the parameters from the gradients as they are."""
        self.engine.apply_update()

    def snapshot(self) -> None:
        """Write weights and solver state."""
        self.engine.snapshot()

    def restore(self, state: str | PathLike, data_restart: bool = False) -> None:
        """Continue from a snapshot's solver state; `data_restart` begins the data again, as Caffe always does."""
        self.engine.restore(state, data_restart)

    def share_weights(self, net: Net) -> None:
        """Let `net` use the parameters of the training net."""
        net.share_with(self.net)

    def add_callback(
        self, on_start: Callable[[], None] | None, on_gradients_ready: Callable[[], None] | None
    ) -> None:
        """Call one function as an iteration begins, the other before its update."""
        self.engine.listeners.append(_Callback(on_start, on_gradients_ready))


class SGDSolver(Solver):
    """SGD whatever the file says; so for the other types."""

    type = "SGD"


class NesterovSolver(Solver):
    """Nesterov."""

    type = "Nesterov"


class AdaGradSolver(Solver):
    """AdaGrad."""

    type = "AdaGrad"


class RMSPropSolver(Solver):
    """RMSProp."""

    type = "RMSProp"


class AdaDeltaSolver(Solver):
    """AdaDelta."""

    type = "AdaDelta"


class AdamSolver(Solver):
    """Adam."""

    type = "Adam"


def get_solver(solver_file: Any) -> Solver:
    """The solver that a file asks for by its `type`."""
    return Solver(solver_file)
