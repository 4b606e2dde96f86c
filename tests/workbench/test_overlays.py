"""Overlays: figures of a net's layers, against ones that are known or computed another way."""

from math import inf
from pathlib import Path

import numpy as np
import pytest

from brewbench import Document
from brewbench.engine import TRAIN, Net, check
from brewbench.workbench import LiveNet, Session
from brewbench.workbench.costs import costs
from brewbench.workbench.overlays import (
    OVERLAYS,
    Probe,
    cost_values,
    dead_units,
    gradient_norms,
    norm,
    update_ratios,
    weight_changes,
    weight_norms,
)
from brewbench.workbench.timing import measured, twin

MODELS = Path(__file__).parents[2] / "notebooks" / "models"
NET = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 6 } shape { dim: 4 }
    data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 8 weight_filler { type: "xavier" } bias_filler { type: "constant" value: -100 } } }
layer { name: "relu" type: "ReLU" bottom: "ip1" top: "relu" }
layer { name: "ip2" type: "InnerProduct" bottom: "data" top: "ip2"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "ip3" type: "InnerProduct" bottom: "relu" top: "ip3"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "sum" type: "Eltwise" bottom: "ip2" bottom: "ip3" top: "sum" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "sum" bottom: "label" top: "loss" }
"""
SOLVER = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 50 random_seed: 3'


@pytest.fixture
def live():
    made = LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(SOLVER, "solver"))
    made.build()
    yield made
    made.close()


def test_costs_as_values():
    document = Document.open(MODELS / "lenet" / "lenet.prototxt")
    found = {name: cost_values(name, costs(check(document), document.message))
             for name, one in OVERLAYS.items() if one.source == "costs"}  # fmt: skip
    names = [layer.name for layer in document.message.layer]
    assert {names[index]: value for index, value in found["parameters"].items()} == {
        "conv1": 520, "conv2": 25_050, "ip1": 400_500, "ip2": 5_010
    }  # fmt: skip
    assert found["receptive_field"][names.index("pool2")] == 16
    assert found["receptive_field"][names.index("ip1")] == inf
    assert names.index("relu1") not in found["activations"], "in place"


def test_norms_stay_exact_over_chunks_and_huge_values():
    values = np.random.default_rng(1).normal(size=3_000_000).astype(np.float32)
    assert norm([values[:10], values[10:]]) == pytest.approx(np.linalg.norm(values.astype(np.float64)), rel=1e-5)
    assert norm([np.full(4, 1e30, np.float32)]) == pytest.approx(2e30)
    assert np.isnan(norm([np.array([1, np.nan], np.float32)]))
    assert norm([]) == 0


def test_norms_of_weights_gradients_and_updates(live):
    net, solver = live.net, live.solver
    seen = {}

    class Ear(Probe):
        def on_gradients_ready(self, solver):
            seen["gradient"] = [np.linalg.norm(blob.diff) for blob in solver.net.params["ip2"]]

    live.listeners.append(Ear("weights", lambda: net, lambda values: None, lambda error: None))
    values = []
    live.listeners.append(Probe("gradient", lambda: net, values.append, lambda error: None))
    before = [blob.data.copy() for blob in net.params["ip2"]]
    solver.step(1)
    assert values[0][3] == pytest.approx(np.hypot(*seen["gradient"]), rel=1e-5)
    weights = np.sqrt(sum(np.square(blob.data).sum() for blob in net.params["ip2"]))
    moved = np.sqrt(sum(np.square(old - blob.data).sum() for old, blob in zip(before, net.params["ip2"], strict=True)))
    assert weight_norms(net)[3] == pytest.approx(weights, rel=1e-5)
    ratios = update_ratios(net, lambda blob: blob.look("diff"))
    assert ratios[3] == pytest.approx(moved / weights, rel=1e-4)
    assert set(ratios) == {1, 3, 4}
    assert gradient_norms(net, lambda blob: None) == {}


def test_dead_units_are_those_that_nothing_makes_fire(live):
    live.net.forward()
    found = dead_units(live.net)
    assert found[2] == 100 and found[1] == 0 and 0 not in found
    assert 6 not in found, "the loss is one number"


def test_a_twin_is_the_net_at_its_start_and_leaves_the_training_alone(live):
    other = LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(SOLVER, "solver"))
    other.build()
    first = [blob.data.copy() for blob in live.net.params["ip2"]]
    live.solver.step(3)
    with_twin = twin(live)
    np.testing.assert_array_equal(with_twin.params["ip2"][0].data, first[0])
    changes = weight_changes(live.net, with_twin)
    assert changes[3] > 0 and weight_changes(live.net, live.net)[3] == 0
    with_twin.close()
    forward, backward = measured(live)
    assert set(forward) == set(backward) == set(range(7)) and all(time >= 0 for time in forward.values())
    live.solver.step(3)
    other.solver.step(6)
    for name in ("ip1", "ip2", "ip3"):
        np.testing.assert_array_equal(live.net.params[name][0].data, other.net.params[name][0].data)
    other.close()


def test_a_probe_that_fails_stops_no_training(live):
    failed = []

    def lost():
        raise RuntimeError("no memory")

    live.listeners.append(Probe("change", lost, lambda values: None, failed.append, period=1e6))
    with Session(live) as session:
        session.step(2)
        session.wait()
        assert session.iteration == 2 and session.error is None
    assert [str(one) for one in failed] == ["no memory"], "once in so long a time"


def test_a_second_net_is_refused_where_memory_lacks(live, monkeypatch):
    monkeypatch.setattr("brewbench.workbench.timing.present", lambda: 100)
    with pytest.raises(RuntimeError, match="not enough memory"):
        measured(live)
    fresh = LiveNet(Document.parse(NET, "net"), TRAIN)
    with pytest.raises(RuntimeError, match="no net"):
        twin(fresh)
    fresh.close()
    assert isinstance(live.net, Net)
