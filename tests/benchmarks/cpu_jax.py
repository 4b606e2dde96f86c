"""JAX on the nets that the CPU is measured with: forward, or a whole training step, compiled as one."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from cpu_nets import DECAY, MOMENTUM, RATE, pooled, window
from jax import lax


class Jax:
    """A net from its layers and its weights, and SGD on it."""

    def __init__(self, work: Any, weights: dict[str, list[Any]], inputs: dict[str, Any], threads: int):
        self.version = jax.__version__
        self.layers = [one for one in work.message().layer if one.type != "Input"]
        self.output, self.training, self.inputs = work.output, work.training, inputs
        self.params = {name: [jnp.asarray(array) for array in arrays] for name, arrays in weights.items()}
        if work.training:
            self.history = jax.tree.map(jnp.zeros_like, self.params)
            self.rates = {one.name: [rates_of(one, k) for k in range(len(self.params.get(one.name, [])))]
                          for one in self.layers}  # fmt: skip
            self.given = jax.tree.map(jnp.asarray, inputs)
            self.train = jax.jit(self.update, donate_argnums=(0, 1))
        else:
            self.infer = jax.jit(lambda params, inputs: self.forward(params, inputs)[0])

    def weights(self) -> dict[str, list[Any]]:
        return jax.tree.map(np.array, self.params)

    def step(self) -> Any:
        if not self.training:
            return np.asarray(self.infer(self.params, self.inputs))
        self.params, self.history, loss = self.train(self.params, self.history, self.given)
        jax.block_until_ready(self.params)
        return float(loss)

    def update(self, params: Any, history: Any, inputs: Any) -> Any:
        loss, slopes = jax.value_and_grad(lambda these: self.forward(these, inputs)[1])(params)
        for name, group in params.items():
            for k, (rate, decay) in enumerate(self.rates[name]):
                history[name][k] = MOMENTUM * history[name][k] + rate * (slopes[name][k] + decay * group[k])
        return jax.tree.map(jnp.subtract, params, history), history, loss

    def forward(self, params: Any, inputs: Any) -> tuple[Any, Any]:
        """The output blob, and the weighted loss."""
        blobs, loss = dict(inputs), 0.0
        for one in self.layers:
            value = run(one, [blobs[name] for name in one.bottom], params.get(one.name, []))
            blobs[one.top[0]] = value
            if "Loss" in one.type:
                loss = loss + (one.loss_weight[0] if one.loss_weight else 1) * value
        return blobs[self.output], loss


def rates_of(one: Any, index: int) -> tuple[float, float]:
    """Rate and decay of a parameter."""
    given = one.param[index] if index < len(one.param) else None
    return (RATE * given.lr_mult, DECAY * given.decay_mult) if given else (RATE, DECAY)


def run(one: Any, bottoms: list[Any], params: list[Any]) -> Any:
    x = bottoms[0]
    match one.type:
        case "Convolution":
            _, stride, pad = window(one, x.shape)
            y = lax.conv_general_dilated(
                x, params[0], (stride, stride), [(pad, pad)] * 2, feature_group_count=one.convolution_param.group
            )
            return y + params[1][:, None, None] if len(params) > 1 else y
        case "InnerProduct":
            return x.reshape(len(x), -1) @ params[0].T + params[1]
        case "Pooling":
            kernel, stride, pad = window(one, x.shape)
            ends = [(pad, pooled(size, kernel, stride, pad)[1]) for size in x.shape[2:]]
            over = partial(
                lax.reduce_window,
                window_dimensions=(1, 1, kernel, kernel),
                window_strides=(1, 1, stride, stride),
                padding=((0, 0), (0, 0), *ends),
            )
            if one.pooling_param.pool == one.pooling_param.MAX:
                return over(x, -jnp.inf, lax.max)
            return over(x, 0.0, lax.add) / over(np.ones((1, 1, *x.shape[2:]), np.float32), 0.0, lax.add)
        case "LRN":
            p = one.lrn_param
            size, half = p.local_size, p.local_size // 2
            if p.norm_region == p.ACROSS_CHANNELS:
                shape, padding, count, k = (1, size, 1, 1), ((0, 0), (half, half), (0, 0), (0, 0)), size, p.k
            else:
                shape, padding = (1, 1, size, size), ((0, 0), (0, 0), (half, half), (half, half))
                count, k = size * size, 1.0
            energy = lax.reduce_window(x * x, 0.0, lax.add, shape, (1, 1, 1, 1), padding)
            return x * (k + p.alpha / count * energy) ** -p.beta
        case "ReLU":
            return jnp.maximum(x, 0)
        case "Sigmoid":
            return jax.nn.sigmoid(x)
        case "Concat":
            return jnp.concatenate(bottoms, 1)
        case "Eltwise":
            return bottoms[0] + bottoms[1]
        case "BatchNorm":
            mean, variance = (part[:, None, None] for part in params[:2])
            return (x - mean) / jnp.sqrt(variance + one.batch_norm_param.eps)
        case "Scale":
            return x * params[0][:, None, None] + params[1][:, None, None]
        case "LSTM":
            return sequence(x, *params)
        case "SoftmaxWithLoss":
            chances = jax.nn.log_softmax(x.reshape(len(x), -1))
            return -chances[jnp.arange(len(x)), bottoms[1].astype(jnp.int32)].mean()
        case "SigmoidCrossEntropyLoss":
            return (jnp.maximum(x, 0) - x * bottoms[1] + jnp.log1p(jnp.exp(-jnp.abs(x)))).sum() / len(x)
        case "EuclideanLoss":
            return ((x - bottoms[1]) ** 2).sum() / (2 * len(x))
    raise NotImplementedError(one.type)


def sequence(x: Any, weight: Any, bias: Any, recurrent: Any) -> Any:
    """An LSTM from a state of zeros; x (T, N, I), gates i f o g."""
    given = x @ weight.T + bias  # (T, N, 4 H)

    def at(state: Any, now: Any) -> Any:
        hidden, cell = state
        i, f, o, g = jnp.split(now + hidden @ recurrent.T, 4, 1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
        return (hidden, cell), hidden

    zero = jnp.zeros((x.shape[1], recurrent.shape[1]), x.dtype)
    return lax.scan(at, (zero, zero), given)[1]
