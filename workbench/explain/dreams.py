"""DeepDream: an image in which what a layer sees is made stronger."""

from __future__ import annotations

from typing import Any

import numpy as np

from .maximising import normalised, rolled
from .running import Progress, asked, whole_number
from .targets import made_by, net_of
from .twin import Twin, twin_of

Array = np.ndarray


def deep_dream(
    net: Any,
    layer: str,
    image: Any = None,
    octaves: int = 4,
    octave_scale: float = 1.4,
    steps: int = 10,
    seed: int = 0,
    *,
    unit: Any = None,
    rate: float = 0.03,
    jitter: int = 16,
    input: str | None = None,
    progress: Progress | None = None,
    stop: Any = None,
) -> Array:
    """The image (C, H, W), in the values of the input blob, by gradient ascent on half the squares of a layer's top.

    `image` is (C, H, W), None the one that the input blob holds; its size may be another than the blob's where all
    layers up to `layer` are convolutional. It is first shrunk by `octave_scale` (octaves - 1) times; at each of the
    `octaves` sizes, from the smallest up, it takes `steps` steps of `rate` times its deviation along the gradient over
    its root mean square, shifted at random by up to `jitter` pixels, by `seed`; what was added is enlarged to the next
    size. With `unit`, it is that unit of the layer which grows, not all of it. Stopped, it returns the image as it is.

    Raises ValueError as `gradient` does and for settings out of range, DefinitionError where a layer insists on the
    blob's size: take `octaves=1` there.
    Reference: Mordvintsev, Olah and Tyka, "Inceptionism", Google Research 2015.
    """
    net, octaves, steps = net_of(net), whole_number(octaves, "octaves"), whole_number(steps, "steps")
    jitter = whole_number(jitter, "jitter", 0)
    if not octave_scale > 1:
        raise ValueError(f"octave_scale must be a number above 1; got {octave_scale!r}")
    wants_stop, random = asked(stop), np.random.default_rng(seed)
    with twin_of(net, made_by(net, layer), input) as twin:
        original = np.array(twin.image if image is None else image, twin.image.dtype)
        if original.ndim != 3 or len(original) != len(twin.image):
            raise ValueError(f"image must be ({len(twin.image)}, H, W); got {original.shape}")
        index = None if unit is None else twin.index(unit)
        pace = rate * float(original.std() or 1)
        sizes = [[max(1, round(n / octave_scale**k)) for n in original.shape[1:]] for k in range(octaves)][::-1]
        added = np.zeros(original.shape)
        done = 0
        for size in sizes:
            base, added = resized(original, size), resized(added, size)
            for _ in range(steps):
                if wants_stop():
                    return (original + resized(added, original.shape[1:])).astype(original.dtype)
                shift = random.integers(-jitter, jitter + 1, 2) if jitter else (0, 0)
                slope = _slope(twin, index, rolled(base + added, shift).astype(original.dtype))
                added = added + pace * rolled(normalised(slope), [-one for one in shift])
                done += 1
                if progress is not None:
                    progress(done, octaves * steps)
        return (original + added).astype(original.dtype)


def _slope(twin: Twin, index: Any, image: Array) -> Array:
    """The derivative by the image of half the sum of squares of the output, or of a unit of it."""
    if index is not None:
        return twin.slope(index, image)
    twin.forward(image)
    values = twin.output.look()[0]

    def seed(diff: Array) -> None:
        diff[...] = values

    twin.backward(seed)
    return np.array(twin.input.look("diff")[0])


def resized(image: Array, size: Any) -> Array:
    """An image (C, H, W) in another height and width, linearly between the pixels."""
    from scipy import ndimage  # a fifth of a second, which opening a bench should not take

    factors = [new / old for new, old in zip(size, image.shape[1:], strict=True)]
    if factors == [1, 1]:
        return image
    return np.asarray(ndimage.zoom(image, (1, *factors), order=1, mode="nearest", grid_mode=True))
