"""Values flow through whole nets in their layout, and are right through whichever shape they are looked at."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import TRAIN, Net, ops
from brewbench.engine.ops.tile.layout import Blocked, Features
from brewbench.proto import Document


def convolution(name, bottom, outputs):
    """A layer of that name, as text."""
    return f'''layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}"
  convolution_param {{ num_output: {outputs} kernel_size: 3 pad: 1 weight_filler {{ type: "xavier" }} }} }}
'''


IMAGES = """
force_backward: true
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 3 dim: 3 dim: 8 dim: 6 } } }
""" + convolution("first", "data", 32)
BRANCHES = (
    IMAGES
    + """
layer { name: "norm" type: "BatchNorm" bottom: "first" top: "first" }
layer { name: "scale" type: "Scale" bottom: "first" top: "first" scale_param { bias_term: true } }
layer { name: "relu" type: "PReLU" bottom: "first" top: "first" }
"""
    + convolution("left", "first", 32)
    + convolution("right", "first", 32)
    + """
layer { name: "elu" type: "ELU" bottom: "right" top: "right" }
layer { name: "power" type: "Power" bottom: "left" top: "left_" power_param { scale: 0.5 shift: 1 } }
layer { name: "sum" type: "Eltwise" bottom: "left_" bottom: "right" bottom: "first" top: "sum" }
layer { name: "bias" type: "Bias" bottom: "sum" top: "biased" bias_param { filler { value: 0.1 } } }
layer { name: "cut" type: "Slice" bottom: "biased" top: "one" top: "two" slice_param { slice_point: 9 } }
layer { name: "sigmoid" type: "Sigmoid" bottom: "one" top: "one_" }
layer { name: "tanh" type: "TanH" bottom: "two" top: "two_" }
layer { name: "join" type: "Concat" bottom: "two_" bottom: "one_" bottom: "first" top: "joined" }
layer { name: "best" type: "Slice" bottom: "joined" top: "m" top: "n" }
layer { name: "most" type: "Eltwise" bottom: "m" bottom: "n" top: "most" eltwise_param { operation: MAX } }
"""
    + convolution("last", "most", 7)
)
SHAPES = (
    IMAGES
    + """
layer { name: "flat" type: "Flatten" bottom: "first" top: "flat" }
layer { name: "scale" type: "Scale" bottom: "flat" top: "scaled" scale_param { filler { type: "uniform" } } }
layer { name: "wide" type: "Reshape" bottom: "first" top: "wide"
  reshape_param { shape { dim: 0 dim: 16 dim: 16 dim: 6 } } }
layer { name: "norm" type: "BatchNorm" bottom: "wide" top: "normed" }
layer { name: "relu" type: "ReLU" bottom: "normed" top: "normed" }
layer { name: "again" type: "Flatten" bottom: "normed" top: "again" }
layer { name: "join" type: "Concat" bottom: "scaled" bottom: "again" bottom: "flat" top: "joined" }
layer { name: "ip" type: "InnerProduct" bottom: "joined" top: "ip"
  inner_product_param { num_output: 20 weight_filler { type: "xavier" } } }
layer { name: "sum" type: "Eltwise" bottom: "flat" bottom: "again" top: "sum" }
layer { name: "both" type: "InnerProduct" bottom: "sum" top: "both"
  inner_product_param { num_output: 20 weight_filler { type: "xavier" } } }
layer { name: "norm2" type: "BatchNorm" bottom: "both" top: "both" }
layer { name: "last" type: "Concat" bottom: "ip" bottom: "both" top: "last" }
"""
)


def train_twice(text, engines, monkeypatch, watch=None):
    """All values and gradients after two passes; `watch` is told when the second begins."""
    with monkeypatch.context() as patch:
        patch.setitem(ops.PREFERENCE, "cpu", engines)
        net = Net(Document.parse(text, "net"), TRAIN, seed=3)
    draw = np.random.RandomState(4)
    for number in range(2):
        net.blobs["data"].data = draw.randn(*net.blobs["data"].shape)
        net.blobs["last"].diff = draw.randn(*net.blobs["last"].shape)
        if number and watch:
            watch()
        net.clear_param_diffs()
        net.forward()
        net.backward()
    return net


def compare(one, other):
    for name in one.blobs:
        np.testing.assert_allclose(one.blobs[name].data, other.blobs[name].data, 1e-4, 1e-4, err_msg=name)
        if name != "data":
            np.testing.assert_allclose(one.blobs[name].diff, other.blobs[name].diff, 1e-3, 1e-3, err_msg=name)
    for name, blobs in one.params.items():
        for mine, theirs in zip(blobs, other.params[name], strict=True):
            np.testing.assert_allclose(mine.data, theirs.data, 1e-4, 1e-4, err_msg=name)
            np.testing.assert_allclose(mine.diff, theirs.diff, 1e-3, 1e-3, err_msg=name)


@pytest.mark.parametrize("text", [BRANCHES, SHAPES], ids=["branches", "shapes"])
def test_a_net_gives_what_the_reference_gives(text, monkeypatch):
    compare(train_twice(text, ("tile", "reference"), monkeypatch), train_twice(text, ("reference",), monkeypatch))


def test_nothing_leaves_its_layout_between_the_first_convolution_and_the_last(monkeypatch):
    moved = []

    def count(kind, name):
        plain = getattr(kind, name)

        def counted(self, *arrays):
            moved.append((name, self.shape))
            plain(self, *arrays)

        monkeypatch.setattr(kind, name, counted)

    for kind in (Blocked, Features):
        for name in ("to_host", "from_host"):
            count(kind, name)
    train_twice(BRANCHES, ("tile", "reference"), monkeypatch, watch=moved.clear)
    given, for_the_image = ("from_host", (3, 7, 8, 6)), ("to_host", (3, 32, 8, 6))  # both of them gradients
    assert moved == [given, for_the_image]


def test_somebody_who_looks_between_two_layers_sees_plain_values(monkeypatch):
    net = train_twice(SHAPES, ("tile", "reference"), monkeypatch)
    seen = {}

    def look(index):
        for blob in net.nodes[index].tops:
            seen[net.layers[index].name] = blob.data.copy()

    net.after_forward.append(look)
    net.forward()
    flat, wide = seen["flat"], seen["wide"]
    assert flat.shape == (3, 32 * 8 * 6) and wide.shape == (3, 16, 16, 6)
    np.testing.assert_array_equal(flat.reshape(wide.shape), wide)
    np.testing.assert_array_equal(flat, seen["first"].reshape(flat.shape))
