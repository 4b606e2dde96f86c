"""Activation maximisation: an image that a unit answers to most."""

from __future__ import annotations

from typing import Any

import numpy as np

from .running import Progress, asked, whole_number
from .targets import made_by, net_of
from .twin import twin_of

Array = np.ndarray


def maximise(
    net: Any,
    layer: str,
    unit: Any,
    steps: int = 200,
    seed: int = 0,
    *,
    rate: float = 0.1,
    decay: float = 0.01,
    blur: float = 0.5,
    blur_every: int = 4,
    jitter: int = 4,
    scale: float | None = None,
    input: str | None = None,
    progress: Progress | None = None,
    stop: Any = None,
) -> Array:
    r"""An image (C, H, W), in the values of the input blob, by gradient ascent on a unit of a layer.

    The unit is a channel (the sum over its positions) or a position (c, y, x) of the layer's top, before a ReLU that
    runs in place on it, so that a silent unit has a gradient too. The image begins as normal noise of a tenth of
    `scale`, by `seed`; with g the gradient at a copy shifted at random by up to `jitter` pixels, each step is

    $$ x \leftarrow (1 - \mathtt{decay}) \, \big( x + \mathtt{rate} \; \mathtt{scale} \; g / \mathrm{rms}(g) \big) $$

    and every `blur_every` steps x is blurred by a Gaussian of deviation `blur`, in pixels. So the regularisers are L2
    decay, blur and jitter; 0 turns each off. `scale` is the deviation of an input's values: left out, that of the
    image which the input blob holds, or 1 where that is constant. Stopped, it returns the image as it is.
    Raises ValueError as `gradient` does, and for a setting out of range.
    Reference: Erhan, Bengio, Courville and Vincent, Université de Montréal 2009; the regularisers: Yosinski, Clune,
    Nguyen, Fuchs and Lipson, "Understanding Neural Networks Through Deep Visualization", ICML workshop 2015.
    """
    from scipy import ndimage  # a fifth of a second, which opening a bench should not take

    net, steps = net_of(net), whole_number(steps, "steps")
    jitter, blur_every = whole_number(jitter, "jitter", 0), whole_number(blur_every, "blur_every")
    for name, value, below in (("rate", rate, np.inf), ("decay", decay, 1), ("blur", blur, np.inf)):
        if not 0 <= value < below:
            raise ValueError(f"{name} must be a number from 0 up, below {below}; got {value!r}")
    wants_stop = asked(stop)
    with twin_of(net, made_by(net, layer), input) as twin:
        index, held = twin.index(unit), twin.image
        scale = float(scale or held.std() or 1)
        random = np.random.default_rng(seed)
        image = 0.1 * scale * random.standard_normal(held.shape)
        for step in range(steps):
            if wants_stop():
                break
            shift = random.integers(-jitter, jitter + 1, 2) if jitter and held.ndim == 3 else (0, 0)
            slope = rolled(twin.slope(index, rolled(image, shift).astype(held.dtype)), [-one for one in shift])
            image = (image + rate * scale * normalised(slope)) * (1 - decay)
            if blur and held.ndim == 3 and (step + 1) % blur_every == 0 and step + 1 < steps:
                image = ndimage.gaussian_filter(image, (0, blur, blur), mode="nearest")
            if progress is not None:
                progress(step + 1, steps)
        return image.astype(held.dtype)


def rolled(image: Array, shift: Any) -> Array:
    """The image (C, H, W) moved down and right, its end coming round to the front."""
    return np.roll(image, tuple(shift), (-2, -1)) if any(shift) else image


def normalised(slope: Array) -> Array:
    """A gradient over its root mean square; zero where it is zero, or not finite."""
    slope = np.nan_to_num(slope.astype(np.float64), nan=0, posinf=0, neginf=0)
    size = float(np.sqrt(np.mean(slope**2))) if slope.size else 0.0
    return slope / size if size else slope
