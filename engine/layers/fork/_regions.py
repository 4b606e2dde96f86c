"""Regions of interest: what the layers that pool them have in common."""

from __future__ import annotations

import numpy as np

from ...errors import DefinitionError
from ...layer import Layer, first_beyond, integers
from ...memory import HOST


class Regions(Layer):
    """A layer whose second bottom lists regions (R, 5): item, left, top, right and bottom pixel. Works on the host."""

    bottoms = 2
    no_gradient = (1,)

    def reshape_regions(self, bottom):
        """Raises DefinitionError where the bottoms do not fit."""
        if bottom[0].num_axes != 4:
            raise DefinitionError(f"needs a bottom of 4 axes (N, C, H, W); its shape is {bottom[0].shape}.", "bottom")
        shape = bottom[1].shape
        if not shape or int(np.prod(shape[1:])) != 5:
            raise DefinitionError(f"needs regions (R, 5): item and 4 edges; their shape is {shape}.", "bottom")

    def regions(self, bottom):
        """Each region's item and its edges. Raises DefinitionError for an item or an edge that cannot be."""
        listed = bottom[1].seen_from(HOST).read().reshape(-1, 5)
        items = integers(listed[:, 0], np)
        wrong = first_beyond(listed[:, 0], items, bottom[0].shape[0])
        if wrong is not None:
            name, items = self.bottom_name(1), bottom[0].shape[0]
            message = f"got the item {wrong} of the regions in bottom {name}; the batch has {items}."
            raise DefinitionError(message, "bottom")
        if not np.isfinite(listed[:, 1:]).all():
            raise DefinitionError(f"an edge of the regions in bottom {self.bottom_name(1)} is not finite.", "bottom")
        return zip(items, listed[:, 1:], strict=True)

    def refuse(self, propagate_down):
        """Raises DefinitionError where the regions are asked for a gradient."""
        if propagate_down[1]:
            raise DefinitionError(f"regions have no gradient to give to bottom {self.param.bottom[1]!r}.", "bottom")


def rounded(values):
    """To the nearest whole number, halves away from zero."""
    return np.sign(values) * np.floor(np.abs(values) + values.dtype.type(0.5))


def bins(size, count, start=0):
    """Begin and end of each of `count` bins of one size from `start` on: down to a whole pixel, and up to one."""
    numbers = np.arange(count + 1, dtype=size.dtype)
    begin, end = np.floor(numbers[:-1] * size + start), np.ceil(numbers[1:] * size + start)
    return np.stack([begin, end], axis=1).astype(np.int64)
