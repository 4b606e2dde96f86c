"""Sums and products: of blobs, with constants, and with weights."""

from __future__ import annotations

from functools import reduce

import numpy as np

from ..errors import Unmapped
from .builder import Builder, Tensor
from .table import Call, reads

PROD, SUM, MAX = range(3)


@reads("Gemm")
def gemm(b: Builder, call: Call) -> Tensor:
    x, weight, bias = call.x(), call.needed(1), call.constant(2)
    if call.get("transA", 0) or x.axes != 2 or weight.ndim != 2:
        raise Unmapped("its first factor is turned, or is no matrix")
    weight = (weight if call.get("transB", 0) else weight.T) * np.float32(call.get("alpha", 1.0))
    values = [weight]
    if bias is not None:
        if bias.size not in (1, weight.shape[0]) or bias.ndim > 1 and bias.shape[0] != 1:
            raise Unmapped(f"an offset of shape {bias.shape} is not one for each of {weight.shape[0]} outputs")
        values.append(np.broadcast_to(bias.reshape(-1), weight.shape[:1]) * np.float32(call.get("beta", 1.0)))
    settings = {"num_output": weight.shape[0], **({} if bias is not None else {"bias_term": False})}
    return b.add("InnerProduct", x, values=values, inner_product_param=settings)


@reads("MatMul")
def matmul(b: Builder, call: Call) -> Tensor:
    x, weight = call.x(), call.needed(1)
    if weight.ndim != 2 or x.axes < 2:
        raise Unmapped("its second factor is no matrix")
    settings = {"num_output": weight.shape[1], "bias_term": False, **({"axis": x.axes - 1} if x.axes > 2 else {})}
    return b.add("InnerProduct", x, values=[weight.T], inner_product_param=settings)


@reads("Add", "Sub", "Mul", "Div")
def binary(b: Builder, call: Call) -> Tensor:
    if isinstance(call.inputs[0], Tensor) and isinstance(call.inputs[1], Tensor):
        return _of_two(b, call.op, call.x(0), call.x(1))
    if isinstance(call.inputs[0], Tensor):
        number = call.needed(1)
        if call.op == "Div":
            return _scaled(b, call.x(0), np.float32(1) / number)
        if call.op == "Mul":
            return _scaled(b, call.x(0), number)
        return _shifted(b, call.x(0), number if call.op == "Add" else -number)
    x, number = call.x(1), call.needed(0)
    if call.op == "Div":
        return _scaled(b, b.add("Power", x, power_param={"power": -1.0}), number)
    if call.op == "Sub":
        return _shifted(b, b.add("Power", x, power_param={"scale": -1.0}), number)
    return _scaled(b, x, number) if call.op == "Mul" else _shifted(b, x, number)


def _of_two(b: Builder, op: str, x: Tensor, y: Tensor) -> Tensor:
    x, y = b.plain(x), b.plain(y)
    if op == "Div":
        return _of_two(b, "Mul", x, b.add("Power", y, power_param={"power": -1.0}))
    if x.shape == y.shape:
        settings = {"operation": PROD} if op == "Mul" else {"coeff": [1.0, -1.0]} if op == "Sub" else {}
        return b.add("Eltwise", x, y, eltwise_param=settings)
    if op == "Sub":
        return _of_two(b, "Add", x, b.add("Power", y, power_param={"scale": -1.0}))
    large, small = (x, y) if np.prod(x.shape) >= np.prod(y.shape) else (y, x)
    axis, shape, tiles = _span(small.shape, large)
    for place, count in tiles:
        small = b.add("Tile", small, tile_param={"axis": place, "tiles": count})
    if shape != small.shape:
        small = b.reshape(small, shape)
    if op == "Mul":
        return b.add("Scale", large, small, scale_param={"axis": axis})
    return b.add("Bias", large, small, bias_param={"axis": axis})


