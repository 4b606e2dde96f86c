"""Nodes whose inputs are all constants, such as the arithmetic of shapes, computed while the model is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import helper

MOST_VALUES = 1 << 27  # of a result

Fold = Callable[[list[Any], dict[str, Any]], Any]


def _axes(inputs: list[Any], attributes: dict[str, Any]) -> tuple[int, ...] | None:
    given = inputs[1] if len(inputs) > 1 and inputs[1] is not None else attributes.get("axes")
    return None if given is None else tuple(int(axis) for axis in given)


def _slice(inputs: list[Any], attributes: dict[str, Any]) -> Any:
    x, places = inputs[0], [slice(None)] * inputs[0].ndim
    for axis, part in slices_of(inputs, attributes, x.ndim):
        places[axis] = part
    return x[tuple(places)]


def slices_of(inputs: Sequence[Any], attributes: dict[str, Any], axes: int) -> list[tuple[int, slice]]:
    """Axis and part of each axis that Slice cuts, in its form with inputs or with attributes."""
    given = {name: attributes.get(name) for name in ("starts", "ends", "axes", "steps")}
    for name, value in zip(given, inputs[1:], strict=False):
        given[name] = given[name] if value is None else [int(one) for one in np.ravel(value)]
    starts, ends = given["starts"] or [], given["ends"] or []
    named, steps = given["axes"] or range(len(starts)), given["steps"] or [1] * len(starts)
    limit = 2**31
    found = []
    for start, end, axis, step in zip(starts, ends, named, steps, strict=True):
        stop = None if step < 0 and end < -limit else end
        found.append((axis % axes, slice(start, stop, step)))
    return found


def _unsqueeze(inputs: list[Any], attributes: dict[str, Any]) -> Any:
    return np.expand_dims(inputs[0], _axes(inputs, attributes) or ())


def _squeeze(inputs: list[Any], attributes: dict[str, Any]) -> Any:
    return np.squeeze(inputs[0], _axes(inputs, attributes))


def _reshape(inputs: list[Any], attributes: dict[str, Any]) -> Any:
    shape = [inputs[0].shape[k] if length == 0 else int(length) for k, length in enumerate(inputs[1])]
    return inputs[0].reshape(shape)


def _cast(inputs: list[Any], attributes: dict[str, Any]) -> Any:
    return inputs[0].astype(helper.tensor_dtype_to_np_dtype(attributes["to"]))


def _div(inputs: list[Any], attributes: dict[str, Any]) -> Any:
    whole = inputs[0].dtype.kind in "iu"
    return np.trunc(inputs[0] / inputs[1]).astype(inputs[0].dtype) if whole else inputs[0] / inputs[1]


def _constant_of_shape(inputs: list[Any], attributes: dict[str, Any]) -> Any:
    _room(inputs[0])
    return np.full([int(n) for n in inputs[0]], attributes.get("value", np.zeros(1, np.float32)).item())


def _expand(inputs: list[Any], attributes: dict[str, Any]) -> Any:
    _room(inputs[1])
    shape = np.broadcast_shapes(inputs[0].shape, tuple(int(n) for n in inputs[1]))
    return np.broadcast_to(inputs[0], shape)


def _range(inputs: list[Any], attributes: dict[str, Any]) -> Any:
    start, stop, step = (one.item() for one in inputs)
    _room([abs((stop - start) / step)])
    return np.arange(start, stop, step).astype(inputs[0].dtype)


def _room(lengths: Any) -> None:
    """Raises ValueError where a result would be too large."""
    if float(np.prod(np.asarray(lengths, np.float64))) > MOST_VALUES:
        raise ValueError("a constant would be too large")


def _plain(function: Callable) -> Fold:
    return lambda inputs, attributes: function(*inputs)


FOLDS: dict[str, Fold] = {
    "Add": _plain(np.add),
    "Cast": _cast,
    "Ceil": _plain(np.ceil),
    "Concat": lambda inputs, attributes: np.concatenate(inputs, attributes["axis"]),
    "ConstantOfShape": _constant_of_shape,
    "Div": _div,
    "Equal": _plain(np.equal),
    "Exp": _plain(np.exp),
    "Expand": _expand,
    "Floor": _plain(np.floor),
    "Gather": lambda inputs, attributes: np.take(inputs[0], inputs[1].astype(int), attributes.get("axis", 0)),
    "Identity": lambda inputs, attributes: inputs[0],
    "Max": lambda inputs, attributes: np.maximum.reduce(inputs),
    "Min": lambda inputs, attributes: np.minimum.reduce(inputs),
    "Mul": _plain(np.multiply),
    "Neg": _plain(np.negative),
    "Pow": _plain(np.power),
    "Range": _range,
    "ReduceProd": lambda inputs, attributes: np.prod(inputs[0], keepdims=bool(attributes.get("keepdims", 1))),
    "Reshape": _reshape,
    "Slice": _slice,
    "Sqrt": _plain(np.sqrt),
    "Squeeze": _squeeze,
    "Sub": _plain(np.subtract),
    "Transpose": lambda inputs, attributes: np.transpose(inputs[0], attributes.get("perm")),
    "Unsqueeze": _unsqueeze,
    "Where": _plain(np.where),
}


def fold(op: str, inputs: list[Any], attributes: dict[str, Any]) -> np.ndarray:
    """The value of a node over constants. Raises ValueError where it has none."""
    try:
        if op in ("Add", "Sub", "Mul", "Div", "Where", "Max", "Min", "Pow", "Equal"):
            _room(np.broadcast_shapes(*(one.shape for one in inputs)))
        with np.errstate(all="ignore"):
            return np.asarray(FOLDS[op](inputs, attributes))
    except (TypeError, IndexError, AttributeError, KeyError, OverflowError, ZeroDivisionError) as error:
        raise ValueError(f"its constants do not fit: {error}") from None
