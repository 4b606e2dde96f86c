"""Solver updates in one compiled pass."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ...context import Context
from ...memory import HOST, MODIFY, READ, Arena
from .. import implements
from ..update import Rates, Rule, Segment
from ._op import TileOp, host_address, ready

TYPES = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")
SOLVERS = f"{__name__.rpartition('.ops.')[0]}.solvers"  # where their rules are written; any other is unknown here


@implements("update", "tile")
class Update(TileOp):
    """The rule of one of Caffe's solvers; the pieces are shared out whatever segment they belong to."""

    def __init__(self, context: Context, *, rule: Rule, type: str):
        super().__init__(context, rule=rule, type=type)
        self.type = type
        self._segments: tuple[Segment, ...] = ()
        self._tables: dict[str, np.ndarray] = {}
        self._record: Any = None
        self._numbers: Any = None  # those that the record holds
        self._buffers: list[Any] = []  # the arrays that it points to
        self._sums = np.zeros(0, np.float32)

    @classmethod
    def supports(cls, context: Context, *, rule: Rule, type: str, **spec: Any) -> bool:
        return super().supports(context) and type in TYPES and rule.__module__ == f"{SOLVERS}.{type.lower()}"

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
        if not ready():
            return self.plain.apply(data, diff, history, segments, rates, scale=scale, decay=decay, l1=l1)
        arrays = [arena.on(HOST, MODIFY) for arena in (data, diff, *history)]
        numbers = (
            self.rate(rates), rates.momentum, rates.momentum2, rates.rms_decay, rates.delta, scale, decay, l1
        )  # fmt: skip
        record = self.record(segments)
        if numbers != self._numbers or list(map(id, arrays)) != list(map(id, self._buffers)):
            self.enter(record, arrays, *numbers)
            self._numbers, self._buffers = numbers, arrays
        self.driver.run(record, self.items)

    @cached_property
    def driver(self) -> Any:
        from . import steps

        return getattr(steps, self.type.lower())

    def enter(
        self, record: Any, arrays: Sequence[Any], rate: float, momentum: float, momentum2: float, rms_decay: float,
        delta: float, scale: float, decay: float, l1: bool,
    ) -> None:  # fmt: skip
        """Enter the numbers of an update into the record and its tables."""
        from . import steps

        for table, name, factor in (("rates", "lr_mult", rate), ("decays", "decay_mult", decay)):
            self._tables[table][:] = [factor * getattr(segment, name) for segment in self._segments]
        keep = rms_decay if self.type == "RMSProp" else momentum
        record.set(
            **{name: host_address(array) for name, array in zip(steps.ARRAYS, arrays, strict=False)},
            count=arrays[0].size, l1=int(l1), scale=scale, delta=delta, momentum=keep, rest=1 - keep,
            momentum2=momentum2, rest2=1 - momentum2, ahead=1 + momentum,
        )  # fmt: skip
        self.items = -(-arrays[0].size // steps.PIECE)

    def rate(self, rates: Rates) -> float:
        """The rate before any lr_mult; Adam's is corrected for the start at zero."""
        if self.type != "Adam":
            return rates.rate
        return rates.rate * rates.correction

    def record(self, segments: Sequence[Segment]) -> Any:
        """The record, with tables for these segments."""
        from .drive import Record
        from .steps import UPDATE

        if self._record is None or self._segments != tuple(segments):
            self._segments, self._numbers = tuple(segments), None
            self._tables = {
                "starts": np.array([segment.start for segment in segments], np.int64),
                "stops": np.array([segment.stop for segment in segments], np.int64),
                "rates": np.zeros(len(segments), np.float32),
                "decays": np.zeros(len(segments), np.float32),
            }
            addresses = {name: host_address(array) for name, array in self._tables.items()}
            self._record = Record(UPDATE, segments=len(segments), **addresses)
        return self._record

    def norm(self, diff: Arena) -> float:
        """The L2 norm of all that is in an arena."""
        if not ready():
            return self.plain.norm(diff)
        from .drive import Record
        from .steps import PIECE, UPDATE, sums_of_squares

        pieces = -(-diff.count // PIECE)
        if self._sums.size != pieces:
            self._sums = np.zeros(pieces, np.float32)
        gradient = host_address(diff.on(HOST, READ))
        sums_of_squares.run(Record(UPDATE, g=gradient, h=host_address(self._sums), count=diff.count), pieces)
        return float(self._sums.sum(dtype=np.float64)) ** 0.5
