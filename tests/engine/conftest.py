"""How the golden nets and runs were filled: one recipe for weights, inputs and the samples kept of an array."""

from types import SimpleNamespace

import numpy as np
import pytest


@pytest.fixture
def recipe():
    return SimpleNamespace(fill_parameters=fill_parameters, make_inputs=make_inputs, samples=samples)


def fill_parameters(net, seed):
    """The golden recipe: random values in net order, each shared memory once."""
    rs = np.random.RandomState(seed)
    owned = {(one.layer, one.index) for one in net.learnable}
    for layer in net.layers:
        for index, blob in enumerate(layer.blobs):
            if (layer.name, index) not in owned:
                continue
            if layer.type == "BatchNorm":
                values = (lambda n=blob.count: 0.1 * rs.randn(n), lambda n=blob.count: 0.5 + rs.rand(n), lambda: [1.0])
                blob.data = np.reshape(values[index](), blob.shape)
                continue
            values = rs.randn(*blob.shape)
            if values.ndim >= 2:
                values *= np.sqrt(2.0 / (values.size / values.shape[0]))
            else:
                values *= 0.05
                if layer.type == "Scale" and index == 0:
                    values += 1
            blob.data = values


def make_inputs(inputs, seed):
    """The golden recipe for input batches, by kind."""
    rs = np.random.RandomState(seed + 1)
    for name, shape, kind in inputs:
        if kind == "unit":
            yield name, rs.rand(*shape)
        elif kind == "img":
            yield name, (rs.rand(*shape) * 255 - 120) / 128
        elif kind == "normal":
            yield name, rs.randn(*shape)
        elif kind == "cont":
            values = np.ones(shape)
            values[0] = 0
            yield name, values
        else:
            low, high = ([0] + [int(word) for word in kind.split(":")[1:]])[-2:]
            yield name, rs.randint(low, high, shape)


def samples(flat):
    """The two samples of an array that the golden files keep."""
    return {"first64": flat[:64], "strided": flat[:: max(1, flat.size // 64)][:64]}
