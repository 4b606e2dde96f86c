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

    def as_json(self) -> dict[str, Any]:
        """What `from_json` takes, as JSON can hold it."""
        rule, slots, shapes = self.key
        return {
            "iteration": self.iteration, "rule": rule, "slots": slots, "shapes": [list(shape) for shape in shapes],
            "seed": self.seed, "drops": self.steps.passed, "seen": self.steps.seen, "losses": list(self.losses),
            "passes": list(self.passes), "positions": list(self.positions),
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Checkpoint:
        """What `as_json` made, read back. Raises ValueError where it is damaged."""
        try:
            iteration, shapes = int(found["iteration"]), tuple(tuple(map(int, shape)) for shape in found["shapes"])
            if not all(isinstance(one, dict) for one in found["positions"]):
                raise TypeError("positions")
            return cls(
                iteration,
                (str(found["rule"]), int(found["slots"]), shapes),
                int(found["seed"]),
                Steps.of(int(found["drops"]), iteration, found["seen"]),
                tuple(float(loss) for loss in found["losses"]),
                tuple(int(passes) for passes in found["passes"]),
                tuple(found["positions"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the state of a run is damaged: {error}") from None

    def check(self, solver: Solver, arrays: Sequence[np.ndarray]) -> None:
        """Raise ValueError for a solver of another rule or with other parameters."""
        fits = [len(values) for values in arrays] == [arena.count for arena in _arenas(solver)]
        if key_of(solver) != self.key or not fits:
            raise ValueError(f"the state of iteration {self.iteration:,} is that of another net or solver type")

    def put_back(self, solver: Solver, arrays: Sequence[np.ndarray]) -> None:
        """Let a solver stand where this was taken, with the arrays that `arrays_of` gave then.

        Raises ValueError, and changes nothing, where it has another rule or other parameters.
        """
        self.check(solver, arrays)
        arenas = _arenas(solver)
        with solver.turns.iteration():
            for arena, values in zip(arenas, arrays, strict=True):
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
