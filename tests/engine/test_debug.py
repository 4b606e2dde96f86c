"""What debug_info tells of a net: the sizes of all values that pass, of what flows back, and of the parameters."""

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TRAIN, Listener, Net, get_solver
from brewbench.engine.debug import BlobSize, ParamNorms
from brewbench.proto.messages import NetParameter, SolverParameter

NET = """
layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 4 dim: 3 } shape { dim: 4 dim: 2 }
  data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "ip1" type: "InnerProduct" bottom: "x" top: "h" param { name: "w" } param { lr_mult: 0 }
  inner_product_param { num_output: 3 weight_filler { type: "gaussian" } bias_filler { type: "gaussian" } } }
layer { name: "ip2" type: "InnerProduct" bottom: "h" top: "p" param { name: "w" }
  inner_product_param { num_output: 3 } }
layer { name: "ip3" type: "InnerProduct" bottom: "p" top: "q"
  inner_product_param { num_output: 2 bias_term: false weight_filler { type: "gaussian" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "q" bottom: "y" top: "loss" }
"""


def told_by(net):
    """The net, run forward and backward, and what it told."""
    told = []
    net.debug_info = True
    net.debug_listeners.append(told.append)
    net.forward()
    net.clear_param_diffs()
    net.backward()
    return told


@pytest.fixture
def net():
    return Net(text_format.Parse(NET, NetParameter()), TRAIN, seed=3)


def test_the_records_come_in_the_order_of_the_passes(net):
    lines = [(one.direction, one.layer, one.role, one.blob, one.kind) for one in told_by(net)[:-1]]
    forward = ["x top x", "x top y", "ip1 top h", "ip1 param w", "ip1 param 1", "ip2 top p", "ip2 param w"]
    forward += ["ip2 param 1", "ip3 top q", "ip3 param 0", "loss top loss"]
    # A parameter that does not learn is left out, and one with a name goes by its number.
    backward = ["loss bottom q", "ip3 bottom p", "ip3 param 0", "ip2 bottom h", "ip2 param 0", "ip2 param 1"]
    backward += ["ip1 param 0"]
    wanted = [("Forward", *line.split(), "data") for line in forward]
    wanted += [("Backward", *line.split(), "diff") for line in backward]
    assert lines == wanted


def test_the_values_are_means_of_absolute_values(net):
    last = {(one.layer, one.blob, one.kind): one.value for one in told_by(net) if isinstance(one, BlobSize)}
    for layer, blob, values in (
        ("ip1", "h", net.blobs["h"].data),
        ("ip1", "w", net.params["ip1"][0].data),
        ("ip1", "1", net.params["ip1"][1].data),
    ):
        np.testing.assert_allclose(last[layer, blob, "data"], np.abs(values).mean(), 1e-6)
    for layer, blob, values in (
        ("ip2", "h", net.blobs["h"].diff),
        ("ip3", "0", net.params["ip3"][0].diff),
        ("ip1", "0", net.params["ip1"][0].diff),  # shared with ip2: both gradients are in it
    ):
        np.testing.assert_allclose(last[layer, blob, "diff"], np.abs(values).mean(), 1e-6)
        assert last[layer, blob, "diff"] > 0


def test_the_norms_count_a_shared_parameter_once(net):
    norms = told_by(net)[-1]
    assert isinstance(norms, ParamNorms)
    owned = [net.params[name][index] for name, index in (("ip1", 0), ("ip1", 1), ("ip2", 1), ("ip3", 0))]
    data, diff = (np.concatenate([getattr(one, kind).ravel() for one in owned]) for kind in ("data", "diff"))
    found = norms.data_l1, norms.diff_l1, norms.data_l2, norms.diff_l2
    wanted = np.abs(data).sum(), np.abs(diff).sum(), np.linalg.norm(data), np.linalg.norm(diff)
    np.testing.assert_allclose(found, wanted, 1e-5)


def test_a_part_of_a_pass_tells_of_its_layers_only(net):
    told = told_by(net)
    del told[:]
    net.backward(net.index_of("loss"), net.index_of("ip3"))
    assert [one.layer for one in told] == ["loss", "ip3", "ip3"]
    net.debug_info = False
    net.forward()
    assert len(told) == 3


def test_a_solver_tells_in_the_iterations_that_it_displays():
    class Recorder(Listener):
        def __init__(self):
            self.iterations = []

        def on_debug(self, solver, record):
            self.iterations.append(solver.iter)

    text = 'base_lr: 0.1 lr_policy: "fixed" display: 2 debug_info: true snapshot_after_train: false'
    solver = get_solver(text_format.Parse(text, SolverParameter()), text_format.Parse(NET, NetParameter()))
    recorder = Recorder()
    solver.listeners.append(recorder)
    solver.step(4)
    assert set(recorder.iterations) == {0, 2}
    assert recorder.iterations.count(0) == recorder.iterations.count(2) == 19
