"""Operators that move values, and change none."""

from __future__ import annotations

from math import prod

import numpy as np

from ..errors import Unmapped
from .builder import Builder, Tensor
from .folding import slices_of
from .table import Call, reads


@reads("Shape")
def shape(b: Builder, call: Call) -> np.ndarray:
    """A constant: the batch is that of the net's inputs."""
    return np.array(call.x().shape[call.get("start", 0) : call.get("end", call.x().axes)], np.int64)


@reads("Flatten")
def flatten(b: Builder, call: Call) -> Tensor:
    x, axis = call.x(), call.get("axis", 1)
    axis = axis + x.axes if axis < 0 else axis
    if axis == 1 and x.axes > 2:
        return b.add("Flatten", x)
    return b.reshape(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))


@reads("Reshape")
def reshape(b: Builder, call: Call) -> Tensor:
    x, wanted = call.x(), call.given("shape", 1)
    if wanted is None:
        raise Unmapped("its shape is missing")
    lengths = [int(n) for n in wanted]
    if not call.get("allowzero", 0):
        lengths = [x.shape[k] if n == 0 and k < x.axes else n for k, n in enumerate(lengths)]
    if -1 in lengths:
        known = prod(n for n in lengths if n != -1)
        if not known or prod(x.shape) % known or lengths.count(-1) > 1:
            raise Unmapped(f"{x.shape} cannot become {lengths}")
        lengths[lengths.index(-1)] = prod(x.shape) // known
    if len(lengths) == 2 and x.axes > 2 and lengths[0] == x.shape[0]:
        return b.add("Flatten", x)
    return b.reshape(x, lengths)


@reads("Squeeze", "Unsqueeze")
def squeeze(b: Builder, call: Call) -> Tensor:
    x, axes = call.x(), call.given("axes", 1)
    if call.op == "Squeeze":
        cut = [axis for axis, n in enumerate(x.shape) if n == 1] if axes is None else [int(a) % x.axes for a in axes]
        if any(x.shape[axis] != 1 for axis in cut):
            raise Unmapped(f"an axis of {x.shape} is longer than 1")
        return b.reshape(x, [n for axis, n in enumerate(x.shape) if axis not in cut])
    total = x.axes + len(axes or ())
    new, rest = {int(axis) % total for axis in axes or ()}, iter(x.shape)
    return b.reshape(x, [1 if axis in new else next(rest) for axis in range(total)])


@reads("Transpose")
def transpose(b: Builder, call: Call) -> Tensor:
    x = call.x()
    order = list(call.get("perm") or reversed(range(x.axes)))
    return x if order == list(range(x.axes)) else b.add("Permute", x, permute_param={"order": order})


@reads("Concat")
def concat(b: Builder, call: Call) -> Tensor:
    parts = [b.parameter(one) if isinstance(one, np.ndarray) else call.x(k) for k, one in enumerate(call.inputs)]
    axis = call.get("axis", 1) % parts[0].axes
    return parts[0] if len(parts) == 1 else b.add("Concat", *parts, concat_param={} if axis == 1 else {"axis": axis})


@reads("Split")
def split(b: Builder, call: Call) -> list[Tensor]:
    x, lengths = call.x(), call.given("split", 1)
    axis = call.get("axis", 0) % x.axes
    if lengths is None:
        part = -(-x.shape[axis] // call.outputs)
        lengths = [part] * (call.outputs - 1) + [x.shape[axis] - part * (call.outputs - 1)]
    if call.outputs == 1:
        return [x]
    return _cut(b, x, axis, [int(n) for n in lengths])


def _cut(b: Builder, x: Tensor, axis: int, lengths: list[int]) -> list[Tensor]:
    """x cut along an axis into parts of these lengths."""
    points = [int(n) for n in np.cumsum(lengths)[:-1]]
    settings = {**({} if axis == 1 else {"axis": axis}), "slice_point": points}
    return b.add("Slice", x, tops=len(lengths), slice_param=settings)


@reads("Slice")
def slice_(b: Builder, call: Call) -> Tensor:
    x = b.plain(call.x())
    for axis, part in slices_of(
        [None, *(call.constant(k) for k in range(1, len(call.inputs)))], call.attributes, x.axes
    ):
        start, stop, step = part.indices(x.shape[axis])
        if step != 1 or stop <= start:
            raise Unmapped(f"takes every {step}th of {x.shape[axis]}, or nothing")
        lengths = [n for n in (start, stop - start, x.shape[axis] - stop) if n]
        if len(lengths) > 1:
            parts = _cut(b, x, axis, lengths)
            kept = parts.pop(1 if start else 0)
            b.add("Silence", *parts, tops=0)
            x = kept
    return x


@reads("Tile", "Expand")
def tile(b: Builder, call: Call) -> Tensor:
    x, given = b.plain(call.x()), [int(n) for n in call.needed(1).reshape(-1)]
    if call.op == "Expand":
        if len(given) > x.axes:
            x = b.reshape(x, (*(1,) * (len(given) - x.axes), *x.shape))
        given = [1] * (x.axes - len(given)) + given
        given = [n if m == 1 else 1 for n, m in zip(given, x.shape, strict=True)]
    for axis, count in enumerate(given):
        if count > 1:
            x = b.add("Tile", x, tile_param={"axis": axis, "tiles": count})
    return x


@reads("DepthToSpace", "SpaceToDepth")
def depth_to_space(b: Builder, call: Call) -> Tensor:
    x, s = call.x(), call.get("blocksize")
    n, c, h, w = x.shape
    if call.op == "SpaceToDepth":
        apart = b.reshape(x, (n, c, h // s, s, w // s, s))
        return b.reshape(
            b.add("Permute", apart, permute_param={"order": [0, 3, 5, 1, 2, 4]}), (n, c * s * s, h // s, w // s)
        )
    if call.get("mode", "DCR") == "CRD":
        shape, order = (n, c // (s * s), s, s, h, w), [0, 1, 4, 2, 5, 3]
    else:
        shape, order = (n, s, s, c // (s * s), h, w), [0, 3, 4, 1, 5, 2]
    return b.reshape(
        b.add("Permute", b.reshape(x, shape), permute_param={"order": order}), (n, c // (s * s), h * s, w * s)
    )


@reads("Gather")
def gather(b: Builder, call: Call) -> Tensor:
    if isinstance(call.inputs[0], np.ndarray):
        table, x = call.needed(0), call.x(1)
        if table.ndim != 2 or call.get("axis", 0):
            raise Unmapped("looks up no rows of a matrix")
        settings = {"num_output": table.shape[1], "input_dim": table.shape[0], "bias_term": False}
        return b.add("Embed", x, values=[table], embed_param=settings)
    x = b.plain(call.x())
    if isinstance(call.inputs[1], Tensor):
        if call.get("axis", 0) or call.x(1).axes != 1:
            raise Unmapped("its indices are computed, and not of items")
        return b.add("BatchReindex", x, call.x(1))
    axis, index = call.get("axis", 0) % x.axes, call.needed(1)
    if index.size != 1:
        raise Unmapped("takes several places of an axis")
    start = int(index.reshape(-1)[0]) % x.shape[axis]
    lengths = [n for n in (start, 1, x.shape[axis] - start - 1) if n]
    if len(lengths) > 1:
        parts = _cut(b, x, axis, lengths)
        kept = parts.pop(1 if start else 0)
        b.add("Silence", *parts, tops=0)
        x = kept
    return b.reshape(x, (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))
