"""Pooling over windows of an image: maximum, average, and a random draw."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from .. import rng
from ..blob import Blob
from ..context import Context
from . import Op, implements
from .scratch import scratch

Pair = tuple[int, int]


class Pooling(Op):
    """Windows of `kernel` at every `stride` over an image (N, C, H, W) with `pad` added on every side.

    There are `output` windows along each axis; the last ones may reach beyond the padded image. `room` is the
    (height, width) of an image that holds all windows.
    """

    def __init__(
        self, context: Context, *, image: tuple[int, ...], output: Pair, kernel: Pair, stride: Pair, pad: Pair
    ):
        super().__init__(context)
        self.image, self.output, self.kernel, self.stride, self.pad = image, output, kernel, stride, pad
        self.top = (*image[:2], *output)
        self.room = tuple((count - 1) * s + k for count, s, k in zip(output, stride, kernel, strict=True))
        self.inside = tuple(
            slice(p, p + min(length, room - p)) for p, length, room in zip(pad, image[2:], self.room, strict=True)
        )
        self.covered = tuple(slice(0, part.stop - part.start) for part in self.inside)
        self.fits = not any(pad) and self.room == image[2:]

    def with_room(self, image: np.ndarray, outside: float) -> np.ndarray:
        """The image as (N, C, *room), with `outside` around it."""
        if self.fits:
            return image
        wide = scratch(self.context, "image", (*self.image[:2], *self.room), image.dtype)
        wide[...] = outside
        wide[(..., *self.inside)] = image[(..., *self.covered)]
        return wide

    def without_room(self, wide: np.ndarray, image: np.ndarray) -> None:
        """The reverse: what lies inside goes to the image, zero to what no window covers."""
        if self.covered != tuple(slice(0, length) for length in self.image[2:]):
            image[...] = 0
        image[(..., *self.covered)] = wide[(..., *self.inside)]

    def rows(self, i: int) -> slice:
        """The i-th row of every window."""
        return slice(i, i + (self.output[0] - 1) * self.stride[0] + 1, self.stride[0])

    def cols(self, j: int) -> slice:
        """The j-th column of every window."""
        return slice(j, j + (self.output[1] - 1) * self.stride[1] + 1, self.stride[1])

    def sum_rows_and_cols(self, wide: np.ndarray, out: np.ndarray) -> None:
        """out = the sum over each window, columns first, then rows."""
        narrow = scratch(self.context, "narrow", (*wide.shape[:3], self.output[1]), wide.dtype)
        narrow[...] = wide[..., self.cols(0)]
        for j in range(1, self.kernel[1]):
            narrow += wide[..., self.cols(j)]
        out[...] = narrow[:, :, self.rows(0)]
        for i in range(1, self.kernel[0]):
            out += narrow[:, :, self.rows(i)]

    def scatter(self, x: Blob, gradient: np.ndarray, index: np.ndarray) -> None:
        """x.diff = the gradient of each window at the one place whose number within the window is `index`."""
        out = x.write_diff().reshape(self.image)
        wide = out if self.fits else scratch(self.context, "image", (*self.image[:2], *self.room), out.dtype)
        wide[...] = 0
        apart = all(s >= k for s, k in zip(self.stride, self.kernel, strict=True))
        chosen = scratch(self.context, "chosen", self.top, bool)
        part = scratch(self.context, "part", self.top, out.dtype)
        for number, (i, j) in enumerate(np.ndindex(*self.kernel)):
            np.equal(index, number, out=chosen)
            place = wide[:, :, self.rows(i), self.cols(j)]
            if apart:
                np.multiply(gradient, chosen, out=place)
            else:
                place += np.multiply(gradient, chosen, out=part)
        if wide is not out:
            self.without_room(wide, out)

    def write_mask(self, index: np.ndarray, mask: Blob) -> None:
        """mask = the place within the plane, row by row, of each window's number."""
        i, j = np.divmod(index.astype(np.int64), self.kernel[1])
        i += np.arange(self.output[0])[:, None] * self.stride[0] - self.pad[0]
        j += np.arange(self.output[1]) * self.stride[1] - self.pad[1]
        mask.write().reshape(self.top)[...] = i * self.image[3] + j


