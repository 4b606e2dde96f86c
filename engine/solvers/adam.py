"""Adam. Running means of the gradient and of its square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ops.update import Rates
from ..solver import Solver, solver


@solver("Adam")
class AdamSolver(Solver):
    r"""Both means corrected for their start at zero.

    $$ m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
       w \leftarrow w - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m}{\sqrt{v} + \delta} $$

    with rate $\eta$, `momentum` $\beta_1$, `momentum2` $\beta_2$, `delta`, and t the number of this update, from 1.
    Reference: Kingma and Ba, ICLR 2015.
    """

    slots = 2

    @staticmethod
    def rule(xp: Any, g: Any, history: Sequence[Any], rates: Rates) -> None:
        m, v = history
        m *= rates.momentum
        m += (1 - rates.momentum) * g
        v *= rates.momentum2
        v += (1 - rates.momentum2) * (g * g)
        g[:] = m / (xp.sqrt(v) + rates.delta)
        g *= rates.rate * rates.correction
