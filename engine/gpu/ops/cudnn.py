"""Convolution and its transpose by cuDNN, in float32 over two or three axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...context import Context
from ...ops import implements
from ...ops.convolution import whole_kernels
from ...ops.scratch import scratch
from ..device import Device
from ..plans import IMAGE, VALUES, WEIGHT, Cudnn, Spec
from . import convolution

Shape = tuple[int, ...]


class Planned(convolution.Correlation):
    """A convolution whose three directions are cuDNN's; where it has no plan for one, the plain engine does it."""

    @classmethod
    def supports(
        cls, context: Context, *, image: Shape, weight: Shape, pad: Shape, dilation: Shape, **spec: Any
    ) -> bool:
        fits = context.dtype == np.float32 and len(image) in (4, 5) and image[0] > 0
        fits = fits and whole_kernels(image=image, weight=weight, pad=pad, dilation=dilation)
        return fits and isinstance(context.place, Device) and context.place.has_cudnn

    def run(self, kind: str, image: Any, weight: Any, values: Any) -> bool:
        """Do one direction; False where cuDNN has no plan for it."""
        shapes = self.image, self.weight, (*self.values[:2], *self.output)
        spec = Spec(kind, *shapes, self.stride, self.pad, self.dilation, self.context.precision)
        arrays = {IMAGE: image, WEIGHT: weight, VALUES: values}
        library = cudnn_of(self.device)
        plan = library.plan(spec, arrays, self.workspace)
        if plan is not None:
            library.run(plan, arrays, self.workspace)
        return plan is not None

    def workspace(self, size: int) -> Any:
        return scratch(self.context, "workspace", (size,), np.uint8)

    def correlate(self, images: Any, weight: Any, out: Any, bias: Any) -> None:
        if not self.run("fprop", images, weight, out):
            super().correlate(images, weight, out, bias)
        elif bias is not None:
            self.launch("add_bias", out.size, out, bias, self.outputs, self.positions)

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
    """y = x under the kernels, plus a bias."""


@implements("deconvolution", "cudnn")
class Deconvolution(Planned, convolution.Deconvolution):
    """The transpose of convolution: x gives through the kernels what a convolution of y would take."""


def cudnn_of(device: Any) -> Cudnn:
    """cuDNN on a device, made when it is first needed."""
    if device.cudnn is None:
        device.cudnn = Cudnn(device)
    return device.cudnn
