"""RMSProp. AdaGrad that forgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ops.update import Rates
from ..solver import Solver, solver


@solver("RMSProp", momentum=False)
class RMSPropSolver(Solver):
    r"""Divide by the root of a running mean of squared gradients.

    $$ h \leftarrow \rho h + (1 - \rho) g^2, \quad w \leftarrow w - \eta \frac{g}{\sqrt{h} + \delta} $$

    with rate $\eta$, `rms_decay` $\rho$ and `delta`. Reference: Tieleman and Hinton, Coursera lecture 6.5, 2012.
    """

    slots = 1

    @staticmethod
    def rule(xp: Any, g: Any, history: Sequence[Any], rates: Rates) -> None:
        (h,) = history
        h *= rates.rms_decay
        h += (1 - rates.rms_decay) * (g * g)
        g /= xp.sqrt(h) + rates.delta
        g *= rates.rate
