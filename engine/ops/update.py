"""Solver updates over flat arenas: normalise, decay, apply the rule, subtract; one pass over the parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..context import Context
from ..memory import MODIFY, Arena
from . import Op, implements

CHUNK = 1 << 16  # elements worked on at once: what a rule touches stays in the cache

Rule = Callable[[Any, Any, Sequence[Any], "Rates"], None]


@dataclass(frozen=True)
class Segment:
    """Parameters that lie side by side and have the same multipliers."""

    start: int
    stop: int
    lr_mult: float
    decay_mult: float


@dataclass
class Rates:
    """The numbers of one update. `rate` is the segment's own rate: the solver's times lr_mult; `step` counts from 1."""

    rate: float
    momentum: float = 0.0
    momentum2: float = 0.0
    rms_decay: float = 0.0
    delta: float = 0.0
    step: int = 1

    @property
    def correction(self) -> float:
        """Adam's factor on the rate, infinite or no number where a momentum is 1 or beyond, as C computes it."""
        with np.errstate(all="ignore"):
            past = np.float64(self.momentum2) ** self.step, np.float64(self.momentum) ** self.step
            return float(np.sqrt(1 - past[0]) / (1 - past[1]))


@implements("update")
class Update(Op):
    """Apply a solver's rule. The rule turns the gradient it is given, in place, into what is subtracted.

    `type` is the solver's, for engines that know its rule by heart.
    """

    def __init__(self, context: Context, *, rule: Rule, type: str):
        super().__init__(context)
        self.rule = rule

    def apply(
        self,
        data: Arena,
        diff: Arena,
        history: Sequence[Arena],
        segments: Sequence[Segment],
        rates: Rates,
        *,
        scale: float = 1.0,
        decay: float = 0.0,
        l1: bool = False,
    ) -> None:
        """diff = rule(diff * scale + decay * decay_mult * (w, or its sign if `l1`)); w -= diff.

        The diffs keep the value subtracted, as in Caffe.
        """
        xp = self.context.place.xp
        w_all, g_all = data.on(self.context.place, MODIFY), diff.on(self.context.place, MODIFY)
        h_all = [arena.on(self.context.place, MODIFY) for arena in history]
        rate = rates.rate
        for segment in segments:
            rates.rate = rate * segment.lr_mult
            weight_decay = decay * segment.decay_mult
            for start in range(segment.start, segment.stop, CHUNK):
                part = slice(start, min(start + CHUNK, segment.stop))
                w, g = w_all[part], g_all[part]
                if scale != 1.0:
                    g *= scale
                if weight_decay:
                    g += weight_decay * (xp.sign(w) if l1 else w)
                self.rule(xp, g, [h[part] for h in h_all], rates)
                w -= g
        rates.rate = rate

    def norm(self, diff: Arena) -> float:
        """The L2 norm of all that is in an arena."""
        g = diff.on(self.context.place)
        return float(g @ g) ** 0.5
