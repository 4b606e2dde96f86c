"""PriorBox. The boxes that detections are told from."""

from __future__ import annotations

from bisect import bisect_left, insort
from functools import cached_property
from math import inf, sqrt

import numpy as np

from ...errors import DefinitionError
from ...layer import Layer, layer

VARIANCE = 0.1  # where none is given


@layer("PriorBox", param="prior_box_param")
class PriorBox(Layer):
    r"""Lays boxes of several sizes and proportions over each position of a feature map.

    $$ y = \left( \frac{c_x \mp w / 2}{W_I}, \frac{c_y \mp h / 2}{H_I} \right), \quad
       (c_x, c_y) = (j + o, i + o) \cdot \mathtt{step}, \quad
       (w, h) = \left( m \sqrt{r}, \frac{m}{\sqrt{r}} \right) $$

    For each `min_size` m come the square box, the one of side sqrt(m max_size) where there is a `max_size`, and one of
    the square's area for each proportion r but 1.

    Bottom: a feature map (N, C, H, W); the image (N, C', H_I, W_I), whose size counts unless `img_size` is given.
    Top: y (1, 2, 4 H W P) for P boxes a position: left, top, right and bottom edge as parts of the image, and in the
        second row the variances of each. The same for all items; no gradient.
    Reference: Liu et al., "SSD", ECCV 2016.
    Fork: weiliu89/caffe, branch ssd; a `min_size` or `max_size` loses its fraction.
    """

    bottoms = 2
    no_gradient = (0, 1)

    def setup(self, bottom, top):
        settings = self.settings
        if not settings.min_size:
            raise DefinitionError("min_size must be given at least once.", "min_size")
        if len(settings.max_size) not in (0, len(settings.min_size)):
            raise DefinitionError(
                f"give a max_size for each of the {len(settings.min_size)} min_size, or none; "
                f"got {len(settings.max_size)}.",
                "max_size",
            )
        for least, most in zip(settings.min_size, settings.max_size or settings.min_size, strict=True):
            if not 0 < least < inf:
                raise DefinitionError(f"min_size must be finite and more than 0; got {least:g}.", "min_size")
            if settings.max_size and not least < most < inf:
                message = f"max_size must be finite and more than min_size {least:g}; got {most:g}."
                raise DefinitionError(message, "max_size")
        if len(settings.variance) not in (0, 1, 4) or min(settings.variance, default=1) <= 0:
            raise DefinitionError(
                f"variance must be given once or 4 times, each more than 0; got {list(settings.variance)}.", "variance"
            )
        self.image = self.pair("img_size", "img_h", "img_w")
        self.step = self.pair("step", "step_h", "step_w")
        self.proportions = self.ratios()

    def pair(self, field, height, width):
        """(vertical, horizontal) from a field or its _h and _w twins; None where neither is given."""
        settings = self.settings
        if settings.HasField(height) or settings.HasField(width):
            if settings.HasField(field):
                raise DefinitionError(f"give either {field} or {height} and {width}, not both.", field)
            names = (height, width)
        elif settings.HasField(field):
            names = (field, field)
        else:
            return None
        for name in names:
            if getattr(settings, name) <= 0:
                raise DefinitionError(f"{name} must be more than 0; got {getattr(settings, name):g}.", name)
        return tuple(getattr(settings, name) for name in names)

    def ratios(self):
        """The proportions but 1, in their order, none twice."""
        found, rising = [1.0], [1.0]
        for ratio in self.settings.aspect_ratio:
            if not 0 < ratio < inf:
                raise DefinitionError(f"aspect_ratio must be finite and more than 0; got {ratio:g}.", "aspect_ratio")
            place = bisect_left(rising, ratio)
            if all(abs(ratio - other) >= 1e-6 for other in rising[max(place - 1, 0) : place + 1]):
                new = [ratio, 1 / ratio] if self.settings.flip else [ratio]
                found += new
                for one in new:
                    insort(rising, one)
        return found[1:]

    @cached_property
    def boxes(self):
        """The boxes of a position; made by the first pass, for there can be many."""
        return self.box_sizes()

    def box_sizes(self):
        """(width, height) in pixels of each box of a position."""
        least = [int(size) for size in self.settings.min_size]
        most = [int(size) for size in self.settings.max_size] or [None] * len(least)
        sizes = []
        for small, large in zip(least, most, strict=True):
            sizes.append((small, small))
            if large is not None:
                sizes.append((sqrt(small * large),) * 2)
            sizes += [(small * sqrt(ratio), small / sqrt(ratio)) for ratio in self.proportions]
        return np.array(sizes)

    def reshape(self, bottom, top):
        for blob in bottom:
            if blob.num_axes != 4:
                raise DefinitionError(f"needs bottoms of 4 axes (N, C, H, W); got {blob.shape}.", "bottom")
        height, width = bottom[0].shape[2:]
        each = 1 + bool(self.settings.max_size) + len(self.proportions)  # boxes for a min_size
        top[0].reshape(1, 2, height * width * len(self.settings.min_size) * each * 4)

    def forward(self, bottom, top):
        key = bottom[0].shape[2:], bottom[1].shape[2:]
        top[0].write()[0] = self.constant("boxes", key, lambda: self.lay(bottom, top[0].dtype))

    def lay(self, bottom, dtype):
        """The boxes, and the variances of each: (2, 4 H W P)."""
        size, image = bottom[0].shape[2:], self.image or bottom[1].shape[2:]
        step = self.step or tuple(whole / count for whole, count in zip(image, size, strict=True))
        rows, columns = ((np.arange(count) + self.settings.offset) * by for count, by in zip(size, step, strict=True))
        centre = np.stack(np.broadcast_arrays(columns, rows[:, None]), axis=-1)[:, :, None]  # (H, W, 1, 2)
        half = self.boxes / 2
        edges = np.concatenate([centre - half, centre + half], axis=-1)  # (H, W, P, 4)
        edges /= (image[1], image[0]) * 2
        if self.settings.clip:
            edges = edges.clip(0, 1)
        variance = np.array(self.settings.variance or [VARIANCE])
        return np.stack([edges, np.broadcast_to(variance, edges.shape)]).reshape(2, -1).astype(dtype)

    def backward(self, top, propagate_down, bottom):
        for blob, wanted in zip(bottom, propagate_down, strict=True):
            if wanted:  # only their sizes count
                blob.write_diff()[...] = 0
