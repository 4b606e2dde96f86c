"""pycaffe's names over the engine."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench import caffe
from brewbench.caffe import layers as L
from brewbench.caffe import params as P
from brewbench.engine import DefinitionError
from brewbench.engine.gpu import device
from brewbench.proto.messages import NetParameter

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "pycaffe" / "netspec.json").read_text())

NET = """
name: "testnet" force_backward: true
layer { type: "DummyData" name: "data" top: "data" top: "label"
  dummy_data_param { num: 5 channels: 2 height: 3 width: 4 num: 5 channels: 1 height: 1 width: 1
    data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" } } }
layer { type: "Convolution" name: "conv" bottom: "data" top: "conv"
  convolution_param { num_output: 11 kernel_size: 2 pad: 3
    weight_filler { type: "gaussian" std: 1 } bias_filler { type: "constant" value: 2 } }
  param { decay_mult: 1 } param { decay_mult: 0 } }
layer { type: "InnerProduct" name: "ip" bottom: "conv" top: "ip_blob"
  inner_product_param { num_output: 13 weight_filler { type: "gaussian" std: 2.5 } bias_filler { value: -3 } } }
layer { type: "SoftmaxWithLoss" name: "loss" bottom: "ip_blob" bottom: "label" top: "loss" }
"""
DEPLOY = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
"""


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return caffe.Net(str(path), caffe.TRAIN)


@pytest.fixture
def deploy(tmp_path):
    path = tmp_path / "deploy.prototxt"
    path.write_text(DEPLOY)
    return caffe.Net(str(path), caffe.TEST)


def test_blobs_and_params_are_live_arrays(net):
    assert list(net.blobs) == ["data", "label", "conv", "ip_blob", "loss"]
    assert list(net.params) == ["conv", "ip"]
    assert net.params["conv"][0].data.shape == (11, 2, 2, 2)
    net.params["conv"][0].data[...] = 7
    assert net.params["conv"][0].data.min() == 7
    net.forward()
    net.backward()
    assert np.abs(net.params["conv"][1].diff).sum() > 0
    assert net.layer_dict["conv"].type == "Convolution"
    assert net.top_names["ip"] == ["ip_blob"] and net.bottom_names["loss"] == ["ip_blob", "label"]
    assert net.blob_loss_weights["loss"] == 1 and net.outputs == ["loss"]


def test_a_range_of_layers_runs_by_name(net):
    found = net.forward(end="conv")
    assert set(found) == {"conv"}
    before = net.blobs["conv"].data.copy()
    net.forward(start="ip")
    np.testing.assert_array_equal(net.blobs["conv"].data, before)
    assert set(net.backward(end="conv", diffs=["ip_blob"])) == {"data", "ip_blob"}
    with pytest.raises(ValueError, match="no layer 'nothing'"):
        net.forward(end="nothing")


def test_inputs_go_in_by_name_and_outputs_come_out(deploy):
    rows = np.random.default_rng(0).random((4, 3), np.float32)
    weights, bias = (blob.data for blob in deploy.params["ip"])
    found = deploy.forward(data=rows, blobs=["data"])
    np.testing.assert_allclose(found["ip"], rows @ weights.T + bias, rtol=1e-5)
    with pytest.raises(ValueError, match="not batch sized"):
        deploy.forward(data=rows[:3])
    with pytest.raises(ValueError, match="Input blob arguments do not match net inputs"):
        deploy.forward(dta=rows)


def test_any_number_of_rows_goes_through_in_batches(deploy):
    rows = np.random.default_rng(0).random((10, 3), np.float32)
    weights, bias = (blob.data for blob in deploy.params["ip"])
    np.testing.assert_allclose(deploy.forward_all(data=rows)["ip"], rows @ weights.T + bias, rtol=1e-5)


def test_a_reshaped_input_reshapes_the_net(deploy):
    deploy.blobs["data"].reshape(7, 3)
    deploy.reshape()
    assert deploy.blobs["ip"].data.shape == (7, 2)


def test_weights_go_out_and_come_back(net, tmp_path):
    net.save(str(tmp_path / "weights.caffemodel"))
    (tmp_path / "net.prototxt").write_text(NET)
    other = caffe.Net(str(tmp_path / "net.prototxt"), str(tmp_path / "weights.caffemodel"), caffe.TEST)
    for name, blobs in net.params.items():
        for mine, theirs in zip(blobs, other.params[name], strict=True):
            np.testing.assert_array_equal(mine.data, theirs.data)


def test_hooks_see_every_layer(net):
    seen = []
    net.before_forward(lambda index: seen.append(("before", index)))
    net.after_backward(lambda index: seen.append(("after", index)))
    net.forward()
    net.backward()
    assert seen == [("before", k) for k in range(4)] + [("after", k) for k in (3, 2, 1, 0)]


def test_a_seed_makes_nets_reproducible(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    drawn = []
    for _ in range(2):
        caffe.set_random_seed(5)
        drawn.append(caffe.Net(str(tmp_path / "net.prototxt"), caffe.TRAIN).params["conv"][0].data)
    np.testing.assert_array_equal(*drawn)


def test_a_solver_steps_with_its_callbacks(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(
        f'net: "{tmp_path / "net.prototxt"}" test_iter: 2 test_interval: 10 base_lr: 0.01 momentum: 0.9 '
        f'lr_policy: "inv" gamma: 0.0001 power: 0.75 max_iter: 20 snapshot_prefix: "{tmp_path / "model"}"'
    )
    solver = caffe.SGDSolver(str(tmp_path / "solver.prototxt"))
    calls = []
    solver.add_callback(lambda: calls.append("start"), lambda: calls.append("gradients"))
    before = solver.net.params["ip"][0].data.copy()
    solver.step(3)
    assert solver.iter == 3 and calls == ["start", "gradients"] * 3
    assert np.abs(solver.net.params["ip"][0].data - before).max() > 0
    shared = solver.test_nets[0].params["ip"][0].data
    np.testing.assert_array_equal(shared, solver.net.params["ip"][0].data)
    solver.solve()
    assert solver.iter == 20 and (tmp_path / "model_iter_20.caffemodel").exists()
    again = caffe.get_solver(str(tmp_path / "solver.prototxt"))
    again.restore(str(tmp_path / "model_iter_20.solverstate"))
    assert again.iter == 20 and again.lr == solver.lr


def test_a_definition_that_caffe_would_abort_on_raises(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET.replace('"Convolution"', '"Convolutoin"'))
    with pytest.raises(DefinitionError, match="'Convolution'") as caught:
        caffe.Net(str(tmp_path / "net.prototxt"), caffe.TRAIN)
    assert (caught.value.layer, caught.value.line) == ("conv", 6)


def assert_writes(net_param, golden):
    assert net_param == text_format.Parse(golden, NetParameter())


def test_netspec_writes_a_lenet_as_pycaffe_does():
    n = caffe.NetSpec()
    n.data, n.label = L.DummyData(
        shape=[dict(dim=[4, 1, 8, 8]), dict(dim=[4])], transform_param=dict(scale=1.0 / 255), ntop=2
    )
    n.conv1 = L.Convolution(
        n.data,
        kernel_size=5,
        num_output=20,
        weight_filler=dict(type="xavier"),
        param=[dict(lr_mult=1), dict(lr_mult=2)],
    )
    n.pool1 = L.Pooling(n.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    n.relu1 = L.ReLU(n.pool1, in_place=True)
    n.ip1 = L.InnerProduct(n.relu1, num_output=10, weight_filler=dict(type="gaussian", std=0.01))
    n.loss = L.SoftmaxWithLoss(n.ip1, n.label, loss_weight=2)
    assert_writes(n.to_proto(), GOLDEN["lenet_like"])


def test_tops_without_names_are_named_after_their_types():
    data = L.DummyData(shape=dict(dim=[2, 3]))
    ip = L.InnerProduct(data, num_output=2)
    loss = L.SoftmaxWithLoss(ip, L.DummyData(shape=dict(dim=[2])), name="myloss")
    assert_writes(caffe.to_proto(loss), GOLDEN["to_proto_fn"])


def test_netspec_refuses_what_is_no_layer_or_no_setting():
    with pytest.raises(TypeError, match="input 0 is not a Top"):
        L.ReLU("data")
    with pytest.raises(AttributeError, match="no setting 'num_outputs'"):
        L.InnerProduct(L.DummyData(shape=dict(dim=[2, 3])), num_outputs=2).to_proto()


def test_types_that_nobody_here_knows_can_be_written():
    data = L.Input(shape={"dim": [1, 2]})
    net = L.TheirOwn(data, loss_weight=2, include={"phase": caffe.TEST}, param={"lr_mult": 3}).to_proto()
    layer = net.layer[1]
    assert (layer.type, layer.bottom, layer.loss_weight, layer.param[0].lr_mult) == ("TheirOwn", ["Input1"], [2], 3)
    with pytest.raises(AttributeError, match="TheirOwn has no setting 'size'"):
        L.TheirOwn(data, size=3).to_proto()
    assert caffe.net_spec.param_name_dict()["Convolution"] == "convolution"
    assert caffe.net_spec.param_name_dict()["LRN"] == "lrn"


def test_import_caffe_can_be_made_to_work():
    script = (
        "from brewbench import caffe as ours; ours.install(); ours.install(); import caffe; assert caffe is ours; "
        "from caffe import layers as L; import caffe.net_spec, brewbench.workbench.caffe.net_spec as real; "
        "assert caffe.net_spec is real and L is real.layers"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


def test_layer_types_are_listed():
    assert {"Convolution", "SoftmaxWithLoss"} <= set(caffe.layer_type_list())


def test_where_there_is_no_gpu_it_says_so_and_nothing_changes(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(device, "device", device.Device)
    caffe.set_mode_cpu()
    for choose in (caffe.set_mode_gpu, lambda: caffe.set_device(1)):
        with pytest.raises(RuntimeError, match=r"computing on a GPU needs CuPy"):
            choose()
    assert caffe.Net(text_format.Parse(NET, NetParameter()), caffe.TEST).engine.context.backend == "cpu"
