"""Blobs between layers that run as one hold what they hold where the layers run one by one."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, Net, ops
from brewbench.engine.memory import HOST
from brewbench.proto import Document

pytestmark = pytest.mark.skipif("tile" not in ops.PREFERENCE["cpu"], reason="the reference runs layers one by one")

TEXT = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 9 dim: 9 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 16 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "bn1" }
layer { name: "scale1" type: "Scale" bottom: "bn1" top: "scale1" scale_param { bias_term: true
  filler { type: "uniform" min: 0.5 max: 1 } bias_filler { type: "uniform" min: -1 max: 1 } } }
layer { name: "relu1" type: "ReLU" bottom: "scale1" top: "relu1" }
layer { name: "deep" type: "Convolution" bottom: "relu1" top: "deep" convolution_param { num_output: 16 group: 16
  kernel_size: 3 pad: 1 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "bn2" type: "BatchNorm" bottom: "deep" top: "bn2" }
layer { name: "scale2" type: "Scale" bottom: "bn2" top: "bn2" scale_param { bias_term: true
  filler { type: "uniform" min: 0.5 max: 1 } bias_filler { type: "uniform" min: -1 max: 1 } } }
layer { name: "relu2" type: "ReLU" bottom: "bn2" top: "relu2" }
layer { name: "conv3" type: "Convolution" bottom: "relu1" top: "conv3"
  convolution_param { num_output: 16 kernel_size: 1 weight_filler { type: "xavier" } } }
layer { name: "bn3" type: "BatchNorm" bottom: "conv3" top: "conv3" }
layer { name: "scale3" type: "Scale" bottom: "conv3" top: "scale3" }
layer { name: "sum" type: "Eltwise" bottom: "relu2" bottom: "scale3" top: "sum" }
layer { name: "relu3" type: "ReLU" bottom: "sum" top: "relu3" }
layer { name: "ip" type: "InnerProduct" bottom: "relu3" top: "ip" inner_product_param { num_output: 5
  weight_filler { type: "xavier" } bias_filler { type: "uniform" min: -1 max: 1 } } }
layer { name: "relu4" type: "ReLU" bottom: "ip" top: "relu4" }
"""
BETWEEN = ("conv1", "bn1", "scale1", "deep", "bn2", "conv3", "sum", "ip")
NORMS = ("bn1", "bn2", "bn3")


def net(phase=TEST, text=TEXT):
    made = Net(Document.parse(text, "net"), phase, seed=1)
    random = np.random.RandomState(0)
    for name in NORMS if text is TEXT else ():
        mean, variance, weight = made.params[name]
        mean.data, variance.data, weight.data = random.randn(16), 2 + random.rand(16), 2
    made._fused()
    return made


def apart(monkeypatch, text=TEXT):
    """The same net, whose layers run one by one."""
    with monkeypatch.context() as patch:
        patch.setattr(Net, "fuse", False)
        return net(text=text)


def images(seed, number=2):
    return np.random.RandomState(seed).randn(number, 3, 9, 9)


def run(one, seed, number=2):
    one.blobs["data"].reshape(number, 3, 9, 9)
    one.blobs["data"].data = images(seed, number)
    one.forward()


def assert_equal(together, one_by_one, names=BETWEEN):
    for name in names:
        ours, theirs = together.blobs[name].data, one_by_one.blobs[name].data
        np.testing.assert_allclose(ours, theirs, 1e-4, 1e-5 * max(1, abs(theirs).max()), err_msg=name)


def waiting(one):
    """Of the blobs between, those whose values have not been computed."""
    return {name for name in BETWEEN if one.blobs[name].data_memory.pending}


def test_layers_that_do_not_work_in_place_run_as_one_at_inference():
    one = net()
    assert {one.layer_names[chain.last] for chain in one._fused().values()} == {
        "relu1", "relu2", "scale3", "relu3", "relu4"
    }  # fmt: skip
    assert not any(chain.between for chain in net(TRAIN)._fused().values())
    run(one, 1)
    assert waiting(one) == set(BETWEEN)
    assert not any(one.blobs[name].data_memory.allocated for name in BETWEEN)


def test_what_lies_between_is_what_the_layers_make_one_by_one(monkeypatch):
    together, one_by_one = net(), apart(monkeypatch)
    for seed, number in enumerate((2, 2, 5, 3, 3, 3, 3, 3)):
        run(together, seed, number)
        run(one_by_one, seed, number)
        if seed not in (4, 5):
            assert waiting(together) == set(BETWEEN)
            assert_equal(together, one_by_one, together.blobs)
    np.testing.assert_array_equal(together.blobs["conv1"].data, one_by_one.blobs["conv1"].data)


def touch_data(one):
    one.blobs["data"].data[...] = 7


def touch_weights(one):
    one.params["conv1"][0].data[...] *= 3
    one.params["bn1"][2].data = 5
    one.params["scale1"][1].data[...] += 1
    one.params["ip"][0].data[...] *= 3


def copy_weights(one):
    one.copy_from(Net(Document.parse(TEXT, "net"), TEST, seed=2))


def update_weights(one):
    for values in one.learnable:
        values.blob.data_memory.on(HOST, "write")[:] = 1


def run_the_first(one):
    touch_data(one)
    one.forward(0, one.index_of("data"))


def run_up_to_the_second_convolution(one):
    touch_data(one)
    one.forward(0, one.index_of("bn1"))  # between whose first layer and the last


