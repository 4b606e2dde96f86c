"""Layers that run as one on the device: convolution with bias and rectifier, and what is folded in when asked."""

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, TRAIN, Net, get_solver
from brewbench.engine.backend import Backend
from brewbench.engine.gpu.device import device
from brewbench.engine.gpu.ops import cudnn
from brewbench.proto.messages import NetParameter, SolverParameter

EXACT = Backend("gpu", precision="ieee")
NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 3 dim: 4 dim: 8 dim: 8 } } }
layer { name: "a" type: "Convolution" bottom: "x" top: "a" convolution_param { num_output: 6 kernel_size: 3 pad: 1
  weight_filler { type: "xavier" } bias_filler { type: "gaussian" std: 1 } } }
layer { name: "ra" type: "ReLU" bottom: "a" top: "a" }
layer { name: "b" type: "Convolution" bottom: "a" top: "b"
  convolution_param { num_output: 6 kernel_size: 3 pad: 1 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "norm" type: "BatchNorm" bottom: "b" top: "b" }
layer { name: "scale" type: "Scale" bottom: "b" top: "b" scale_param { bias_term: true
  filler { type: "gaussian" std: 1 } bias_filler { type: "gaussian" std: 1 } } }
layer { name: "rb" type: "ReLU" bottom: "b" top: "b" }
layer { name: "c" type: "Convolution" bottom: "a" top: "c"
  convolution_param { num_output: 6 kernel_size: 1 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "rc" type: "ReLU" bottom: "c" top: "c" }
layer { name: "sum" type: "Eltwise" bottom: "b" bottom: "c" bottom: "a" top: "sum"
  eltwise_param { coeff: 1 coeff: -2 coeff: 0.5 } }
layer { name: "rs" type: "ReLU" bottom: "sum" top: "sum" }
layer { name: "ip" type: "InnerProduct" bottom: "sum" top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } bias_filler { type: "gaussian" std: 1 } } }
layer { name: "ri" type: "ReLU" bottom: "ip" top: "ip" }
layer { name: "loss" type: "Reduction" bottom: "ip" top: "loss" loss_weight: 0.1 include { phase: TRAIN } }
"""
BLOBS = ("a", "b", "c", "sum", "ip")
SOLVER = 'base_lr: 0.05 lr_policy: "fixed" momentum: 0.9 random_seed: 3'
RELUS = {"ra", "rb", "rc", "rs", "ri"}


WAYS = ["kernels", "cudnn", "channels last", "apart"]


@pytest.fixture(params=[*WAYS, *(pytest.param(f"{way} on a card", marks=pytest.mark.gpu) for way in WAYS[1:3])])
def engine(request, monkeypatch):
    """The ways in which the work is shared out: "apart" is cuDNN without plans for what follows."""
    way, _, card = request.param.partition(" on ")
    if card:
        found = device(0)
        if not found.has_cudnn:
            pytest.skip("cuDNN is not installed")
    else:
        found = request.getfixturevalue("host_device")
        if way != "kernels":
            found.use_cudnn()
        if way == "apart":
            found.cudnn_api.refused = ("bias",)
    monkeypatch.setattr(cudnn, "LAYOUT", "nhwc" if way == "channels last" else "nchw")
    monkeypatch.setattr(cudnn, "LARGE", 0)
    monkeypatch.setattr(found, "way", way, raising=False)
    return found


def message():
    return text_format.Parse(NET, NetParameter())


def asked(backend, phase=TEST):
    net = Net(message(), phase, seed=4, backend=backend)
    net.blobs["x"].data = np.random.RandomState(0).randn(3, 4, 8, 8)
    mean, variance, weight = net.params["norm"]
    mean.data, variance.data, weight.data = np.random.RandomState(1).randn(6), 2 + np.random.RandomState(2).rand(6), 1.5
    return net


def layers_that_run(net, monkeypatch):
    """The names of the layers whose forward is called from now on."""
    ran = []
    for layer in net.layers:

        def forward(bottom, top, layer=layer, work=layer.forward):
            ran.append(layer.name)
            work(bottom, top)

        monkeypatch.setattr(layer, "forward", forward)
    return ran


def test_a_net_that_is_asked_runs_chains_as_one(engine, monkeypatch):
    here, there = asked("cpu"), asked(EXACT)
    ran = layers_that_run(there, monkeypatch)
    for k in range(5):
        for net in (here, there):
            net.forward()
            if k == 2:
                net.params["norm"][0].data *= 2
                net.params["scale"][1].data[...] = 0.5
        for name in BLOBS:
            np.testing.assert_allclose(there.blobs[name].data, here.blobs[name].data, 1e-3, 1e-4)
    assert there._whole.launched == 4
    assert set(ran) & (RELUS | {"norm", "scale"}) == set()
    if not hasattr(engine, "cudnn_api"):
        return
    fused = {steps for _, _, *steps in map(tuple, engine.cudnn_api.ran) for steps in [tuple(steps)]}
    assert fused == {
        "kernels": set(), "apart": {()}, "cudnn": {(), ("bias", "relu"), ("scale", "bias", "relu")},
        "channels last": {(), ("bias", "relu"), ("scale", "bias", "relu")},
    }[engine.way]  # fmt: skip


def test_whoever_looks_between_layers_gets_them_one_by_one(engine, monkeypatch):
    here, there = asked("cpu"), asked(EXACT)
    ran, seen = layers_that_run(there, monkeypatch), []
    here.forward()
    there.after_forward.append(lambda index: seen.append(float(there.blobs["a"].look().min())))
    there.forward()
    assert set(ran) >= RELUS and seen[1] < 0 <= seen[2]  # the convolution's own values, before the rectifier
    for name in BLOBS:
        np.testing.assert_allclose(there.blobs[name].data, here.blobs[name].data, 1e-3, 1e-4)


def test_training_takes_rectifiers_along_and_normalises_by_the_batch(engine, monkeypatch):
    solvers = []
    for backend in ("cpu", EXACT):
        solver = get_solver(text_format.Parse(SOLVER, SolverParameter()), message(), backend=backend)
        solver.net.blobs["x"].data = np.random.RandomState(0).randn(3, 4, 8, 8)
        ran = layers_that_run(solver.net, monkeypatch)
        solver.step(5)
        solvers.append(solver)
    assert solvers[1]._captured.launched == 4
    assert set(ran) & RELUS == {"rb"} and "norm" in ran  # what follows a BatchNorm that learns is not a chain
    for blobs, others in zip(*(solver.net.params.values() for solver in solvers), strict=True):
        for mine, theirs in zip(blobs, others, strict=True):
            np.testing.assert_allclose(theirs.data, mine.data, 2e-3, 1e-4)


@pytest.mark.parametrize("phase", [TEST, TRAIN])
def test_passes_outside_of_graphs_run_chains_too(phase, engine, monkeypatch):
    monkeypatch.setattr(Net, "as_one", lambda self: None)
    here, there = asked("cpu", phase), asked(EXACT, phase)
    ran = layers_that_run(there, monkeypatch)
    for _ in range(2):
        here.forward()
        there.forward()
    assert set(ran) & RELUS == (set() if phase == TEST else {"rb"})
    for name in BLOBS:
        np.testing.assert_allclose(there.blobs[name].data, here.blobs[name].data, 1e-3, 1e-4)


def test_fusion_may_be_turned_off(engine, monkeypatch):
    monkeypatch.setattr(Net, "fuse", False)
    net = asked(EXACT, TRAIN)
    ran = layers_that_run(net, monkeypatch)
    net.forward()
    assert set(ran) >= RELUS


def test_nothing_is_compiled_for_the_sake_of_small_tops(host_device, monkeypatch):
    host_device.use_cudnn()
    monkeypatch.setattr(cudnn, "LAYOUT", "nhwc")
    here, there = asked("cpu"), asked(EXACT)
    here.forward()
    there.forward()
    assert "bias" in {step for one in host_device.cudnn_api.ran for step in one[2:]}
    assert "scale" not in {step for one in host_device.cudnn_api.ran for step in one[2:]}
    np.testing.assert_allclose(there.blobs["b"].data, here.blobs["b"].data, 1e-3, 1e-4)


def test_a_plan_that_is_slower_with_what_follows_is_not_taken(host_device, monkeypatch):
    host_device.use_cudnn()
    api = host_device.cudnn_api

    def time(self, work):
        before = len(api.ran)
        work()
        host_device.synchronize()
        ran = api.ran[before:]
        return 1.0 if not ran else 9.0 if len(ran[0]) > 2 else 2.0

    monkeypatch.setattr(cudnn.Cudnn, "time", time)
    monkeypatch.setattr(cudnn, "LAYOUT", "nchw")
    here, there = asked("cpu"), asked(EXACT)
    here.forward()
    there.forward()
    api.ran.clear()
    there.forward()
    assert api.ran and all(len(one) == 2 for one in api.ran)
    np.testing.assert_allclose(there.blobs["b"].data, here.blobs["b"].data, 1e-3, 1e-4)


@pytest.mark.parametrize("hides", [False, True])
def test_a_net_that_diverges_shows_it_behind_rectifiers(hides, engine):
    if hasattr(engine, "cudnn_api"):
        engine.cudnn_api.hides_nan = hides
    here, there = asked("cpu"), asked(EXACT)
    for net in (here, there):
        net.forward()
        net.params["a"][0].data[1] = np.nan
        net.forward()
    for name in BLOBS:
        np.testing.assert_array_equal(np.isnan(there.blobs[name].data), np.isnan(here.blobs[name].data), name)
    assert np.isnan(there.blobs["a"].data[:, 1]).all() and np.isnan(there.blobs["ip"].data).all()
    assert not np.isnan(there.blobs["a"].data[:, 0]).any()
