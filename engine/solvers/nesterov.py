"""Nesterov. SGD that looks ahead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ops.update import Rates
from ..solver import Solver, solver


@solver("Nesterov")
class NesterovSolver(Solver):
    r"""Momentum corrected by where it would lead.

    $$ v' = \mu v + \eta g, \quad w \leftarrow w - \left((1 + \mu) v' - \mu v\right), \quad v \leftarrow v' $$

    with rate $\eta$ and `momentum` $\mu$. Reference: Sutskever, Martens, Dahl and Hinton, ICML 2013.
    """

    slots = 1

    @staticmethod
    def rule(xp: Any, g: Any, history: Sequence[Any], rates: Rates) -> None:
        (v,) = history
        g *= rates.rate
        before = rates.momentum * v
        v[:] = before + g
        g[:] = (1 + rates.momentum) * v - before
