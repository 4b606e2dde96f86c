"""Convolution and its transpose by cuDNN, in float32 over two or three axes."""

from __future__ import annotations

from math import inf, prod
from os import environ
from typing import Any

import numpy as np

from ...blob import Blob
from ...context import Context
from ...memory import WRITE
from ...ops import implements
from ...ops.convolution import whole_kernels
from ...ops.scratch import scratch
from ..device import Device
from ..layout import differs
from ..plans import FACTOR, IMAGE, OFFSET, VALUES, WEIGHT, Cudnn, Plan, Spec
from . import convolution
from .convolution import After

Shape = tuple[int, ...]

VARIABLE = "BREWBENCH_GPU_LAYOUT"  # "nchw" or "nhwc" for all convolutions; else each has the quicker one
LAYOUT = environ.get(VARIABLE, "quickest")
LARGE = 1 << 22  # elements from which on it is worth half a second, in which cuDNN compiles a kernel with a factor
FEW = 4  # an image of so many channels is likely the data, whose gradient nobody asks for


class Planned(convolution.Correlation):
    """A convolution whose three directions are cuDNN's; where it has no plan for one, the plain engine does it."""

    def __init__(self, context: Context, **spec: Any):
        super().__init__(context, **spec)
        self.y_shape = (*self.values[:2], *self.output)
        self.fused: dict[Spec, bool] = {}  # whether what follows is best done by cuDNN, too
        self.zeros: Any = None  # an offset, made when first needed

    @classmethod
    def supports(
        cls, context: Context, *, image: Shape, weight: Shape, pad: Shape, dilation: Shape, **spec: Any
    ) -> bool:
        fits = context.dtype == np.float32 and len(image) in (4, 5) and image[0] > 0
        fits = fits and whole_kernels(image=image, weight=weight, pad=pad, dilation=dilation)
        return fits and isinstance(context.place, Device) and context.place.has_cudnn

    @property
    def cudnn(self) -> Cudnn:
        return cudnn_of(self.device)

    def spec(self, kind: str, last: bool = False, after: tuple[str, ...] = ()) -> Spec:
        """One direction as cuDNN is asked for it."""
        step = self.stride, self.pad, self.dilation
        return Spec(kind, self.image, self.weight, self.y_shape, *step, self.context.precision, after, last)

    def plan(self, spec: Spec, arrays: dict[int, Any]) -> Plan | None:
        return self.cudnn.plan(spec, arrays, self.workspace)

    def run(self, kind: str, image: Any, weight: Any, values: Any, last: bool = False) -> bool:
        """Do one direction; False where cuDNN has no plan for it."""
        arrays = {IMAGE: image, WEIGHT: weight, VALUES: values}
        plan = self.plan(self.spec(kind, last), arrays)
        if plan is not None:
            self.cudnn.run(plan, arrays, self.workspace)
        return plan is not None

    def workspace(self, size: int) -> Any:
        return scratch(self.context, "workspace", (size,), np.uint8)

    def correlate(self, images: Any, weight: Any, out: Any, after: After, last: bool = False) -> None:
        if not (after and self.run_fused(images, weight, out, after, last)):
            if self.run("fprop", images, weight, out, last):
                self.finish(out, after, last)
            else:
                super().correlate(images, weight, out, after)

    def finish(self, out: Any, after: After, last: bool) -> None:
        """Do what follows in a kernel of its own."""
        if after:
            lengths = self.outputs, 1 if last else self.positions
            self.launch("scale", out.size, out, *after[:2], out, None, *lengths, after.rectify)

    def run_fused(self, images: Any, weight: Any, out: Any, after: After, last: bool) -> bool:
        """Do it with what follows in one kernel; False where that is not possible, or slower than two."""
        if after.factor is not None and out.size < LARGE:
            return False
        offset = after.offset
        if offset is None:  # cuDNN's kernels with a rectifier but no bias are few
            if self.zeros is None:
                self.zeros = self.device.allocate(self.outputs, np.dtype(np.float32))
            offset = self.zeros
        there = {"scale": after.factor is not None, "bias": True, "relu": after.rectify}
        spec = self.spec("fprop", last, tuple(name for name, wanted in there.items() if wanted))
        plain = {IMAGE: images, WEIGHT: weight, VALUES: out}
        arrays = {**plain, OFFSET: offset}
        if after.factor is not None:
            arrays[FACTOR] = after.factor
        if spec not in self.fused:
            self.device.refuse_capture("a convolution met what follows it for the first time")
            one, two = self.plan(spec, arrays), self.plan(self.spec("fprop", last), plain)
            self.fused[spec] = one is not None
            if one is not None and two is not None:
                apart = two.milliseconds + self.cudnn.time(lambda: self.finish(out, after, last))
                self.fused[spec] = one.milliseconds <= apart
        if not self.fused[spec]:
            return False
        plan = self.plan(spec, arrays)
        assert plan is not None
        self.cudnn.run(plan, arrays, self.workspace)
        return True

    def spread(self, values: Any, weight: Any, images: Any) -> None:
        if not self.run("dgrad", images, weight, values):
            super().spread(values, weight, images)

    def add_weight_gradient(self, images: Any, values: Any, weight: Any) -> None:
        gradient = self.scratch("weight", weight.shape)
        if self.run("wgrad", images, gradient, values):
            self.launch("add", weight.size, weight, gradient)
        else:
            super().add_weight_gradient(images, values, weight)


