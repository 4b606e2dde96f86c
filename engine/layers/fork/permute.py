"""Permute. The axes of a blob in another order."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("Permute", param="permute_param")
class Permute(Layer):
    r"""Puts axis `order[i]` of the bottom at place i; axes that are not named follow in their old order.

    $$ y_{k_{o_0}, k_{o_1}, \dots} = x_{k_0, k_1, \dots} $$

    Bottom: x, of any shape.
    Top: y, of as many axes, whose lengths are those of x in the new order.
    Reference: Liu et al., "SSD", ECCV 2016.
    Fork: weiliu89/caffe, branch ssd.
    """

    def reshape(self, bottom, top):
        shape, given = bottom[0].shape, list(self.settings.order)
        for axis in given:
            if axis >= len(shape):
                raise DefinitionError(f"order names axis {axis}; the bottom's shape is {shape}.", "order")
        if len(set(given)) < len(given):
            raise DefinitionError(f"order names an axis twice: {given}.", "order")
        self.order = (*given, *(axis for axis in range(len(shape)) if axis not in given))
        self.back = tuple(self.order.index(axis) for axis in range(len(shape)))
        top[0].reshape(*(shape[axis] for axis in self.order))

    def forward(self, bottom, top):
        top[0].write()[...] = bottom[0].read().transpose(self.order)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom[0].write_diff()[...] = top[0].read_diff().transpose(self.back)
