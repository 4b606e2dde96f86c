"""Attributions by the plain gradient: saliency, gradient x input, integrated gradients, SmoothGrad."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from .running import Progress, counted, whole_number
from .targets import net_of, output_of
from .twin import Twin, twin_of

Array = np.ndarray


def gradient(net: Any, unit: Any, output: str | None = None, *, input: str | None = None) -> Array:
    r"""The derivative of a unit by the first image: \( \partial y_u / \partial x \), (C, H, W), in y's unit per x's.

    Where dropout or a batch's statistics would count in training, they do not: layers run as in TEST.
    Raises ValueError for a unit, output or input that is not there, or that no image leads to.
    Reference: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014.
    """
    net = net_of(net)
    with twin_of(net, output_of(net, output), input) as twin:
        return twin.slope(twin.index(unit))


def gradient_x_input(net: Any, unit: Any, output: str | None = None, *, input: str | None = None) -> Array:
    r"""The derivative times the image: \( x \, \partial y_u / \partial x \), (C, H, W), in the unit of y.

    Raises ValueError as `gradient` does.
    Reference: Shrikumar, Greenside, Shcherbina and Kundaje, "Not Just a Black Box", arXiv 1605.01713, 2016.
    """
    net = net_of(net)
    with twin_of(net, output_of(net, output), input) as twin:
        return twin.slope(twin.index(unit)) * twin.image


def integrated_gradients(
    net: Any,
    unit: Any,
    output: str | None = None,
    baseline: Any = None,
    steps: int = 50,
    *,
    refine: bool = True,
    input: str | None = None,
    progress: Progress | None = None,
    stop: Any = None,
) -> Array:
    r"""The gradient along the straight line from a baseline, times the way: (C, H, W), in the unit of y.

    $$ (x - b) \, \frac{1}{S} \sum_{s=1}^{S} \frac{\partial y_u}{\partial x} \Big|_{b + \frac{s - 1/2}{S} (x - b)} $$

    `baseline` is an image (C, H, W), one value for each channel (C,), or a number; None is zero. The sum is the
    midpoint rule over `steps` equal parts of the line. Over the whole image it approaches y(x) - y(b) (completeness).
    With `refine`, as long as it is more than a thousandth of that away, the part that is farthest from its own share
    is halved, up to `steps` times; without, it is the midpoint rule alone.
    Raises ValueError as `gradient` does, and for a baseline of another shape or fewer than 1 step; Stopped.
    Reference: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
    """
    net, steps = net_of(net), whole_number(steps, "steps")
    with twin_of(net, output_of(net, output), input) as twin:
        image, index = twin.image, twin.index(unit)
        start = image_like(0 if baseline is None else baseline, image, "baseline")
        line = _Line(twin, index, start, image - start)
        for step in counted(steps, progress, stop):
            line.add(step / steps, (step + 1) / steps)
        for _ in counted(steps if refine else 0, None, stop):
            if line.complete:
                break
            line.halve_worst()
        return (line.way * line.total).astype(image.dtype)


class _Line:
    """The integral of a unit's gradient along the line from `start` to `start` + `way`, part by part.

    `total` is the sum over the parts of length times gradient in the middle. A part's error is what the unit gains on
    it, less that gradient's product with the way there.
    """

    def __init__(self, twin: Twin, index: Any, start: Array, way: Array):
        self.twin, self.index, self.start, self.way = twin, index, start, way
        self.total = np.zeros(way.shape)
        self.parts: list[tuple[float, float, float, float]] = []  # less the size of the error, the error, from, to
        self.values: dict[float, float] = {}

    def at(self, share: float) -> Array:
        return (self.start + share * self.way).astype(self.way.dtype)

    def value(self, share: float) -> float:
        """The unit's value so far along the way."""
        if share not in self.values:
            self.twin.forward(self.at(share))
            self.values[share] = self.twin.value(self.index)
        return self.values[share]

    def slope(self, begin: float, end: float) -> Array:
        """The gradient in the middle of a part times its length."""
        return self.twin.slope(self.index, self.at((begin + end) / 2)).astype(np.float64) * (end - begin)

    def add(self, begin: float, end: float) -> None:
        slope = self.slope(begin, end)
        self.total += slope
        error = self.value(end) - self.value(begin) - float((self.way * slope).sum())
        heapq.heappush(self.parts, (-abs(error), error, begin, end))

    @property
    def complete(self) -> bool:
        """Whether the errors add up to less than a thousandth of the unit's gain."""
        return not abs(sum(error for _, error, *_ in self.parts)) > 1e-3 * abs(self.value(1.0) - self.value(0.0))

    def halve_worst(self) -> None:
        _, _, begin, end = heapq.heappop(self.parts)
        self.total -= self.slope(begin, end)
        middle = (begin + end) / 2
        self.add(begin, middle)
        self.add(middle, end)


def smooth_grad(
    net: Any,
    unit: Any,
    output: str | None = None,
    noise: float = 0.15,
    samples: int = 50,
    seed: int = 0,
    *,
    input: str | None = None,
    progress: Progress | None = None,
    stop: Any = None,
) -> Array:
    r"""The mean gradient over copies of the image with normal noise added: (C, H, W), in y's unit per x's.

    `noise` is the deviation as a share of max(x) - min(x); `seed` fixes the noise, which comes from a generator of
    its own.
    Raises ValueError as `gradient` does, for a negative noise and for fewer than 1 sample; Stopped.
    Reference: Smilkov, Thorat, Kim, Viégas and Wattenberg, "SmoothGrad", arXiv 1706.03825, 2017.
    """
    net, samples = net_of(net), whole_number(samples, "samples")
    if not noise >= 0:
        raise ValueError(f"noise must be a number from 0 up; got {noise!r}")
    with twin_of(net, output_of(net, output), input) as twin:
        image, index = twin.image, twin.index(unit)
        deviation = noise * float(image.max() - image.min()) if image.size else 0.0
        random = np.random.default_rng(seed)
        total = np.zeros(image.shape)
        for _ in counted(samples, progress, stop):
            noisy = image + deviation * random.standard_normal(image.shape)
            total += twin.slope(index, noisy.astype(image.dtype))
        return (total / samples).astype(image.dtype)


def image_like(values: Any, image: Array, name: str) -> Array:
    """`values` with the shape and type of an image. Raises ValueError where they do not broadcast to it."""
    given = np.asarray(values, image.dtype)
    if given.ndim == 1 and image.ndim == 3 and given.shape == image.shape[:1]:
        given = given[:, None, None]  # a value for each channel
    try:
        return np.broadcast_to(given, image.shape)
    except ValueError:
        raise ValueError(f"{name} of shape {given.shape} does not fit an image of shape {image.shape}") from None
