"""Whole nets, forward and backward, against what Caffe computed."""

import json
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, TRAIN, Net
from brewbench.proto.messages import NetParameter

NETS = sorted((Path(__file__).parents[1] / "golden" / "nets").glob("*.npz"))


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


def assert_summary(golden, key, values, rtol, what):
    """Compare an array with its stored shape, statistics and samples."""
    assert values.shape == tuple(golden[f"{key}/shape"]), what
    flat = values.ravel()
    wanted = golden[f"{key}/stats"]
    exact = flat.astype(np.float64)
    largest = max(abs(wanted[2]), abs(wanted[3]))
    stats = [exact.mean(), exact.std(), exact.min(), exact.max(), np.abs(exact).mean()]
    np.testing.assert_allclose(stats, wanted, rtol=1e-3, atol=1e-3 * largest + 1e-12, err_msg=what)
    strided = flat[:: max(1, flat.size // 64)][:64]
    for name, sample in (("first64", flat[:64]), ("strided", strided)):
        reference = golden[f"{key}/{name}"]
        np.testing.assert_allclose(sample, reference, rtol=rtol, atol=1e-4 * largest + 1e-12, err_msg=what)


@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_a_net_gives_caffes_numbers(path):
    golden = np.load(path)
    message = text_format.Parse(str(golden["prototxt"]), NetParameter())
    net = Net(message, TRAIN if str(golden["phase"]) == "TRAIN" else TEST)
    fill_parameters(net, int(golden["seed"]))
    for name, values in make_inputs(json.loads(str(golden["inputs"])), int(golden["seed"])):
        net.blobs[name].data = values
        assert_summary(golden, f"input/{name}", net.blobs[name].data, 1e-6, name)
    loss = net.forward()
    net.clear_param_diffs()
    if json.loads(str(golden["loss_weights"])):
        net.backward()
    else:
        last = list(net.blobs.values())[-1]
        last.diff = np.random.RandomState(int(golden["seed"]) + 2).randn(*last.shape)
        net.backward()
    np.testing.assert_allclose(loss, golden["total_loss"], rtol=1e-4, atol=1e-6)
    for name, blob in net.blobs.items():
        assert_summary(golden, f"blob/{name}", blob.data, 1e-3, f"blob {name}")
        if f"blob_diff/{name}/shape" in golden:
            assert_summary(golden, f"blob_diff/{name}", blob.diff, 2e-3, f"diff of blob {name}")
    for name, blobs in net.params.items():
        for index, blob in enumerate(blobs):
            key = f"param_diff/{name}/{index}"
            if f"{key}/shape" in golden:
                assert_summary(golden, key, blob.diff, 2e-3, key)
    for name in net.outputs:
        wanted = golden[f"full/{name}"]
        np.testing.assert_allclose(net.blobs[name].data, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max() + 1e-9)
