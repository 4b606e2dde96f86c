"""Learning-rate policies: the rate at an iteration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, SupportsFloat

import numpy as np
from numpy import float32 as f32

from .errors import DefinitionError

# Each is (solver parameters, iteration, steps passed so far) -> factor on base_lr. Caffe computes some of them in
# single precision: so do these, and the logs agree to the last digit.
POLICIES: dict[str, Callable[[Any, int, int], np.floating]] = {
    "fixed": lambda p, i, s: f32(1),
    "step": lambda p, i, s: np.float64(p.gamma) ** (i // p.stepsize),
    "exp": lambda p, i, s: np.float64(p.gamma) ** i,
    "inv": lambda p, i, s: (1 + f32(p.gamma) * f32(i)) ** -f32(p.power),
    "multistep": lambda p, i, s: np.float64(p.gamma) ** s,
    "plateau": lambda p, i, s: np.float64(p.gamma) ** s,  # of weiliu89/caffe, branch ssd
    "stepearly": lambda p, i, s: np.float64(p.gamma) ** s,  # of BVLC's pull request 190
    "poly": lambda p, i, s: (1 - f32(i) / f32(p.max_iter)) ** f32(p.power),  # beyond max_iter it may be no number
    "sigmoid": lambda p, i, s: 1 / (1 + np.exp(-f32(p.gamma) * f32(i - p.stepsize))),
}


def check_policy(param: Any) -> None:
    """Raise DefinitionError for a policy that is unknown, or that lacks a number it needs."""
    if param.lr_policy not in POLICIES:
        raise DefinitionError(f"unknown lr_policy {param.lr_policy!r}; known: {', '.join(POLICIES)}.", "lr_policy")
    if param.lr_policy in ("step", "sigmoid") and param.stepsize <= 0:
        message = f"lr_policy {param.lr_policy!r} needs a stepsize above 0; got {param.stepsize}."
        raise DefinitionError(message, "stepsize")
    if param.lr_policy in ("step", "exp", "inv", "multistep", "sigmoid", "plateau", "stepearly") and param.gamma < 0:
        message = f"lr_policy {param.lr_policy!r} needs a gamma of at least 0; got {param.gamma:g}."
        raise DefinitionError(message, "gamma")
    if param.lr_policy == "poly" and param.max_iter <= 0:
        raise DefinitionError(f"lr_policy 'poly' needs a max_iter above 0; got {param.max_iter}.", "max_iter")
    if param.lr_policy == "stepearly" and param.stepearly < 1:
        message = f"lr_policy 'stepearly' needs a stepearly of at least 1; got {param.stepearly}."
        raise DefinitionError(message, "stepearly")


def learning_rate(param: Any, iteration: int, steps: int) -> float:
    """The rate of a SolverParameter at an iteration; `steps` is the number of drops behind it, where that counts."""
    policy = param.lr_policy
    if policy == "fixed":
        return _fixed(param.base_lr)
    if policy == "step":
        return _dropped(param.base_lr, param.gamma, iteration // param.stepsize)
    with np.errstate(over="ignore", invalid="ignore"):
        return float(f32(param.base_lr * POLICIES[policy](param, iteration, steps)))


@lru_cache(64)
def _fixed(base: float) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(f32(base * f32(1)))


@lru_cache(64)
def _dropped(base: float, gamma: float, drops: int) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(f32(base * np.float64(gamma) ** drops))


@dataclass
class Steps:
    """How many drops of the rate lie behind, and what tells of the next: the best that was seen, and when.

    `best` is the least mean of the last `average_loss` losses (plateau) or the largest first output of a test
    (stepearly); `since` the iteration of that or of the last drop (plateau), or how many tests were no better
    (stepearly). `losses` are those of which the mean is taken.
    """

    passed: int = 0
    best: float | None = None
    since: int = 0
    losses: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, passed: int, iteration: int, seen: Any = None) -> Steps:
        """From what a snapshot at an iteration tells; without `seen`, which Caffe does not store, watching begins anew.

        Raises TypeError or ValueError for what `seen` cannot be.
        """
        if seen is None:
            return cls(passed, None, iteration)
        best, since, losses = seen
        return cls(passed, None if best is None else float(best), int(since), [float(loss) for loss in losses])

    @property
    def seen(self) -> list[Any]:
        """What tells of the next drop."""
        return [self.best, self.since, self.losses]

    def at(self, param: Any, iteration: int, loss: SupportsFloat = 0) -> None:
        """Take note of an iteration, of which plateau needs the loss. At most one drop comes of it, as in Caffe."""
        if param.lr_policy == "step":
            self.passed = iteration // param.stepsize
        elif param.lr_policy == "multistep" and self.passed < len(param.stepvalue):
            self.passed += iteration >= param.stepvalue[self.passed]
        elif param.lr_policy == "plateau":
            self.losses = [*self.losses, float(loss)][-param.average_loss :]
            self._watch(param.plateau_winsize, iteration, sum(self.losses) / len(self.losses))

    def _watch(self, windows: Sequence[int], iteration: int, loss: float) -> None:
        if self.best is None or loss < self.best:
            self.best, self.since = loss, iteration
        if self.passed < len(windows) and iteration >= self.since + windows[self.passed]:
            self.passed, self.since = self.passed + 1, iteration

    def tested(self, param: Any, results: Sequence[Any]) -> None:
        """Take note of the results of the test nets, of which the first output of the first counts."""
        if param.lr_policy != "stepearly" or not results or not results[0].outputs:
            return
        value = results[0].outputs[0].value
        if self.best is None or value > self.best:
            self.best, self.since = value, 0
            return
        self.since += 1
        if self.since >= param.stepearly:
            self.passed, self.since = self.passed + 1, 0
