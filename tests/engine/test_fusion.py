"""Layers that run as one give what they give one by one."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, Net
from brewbench.engine.fusion import parts_inside
from brewbench.engine.ops.tile.layout import Inside, current
from brewbench.proto import Document

TEXT = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 14 dim: 14 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 16 kernel_size: 3 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "norm1" type: "BatchNorm" bottom: "conv1" top: "conv1" }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true
  filler { type: "uniform" min: -1 max: 1 } bias_filler { type: "uniform" min: -1 max: 1 } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
  convolution_param { num_output: 16 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "depth" type: "Convolution" bottom: "conv1" top: "depth" convolution_param { num_output: 16 group: 16
  kernel_size: 3 pad: 1 weight_filler { type: "xavier" } bias_filler { type: "uniform" min: -1 max: 1 } } }
layer { name: "norm2" type: "BatchNorm" bottom: "depth" top: "depth" }
layer { name: "sum" type: "Eltwise" bottom: "conv2" bottom: "depth" top: "sum" }
layer { name: "relu2" type: "ReLU" bottom: "sum" top: "sum" }
layer { name: "leaky" type: "Convolution" bottom: "sum" top: "leaky"
  convolution_param { num_output: 16 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu3" type: "ReLU" bottom: "leaky" top: "leaky" relu_param { negative_slope: 0.1 } }
layer { name: "ip" type: "InnerProduct" bottom: "leaky" top: "ip" inner_product_param { num_output: 10
  weight_filler { type: "xavier" } bias_filler { type: "uniform" min: -1 max: 1 } } }
layer { name: "relu4" type: "ReLU" bottom: "ip" top: "ip" }
"""
BLOBS = ("conv1", "depth", "sum", "leaky", "ip")


def net(phase=TEST):
    made = Net(Document.parse(TEXT, "net"), phase, seed=1)
    random = np.random.RandomState(0)
    for name in ("norm1", "norm2"):
        mean, variance, weight = made.params[name]
        mean.data, variance.data, weight.data = random.randn(16), 2 + random.rand(16), 2
    return made


def run(one, images):
    one.blobs["data"].reshape(images, 3, 14, 14)
    one.blobs["data"].data = np.random.RandomState(images).randn(images, 3, 14, 14)
    one.forward()
    return [one.blobs[name].data.copy() for name in BLOBS]


def apart(monkeypatch, phase=TEST):
    with monkeypatch.context() as patch:
        patch.setattr(Net, "fuse", False)
        one = net(phase)
        assert not one._fused()
        return one


@pytest.mark.parametrize("phase", [TEST, TRAIN])
def test_fused_layers_give_what_they_give_one_by_one(phase, monkeypatch):
    together, one_by_one = net(phase), apart(monkeypatch, phase)
    heads = {together.layer_names[first] for first in together._fused()}
    # In training BatchNorm changes with the batch, and so do what it stands between.
    assert heads == ({"conv1", "depth", "sum", "ip"} if phase == TEST else {"sum", "ip"})
    for images in (2, 2, 5, 3):
        for ours, theirs in zip(run(together, images), run(one_by_one, images), strict=True):
            np.testing.assert_allclose(ours, theirs, 1e-4, 1e-5)


def test_what_was_folded_into_the_weights_follows_the_parameters(monkeypatch):
    together, one_by_one = net(), apart(monkeypatch)
    for each in (together, one_by_one):
        run(each, 2)
        each.params["scale1"][0].data *= 3
        each.params["norm1"][2].data = 4
    for ours, theirs in zip(run(together, 2), run(one_by_one, 2), strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-4, 1e-5)


def test_who_looks_in_between_sees_every_layer():
    one = net()
    run(one, 2)
    seen = {}
    one.after_forward.append(lambda index: seen.setdefault(one.layer_names[index], one.blobs["conv1"].data.copy()))
    one.forward()
    assert list(seen) == one.layer_names
    assert (seen["conv1"] < 0).any() and (seen["scale1"] < 0).any() and (seen["relu1"] >= 0).all()
    np.testing.assert_array_equal(seen["relu1"], np.maximum(seen["scale1"], 0))


def test_a_range_that_ends_within_a_chain_ends_there(monkeypatch):
    one = net()
    end = one.index_of("scale1")
    one.blobs["data"].data = np.random.RandomState(2).randn(2, 3, 14, 14)
    one.forward(0, end)
    before = one.blobs["conv1"].data.copy()
    assert (before < 0).any()
    one.forward(end + 1)
    assert (one.blobs["conv1"].data >= 0).all()


def test_an_array_that_somebody_has_shows_the_new_values():
    one = net()
    held = one.blobs["conv1"].data
    first = run(one, 2)[0]
    np.testing.assert_array_equal(held, first)
    held[...] = 7  # and what is written into it is seen
    one.forward(one.index_of("relu1"))
    assert (one.blobs["conv1"].data == 7).all()


JOINED = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 16 dim: 6 dim: 6 } } }
layer { name: "a" type: "Convolution" bottom: "data" top: "a"
  convolution_param { num_output: 32 kernel_size: 1 weight_filler { type: "xavier" } } }
layer { name: "b" type: "Convolution" bottom: "data" top: "b"
  convolution_param { num_output: 16 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "whole" type: "Concat" bottom: "a" bottom: "b" bottom: "data" top: "whole" }
layer { name: "c" type: "Convolution" bottom: "whole" top: "c"
  convolution_param { num_output: 16 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "twice" type: "Concat" bottom: "b" bottom: "c" top: "twice" }
layer { name: "s" type: "Sigmoid" bottom: "twice" top: "twice" }
layer { name: "alone" type: "Concat" bottom: "twice" bottom: "whole" top: "alone" }
"""


def test_only_what_nobody_else_has_lies_within_the_whole():
    one = Net(Document.parse(JOINED, "net"), TEST, seed=1)
    found = {one.layer_names[index]: inside for index, inside in parts_inside(one.nodes).items()}
    # b and data are split, "twice" is written in place, and whole is read by others too.
    assert found == {"whole": [True, False, False], "alone": [True, False]}


def test_a_part_keeps_its_values_when_the_whole_gets_others():
    one = Net(Document.parse(JOINED, "net"), TEST, seed=1)
    one.blobs["data"].data = np.random.RandomState(0).randn(1, 16, 6, 6)
    for _ in range(3):
        one.forward()
    joined = one.index_of("whole")
    one.forward(0, joined)
    before, whole = one.blobs["a"].data.copy(), one.blobs["whole"].data.copy()
    np.testing.assert_array_equal(whole[:, :32], before)
    one.forward(0, joined)
    assert isinstance(current(one.blobs["a"].data_memory), Inside)
    one.blobs["whole"].data[...] = 2 * whole
    one.forward(joined + 1)
    np.testing.assert_array_equal(one.blobs["a"].data, before)
    np.testing.assert_array_equal(one.blobs["whole"].data, 2 * whole)
    one.blobs["a"].data[...] = 3 * before
    np.testing.assert_array_equal(one.blobs["whole"].data, 2 * whole)
    one.forward(joined)
    np.testing.assert_array_equal(one.blobs["whole"].data[:, :32], 3 * before)