def _span(shape: tuple[int, ...], x: Tensor) -> tuple[int, tuple[int, ...], list[tuple[int, int]]]:
    """The first axis of x that a smaller shape beside it spans, the lengths of x there, and how often which axes of the
    smaller one, of length 1 between others, have to be repeated. Raises Unmapped.
    """
    full = (1,) * (x.axes - len(shape)) + tuple(shape)
    if len(full) != x.axes or any(n not in (1, m) for n, m in zip(full, x.shape, strict=True)):
        raise Unmapped(f"shapes {x.shape} and {tuple(shape)} do not go together in a layer")
    spans = [axis for axis, n in enumerate(full) if n > 1]
    if not spans:
        return 0, (), []
    first = 0 if len(shape) == x.axes and x.shape[0] == full[0] else spans[0]  # the batch, where both have it
    behind = x.axes - len(shape)
    tiles = [(axis - behind, x.shape[axis]) for axis in range(first, spans[-1]) if full[axis] != x.shape[axis]]
    return first, x.shape[first : spans[-1] + 1], tiles


def _constant_span(number: np.ndarray, x: Tensor) -> tuple[int, np.ndarray]:
    """The first axis of x that a constant spans, and its values there, repeated along axes of length 1 between."""
    full = (1,) * (x.axes - number.ndim) + number.shape
    if len(full) != x.axes or any(n not in (1, m) for n, m in zip(full, x.shape, strict=True)):
        raise Unmapped(f"a constant of shape {number.shape} does not fit beside {x.shape}")
    spans = [axis for axis, n in enumerate(full) if n > 1]
    part = slice(spans[0], spans[-1] + 1)
    return spans[0], np.broadcast_to(number.reshape(full[part]), x.shape[part])


def _scaled(b: Builder, x: Tensor, number: np.ndarray) -> Tensor:
    if number.size == 1:
        return b.add("Power", x, power_param={"scale": float(number.reshape(-1)[0])})
    x = b.plain(x)
    axis, values = _constant_span(number, x)
    return b.add("Scale", x, values=[values], scale_param=_axes(axis, values))


def _shifted(b: Builder, x: Tensor, number: np.ndarray) -> Tensor:
    if number.size == 1:
        return b.add("Power", x, power_param={"shift": float(number.reshape(-1)[0])})
    x = b.plain(x)
    axis, values = _constant_span(number, x)
    return b.add("Bias", x, values=[values], bias_param=_axes(axis, values))


def _axes(axis: int, values: np.ndarray) -> dict[str, int]:
    return {**({} if axis == 1 else {"axis": axis}), **({} if values.ndim == 1 else {"num_axes": values.ndim})}


@reads("Sum", "Max", "Min", "Mean")
def several(b: Builder, call: Call) -> Tensor:
    constants = [one for one in call.inputs if isinstance(one, np.ndarray)]
    given = [b.plain(one) for one in call.inputs if isinstance(one, Tensor)]
    if constants:
        return _bounded(b, call, given, constants)
    if len(given) == 1:
        return given[0]
    if any(one.shape != given[0].shape for one in given):
        if call.op == "Sum":
            return reduce(lambda x, y: _of_two(b, "Add", x, y), given)
        raise Unmapped("its inputs differ in shape")
    if call.op == "Max":
        return b.add("Eltwise", *given, eltwise_param={"operation": MAX})
    if call.op == "Min":
        turned = [b.add("Power", one, power_param={"scale": -1.0}) for one in given]
        return b.add("Power", b.add("Eltwise", *turned, eltwise_param={"operation": MAX}), power_param={"scale": -1.0})
    share = {"coeff": [1 / len(given)] * len(given)} if call.op == "Mean" else {}
    return b.add("Eltwise", *given, eltwise_param=share)


def _bounded(b: Builder, call: Call, given: list[Tensor], constants: list[np.ndarray]) -> Tensor:
    """The larger or smaller of a blob and a number."""
    if call.op not in ("Max", "Min") or len(given) != 1 or len(constants) != 1 or constants[0].size != 1:
        raise Unmapped("only a single number can be beside one blob")
    side = "min" if call.op == "Max" else "max"
    limits = np.finfo(np.float32)
    settings = {"min": float(limits.min), "max": float(limits.max), side: float(constants[0].reshape(-1)[0])}
    return b.add("Clip", given[0], clip_param=settings)
