"""BatchReindex. Items of a batch, chosen and ordered by index."""

from __future__ import annotations

from math import prod

from ...errors import DefinitionError
from ...layer import Layer, first_beyond, integers, layer
from ...memory import HOST


@layer("BatchReindex")
class BatchReindex(Layer):
    r"""Takes items of a batch by their index; an item may come never, once or often.

    $$ y_i = x_{r_i} $$

    Bottom: x (N, ...); r (M), integers from 0 to N - 1, without a gradient.
    Top: y (M, ...).
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    """

    bottoms = 2
    no_gradient = forced = (1,)

    def reshape(self, bottom, top):
        if bottom[1].num_axes != 1:
            raise DefinitionError(f"needs indices of 1 axis; their shape is {bottom[1].shape}.", "bottom")
        top[0].reshape(bottom[1].count, *bottom[0].shape[1:])

    def indices(self, bottom):
        """The integers. Raises DefinitionError for one that is no item (on the host, where looking is free)."""
        values, items = bottom[1].read(), bottom[0].shape[0]
        found = integers(values, self.xp)
        wrong = first_beyond(values, found, items) if self.context.place is HOST else None
        if wrong is not None:
            message = f"got the index {wrong} of bottom {self.bottom_name(1)}; the batch has items 0 to {items - 1}."
            raise DefinitionError(message, "bottom")
        return found

    def forward(self, bottom, top):
        top[0].write()[...] = bottom[0].read()[self.indices(bottom)]

    def backward(self, top, propagate_down, bottom):
        if propagate_down[1]:
            raise DefinitionError(f"an index has no gradient to give to bottom {self.param.bottom[1]!r}.", "bottom")
        if propagate_down[0]:
            out = bottom[0].write_diff().reshape(bottom[0].shape[0], prod(bottom[0].shape[1:]))
            out[...] = 0
            self.xp.add.at(out, self.indices(bottom), top[0].read_diff().reshape(-1, out.shape[1]))