@pytest.mark.parametrize("change", [touch_data, touch_weights, copy_weights, update_weights, run_the_first])
def test_the_values_are_those_of_the_last_pass(monkeypatch, change):
    together, one_by_one = net(), apart(monkeypatch)
    for passes in (1, 5):  # by Python, and by native code
        for seed in range(passes):
            run(together, seed)
            run(one_by_one, seed)
        change(together)
        change(one_by_one)
        assert_equal(together, one_by_one)


def test_a_range_that_ends_within_a_chain_leaves_what_lies_beyond(monkeypatch):
    together, one_by_one = net(), apart(monkeypatch)
    run(together, 1)
    run(one_by_one, 1)
    for each in (together, one_by_one):
        run_up_to_the_second_convolution(each)
    assert_equal(together, one_by_one, [*BETWEEN, "relu1", "relu4"])
    for each in (together, one_by_one):
        each.blobs["bn1"].data[...] = 3  # and what is written in between is read
        each.forward(each.index_of("scale1"))
    assert_equal(together, one_by_one, [*BETWEEN, "relu1", "relu4"])


def test_an_array_that_somebody_has_follows_the_passes(monkeypatch):
    together, one_by_one = net(), apart(monkeypatch)
    run(together, 1)
    held = together.blobs["bn1"].data
    for seed in range(6):
        run(together, seed)
        run(one_by_one, seed)
        np.testing.assert_allclose(held, one_by_one.blobs["bn1"].data, 1e-4, 1e-5)
    assert waiting(together) == set(BETWEEN) - {"conv1", "bn1", "scale1"}
    del held
    gc.collect()
    for seed in range(6):
        run(together, seed)
    assert waiting(together) == set(BETWEEN), "nobody has it any more"
    assert len(together._program.stretches["forward"]) == 1


def test_an_array_of_what_it_comes_from_may_be_written_at_any_time(monkeypatch):
    together, one_by_one = net(), apart(monkeypatch)
    weights = [each.params["deep"][0].data for each in (together, one_by_one)]
    data = [each.blobs["data"].data for each in (together, one_by_one)]
    for seed in range(6):
        for each, values, kernels in zip((together, one_by_one), data, weights, strict=True):
            values[...] = images(seed)
            each.forward()
            values[...], kernels[...] = 0, kernels + 1
        assert_equal(together, one_by_one)


def test_hooks_see_every_layer_and_what_the_last_pass_left(monkeypatch):
    together, one_by_one = net(), apart(monkeypatch)
    seen = {id(together): [], id(one_by_one): []}
    for each in (together, one_by_one):
        run(each, 1)
        each.before_forward.append(
            lambda index, each=each: seen[id(each)].append({name: each.blobs[name].data.copy() for name in BETWEEN})
        )
        run(each, 2)
    for ours, theirs in zip(*seen.values(), strict=True):
        for name in BETWEEN:
            np.testing.assert_allclose(ours[name], theirs[name], 1e-4, 1e-5, err_msg=name)
    assert not any(chain.between._kept for chain in together._fused().values())


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_between_passes_all_blobs_agree(monkeypatch, seed):
    both = net(), apart(monkeypatch)
    random, held = np.random.RandomState(seed), []
    names, last = list(both[0].blobs), len(both[0].layers) - 1
    params = [(name, k) for name, blobs in both[0].params.items() for k in range(len(blobs)) if name not in NORMS]
    run(both[0], seed)
    run(both[1], seed)
    for _ in range(40):
        kind, number, name = random.randint(9), random.randint(1000), names[random.randint(len(names))]
        ends = sorted(random.randint(0, last + 1, 2))
        param, k = params[random.randint(len(params))]
        for each in both:
            blob = each.blobs[name]
            if kind == 0:
                each.blobs["data"].data[...] = images(number)
            elif kind == 1:
                each.forward(*ends)
            elif kind == 2:
                blob.data[...] = np.random.RandomState(number).randn(*blob.shape)
            elif kind == 3:
                each.params[param][k].data[...] *= 0.9
            elif kind == 4:
                held.append((blob.data, each.params[param][k].data))
            elif kind == 5:
                held.clear()
            else:
                for _ in range(number % 4):
                    each.forward()
        if number % 3 == 0:
            assert_equal(*both, [name])
    assert_equal(*both, names)


OVERWRITTEN = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 5 dim: 5 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "relu" }
layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }
layer { name: "in place" type: "ReLU" bottom: "flat" top: "flat" }
"""


def test_what_a_later_layer_overwrites_is_no_source(monkeypatch):
    together, one_by_one = net(text=OVERWRITTEN), apart(monkeypatch, OVERWRITTEN)
    assert not together._fused(), "the ReLU in place writes into the memory of data"
    for each in (together, one_by_one):
        each.blobs["data"].data = images(1)[:1, :, :5, :5]
        each.forward()
    assert_equal(together, one_by_one, ["conv", "relu", "flat", "data"])


READ_TWICE = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 5 dim: 5 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "relu" }
layer { name: "sum" type: "Eltwise" bottom: "conv" bottom: "relu" top: "sum" }
"""


def test_what_somebody_else_reads_is_written():
    assert not net(text=READ_TWICE)._fused()
    backward = Net(Document.parse("force_backward: true\n" + TEXT, "net"), TEST)
    assert not backward._fused(), "the way back wants all of it"
