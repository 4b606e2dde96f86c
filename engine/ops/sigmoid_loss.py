"""The cross entropy of sigmoids with targets from 0 to 1."""

from __future__ import annotations

from typing import Any, ClassVar

from ..blob import Blob
from ..context import Context
from . import Op, implements


@implements("sigmoid_loss")
class SigmoidLoss(Op):
    """The sum of -t log s(x) - (1 - t) log(1 - s(x)), with the sigmoid s, over scores x and targets t of one count.

    A target that is `ignored` when it is cut to an integer takes no part; None ignores none.
    """

    anywhere: ClassVar[bool] = True

    def __init__(self, context: Context, *, count: int, ignored: int | None):
        super().__init__(context)
        self.ignored = ignored

    def counts(self, target: Any) -> Any:
        """1 or 0 by whether each target counts."""
        xp = self.context.place.xp
        return xp.ones_like(target) if self.ignored is None else (xp.trunc(target) != self.ignored).astype(target.dtype)

    def forward(self, x: Blob, target: Blob) -> tuple[Any, Any]:
        """The sum, and how many targets count."""
        xp = self.context.place.xp
        scores, targets = x.read().reshape(-1), target.read().reshape(-1)
        counts = self.counts(targets)
        agreement = scores * (targets - (scores >= 0)) - xp.log(1 + xp.exp(-xp.abs(scores)))
        return -(agreement * counts).sum(), counts.sum()

    def count(self, target: Blob) -> Any:
        """How many targets count."""
        return self.counts(target.read()).sum()

    def backward(self, x: Blob, target: Blob, factor: Any) -> None:
        """x.diff = factor (s(x) - t), or 0 where the target does not count."""
        xp = self.context.place.xp
        scores, targets, out = x.read(), target.read().reshape(x.shape), x.write_diff()
        xp.subtract(0.5 * xp.tanh(0.5 * scores) + 0.5, targets, out=out)
        out *= self.counts(targets) * factor
