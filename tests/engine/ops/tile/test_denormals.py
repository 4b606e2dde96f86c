"""Denormal numbers are zero to drivers of matrix products, on every thread that runs them, and to nothing else."""

from __future__ import annotations

import ast
import platform
import threading
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, Net
from brewbench.engine.ops import tile
from brewbench.engine.threads import using
from brewbench.proto import Document

pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64", "arm64", "aarch64"),
    reason="how to have denormal numbers flushed is known of x86 and ARM",
)

SMALL = np.float32(1e-39)
INPUT = 'layer { name: "x" type: "Input" top: "x" input_param { shape { %s } } }\n'
IMAGES = INPUT % "dim: 16 dim: 32 dim: 20 dim: 20"
WEIGHTS = 'bias_term: false weight_filler { type: "xavier" }'
PRODUCT = 'layer { name: "y" type: "%s" bottom: "x" top: "y" %s }'
CONVOLUTION = "convolution_param { %s " + WEIGHTS + " }"
ROWS = PRODUCT % ("InnerProduct", "inner_product_param { num_output: 50 " + WEIGHTS + " }")
NETS = {
    "convolution": IMAGES + PRODUCT % ("Convolution", CONVOLUTION % "num_output: 64 kernel_size: 3 pad: 1"),
    "of few channels": INPUT % "dim: 16 dim: 3 dim: 20 dim: 20"
    + PRODUCT % ("Convolution", CONVOLUTION % "num_output: 64 kernel_size: 3"),
    "transposed": IMAGES + PRODUCT % ("Deconvolution", CONVOLUTION % "num_output: 64 kernel_size: 3 stride: 2"),
    "depthwise": IMAGES + PRODUCT % ("Convolution", CONVOLUTION % "num_output: 32 group: 32 kernel_size: 3"),
    "inner product": INPUT % "dim: 16 dim: 300" + ROWS,
    "of one row": INPUT % "dim: 1 dim: 300" + ROWS,
    "of some rows": INPUT % "dim: 5 dim: 300" + ROWS,
    "recurrent": INPUT % "dim: 4 dim: 16 dim: 30" + (INPUT % "dim: 4 dim: 16").replace('"x"', '"marks"')
    + PRODUCT.replace('"x"', '"x" bottom: "marks"')
    % ("LSTM", 'recurrent_param { num_output: 20 weight_filler { type: "xavier" } }'),
}  # fmt: skip


def net_of(text, phase=TEST):
    net = Net(Document.parse("force_backward: true\n" + text, "net"), phase, seed=1)
    net.blobs["x"].data = np.random.RandomState(0).uniform(0.5, 1, net.blobs["x"].shape)
    return net


def has_denormals():
    """Whether NumPy computes with them, on the thread that asks."""
    values = np.full(64, 1e-20, np.float32)
    return bool(((values * values) > 0).all() and ((np.full(64, SMALL) + SMALL) > 0).all())


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("name", NETS)
def test_denormal_weights_count_as_zero_on_every_thread(name, threads):
    net = net_of(NETS[name])
    net.params["y"][0].data = SMALL
    net.blobs["x"].data = 1e30
    with using(threads):
        for _ in range(6):  # the last ones are replayed
            net.forward()
            assert not net.blobs["y"].look("data").any()


@pytest.mark.parametrize("name", ["convolution", "of few channels", "inner product"])
def test_denormal_gradients_count_as_zero(name):
    net = net_of(NETS[name], TRAIN)
    net.params["y"][0].data = 1e30
    for _ in range(4):
        net.forward()
        net.clear_param_diffs()
        net.blobs["y"].diff = SMALL
        net.backward()
        assert not net.params["y"][0].diff.any()
        if name != "of few channels":  # NumPy's
            assert not net.blobs["x"].diff.any()


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("name", NETS)
def test_whoever_runs_drivers_has_denormal_numbers_before_and_after(name, threads):
    net, found = net_of(NETS[name], TRAIN), []

    def run():
        found.append(has_denormals())
        for _ in range(4):
            net.forward()
            found.append(has_denormals())
            net.backward()
            found.append(has_denormals())

    with using(threads):
        run()
        other = threading.Thread(target=run)
        other.start()
        other.join()
    assert found == [True] * 18


def calls_in(node):
    return [one.func.id for one in ast.walk(node) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)]


DRIVERS = {
    f"{path.stem}.{node.name}": node
    for path in sorted(Path(tile.__file__).parent.glob("*.py"))
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.FunctionDef) and any(getattr(one, "id", "") == "driver" for one in node.decorator_list)
}
FLUSHING = [name for name, node in DRIVERS.items() if "flush_denormals" in calls_in(node)]


@pytest.mark.parametrize("name", DRIVERS)
def test_whatever_calls_a_kernel_flushes(name):
    kernels = {"tile", "tile_ahead", "product_back"}
    assert name in FLUSHING or not kernels & set(calls_in(DRIVERS[name]))


@pytest.mark.parametrize("name", FLUSHING)
def test_the_setting_is_put_back_on_every_way_out(name):
    """Between the two lines there is no return, and nothing that can raise for want of memory."""
    body = DRIVERS[name].body
    texts = [ast.unparse(statement) for statement in body]
    between = body[texts.index("mode = flush_denormals()") + 1 : texts.index("put_back(mode)")]
    for node in (node for statement in between for node in ast.walk(statement)):
        assert not isinstance(node, ast.Return | ast.Raise)
        assert ast.unparse(node) not in ("np.empty", "np.zeros", "np.ones", "np.full")
    assert all("(" not in text or text.startswith("keep_alive(") for text in texts[texts.index("put_back(mode)") + 1 :])
