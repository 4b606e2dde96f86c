"""Learning-rate policies: the rate at an iteration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    if param.lr_policy in ("step", "exp", "inv", "multistep", "sigmoid") and param.gamma < 0:
        message = f"lr_policy {param.lr_policy!r} needs a gamma of at least 0; got {param.gamma:g}."
        raise DefinitionError(message, "gamma")
    if param.lr_policy == "poly" and param.max_iter <= 0:
        raise DefinitionError(f"lr_policy 'poly' needs a max_iter above 0; got {param.max_iter}.", "max_iter")


def learning_rate(param: Any, iteration: int, steps: int) -> float:
    """The rate of a SolverParameter at an iteration; `steps` is the number of stepvalues passed (multistep)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(f32(param.base_lr * POLICIES[param.lr_policy](param, iteration, steps)))
