"""Solver updates on the GPU: one kernel over all parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...context import Context
from ...memory import MODIFY, Arena
from ...ops import implements
from ...ops.update import Rates, Segment
from ..numbers import numbers_of
from ._op import SHARES, DeviceOp

TYPES = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")


@implements("update", "cuda")
class Update(DeviceOp):
    """The rule of one of Caffe's solvers, with the multipliers of each segment looked up by the kernel."""

    def __init__(self, context: Context, *, rule: Any, type: str):
        super().__init__(context)
        self.kernel = f"update_{type.lower()}"
        self.tables: tuple[Any, Any] | None = None
        self.sums: Any = None  # of squares, and the root of them all; made when first asked for

    @classmethod
    def supports(cls, context: Context, *, type: str, **spec: Any) -> bool:
        return type in TYPES

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
        """diff = rule(diff * scale + decay * decay_mult * (w, or its sign if `l1`)); w -= diff."""
        if not data.count:
            return
        numbers = numbers_of(self.context)
        numbers.set(**given(rates, scale, decay))
        arrays = [arena.on(self.device, MODIFY) for arena in (data, diff, *history)]
        self.tables = self.tables or self.made_tables(segments)
        self.launch(self.kernel, data.count, numbers.values, *self.tables, len(segments), l1, *arrays)

    def norm(self, diff: Arena) -> float:
        """The L2 norm of all that is in an arena."""
        return self.norm_on_device(diff).item() if diff.count else 0.0

    def norm_on_device(self, diff: Arena) -> Any:
        """The same, as one number that stays there."""
        values = diff.on(self.device)
        if self.sums is None:
            self.sums = self.device.allocate(SHARES + 1, np.dtype(np.float64))
        shares, root = self.sums[:SHARES], self.sums[SHARES:]
        self.launch_rows("square_sums", SHARES, values, shares, diff.count, SHARES)
        self.launch_rows("root_of_sum", 1, shares, root, SHARES)
        return root

    def made_tables(self, segments: Sequence[Segment]) -> tuple[Any, Any]:
        """Where segments start, and their multipliers, in device memory."""
        starts = self.device.allocate(len(segments), np.dtype(np.int32))
        multipliers = self.device.allocate(2 * len(segments), np.dtype(np.float64))
        self.device.from_host(np.array([one.start for one in segments], np.int32), starts)
        pairs = [(one.lr_mult, one.decay_mult) for one in segments]
        self.device.from_host(np.array(pairs, np.float64).ravel(), multipliers)
        return starts, multipliers


def given(rates: Rates, scale: float, decay: float) -> dict[str, float]:
    """The numbers of an update, by the names that `Numbers` has for them."""
    return dict(
        rate=rates.rate,
        momentum=rates.momentum,
        momentum2=rates.momentum2,
        rms_decay=rates.rms_decay,
        delta=rates.delta,
        correction=rates.correction,
        decay=decay,
        scale=scale,
    )
