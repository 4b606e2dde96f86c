"""Interp. Bilinear resizing, corner on corner."""

from __future__ import annotations

import numpy as np

from ...errors import DefinitionError
from ...layer import Layer, between, layer


@layer("Interp", param="interp_param")
class Interp(Layer):
    r"""Resizes an image, each new pixel being a mean of the four old ones around it, by distance.

    $$ y_{i,j} = (1 - u)(1 - v) \, x_{a,b} + (1 - u) v \, x_{a,b+1} + u (1 - v) \, x_{a+1,b} + u v \, x_{a+1,b+1} $$

    $$ a + u = i \, \frac{H - 1}{H' - 1}, \quad b + v = j \, \frac{W - 1}{W' - 1}, \quad 0 \le u, v < 1 $$

    The first and the last pixel stay where they are. Negative `pad_beg` and `pad_end` cut rows and columns off first.

    Bottom: x (N, C, H, W); and optionally a blob whose height and width are taken if no setting gives them, without
        a gradient.
    Top: y (N, C, H', W'), of the given `height` and `width`; H' = floor((H - 1) / shrink_factor) + 1; or
        H' = (H - 1) zoom_factor + 1, after shrinking where both are given.
    Reference: Chen et al., "DeepLab", PAMI 2018; Zhao et al., CVPR 2017 (PSPNet).
    Fork: DeepLab version 2, hszhao/PSPNet.
    """

    bottoms = between(1, 2)
    no_gradient = (1,)

    def setup(self, bottom, top):
        settings = self.settings
        for field in ("zoom_factor", "shrink_factor"):
            if getattr(settings, field) < 1:
                raise DefinitionError(f"{field} must be at least 1; got {getattr(settings, field)}.", field)
        for field in ("pad_beg", "pad_end"):
            if getattr(settings, field) > 0:
                raise DefinitionError(f"{field} can only cut off: at most 0; got {getattr(settings, field)}.", field)

    def reshape(self, bottom, top):
        shape, settings = bottom[0].shape, self.settings
        if len(shape) != 4:
            raise DefinitionError(f"needs a bottom of 4 axes (N, C, H, W); its shape is {shape}.", "bottom")
        kept = [length + settings.pad_beg + settings.pad_end for length in shape[2:]]
        if min(kept) < 1:
            raise DefinitionError(f"pad_beg and pad_end leave nothing of a bottom of shape {shape}.", "pad_beg")
        size = self.size_for(kept, bottom)
        if min(size) < 1:
            raise DefinitionError(f"height and width must be at least 1; got {tuple(size)}.", "height")
        top[0].reshape(*shape[:2], *size)
        begin = -settings.pad_beg
        self.cut = (..., slice(begin, begin + kept[0]), slice(begin, begin + kept[1]))
        self.sizes = tuple(kept), tuple(size)
        self.tables = {}  # what `along` gives, made by the first pass that needs it

    def size_for(self, kept, bottom):
        """(height, width) of the top, from what is left of the bottom."""
        settings = self.settings
        zoom, shrink = settings.HasField("zoom_factor"), settings.HasField("shrink_factor")
        both = settings.HasField("height") and settings.HasField("width")
        if both and zoom == shrink:
            return [settings.height, settings.width]
        if zoom or shrink:  # a factor that is not given is 1
            shrunk = ((length - 1) // settings.shrink_factor + 1 for length in kept)
            return [(length - 1) * settings.zoom_factor + 1 for length in shrunk]
        if len(bottom) < 2 or bottom[1].num_axes != 4:
            raise DefinitionError(
                "give height and width, zoom_factor, shrink_factor, or a second bottom of 4 axes.", "height"
            )
        return list(bottom[1].shape[2:])

    @staticmethod
    def along(length, size):
        """For each of `size` new places the old one before it, the one after, and how far beyond the first it is."""
        step = np.float32(length - 1) / np.float32(size - 1) if size > 1 else np.float32(0)
        place = np.arange(size, dtype=np.float32) * step
        before = np.minimum(place.astype(np.int64), length - 1)
        return before, np.minimum(before + 1, length - 1), place - before

    def forward(self, bottom, top):
        x, out = bottom[0].read()[self.cut], top[0].write()
        left, right, v = self.weights("across", x)
        up, down, u = self.weights("down", x)
        x = (1 - v) * x[..., left] + v * x[..., right]
        u = u[:, None]
        self.xp.multiply(1 - u, x[..., up, :], out=out)
        out += u * x[..., down, :]

    def table(self, along):
        """What `along` gives downwards ("down") or sideways ("across")."""
        if along not in self.tables:
            axis = ("down", "across").index(along)
            self.tables[along] = self.along(*(size[axis] for size in self.sizes))
        return self.tables[along]

    def weights(self, along, like):
        """What lies before and after each new place, and the share of the latter."""
        before, after, share = self.table(along)
        given = before, after, share.astype(like.dtype)
        return [self.constant(f"{along} {k}", self.sizes, lambda k=k: given[k]) for k in range(3)]

    def backward(self, top, propagate_down, bottom):
        if len(bottom) > 1 and propagate_down[1]:
            raise DefinitionError(f"of bottom {self.param.bottom[1]!r} only the size counts: no gradient.", "bottom")
        if propagate_down[0]:
            gradient, out = top[0].read_diff(), bottom[0].write_diff()
            out[...] = 0
            part = out[self.cut]
            rows, columns = self.matrix("down", part.shape[-2], out), self.matrix("across", part.shape[-1], out)
            part[...] = rows.T @ (gradient @ columns)

    def matrix(self, along, length, like):
        """The shares as a matrix, (new, old)."""
        before, after, share = self.table(along)

        def make():
            matrix = np.zeros((len(before), length), like.dtype)
            every = np.arange(len(before))
            matrix[every, before] += 1 - share
            matrix[every, after] += share
            return matrix

        return self.constant(f"{along} matrix", self.sizes, make)