@implements("max_pooling")
class MaxPooling(Pooling):
    """The largest value of each window; the first of equals. Remembers where it was for backward.

    As in Caffe the search begins at the lowest number of all: what is no number is never larger, and passed over.
    Where nothing is larger the mask is -1, and no gradient goes back.
    """

    def __init__(self, context: Context, **spec):
        super().__init__(context, **spec)
        self.nowhere = self.kernel[0] * self.kernel[1]
        self.number = np.min_scalar_type(self.nowhere)
        self.index: Any = None  # made when first written

    def forward(self, x: Blob, y: Blob, mask: Blob | None = None) -> None:
        image = x.read().reshape(self.image)
        least = np.finfo(image.dtype).min  # what a window has that sees nothing
        wide = self.with_room(image, least)
        if self.index is None:
            self.index = np.empty(self.top, self.number)
        narrow, index = self.best_of_columns(wide, least)
        best = y.write().reshape(self.top)
        self.best_of_rows(narrow, index, best)
        if mask is not None:
            self.write_mask(self.index, mask)
        nothing = np.less_equal(best, least, out=scratch(self.context, "chosen", self.top, bool))
        if nothing.any():
            self.index[nothing] = self.nowhere
            if mask is not None:
                mask.modify().reshape(self.top)[nothing] = -1

    def best_of_columns(self, wide: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
        """The maximum over the columns of the windows in each row of the image, and the column's number."""
        shape = (*wide.shape[:3], self.output[1])
        best = scratch(self.context, "narrow", shape, wide.dtype)
        index = scratch(self.context, "narrow", shape, self.number)
        np.fmax(wide[..., self.cols(0)], least, out=best)
        index[...] = 0
        for j in range(1, self.kernel[1]):
            self.keep_better(best, index, wide[..., self.cols(j)], j)
        return best, index

    def best_of_rows(self, narrow: np.ndarray, column: np.ndarray, best: np.ndarray) -> None:
        """The maximum over the rows, and the number of its place in the window."""
        best[...] = narrow[:, :, self.rows(0)]
        self.index[...] = column[:, :, self.rows(0)]
        for i in range(1, self.kernel[0]):
            number = column[:, :, self.rows(i)] + self.number.type(i * self.kernel[1])
            self.keep_better(best, self.index, narrow[:, :, self.rows(i)], number)

    def keep_better(self, best: np.ndarray, index: np.ndarray, value: np.ndarray, number: np.ndarray | int) -> None:
        """Where value > best, take the value, and its number, which is larger than any before."""
        better = scratch(self.context, "better", best.shape, self.number)
        np.greater(value, best, out=better, casting="unsafe")
        better *= self.number.type(number) if isinstance(number, int) else number
        np.maximum(index, better, out=index)
        np.fmax(best, value, out=best)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        self.scatter(x, y.read_diff().reshape(self.top), self.index)


@implements("average_pooling")
class AveragePooling(Pooling):
    """The mean over each window, padding counting as zeros, what lies beyond the padding not counting."""

    @cached_property
    def size(self) -> np.ndarray:
        """How many places each window has: (height, width) of the top."""
        lengths = []
        for count, k, s, p, length in zip(self.output, self.kernel, self.stride, self.pad, self.image[2:], strict=True):
            start = np.arange(count) * s - p
            lengths.append(np.minimum(start + k, length + p) - start)
        return np.multiply.outer(*lengths).astype(self.context.dtype)

    def forward(self, x: Blob, y: Blob) -> None:
        out = y.write().reshape(self.top)
        self.sum_rows_and_cols(self.with_room(x.read().reshape(self.image), 0), out)
        out /= self.size

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        out = x.write_diff().reshape(self.image)
        shape = (*self.image[:2], *self.room)
        wide = out if self.fits else scratch(self.context, "image", shape, out.dtype)
        narrow = scratch(self.context, "narrow", (*shape[:3], self.output[1]), out.dtype)
        share = scratch(self.context, "part", self.top, out.dtype)
        np.divide(y.read_diff().reshape(self.top), self.size, out=share)
        narrow[...] = wide[...] = 0
        for i in range(self.kernel[0]):
            narrow[:, :, self.rows(i)] += share
        for j in range(self.kernel[1]):
            wide[..., self.cols(j)] += narrow
        if wide is not out:
            self.without_room(wide, out)


@implements("stochastic_pooling")
class StochasticPooling(Pooling):
    """A value drawn from each window with probability in proportion to it; in test, their mean so weighted.

    `stream` names the random numbers among those of the net. In training, a window whose running sum never reaches
    its share of the total (all of it negative, or NaN) gives 0 and no gradient; the mask there is -1.
    Reference: Zeiler and Fergus, ICLR 2013.
    """

    def __init__(self, context: Context, *, stream: tuple[int | str, ...], training: bool, **spec):
        super().__init__(context, **spec)
        self.stream, self.training = stream, training
        self.index: Any = None  # made when first written

    def forward(self, x: Blob, y: Blob, mask: Blob | None = None) -> None:
        image = self.with_room(x.read().reshape(self.image), 0)
        out = y.write().reshape(self.top)
        if self.training:
            total = np.zeros_like(out)
            self.sum_rows_and_cols(image, total)
            self.draw(image, total, out)
            if mask is not None:
                self.write_mask(self.index, mask)
                mask.modify().reshape(self.top)[self.index == self.kernel[0] * self.kernel[1]] = -1
        else:
            self.weigh(image, out)

    def weigh(self, image: np.ndarray, out: np.ndarray) -> None:
        """The mean of each window weighted by its values; as in Caffe 0 where they add up to nothing, or to NaN."""
        total = np.full_like(out, np.finfo(out.dtype).tiny)
        out[...] = 0
        for i, j in np.ndindex(*self.kernel):
            value = image[:, :, self.rows(i), self.cols(j)]
            total += value
            out += value * value
        np.divide(out, total, out=out, where=total > 0)
        out[~(total > 0)] = 0

    def draw(self, image: np.ndarray, total: np.ndarray, out: np.ndarray) -> None:
        """Walk over each window until the running sum reaches a random share of the total."""
        key = rng.key(self.context.seed, *self.stream)
        share = rng.uniform(out.size, key, self.context.passes).reshape(out.shape).astype(out.dtype) * total
        out[...] = 0
        self.index = np.full(self.top, self.kernel[0] * self.kernel[1], np.int32)
        running = np.zeros_like(out)
        for number, (i, j) in enumerate(np.ndindex(*self.kernel)):
            value = image[:, :, self.rows(i), self.cols(j)]
            running += value
            found = (running >= share) & (self.index > number) & self.within(i, j)
            self.index[found] = number
            np.copyto(out, value, where=found)

    def within(self, i: int, j: int) -> np.ndarray:
        """Whether row i and column j of each window (H', W') lie in the image."""
        places = zip((i, j), self.output, self.stride, self.pad, self.image[2:], strict=True)
        row, column = (
            (0 <= (at := start + s * np.arange(count) - p)) & (at < length) for start, count, s, p, length in places
        )
        return np.logical_and.outer(row, column)

    def backward(self, y: Blob, x: Blob) -> None:
        """x.diff from y.diff, after a forward pass in training."""
        if self.index is None:
            raise RuntimeError("stochastic pooling has a gradient in the TRAIN phase only")
        self.scatter(x, y.read_diff().reshape(self.top), self.index)
