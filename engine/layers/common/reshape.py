"""Reshape. The same values under another shape."""

from __future__ import annotations

from math import prod

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("Reshape", param="reshape_param")
class Reshape(Layer):
    r"""Replaces `num_axes` axes from `axis` on by those of `shape`, without moving a value.

    $$ y = x \text{ read in the same order} $$

    In `shape`, 0 copies the length of the bottom's axis at that place, and one -1 takes what is left.

    Bottom: x, of any shape.
    Top: y, which shares the memory of x.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    """

    steady = shares_memory = True

    def reshape(self, bottom, top):
        if top[0] is bottom[0]:
            raise DefinitionError("cannot run in place: give the top another name.", "top")
        settings, old = self.settings, bottom[0].shape
        start = settings.axis if settings.axis >= 0 else len(old) + settings.axis + 1
        if not 0 <= start <= len(old):
            raise DefinitionError(f"axis {settings.axis} is not one of a bottom of shape {old}.", "axis")
        if settings.num_axes < -1:
            raise DefinitionError(f"num_axes must be at least 0, or -1 for all; got {settings.num_axes}.", "num_axes")
        stop = len(old) if settings.num_axes == -1 else start + settings.num_axes
        if stop > len(old):
            raise DefinitionError(f"num_axes {settings.num_axes} reaches beyond a bottom of shape {old}.", "num_axes")
        before, replaced, after = old[:start], old[start:stop], old[stop:]
        top[0].reshape(*before, *self.middle(replaced, old, start), *after)

    def middle(self, replaced, old, start):
        """The new lengths in place of the `replaced` ones."""
        lengths = list(self.settings.shape.dim)
        if lengths.count(-1) > 1:
            raise DefinitionError("shape may hold one -1; it holds several.", "shape")
        if any(length < -1 for length in lengths):
            raise DefinitionError(f"shape holds a negative length: {lengths}.", "shape")
        for k, length in enumerate(lengths):
            if length == 0:
                if start + k >= len(old):
                    raise DefinitionError(f"shape holds a 0 where a bottom of shape {old} has no axis.", "shape")
                lengths[k] = old[start + k]
        known = prod(length for length in lengths if length != -1)
        if -1 in lengths:
            if not known or prod(replaced) % known:
                raise DefinitionError(f"{prod(replaced)} values do not divide into lengths {lengths}.", "shape")
            lengths[lengths.index(-1)] = prod(replaced) // known
        elif known != prod(replaced):
            raise DefinitionError(f"shape {lengths} has {known} values in place of {prod(replaced)}.", "shape")
        return lengths

    def forward(self, bottom, top):
        top[0].share_data(bottom[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom[0].share_diff(top[0])
