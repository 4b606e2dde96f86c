"""Learning-rate policies beyond their ordinary range, where Caffe's numbers go on."""

import numpy as np
import pytest

from brewbench.engine import DefinitionError
from brewbench.engine.policy import check_policy, learning_rate
from brewbench.proto.messages import SolverParameter


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


@pytest.mark.parametrize("policy", ["step", "exp", "inv", "multistep", "sigmoid"])
def test_a_negative_gamma_is_refused(policy):
    with pytest.raises(DefinitionError, match="gamma") as caught:
        check_policy(SolverParameter(lr_policy=policy, stepsize=1, gamma=-0.1))
    assert caught.value.field == "gamma"
