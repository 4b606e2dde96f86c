"""A session on the GPU: however it is driven and edited, the numbers are those of one by layer."""

import numpy as np
import pytest

from brewbench.engine import backend, get_solver
from brewbench.proto import Document
from brewbench.workbench.livenet import LiveNet
from brewbench.workbench.session import Session

NET = """
layer {
  name: "x"
  type: "DummyData"
  top: "x"
  dummy_data_param { shape { dim: 4 dim: 6 } data_filler { type: "gaussian" std: 1 } }
}
layer {
  name: "ip"
  type: "InnerProduct"
  bottom: "x"
  top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } }
}
layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" }
layer { name: "sum" type: "Reduction" bottom: "ip" top: "sum" loss_weight: 0.1 reduction_param { operation: SUMSQ } }
"""
SOLVER = """
base_lr: 0.1
momentum: 0.9
lr_policy: "fixed"
max_iter: 100
random_seed: 11
snapshot_after_train: false
"""
PATIENCE = 60


@pytest.fixture
def session(gpu, monkeypatch):
    monkeypatch.setattr(backend, "_chosen", backend.Backend("gpu", precision="ieee"))
    live = LiveNet(Document.parse(NET, "net"), solver_document=Document.parse(SOLVER, "solver"))
    with Session(live, interval=0.001) as one:
        yield one


def weights_by_layer(iterations):
    solver = get_solver(Document.parse(SOLVER, "solver"), Document.parse(NET, "net"), backend=backend.backend_of(None))
    solver.net.before_forward.append(lambda index: None)
    solver.step(iterations)
    return solver.net.params["ip"][0].data.copy()


def wait(session):
    assert session.wait(PATIENCE)
    assert session.state != "failed"


def test_a_session_trains_by_captured_steps(session):
    session.step(6)
    wait(session)
    assert session.solver._captured.launched == 5
    np.testing.assert_array_equal(session.solver.net.params["ip"][0].data, weights_by_layer(6))


def test_stepping_through_the_layers_changes_no_number(session):
    session.step(3)
    session.step_forward(2)
    session.step_backward(3)
    session.step(2)
    wait(session)
    session.step(2)
    wait(session)
    np.testing.assert_array_equal(session.solver.net.params["ip"][0].data, weights_by_layer(session.iteration))


def test_an_edit_is_captured_anew_and_keeps_the_weights(session):
    session.step(4)
    wait(session)
    before, solver = session.solver.net.params["ip"][0].data.copy(), session.solver
    session.live.document.set(("layer", 1, "inner_product_param", "num_output"), 7)
    session.step(1)
    wait(session)
    assert session.solver is not solver
    session.step(4)
    wait(session)
    assert session.solver._captured.launched > 0
    assert session.solver.net.params["ip"][0].shape == (7, 6) and before.shape == (5, 6)


def test_the_rate_changes_in_a_live_session_without_another_capture(session):
    session.step(4)
    wait(session)
    parts = session.solver._captured.program.parts
    session.set("base_lr", 0.01)
    session.step(3)
    wait(session)
    assert session.solver._captured.program.parts is parts and session.solver.rate == pytest.approx(0.01)
