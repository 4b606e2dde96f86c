"""Pooling over windows with Caffe's rounding: the last window may reach beyond the padding, and is then smaller."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from ....engine.layers.vision import _spatial
from ....engine.layers.vision.pooling import AVE, FLOOR, MAX
from ..errors import Unmapped
from .graph import LOWEST, Graph, Value
from .table import Step, exports


class Windows:
    """Windows of a kernel over an image's (height, width): `counts` of them along each axis.

    `after` is the padding at the end with which ONNX, rounding down, has as many.
    """

    def __init__(self, lengths: Sequence[int], counts: Sequence[int], kernel: Sequence[int], stride: Sequence[int],
                 pad: Sequence[int]):  # fmt: skip
        self.lengths, self.counts, self.kernel, self.stride, self.pad = lengths, counts, kernel, stride, pad
        along = list(zip(lengths, counts, kernel, stride, pad, strict=True))
        self.after = [max((count - 1) * s + k - length - p, 0) for length, count, k, s, p in along]
        self.sizes = [  # of each window along an axis, as Caffe divides by it
            np.minimum(np.arange(count) * s - p + k, length + p) - (np.arange(count) * s - p)
            for length, count, k, s, p in along
        ]

    def attributes(self) -> dict[str, list[int]]:
        return {"kernel_shape": list(self.kernel), "strides": list(self.stride), "pads": [*self.pad, *self.after]}

    def padded(self, graph: Graph, x: str, outside: float) -> tuple[str, dict[str, list[int]]]:
        """The image, padded beforehand where ONNX Runtime refuses so much padding, and the attributes left."""
        found = self.attributes()
        if all(p < k for p, k in zip(found["pads"], [*self.kernel] * 2, strict=True)):
            return x, found
        pads = graph.integers(found.pop("pads"), "pads")
        return graph.add("Pad", x, pads, graph.constant(outside, "outside"), graph.integers([2, 3])), found

    def largest(self, graph: Graph, x: str) -> str:
        """The maximum of each window."""
        image, found = self.padded(graph, x, LOWEST)
        return graph.add("MaxPool", image, **found)

    def mean(self, graph: Graph, x: str) -> str:
        """The sum of each window over its size, in which padding counts, and what lies beyond it does not."""
        if min(size.min() for size in self.sizes) < 1:
            raise Unmapped("a window lies beyond the padded bottom, and has no mean")
        image, found = self.padded(graph, x, 0.0)
        if not any(self.pad) and image == x:
            return graph.add("AveragePool", x, count_include_pad=0, **found)
        y = graph.add("AveragePool", image, count_include_pad=1, **found)
        sizes = np.multiply.outer(*self.sizes)
        if (sizes == prod(self.kernel)).all():
            return y
        return graph.add("Mul", y, graph.constant(prod(self.kernel) / sizes, "shares"))


def _global(graph: Graph, x: str, method: int) -> str:
    return graph.add("GlobalMaxPool" if method == MAX else "GlobalAveragePool", x)


def _weighted(graph: Graph, windows: Windows, x: str) -> str:
    """The mean of each window weighted by its values, which stochastic pooling gives in TEST; 0 where they sum to 0."""
    squares, total = windows.mean(graph, graph.add("Mul", x, x)), windows.mean(graph, x)
    zero = graph.constant(0.0, "zero")
    return graph.add("Where", graph.add("Greater", total, zero), graph.add("Div", squares, total), zero)


@exports("Pooling")
def pooling(graph: Graph, step: Step) -> str | list[str]:
    layer, settings, x = step.layer, step.settings, step.bottoms[0]
    lengths = x.fixed([2, 3])
    if settings.global_pooling and settings.pool in (MAX, AVE) and len(step.tops) == 1:
        return _global(graph, x.name, settings.pool)
    kernel = layer.kernel or lengths
    floor = settings.round_mode == FLOOR or not settings.ceil_mode
    counts = _spatial.windows(lengths, kernel, layer.stride, layer.pad, floor)
    windows = Windows(lengths, counts, kernel, layer.stride, layer.pad)
    if settings.pool == MAX:
        return windows.largest(graph, x.name) if len(step.tops) == 1 else _with_mask(graph, windows, x)
    return (windows.mean if settings.pool == AVE else _stochastic(windows))(graph, x.name)


def _stochastic(windows: Windows):
    return lambda graph, x: _weighted(graph, windows, x)


def _with_mask(graph: Graph, windows: Windows, x: Value) -> list[str]:
    """The maximum, and its place within the plane: ONNX counts through the whole tensor."""
    image, found = windows.padded(graph, x.name, LOWEST)
    if image != x.name:
        raise Unmapped("the mask of windows that lie beyond the bottom has no equivalent")
    y, places = graph.add_several("MaxPool", [image], 2, **found)
    inside = graph.add("Mod", places, graph.integers(prod(windows.lengths), "plane"))
    return [y, graph.add("Cast", inside, to=1)]


@exports("SPP")
def spp(graph: Graph, step: Step) -> str:
    x, method = step.bottoms[0], step.settings.pool
    lengths, parts = x.fixed([2, 3]), []
    for level in range(step.settings.pyramid_height):
        bins = 2**level
        kernel = [-(-length // bins) for length in lengths]
        pad = [(k * bins - length + 1) // 2 for k, length in zip(kernel, lengths, strict=True)]
        counts = _spatial.windows(lengths, kernel, kernel, pad)
        windows = Windows(lengths, counts, kernel, kernel, pad)
        run = {MAX: windows.largest, AVE: windows.mean}.get(method, _stochastic(windows))
        parts.append(run(graph, x.name))
    if len(parts) == 1:
        return parts[0]
    return graph.add("Concat", *(graph.add("Flatten", part, axis=1) for part in parts), axis=1)
