"""Operators that work on each element by itself, and those that normalise."""

from __future__ import annotations

import numpy as np

from ..errors import Unmapped
from .builder import Builder, Tensor
from .table import Call, reads

PLAIN = {"Abs": "AbsVal", "Sigmoid": "Sigmoid", "Tanh": "TanH", "Softplus": "BNLL", "Relu": "ReLU", "Exp": "Exp",
         "Log": "Log"}  # fmt: skip
POWERS = {"Neg": {"scale": -1.0}, "Sqrt": {"power": 0.5}, "Reciprocal": {"power": -1.0}}


@reads(*PLAIN)
def plain(b: Builder, call: Call) -> Tensor:
    return b.add(PLAIN[call.op], call.x())


@reads(*POWERS)
def powers(b: Builder, call: Call) -> Tensor:
    return b.add("Power", call.x(), power_param=POWERS[call.op])


@reads("Identity", "Dropout", "Cast", "CastLike")
def identity(b: Builder, call: Call) -> Tensor:
    """Values stay floats: what was cast to integers was meant as an index."""
    if call.op == "Dropout" and call.outputs > 1:
        raise Unmapped("its mask has no equivalent")
    return call.x()


@reads("LeakyRelu")
def leaky_relu(b: Builder, call: Call) -> Tensor:
    return b.add("ReLU", call.x(), relu_param={"negative_slope": call.get("alpha", 0.01)})


@reads("Elu")
def elu(b: Builder, call: Call) -> Tensor:
    return b.add("ELU", call.x(), elu_param={"alpha": call.get("alpha", 1.0)})


@reads("PRelu")
def prelu(b: Builder, call: Call) -> Tensor:
    x, slope = call.x(), call.needed(1)
    if slope.size == 1:
        return b.add("PReLU", x, values=[slope.reshape(())], prelu_param={"channel_shared": True})
    if slope.shape not in ((x.shape[1], *(1,) * (x.axes - 2)), (1, x.shape[1], *(1,) * (x.axes - 2))):
        raise Unmapped(f"slopes of shape {slope.shape} are not one for each of {x.shape[1]} channels")
    return b.add("PReLU", x, values=[slope.reshape(-1)])


@reads("Clip")
def clip(b: Builder, call: Call) -> Tensor:
    limits = np.finfo(np.float32)
    found = []
    for index, (name, otherwise) in enumerate((("min", limits.min), ("max", limits.max)), 1):
        value = call.given(name, index, float(otherwise))
        found.append(float(value[0] if isinstance(value, list) else value))
    least, most = found
    if (least, most) == (0, 6):
        return b.add("ReLU6", call.x())
    if least == 0 and most >= limits.max:
        return b.add("ReLU", call.x())
    return b.add("Clip", call.x(), clip_param={"min": max(least, limits.min), "max": min(most, limits.max)})


def _hard(b: Builder, x: Tensor, slope: float, offset: float) -> Tensor:
    straight = b.add("Power", x, power_param={"scale": slope, "shift": offset})
    return b.add("Clip", straight, clip_param={"min": 0.0, "max": 1.0})


@reads("HardSigmoid")
def hard_sigmoid(b: Builder, call: Call) -> Tensor:
    return _hard(b, call.x(), call.get("alpha", 0.2), call.get("beta", 0.5))


@reads("HardSwish")
def hard_swish(b: Builder, call: Call) -> Tensor:
    x = b.plain(call.x())
    return b.add("Eltwise", x, _hard(b, x, 1 / 6, 0.5), eltwise_param={"operation": 0})


@reads("Swish")
def swish(b: Builder, call: Call) -> Tensor:
    return b.add("Swish", call.x(), swish_param={"beta": call.get("alpha", 1.0)})


@reads("Softmax", "LogSoftmax")
def softmax(b: Builder, call: Call) -> Tensor:
    x = b.plain(call.x())
    axis = call.get("axis", -1 if call.opset >= 13 else 1) % x.axes
    shape = x.shape
    if call.opset < 13 and np.prod(shape[axis + 1 :]) != 1:  # of all axes from there on
        x = b.reshape(x, (int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))))
        axis = 1
    y = b.add("Softmax", x, softmax_param={"axis": axis})
    y = b.add("Log", y) if call.op == "LogSoftmax" else y
    return b.reshape(y, shape)


@reads("BatchNormalization")
def batch_normalization(b: Builder, call: Call) -> Tensor:
    x = call.x()
    scale, offset, mean, variance = (call.needed(index).reshape(-1) for index in range(1, 5))
    if call.get("training_mode", 0) or call.outputs > 1:
        raise Unmapped("normalises by the batch, as in training")
    settings = {"eps": call.get("epsilon", 1e-5)}
    y = b.add("BatchNorm", x, values=[mean, variance, np.ones(1)], batch_norm_param=settings)
    if (scale == 1).all() and not offset.any():
        return y
    return b.add("Scale", y, values=[scale, offset], scale_param={"bias_term": True})


@reads("Pow")
def power(b: Builder, call: Call) -> Tensor:
    exponent = call.needed(1)
    if exponent.size != 1:
        raise Unmapped("exponents differ")
    return b.add("Power", call.x(), power_param={"power": float(exponent.reshape(-1)[0])})


@reads("Greater")
def greater(b: Builder, call: Call) -> Tensor:
    limit = call.needed(1)
    if limit.size != 1:
        raise Unmapped("thresholds differ")
    return b.add("Threshold", call.x(), threshold_param={"threshold": float(limit.reshape(-1)[0])})
