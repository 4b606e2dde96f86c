"""Local response normalisation over blocked images."""

from __future__ import annotations

from typing import Any

from ...blob import Blob
from ...context import Context
from ...memory import READ, WRITE, Memory
from .. import implements
from ._op import Shape, TileOp, ready
from .layout import Blocked, laid_out, touch
from .target import lanes

OPERANDS = {"x": READ, "y": WRITE, "g": READ, "out": WRITE}


@implements("lrn", "tile")
class LRN(TileOp):
    """y = x s^-beta, s = k + alpha mean(x^2) over `size` neighbours along each of `axes`. For beta 3/4 only."""

    steady = True

    def __init__(
        self, context: Context, *, shape: Shape, axes: tuple[int, ...], size: int, alpha: float, beta: float, k: float
    ):
        super().__init__(context, shape=shape, axes=axes, size=size, alpha=alpha, beta=beta, k=k)
        self.shape, self.across = shape, axes == (1,)
        self.half, self.alpha, self.k = size // 2, alpha / size ** len(axes), k
        self._records: dict[Any, tuple[Any, dict[str, Any]]] = {}  # of each driver, and the places that it knows

    @classmethod
    def supports(cls, context: Context, *, shape: Shape, beta: float, **spec: Any) -> bool:
        return super().supports(context) and beta == 0.75 and 0 not in shape and 2 * shape[1] >= lanes()

    def go(self, driver: Any, **memories: Memory) -> None:
        from .drive import Record
        from .response import RESPONSE

        if driver not in self._records:
            _, _, height, width = self.shape
            record = Record(RESPONSE, height=height, width=width, half=self.half, alpha=self.alpha, k=self.k)
            self._records[driver] = record, {}
        record, known = self._records[driver]
        for name, memory in memories.items():
            place = touch(memory, laid_out(memory, Blocked, self.shape), OPERANDS[name])
            if known.get(name) is not place:
                steps = {f"{name}_{step}": getattr(place, step) for step in ("image", "block", "row")}
                record.set(**{name: place.first}, **steps, blocks=place.blocks)
                known[name] = place
        each = self.shape[2] if self.across else record.values["blocks"][0]
        driver.run(record, self.shape[0] * int(each))

    def forward(self, x: Blob, y: Blob) -> None:
        if not ready():
            return self.plain.forward(x, y)
        from . import response

        driver = response.across if self.across else response.within
        self.go(driver, x=x.data_memory, y=y.data_memory)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from x.data and y.diff."""
        if not ready():
            if self._plain is None:
                self.plain.forward(x, y)
            return self.plain.backward(y, x)
        from . import response

        driver = response.across_backward if self.across else response.within_backward
        self.go(driver, x=x.data_memory, g=y.diff_memory, out=x.diff_memory)
