"""Operators that make one number of many."""

from __future__ import annotations

from ..errors import Unmapped
from .builder import Builder, Tensor
from .table import Call, reads

SUM, ASUM, SUMSQ, MEAN = range(1, 5)
OPS = {"ReduceSum": SUM, "ReduceL1": ASUM, "ReduceSumSquare": SUMSQ, "ReduceMean": MEAN}


@reads(*OPS, "ReduceL2", "ReduceMax")
def reduced(b: Builder, call: Call) -> Tensor:
    x, axes = b.plain(call.x()), call.given("axes", 1)
    if axes is None and call.get("noop_with_empty_axes", 0):
        return x
    cut = sorted(int(axis) % x.axes for axis in (range(x.axes) if axes is None else axes))
    shape = tuple(1 if axis in cut else n for axis, n in enumerate(x.shape))
    kept = shape if call.get("keepdims", 1) else tuple(n for axis, n in enumerate(x.shape) if axis not in cut)
    if x.axes == 4 and cut == [2, 3] and call.op in ("ReduceMean", "ReduceMax"):
        method = int(call.op == "ReduceMean")
        return b.reshape(b.add("Pooling", x, pooling_param={"pool": method, "global_pooling": True}), kept)
    if call.op == "ReduceMax":
        raise Unmapped("only the maximum over height and width has an equivalent")
    if cut != list(range(cut[0], x.axes)):  # bring them to the end
        x = b.add("Permute", x, permute_param={"order": [*(a for a in range(x.axes) if a not in cut), *cut]})
    operation = SUMSQ if call.op == "ReduceL2" else OPS[call.op]
    settings = {"axis": x.axes - len(cut), **({} if operation == SUM else {"operation": operation})}
    y = b.add("Reduction", x, reduction_param=settings)
    y = b.add("Power", y, power_param={"power": 0.5}) if call.op == "ReduceL2" else y
    return b.reshape(y, kept)


@reads("ArgMax")
def arg_max(b: Builder, call: Call) -> Tensor:
    x = b.plain(call.x())
    axis = call.get("axis", 0) % x.axes
    y = b.add("ArgMax", x, argmax_param={"axis": axis})
    return y if call.get("keepdims", 1) else b.reshape(y, (*y.shape[:axis], *y.shape[axis + 1 :]))
