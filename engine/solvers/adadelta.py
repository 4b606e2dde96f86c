"""AdaDelta. Steps in the unit of the parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ops.update import Rates
from ..solver import Solver, solver


@solver("AdaDelta")
class AdaDeltaSolver(Solver):
    r"""Scale the gradient by the ratio of recent steps to recent gradients.

    $$ h \leftarrow \mu h + (1 - \mu) g^2, \quad s = g \sqrt{\frac{u + \delta}{h + \delta}}, \quad
       u \leftarrow \mu u + (1 - \mu) s^2, \quad w \leftarrow w - \eta s $$

    with `momentum` $\mu$ as the decay of both means and `delta`; the rate $\eta$ multiplies only the last step.
    Reference: Zeiler, arXiv 1212.5701, 2012.
    """

    slots = 2

    @staticmethod
    def rule(xp: Any, g: Any, history: Sequence[Any], rates: Rates) -> None:
        h, u = history
        keep = rates.momentum
        h *= keep
        h += (1 - keep) * (g * g)
        g *= xp.sqrt((u + rates.delta) / (h + rates.delta))
        u *= keep
        u += (1 - keep) * (g * g)
        g *= rates.rate
