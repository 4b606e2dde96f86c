"""AdaGrad. A rate of its own for every parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ops.update import Rates
from ..solver import Solver, solver


@solver("AdaGrad", momentum=False)
class AdaGradSolver(Solver):
    r"""Divide by the root of all squared gradients so far.

    $$ h \leftarrow h + g^2, \quad w \leftarrow w - \eta \frac{g}{\sqrt{h} + \delta} $$

    with rate $\eta$ and `delta`. Reference: Duchi, Hazan and Singer, JMLR 2011.
    """

    slots = 1

    @staticmethod
    def rule(xp: Any, g: Any, history: Sequence[Any], rates: Rates) -> None:
        (h,) = history
        h += g * g
        g /= xp.sqrt(h) + rates.delta
        g *= rates.rate
