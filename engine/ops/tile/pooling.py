"""Pooling over blocked images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...blob import Blob
from ...context import Context
from ...memory import READ, WRITE
from ...witness import unsteady
from .. import implements
from ._op import Shape, TileOp, own_address, ready
from .layout import Blocked, current, laid_out, touch
from .target import lanes


class Pooling(TileOp):
    """Windows of `kernel` at every `stride` over an image (N, C, H, W), as the reference has it."""

    steady = True

    def __init__(self, context: Context, *, image: Shape, output: Shape, kernel: Shape, stride: Shape, pad: Shape):
        super().__init__(context, image=image, output=output, kernel=kernel, stride=stride, pad=pad)
        self.image, self.output, self.kernel, self.stride, self.pad = image, output, kernel, stride, pad
        self.top = (*image[:2], *output)
        self.where: Any = None
        self.planned: dict[bool, Any] = {}
        self.blocked = self.placed = False  # how the last forward pass went

    @classmethod
    def supports(cls, context: Context, *, image: Shape, kernel: Shape, **spec: Any) -> bool:
        return super().supports(context) and 0 not in image and kernel[0] * kernel[1] <= 255

    def worth(self, x: Blob) -> bool:
        """Whether to go over to blocks: the values lie so, or have enough channels to fill them well."""
        return isinstance(current(x.data_memory), Blocked) or 2 * self.image[1] >= lanes()

    def plan(self, x: Blocked, y: Blocked, back: bool) -> Any:
        from .drive import Record
        from .windows import WINDOWS

        planned = self.planned.get(back)
        if planned is None or planned[0] != (x, y):
            record = Record(
                WINDOWS, x_image=x.image, x_block=x.block, x_row=x.row, y_image=y.image, y_block=y.block,
                y_row=y.row, blocks=x.blocks, height=self.image[2], width=self.image[3], rows=self.output[0],
                columns=self.output[1], kernel_h=self.kernel[0], kernel_w=self.kernel[1], stride_h=self.stride[0],
                stride_w=self.stride[1], pad_h=self.pad[0], pad_w=self.pad[1], x=x.first, y=y.first,
            )  # fmt: skip
            planned = self.planned[back] = (x, y), record
        return planned[1]

    def go(self, driver: Any, x: Blob, y: Blob, where: int = 0) -> None:
        """y from x, in blocks."""
        source = touch(x.data_memory, laid_out(x.data_memory, Blocked, self.image), READ)
        target = touch(y.data_memory, laid_out(y.data_memory, Blocked, self.top), WRITE)
        record = self.plan(source, target, False).set(where=where)
        driver.run(record, self.image[0] * source.blocks * self.output[0])

    def go_back(self, driver: Any, y: Blob, x: Blob, where: int = 0) -> None:
        """x.diff from y.diff, in blocks."""
        gradient = touch(y.diff_memory, laid_out(y.diff_memory, Blocked, self.top), READ)
        target = touch(x.diff_memory, laid_out(x.diff_memory, Blocked, self.image), WRITE)
        record = self.plan(target, gradient, True).set(where=where)
        driver.run(record, self.image[0] * target.blocks)


@implements("max_pooling", "tile")
class MaxPooling(Pooling):
    """The largest value of each window; the first of equals.

    Where it was is remembered for backward in the TRAIN phase, and found again in the TEST phase.
    """

    def forward(self, x: Blob, y: Blob, mask: Blob | None = None) -> None:
        self.blocked = mask is None and ready() and self.worth(x)
        if not self.blocked:
            return self.plain.forward(x, y, mask)
        from .windows import maximum_alone

        self.placed = self.context.training
        if self.placed:
            self.find_places(x, y)
        else:
            self.go(maximum_alone, x, y)

    def find_places(self, x: Blob, y: Blob) -> None:
        """Fill y, and remember where each value came from."""
        from .windows import maximum

        if self.where is None:
            blocks = -(-self.image[1] // lanes())
            self.where = np.empty((self.image[0], blocks, *self.output, lanes()), np.uint8)
        self.go(maximum, x, y, own_address(self.where))
        self.placed = True

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        if not self.blocked:
            return self.plain.backward(y, x)
        from .windows import maximum_backward

        if not self.placed:
            unsteady()
            self.find_places(x, Blob(self.top))  # y itself may have been changed in place since
        self.go_back(maximum_backward, y, x, own_address(self.where))


@implements("average_pooling", "tile")
class AveragePooling(Pooling):
    """The mean over each window, padding counting as zeros, what lies beyond the padding not counting."""

    def forward(self, x: Blob, y: Blob) -> None:
        self.blocked = ready() and self.worth(x)
        if not self.blocked:
            return self.plain.forward(x, y)
        from .windows import mean

        self.go(mean, x, y)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        if not self.blocked:
            return self.plain.backward(y, x)
        from .windows import mean_backward

        self.go_back(mean_backward, y, x)
