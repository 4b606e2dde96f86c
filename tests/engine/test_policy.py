"""Learning-rate policies beyond their ordinary range, where Caffe's numbers go on."""

from types import SimpleNamespace

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import DefinitionError, get_solver
from brewbench.engine.policy import Steps, check_policy, learning_rate
from brewbench.proto.messages import NetParameter, SolverParameter


@pytest.mark.parametrize(
    ("settings", "iteration", "steps", "rate"),
    [
        (dict(lr_policy="poly", power=1, max_iter=10), 10, 0, 0),
        (dict(lr_policy="poly", power=2, max_iter=5), 6, 0, 0.1 * 0.04),  # Caffe's rate rises again ...
        (dict(lr_policy="poly", power=1, max_iter=5), 6, 0, -0.02),  # ... or falls below zero ...
        (dict(lr_policy="poly", power=0.5, max_iter=5), 6, 0, np.nan),  # ... or is no number
        (dict(lr_policy="exp", gamma=10), 400, 0, np.inf),
        (dict(lr_policy="step", gamma=10, stepsize=1), 400, 400, np.inf),
        (dict(lr_policy="multistep", gamma=0), 5, 0, 0.1),
        (dict(lr_policy="inv", gamma=0, power=0.75), 50, 0, 0.1),
        (dict(lr_policy="sigmoid", gamma=100, stepsize=50), 0, 0, 0),
    ],
)
def test_a_rate_beyond_its_range(settings, iteration, steps, rate):
    param = SolverParameter(base_lr=0.1, **settings)
    check_policy(param)
    np.testing.assert_allclose(learning_rate(param, iteration, steps), rate, 1e-6, 1e-9)


@pytest.mark.parametrize("policy", ["step", "exp", "inv", "multistep", "sigmoid", "plateau", "stepearly"])
def test_a_negative_gamma_is_refused(policy):
    with pytest.raises(DefinitionError, match="gamma") as caught:
        check_policy(SolverParameter(lr_policy=policy, stepsize=1, stepearly=1, gamma=-0.1))
    assert caught.value.field == "gamma"


def test_stepearly_needs_its_number():
    with pytest.raises(DefinitionError, match="at least 1; got 0") as caught:
        check_policy(SolverParameter(lr_policy="stepearly"))
    assert caught.value.field == "stepearly"


def rates_of(param, losses):
    """A step at a time: the rate at which each loss leaves the update."""
    steps, rates = Steps(), []
    for iteration, loss in enumerate(losses):
        steps.at(param, iteration, loss)
        rates.append(learning_rate(param, iteration, steps.passed))
    return rates


def test_the_rate_drops_when_the_loss_has_not_fallen_for_a_window():
    """A drop begins the next window; after the last window the rate stays."""
    param = SolverParameter(base_lr=1, lr_policy="plateau", gamma=0.5, plateau_winsize=[2, 3])
    losses = [5, 4, 4, 4, 3, 4, 3, 4, 4, 2, 2, 2, 2, 2, 2, 2]
    assert rates_of(param, losses) == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25] + [0.25] * 6
    assert rates_of(SolverParameter(base_lr=1, lr_policy="plateau"), losses) == [1] * 16


def test_a_plateau_is_one_of_the_mean_of_the_last_losses():
    param = SolverParameter(base_lr=1, lr_policy="plateau", gamma=0.5, plateau_winsize=[2], average_loss=2)
    assert rates_of(param, [4, 0, 4, 0, 4]) == [1, 1, 1, 0.5, 0.5]  # means 4, 2, 2, 2
    assert rates_of(param, [4, 2, 2, 1, 1, 0.9]) == [1] * 6  # means 4, 3, 2, 1.5, 1, 0.95


@pytest.mark.parametrize("number", [1, 2])
def test_the_rate_drops_when_tests_are_no_better_than_the_best(number):
    param = SolverParameter(base_lr=1, lr_policy="stepearly", gamma=0.5, stepearly=number)
    steps, rates = Steps(), []
    for value in (0.5, 0.6, 0.6, 0.55, 0.7, 0.65, 0.8):
        steps.tested(param, [SimpleNamespace(outputs=[SimpleNamespace(value=value)])])
        rates.append(learning_rate(param, 0, steps.passed))
    assert rates == {1: [1, 1, 0.5, 0.25, 0.25, 0.125, 0.125], 2: [1, 1, 1, 0.5, 0.5, 0.5, 0.5]}[number]


NET = """
layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param { shape { dim: [2, 3] } shape { dim: [2, 1] }
  data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 1
  weight_filler { type: "gaussian" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" }
"""


@pytest.mark.parametrize("policy", ["plateau", "stepearly"])
def test_what_was_seen_goes_on_in_a_restored_run(tmp_path, policy):
    text = "base_lr: 0.3 gamma: 0.7 average_loss: 3 random_seed: 1 test_iter: 1 test_interval: 2 stepearly: 1 "
    text += f"plateau_winsize: [2, 3, 3, 3] lr_policy: '{policy}'"
    rates = []
    for halt in (None, 5, 8):
        param = text_format.Parse(text, SolverParameter())
        param.net_param.CopyFrom(text_format.Parse(NET, NetParameter()))
        solver, found = get_solver(param), []
        for _ in range(20):
            if solver.iter == halt:
                _, state = solver.snapshot(tmp_path / "at")
                solver = get_solver(param)
                solver.restore(state)
            solver.step(1)
            found.append(solver.rate)
        rates.append(found)
    assert rates[0] == rates[1] == rates[2] and len(set(rates[0])) > 3


def test_another_policy_does_not_go_by_what_the_last_one_saw(tmp_path):
    param = text_format.Parse("base_lr: 0.3 gamma: 0.7 lr_policy: 'stepearly' stepearly: 1", SolverParameter())
    param.net_param.CopyFrom(text_format.Parse(NET, NetParameter()))
    solver = get_solver(param)
    solver.steps = Steps(1, 0.0, 5)  # a loss is never less
    other = SolverParameter()
    other.CopyFrom(param)
    other.lr_policy, other.plateau_winsize[:] = "plateau", [100, 100]
    solver.change(other)
    solver.step(1)
    assert solver.steps.passed == 1 and solver.steps.best > 0