@implements("convolution", "cudnn")
class Convolution(Planned, convolution.Convolution):
    """y = x under the kernels, plus a bias; with the channels last where that is quicker."""

    def __init__(self, context: Context, **spec: Any):
        super().__init__(context, **spec)
        self.decided: bool | None = None  # whether the channels come last

    def forward(self, x: Blob, weight: Blob, bias: Blob | None, y: Blob) -> None:
        after = self.after(bias)
        if self.last_for("fprop", x):
            images, table = self.flat(x.data_memory, self.image), self.flat(weight.data_memory, self.weight)
            self.correlate(images, table, self.flat(y.data_memory, self.y_shape, WRITE), after, last=True)
        else:
            images, out = x.read().reshape(self.image), y.write().reshape(self.values)
            self.correlate(images, self.grouped(weight.read()), out, after)

    def backward_data(self, y: Blob, weight: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        if not self.last_for("dgrad", x):
            super().backward_data(y, weight, x)
            return
        values, table = self.flat(y.diff_memory, self.y_shape), self.flat(weight.data_memory, self.weight)
        self.run("dgrad", self.flat(x.diff_memory, self.image, WRITE), table, values, last=True)

    def backward_weights(self, x: Blob, y: Blob, weight: Blob | None, bias: Blob | None) -> None:
        """Add to weight.diff and bias.diff, where given, from x.data and y.diff."""
        if not self.last_for("wgrad", x):
            super().backward_weights(x, y, weight, bias)
            return
        values = self.flat(y.diff_memory, self.y_shape)
        if bias is not None:
            self.add_sums(values, self.image[0] * self.positions, self.outputs, 1, bias.modify_diff())
        if weight is not None:
            gradient, total = self.scratch("weight", self.weight), weight.modify_diff()
            self.run("wgrad", self.flat(x.data_memory, self.image), gradient, values, last=True)
            self.launch("add_turned", total.size, total, gradient, self.weight[1], self.taps)

    def last_for(self, kind: str, x: Blob) -> bool:
        """Whether one direction is done with the channels last. Decided when first asked, by timing both layouts."""
        if self.decided is None:
            self.device.refuse_capture("a convolution met a shape for the first time")
            self.decided = len(self.image) == 4 and LAYOUT != "nchw" and self.decide(x)
        if not self.decided:
            return False
        return self.cudnn.plans.get(self.spec(kind, last=True)) is not None

    def decide(self, x: Blob) -> bool:
        """Whether all directions together are quicker with the channels last, the turning of x and its diff counted."""
        kinds = ("fprop", "wgrad", "dgrad")
        kinds = kinds[: 1 if not self.context.training else 2 if self.image[1] <= FEW else 3]
        try:
            room = {
                uid: self.device.allocate(prod(shape), np.dtype(np.float32))
                for uid, shape in ((IMAGE, self.image), (WEIGHT, self.weight), (VALUES, self.y_shape))
            }
            last = [self.plan(self.spec(kind, last=True), room) for kind in kinds]
            if last[0] is None or LAYOUT == "nhwc":
                return last[0] is not None
            plain = [self.plan(self.spec(kind), room) for kind in kinds]
            taken, otherwise = total(last), total(plain)
            if differs(self.image):
                turned = self.device.allocate(prod(self.image), np.dtype(np.float32))
                lengths = self.image[1], prod(self.image[2:])
                turning = self.cudnn.time(lambda: self.launch("turn", turned.size, room[IMAGE], turned, *lengths))
                turning *= 1 if len(kinds) < 3 else 2
                if self.last_of(self.image, x.data_memory) is None:
                    taken += turning
                else:
                    otherwise += turning
        except MemoryError:  # then there is no room for two of everything anyway
            return False
        return taken < otherwise


@implements("deconvolution", "cudnn")
class Deconvolution(Planned, convolution.Deconvolution):
    """The transpose of convolution: x gives through the kernels what a convolution of y would take."""


def total(plans: list[Plan | None]) -> float:
    """Milliseconds of all; what has no plan takes forever."""
    return sum(inf if plan is None else plan.milliseconds for plan in plans)


def cudnn_of(device: Any) -> Cudnn:
    """cuDNN on a device, made when it is first needed."""
    if device.cudnn is None:
        device.cudnn = Cudnn(device)
    return device.cudnn
