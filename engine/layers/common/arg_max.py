"""ArgMax. Where the largest values are."""

from __future__ import annotations

from math import prod

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("ArgMax", param="argmax_param")
class ArgMax(Layer):
    r"""The indices of the `top_k` largest values, largest first, and with `out_max_val` the values.

    $$ y = \arg\max_k x_k $$

    Bottom: x (N, ...).
    Top: without `axis`, (N, 1, top_k) of indices into each item, or (N, 2, top_k) of indices and values; with
        `axis`, the shape of x with `top_k` there, of indices or of values. There is no gradient.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    Caffe quirk: of equal values the last one counts as larger.
    """

    def reshape(self, bottom, top):
        settings, shape = self.settings, bottom[0].shape
        self.axis = self.axis_of(bottom[0], settings.axis) if settings.HasField("axis") else None
        length = prod(shape[1:]) if self.axis is None else shape[self.axis]
        if not 1 <= settings.top_k <= length:
            raise DefinitionError(f"top_k must be from 1 to {length}; got {settings.top_k}.", "top_k")
        if self.axis is None:
            more = (1,) * (len(shape) - 3)
            top[0].reshape(shape[0], 2 if settings.out_max_val else 1, settings.top_k, *more)
        else:
            top[0].reshape(*shape[: self.axis], settings.top_k, *shape[self.axis + 1 :])

    def forward(self, bottom, top):
        xp, settings = self.xp, self.settings
        x, axis = bottom[0].read(), self.axis
        if axis is None:
            x, axis = x.reshape(x.shape[0], -1), 1
        rising = xp.argsort(x, axis=axis, kind="stable")
        index = xp.flip(xp.take(rising, xp.arange(-settings.top_k, 0) + x.shape[axis], axis=axis), axis)
        out = top[0].write()
        if self.axis is None:
            out = out.reshape(x.shape[0], -1, settings.top_k)
            out[:, 0] = index
            if settings.out_max_val:
                out[:, 1] = xp.take_along_axis(x, index, axis)
        else:
            out[...] = xp.take_along_axis(x, index, axis) if settings.out_max_val else index

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            raise DefinitionError(f"an index has no gradient to give to bottom {self.param.bottom[0]!r}.", "bottom")
