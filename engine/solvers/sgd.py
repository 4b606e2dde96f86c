"""SGD. Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ops.update import Rates
from ..solver import Solver, solver


@solver("SGD")
class SGDSolver(Solver):
    r"""Step down the gradient, keeping some of the last step.

    $$ v \leftarrow \mu v + \eta g, \quad w \leftarrow w - v $$

    with rate $\eta$ and `momentum` $\mu$. Reference: Bottou, "Stochastic gradient descent tricks", 2012.
    """

    slots = 1

    @staticmethod
    def rule(xp: Any, g: Any, history: Sequence[Any], rates: Rates) -> None:
        (v,) = history
        v *= rates.momentum
        v += rates.rate * g
        g[:] = v
