"""Commands and pycaffe with a GPU."""

import re

import pytest

from brewbench import caffe
from brewbench.engine import backend
from brewbench.engine.gpu import step
from brewbench.workbench.cli import device_query, time, train

NET = """
layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param {
  shape { dim: 4 dim: 3 } shape { dim: 4 } data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(backend, "_chosen", backend.CPU)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(
        'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 6 display: 2 snapshot_prefix: "snap" '
        "random_seed: 1 momentum: 0.9"
    )


def test_time_tells_of_every_layer(gpu, files, capfd):
    time.run(["-model", "net.prototxt", "-gpu", "0", "-iterations", "3"])
    out, err = capfd.readouterr()
    times = re.findall(r"(\w+)\s+(forward|backward): ([\d.e+-]+) ms", out + err)
    assert {(name, way) for name, way, _ in times} >= {("ip", "forward"), ("ip", "backward"), ("loss", "forward")}
    assert backend.backend_of(None) == backend.CPU


def test_device_query_tells_of_the_device(gpu, files, capfd):
    device_query.run(["-gpu", "0"])
    out, err = capfd.readouterr()
    assert re.search(r"Name:\s+\S+", out + err)


def test_train_gives_on_the_gpu_what_it_gives_on_the_cpu(gpu, files):
    weights = []
    for more in ([], ["-gpu", "0"]):
        train.run(["-solver", "solver.prototxt", *more])
        found = caffe.Net("net.prototxt", "snap_iter_6.caffemodel", caffe.TRAIN)
        weights.append(found.params["ip"][0].data.copy())
    assert weights[1] == pytest.approx(weights[0], rel=2e-3)


def test_train_runs_whole_iterations(gpu, files, monkeypatch):
    made = []

    class Seen(step.CapturedStep):
        def __init__(self, solver):
            super().__init__(solver)
            made.append(self)

    monkeypatch.setattr(step, "CapturedStep", Seen)
    train.run(["-solver", "solver.prototxt", "-gpu", "0"])
    assert made[0].launched == 5 and made[0].why_not() is None


def test_pycaffe_can_be_told_to_use_the_gpu(gpu, files):
    caffe.set_mode_gpu()
    net = caffe.Net("net.prototxt", caffe.TRAIN)
    assert net.forward()["loss"] > 0
    net.backward()
    assert net.params["ip"][0].diff.any()
    caffe.set_mode_cpu()
    assert backend.backend_of(None).name == "cpu"
