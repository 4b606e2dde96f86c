"""Convolution and its transpose on the GPU as matrix products, over any number of axes: what `engine: CAFFE` means."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...blob import Blob
from ...context import Context
from ...memory import ALIGNMENT
from ...ops import implements
from ._op import DeviceOp

Shape = tuple[int, ...]

CHUNK = 1 << 25  # elements of the column matrix to work on at once
MAX_AXES = 8  # as in kernels.cu


class After(NamedTuple):
    """What is done to the result: multiplied by a factor for each channel, an offset added, negative ones set to 0."""

    factor: Any = None
    offset: Any = None
    rectify: bool = False

    def __bool__(self) -> bool:
        return self.factor is not None or self.offset is not None or self.rectify


class Correlation(DeviceOp):
    """What convolution and deconvolution share: the map from an image to its columns, and back.

    The columns of n images are a matrix with one row for each (channel, tap of the kernel) and one column for each
    (image, position). `image` is (images, channels, *lengths), `weight` (outputs, channels / group, *kernel).
    """

    def __init__(
        self, context: Context, *, image: Shape, weight: Shape, stride: Shape, pad: Shape, dilation: Shape, group: int
    ):
        super().__init__(context)
        self.image, self.weight, self.group = image, weight, group
        self.stride, self.pad, self.dilation = stride, pad, dilation
        self.output = tuple(
            max(length + 2 * p - d * (k - 1) - 1, 0) // s + 1
            for length, k, s, p, d in zip(image[2:], weight[2:], stride, pad, dilation, strict=True)
        )
        self.positions, self.taps, self.outputs = prod(self.output), prod(weight[2:]), weight[0]
        self.rows = prod(weight[1:])
        self.values = image[0], weight[0], prod(self.output)  # the shape of what the kernels make of the image
        self.chunk = max(1, min(image[0], CHUNK // max(self.positions * image[1] * self.taps, 1)))
        self.geometry: Any = None  # in device memory, when first used

    @classmethod
    def supports(cls, context: Context, *, image: Shape, **spec: Any) -> bool:
        return len(image) - 2 <= MAX_AXES

    def chunks(self) -> Iterator[slice]:
        return (slice(i, min(i + self.chunk, self.image[0])) for i in range(0, self.image[0], self.chunk))

    def shape_args(self, images: int, image_first: bool = False) -> tuple[Any, ...]:
        """What im2col and col2im are told beside the arrays."""
        if self.geometry is None:
            table = np.ones((6, MAX_AXES), np.int32)
            kinds = self.image[2:], self.weight[2:], self.stride, self.pad, self.dilation, self.output
            for row, numbers in zip(table, kinds, strict=True):
                row[: len(numbers)] = numbers
            flat = np.concatenate(([len(self.output)], table.ravel())).astype(np.int32)
            self.geometry = self.device.allocate(len(flat), flat.dtype)
            self.device.from_host(flat, self.geometry)
        return images, self.image[1], self.taps, self.positions, image_first, self.geometry

    def columns(self, images: Any) -> Any:
        """The columns of some images: (group, rows, images * positions)."""
        columns = self.scratch("columns", (self.group, self.rows, len(images) * self.positions))
        self.launch("im2col", columns.size, images, columns, *self.shape_args(len(images)))
        return columns

    def gathered(self, values: Any) -> Any:
        """(images, outputs, positions) as (group, outputs / group, images * positions)."""
        out = self.scratch("values", (self.group, self.outputs // self.group, len(values) * self.positions))
        self.launch("gather", out.size, values, out, len(values), self.outputs, self.positions)
        return out

    def grouped(self, weight: Any) -> Any:
        """The kernels, or their gradient, as (group, outputs / group, rows)."""
        return weight.reshape(self.group, -1, self.rows)

    def correlate(self, images: Any, weight: Any, out: Any, after: After) -> None:
        """out (images, outputs, positions) = the images under the kernels, and what follows."""
        for part in self.chunks():
            columns = self.columns(images[part])
            values = self.scratch("values", (*weight.shape[:2], columns.shape[2]))
            self.gemm(weight, columns, values)
            shape = len(images[part]), self.outputs, self.positions
            self.launch("scatter", values.size, values, *after[:2], out[part], *shape, after.rectify)

    def spread(self, values: Any, weight: Any, images: Any) -> None:
        """images = what the values (images, outputs, positions) give back through the kernels."""
        for part in self.chunks():
            gathered = self.gathered(values[part])
            columns = self.scratch("columns", (self.group, self.rows, gathered.shape[2]))
            self.gemm(weight, gathered, columns, (True, False))
            out = images[part]
            self.launch("col2im", out.size, columns, out, *self.shape_args(len(out)))

    def add_weight_gradient(self, images: Any, values: Any, weight: Any) -> None:
        """weight += the products of the values with the columns of the images, over all of them."""
        for part in self.chunks():
            columns = self.columns(images[part])
            self.gemm(self.gathered(values[part]), columns, weight, (False, True), beta=1.0)


@implements("convolution", "cuda")
class Convolution(Correlation):
    """y = x under the kernels, plus a bias."""

    absorbs = takes_affine = True
    folded: Any = None  # factors and offsets (2, outputs and a gap), made when first written

    def after(self, bias: Blob | None) -> After:
        """What follows: the bias, and what the net lets it take along."""
        if self.affine is None:
            return After(None, None if bias is None else bias.read(), self.rectify)
        if self.folded is None:
            step = ALIGNMENT // np.dtype(self.context.dtype).itemsize  # cuDNN counts on addresses of whole 16 bytes
            width = -(-self.outputs // step) * step
            self.folded = self.device.allocate(2 * width, self.context.dtype).reshape(2, width)
        both = self.folded[0, : self.outputs], self.folded[1, : self.outputs]
        layers, first = list(self.affine.layers), True
        while layers:
            norm, scale, eps = [None] * 3, [None] * 2, 0.0
            if layers[0].type == "BatchNorm":
                norm, eps = [blob.read() for blob in layers[0].blobs], float(layers.pop(0).settings.eps)
            if layers and layers[0].type == "Scale":
                scale = ([blob.read() for blob in layers.pop(0).blobs] + [None])[:2]
            b = None if bias is None else bias.read()
            self.launch("fold", self.outputs, first, b, *norm, eps, *scale, *both)
            first = False
        return After(*both, self.rectify)

    def forward(self, x: Blob, weight: Blob, bias: Blob | None, y: Blob) -> None:
        images, out = x.read().reshape(self.image), y.write().reshape(self.values)
        self.correlate(images, self.grouped(weight.read()), out, self.after(bias))

    def backward_data(self, y: Blob, weight: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        values, out = y.read_diff().reshape(self.values), x.write_diff().reshape(self.image)
        self.spread(values, self.grouped(weight.read()), out)

    def backward_weights(self, x: Blob, y: Blob, weight: Blob | None, bias: Blob | None) -> None:
        """Add to weight.diff and bias.diff, where given, from x.data and y.diff."""
        values = y.read_diff().reshape(self.values)
        if bias is not None:
            self.add_sums(values, *self.values, bias.modify_diff())
        if weight is not None:
            self.add_weight_gradient(x.read().reshape(self.image), values, self.grouped(weight.modify_diff()))


@implements("deconvolution", "cuda")
class Deconvolution(Correlation):
    """The transpose of convolution: x gives through the kernels what a convolution of y would take."""

    def forward(self, x: Blob, weight: Blob, bias: Blob | None, y: Blob) -> None:
        out = y.write().reshape(self.image)
        self.spread(x.read().reshape(self.values), self.grouped(weight.read()), out)
        if bias is not None:
            shape = self.image[1], prod(self.image[2:])
            self.launch("scale", out.size, out, None, bias.read(), out, None, *shape, False)

    def backward_data(self, y: Blob, weight: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        images, out = y.read_diff().reshape(self.image), x.write_diff().reshape(self.values)
        self.correlate(images, self.grouped(weight.read()), out, After())

    def backward_weights(self, x: Blob, y: Blob, weight: Blob | None, bias: Blob | None) -> None:
        """Add to weight.diff and bias.diff, where given, from x.data and y.diff."""
        gradient = y.read_diff().reshape(self.image)
        if bias is not None:
            self.add_sums(gradient, self.image[0], self.image[1], prod(self.image[2:]), bias.modify_diff())
        if weight is not None:
            values = x.read().reshape(self.values)
            self.add_weight_gradient(gradient, values, self.grouped(weight.modify_diff()))


@implements("im2col", "cuda")
class Im2col(Correlation):
    """y (images, channels * taps, *positions) = the columns of each image of x."""

    def forward(self, x: Blob, y: Blob) -> None:
        out = y.write()
        self.launch("im2col", out.size, x.read(), out, *self.shape_args(self.image[0], image_first=True))

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        out = x.write_diff()
        self.launch("col2im", out.size, y.read_diff(), out, *self.shape_args(self.image[0], image_first=True))
