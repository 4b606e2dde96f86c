"""Checkpoint. What a solver has to be given back to go on bit for bit, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .memory import HOST, WRITE, Arena
from .policy import Steps
from .solver import Solver, data_positions, seek_data


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A solver between two iterations: weights and history as flat arrays, and the numbers that go with them.

    `key` tells which solvers it fits: those with the same rule and shapes of parameters. `positions` and `passes` have
    an entry for the training net and each test net.
    """

    iteration: int
    key: tuple[Any, ...]
    seed: int
    steps: Steps
    losses: tuple[float, ...]
    passes: tuple[int, ...]
    positions: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, solver: Solver) -> Checkpoint:
        """The numbers of a solver as it is now."""
        nets = (solver.net, *solver.test_nets)
        return cls(
            solver.iter,
            key_of(solver),
            solver.net.context.seed,
            replace(solver.steps, losses=list(solver.steps.losses)),
            tuple(float(loss) for loss in solver.losses),
            tuple(net.context.passes for net in nets),
            tuple(data_positions(net) for net in nets),
        )

    def put_back(self, solver: Solver, arrays: Sequence[np.ndarray]) -> None:
        """Let a solver stand where this was taken, with the arrays that `arrays_of` gave then.

        Raises ValueError, and changes nothing, where it has another rule or other parameters.
        """
        if key_of(solver) != self.key:
            raise ValueError(f"the state of iteration {self.iteration:,} is that of another net or solver type")
        with solver.turns.iteration():
            for arena, values in zip(_arenas(solver), arrays, strict=True):
                arena.on(HOST, WRITE)[:] = values
            solver.iter, solver.steps = self.iteration, replace(self.steps, losses=list(self.steps.losses))
            solver._losses = list(self.losses)
            nets = (solver.net, *solver.test_nets)
            for net, passes, positions in zip(nets, self.passes, self.positions, strict=False):
                if net.context.seed != self.seed:
                    net.context.seed = self.seed
                    net.close()  # what data layers have read ahead was drawn by another seed
                net.context.passes = passes
                seek_data(net, positions)


def key_of(solver: Solver) -> tuple[Any, ...]:
    """What a checkpoint and its solver must have in common: the rule, and the shapes of the learnable parameters."""
    return solver.type, solver.slots, tuple(tuple(one.blob.shape) for one in solver.net.learnable)


def arrays_of(solver: Solver) -> list[np.ndarray]:
    """Copies of the weights and of every slot of history, as flat arrays with gaps of zeros between parameters."""
    return [np.array(arena.on(HOST)) for arena in _arenas(solver)]


def _arenas(solver: Solver) -> list[Arena]:
    return [solver.net.arenas[0], *solver._history]
