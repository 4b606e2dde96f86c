"""Fillers. The first values of a parameter blob."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from math import ceil, prod, sqrt
from typing import Any

import numpy as np

from . import rng
from .errors import DefinitionError

Key = tuple[int, int]
Shape = tuple[int, ...]
Fill = Callable[[np.ndarray], None]
Filler = Callable[[Any, Shape, Key], np.ndarray | float]

FILLERS: dict[str, Filler] = {}


def filler(name: str) -> Callable[[Filler], Filler]:
    """Register a function (filler_param, shape, key) -> values under Caffe's name for it."""

    def register(function: Filler) -> Filler:
        FILLERS[name] = function
        return function

    return register


def make_fill(param: Any, shape: Shape, key: Key) -> Fill:
    """What writes the values of a FillerParameter into a flat array, when somebody first looks at it.

    Equal keys give equal values. Raises DefinitionError at once for a type or a value that cannot be carried out.
    """
    if param.type not in FILLERS:
        near = get_close_matches(param.type, FILLERS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known types: {', '.join(sorted(FILLERS))}."
        raise DefinitionError(f"unknown filler type {param.type!r}; {hint}", "type")
    if not prod(shape):
        raise DefinitionError(f"there is nothing to fill in a blob of shape {shape}.", "type")
    if param.sparse != -1 and param.type != "gaussian":
        raise DefinitionError(f"only the gaussian filler can be sparse; the type is {param.type!r}.", "sparse")
    if param.type in ("xavier", "msra", "positive_unitball") and not shape:
        raise DefinitionError(f"the {param.type} filler needs an axis; the blob is a single number.", "type")
    if param.sparse < -1 or param.sparse >= 0 and (not shape or param.sparse > shape[0]):
        most = f" and at most {shape[0]}, the first length" if shape else ", the blob being a single number"
        raise DefinitionError(f"sparse must be at least -1{most}; got {param.sparse}.", "sparse")
    if param.type == "gaussian" and not param.std > 0:
        raise DefinitionError(f"std must be above 0; got {param.std:g}.", "std")
    if param.type == "uniform" and param.min > param.max:
        raise DefinitionError(f"min must not be above max; got {param.min:g} and {param.max:g}.", "min")
    if param.type == "bilinear" and (len(shape) != 4 or shape[2] != shape[3]):
        raise DefinitionError(f"the bilinear filler needs 4 axes and square kernels; the shape is {shape}.", "type")

    def fill(out: np.ndarray) -> None:
        out[:] = np.ravel(FILLERS[param.type](param, shape, key))

    return fill


@filler("constant")
def constant(param: Any, shape: Shape, key: Key) -> float:
    """`value` everywhere."""
    return param.value


@filler("uniform")
def uniform(param: Any, shape: Shape, key: Key) -> np.ndarray:
    """Evenly spread over [min, max)."""
    return param.min + (param.max - param.min) * rng.uniform(prod(shape), key)


@filler("gaussian")
def gaussian(param: Any, shape: Shape, key: Key) -> np.ndarray:
    """Normal with `mean` and `std`; `sparse` keeps on average that many non-zero values per input (column)."""
    count = prod(shape)
    values = rng.gaussian(count, key)
    values *= param.std
    values += param.mean
    if param.sparse >= 0:
        values *= rng.uniform(count, key, stream=1) < param.sparse / shape[0]
    return values


@filler("positive_unitball")
def positive_unitball(param: Any, shape: Shape, key: Key) -> np.ndarray:
    """Uniform over [0, 1), each item along the first axis divided by its sum."""
    values = rng.uniform(prod(shape), key).reshape(shape[0], -1)
    return values / values.sum(axis=1, keepdims=True)


@filler("xavier")
def xavier(param: Any, shape: Shape, key: Key) -> np.ndarray:
    """Uniform over +-sqrt(3 / n), n being the fan that `variance_norm` names.

    Reference: Glorot and Bengio, AISTATS 2010.
    """
    return (2 * rng.uniform(prod(shape), key) - 1) * sqrt(3 / fan(param, shape))


@filler("msra")
def msra(param: Any, shape: Shape, key: Key) -> np.ndarray:
    """Normal with deviation sqrt(2 / n), n being the fan that `variance_norm` names.

    Reference: He, Zhang, Ren and Sun, ICCV 2015.
    """
    return rng.gaussian(prod(shape), key) * sqrt(2 / fan(param, shape))


@filler("bilinear")
def bilinear(param: Any, shape: Shape, key: Key) -> np.ndarray:
    """The kernel of bilinear interpolation, the same for every pair of channels: for upsampling by Deconvolution."""
    width = shape[3]
    half = ceil(width / 2)
    centre = (width - 1) / (2 * half)
    tent = 1 - np.abs(np.arange(width) / half - centre)
    return np.broadcast_to(np.outer(tent, tent), shape)


def fan(param: Any, shape: Shape) -> float:
    """Caffe's n: count / shape[0] (FAN_IN), count / shape[1] (FAN_OUT), or their mean (AVERAGE)."""
    count = prod(shape)
    fan_in = count / shape[0]
    fan_out = count / shape[1] if len(shape) > 1 else count
    norms = type(param).VarianceNorm
    if param.variance_norm == norms.Value("AVERAGE"):
        return (fan_in + fan_out) / 2
    return fan_out if param.variance_norm == norms.Value("FAN_OUT") else fan_in
