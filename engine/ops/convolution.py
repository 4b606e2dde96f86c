"""Convolution and its transpose over any number of axes, as one matrix product per group of images."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..blob import Blob
from ..context import Context
from . import Op, implements
from .scratch import scratch

Shape = tuple[int, ...]

CHUNK = 1 << 18  # elements of the column matrix to work on at once: about as much as a core's own cache holds


def whole_kernels(*, image: Shape, weight: Shape, pad: Shape, dilation: Shape) -> bool:
    """Whether the kernel lies within the padded image. Where it does not, there are zeros behind the image's end."""
    return all(
        d * (k - 1) < length + 2 * p for length, k, p, d in zip(image[2:], weight[2:], pad, dilation, strict=True)
    )


class Correlation(Op):
    """What convolution and deconvolution share: the map from an image to its columns, and back.

    The columns of some images are a matrix with one row for each (channel, tap of the kernel) and one column for
    each (position, image): the image counts fastest, so that long runs are copied and added also where maps
    are small. `image` is (images, channels, *lengths), `weight` (outputs, channels / group, *kernel).
    """

    def __init__(
        self, context: Context, *, image: Shape, weight: Shape, stride: Shape, pad: Shape, dilation: Shape, group: int
    ):
        super().__init__(context)
        self.image, self.weight, self.group = image, weight, group
        self.kernel, self.stride, self.pad, self.dilation = weight[2:], stride, pad, dilation
        self.padded = tuple(
            max(length + 2 * p, d * (k - 1) + 1)
            for length, k, p, d in zip(image[2:], self.kernel, pad, dilation, strict=True)
        )
        self.output = tuple(
            (length - d * (k - 1) - 1) // s + 1
            for length, k, s, d in zip(self.padded, self.kernel, stride, dilation, strict=True)
        )
        self.positions = prod(self.output)
        self.rows = prod(weight[1:])
        self.pointwise = prod(self.kernel) == 1 and not any(pad) and set(stride) <= {1}
        columns = self.positions * image[1] * prod(self.kernel)
        alone = self.pointwise and self.positions >= 128  # an image as it lies is wide enough for a good product
        self.chunk = 1 if alone else max(1, min(image[0], CHUNK // max(columns, 1)))
        inside = tuple(slice(p, p + length) for p, length in zip(pad, image[2:], strict=True))
        self.inside = (slice(None), *inside)

    def chunks(self) -> list[slice]:
        return [slice(i, min(i + self.chunk, self.image[0])) for i in range(0, self.image[0], self.chunk)]

    def columns(self, images: np.ndarray) -> np.ndarray:
        """The columns of some images: (group, rows, positions * images)."""
        n, channels = len(images), self.image[1]
        if self.pointwise and n == 1:
            return images.reshape(self.group, self.rows, -1)
        surrounded = self.padded != self.image[2:]
        if n > 1 or surrounded:
            inner_last = scratch(self.context, "image", (channels, *self.padded, n), images.dtype)
            if surrounded:
                inner_last[...] = 0
            inner_last[self.inside] = np.moveaxis(images, 0, -1)
        else:
            inner_last = images[0][..., None]
        if not self.pointwise:
            step = inner_last.strides
            steps = (
                step[0],
                *(s * d for s, d in zip(step[1:-1], self.dilation, strict=True)),
                *(s * d for s, d in zip(step[1:-1], self.stride, strict=True)),
                step[-1],
            )
            shape = (channels, *self.kernel, *self.output, n)
            columns = scratch(self.context, "columns", shape, images.dtype)
            columns[...] = as_strided(inner_last, shape, steps)
            inner_last = columns
        return inner_last.reshape(self.group, self.rows, -1)

    def add_columns(self, columns: np.ndarray, images: np.ndarray) -> None:
        """images = the sums of the columns that reach each place: the transpose of `columns`."""
        n, channels = len(images), self.image[1]
        if self.pointwise:
            images[...] = np.moveaxis(columns.reshape(channels, *self.padded, n), -1, 0)
            return
        taps = columns.reshape(channels, *self.kernel, *self.output, n)
        inner_last = scratch(self.context, "image", (channels, *self.padded, n), images.dtype)
        inner_last[...] = 0
        for tap in np.ndindex(*self.kernel):
            reached = tuple(
                slice(t * d, t * d + s * (count - 1) + 1, s)
                for t, d, s, count in zip(tap, self.dilation, self.stride, self.output, strict=True)
            )
            inner_last[(slice(None), *reached)] += taps[(slice(None), *tap)]
        images[...] = np.moveaxis(inner_last[self.inside], -1, 0)

    def grouped(self, weight: Blob) -> np.ndarray:
        """The kernels as (group, outputs / group, rows)."""
        return weight.read().reshape(self.group, -1, self.rows)

    def gathered(self, values: np.ndarray) -> np.ndarray:
        """(images, outputs, positions) as (group, outputs / group, positions * images), as `columns` has it."""
        n = len(values)
        if n == 1:
            return values.reshape(self.group, -1, self.positions)
        out = scratch(self.context, "values", (values.shape[1], self.positions, n), values.dtype)
        out[...] = np.moveaxis(values, 0, -1)
        return out.reshape(self.group, -1, self.positions * n)

    def correlate(self, images: np.ndarray, weight: np.ndarray, out: np.ndarray, bias: np.ndarray | None) -> None:
        """out (images, outputs, positions) = the images under the kernels, plus the bias."""
        for part in self.chunks():
            columns = self.columns(images[part])
            n = columns.shape[2] // max(self.positions, 1)
            if n == 1:
                values = out[part].reshape(self.group, -1, self.positions)
            else:
                values = scratch(self.context, "values", (*weight.shape[:2], columns.shape[2]), out.dtype)
            np.matmul(weight, columns, out=values)
            scattered = np.moveaxis(values.reshape(out.shape[1], self.positions, n), -1, 0)
            if bias is not None:
                np.add(scattered, bias[:, None], out=out[part])
            elif n > 1:
                out[part] = scattered

    def spread(self, values: np.ndarray, weight: np.ndarray, images: np.ndarray) -> None:
        """images = what the values (images, outputs, positions) give back through the kernels."""
        transposed = weight.swapaxes(1, 2)
        for part in self.chunks():
            gathered = self.gathered(values[part])
            if self.pointwise and len(images[part]) == 1:
                np.matmul(transposed, gathered, out=images[part].reshape(self.group, self.rows, -1))
                continue
            columns = scratch(self.context, "columns", (self.group, self.rows, gathered.shape[2]), images.dtype)
            np.matmul(transposed, gathered, out=columns)
            self.add_columns(columns, images[part])

    def add_weight_gradient(self, images: np.ndarray, values: np.ndarray, weight: Blob) -> None:
        """weight.diff += the products of the values with the columns of the images, over all of them."""
        gradient = weight.modify_diff().reshape(self.group, -1, self.rows)
        product = scratch(self.context, "weight", gradient.shape, gradient.dtype)
        for part in self.chunks():
            gathered = self.gathered(values[part])
            np.matmul(gathered, self.columns(images[part]).swapaxes(1, 2), out=product)
            gradient += product


@implements("convolution")
class Convolution(Correlation):
    """y = x under the kernels, plus a bias; one matrix product for each group of images."""

    def forward(self, x: Blob, weight: Blob, bias: Blob | None, y: Blob) -> None:
        out = y.write().reshape(self.image[0], self.weight[0], self.positions)
        offsets = None if bias is None else bias.read().reshape(-1)
        self.correlate(x.read().reshape(self.image), self.grouped(weight), out, offsets)

    def backward_data(self, y: Blob, weight: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        values = y.read_diff().reshape(self.image[0], self.weight[0], self.positions)
        self.spread(values, self.grouped(weight), x.write_diff().reshape(self.image))

    def backward_weights(self, x: Blob, y: Blob, weight: Blob | None, bias: Blob | None) -> None:
        """Add to weight.diff and bias.diff, where given, from x.data and y.diff."""
        values = y.read_diff().reshape(self.image[0], self.weight[0], self.positions)
        if bias is not None:
            bias.modify_diff().reshape(-1)[...] += values.sum(axis=(0, 2))
        if weight is not None:
            self.add_weight_gradient(x.read().reshape(self.image), values, weight)


@implements("deconvolution")
class Deconvolution(Correlation):
    """The transpose of convolution: x gives through the kernels what a convolution of y would take."""

    def forward(self, x: Blob, weight: Blob, bias: Blob | None, y: Blob) -> None:
        values = x.read().reshape(self.image[0], self.weight[0], self.positions)
        out = y.write().reshape(self.image)
        self.spread(values, self.grouped(weight), out)
        if bias is not None:
            out += bias.read().reshape(-1, *(1,) * len(self.kernel))

    def backward_data(self, y: Blob, weight: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        out = x.write_diff().reshape(self.image[0], self.weight[0], self.positions)
        self.correlate(y.read_diff().reshape(self.image), self.grouped(weight), out, None)

    def backward_weights(self, x: Blob, y: Blob, weight: Blob | None, bias: Blob | None) -> None:
        """Add to weight.diff and bias.diff, where given, from x.data and y.diff."""
        gradient = y.read_diff().reshape(self.image)
        if bias is not None:
            bias.modify_diff().reshape(-1)[...] += gradient.reshape(*self.image[:2], -1).sum(axis=(0, 2))
        if weight is not None:
            self.add_weight_gradient(gradient, x.read().reshape(self.image[0], self.weight[0], self.positions), weight)


@implements("im2col")
class Im2col(Correlation):
    """y (images, channels * taps, *positions) = the columns of each image of x."""

    def forward(self, x: Blob, y: Blob) -> None:
        images = x.read().reshape(self.image)
        out = y.write().reshape(self.image[0], -1)
        for k in range(self.image[0]):
            out[k] = self.columns(images[k : k + 1]).reshape(-1)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        gradient = y.read_diff().reshape(self.image[0], -1)
        out = x.write_diff().reshape(self.image)
        for k in range(self.image[0]):
            self.add_columns(gradient[k], out[k : k + 1])
