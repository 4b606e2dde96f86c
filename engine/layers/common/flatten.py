"""Flatten. Several axes become one."""

from __future__ import annotations

from math import prod

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("Flatten", param="flatten_param")
class Flatten(Layer):
    r"""Joins the axes from `axis` to `end_axis` into one, without moving a value.

    $$ y_{n,k} = x_{n,c,h,w}, \quad k = (c H + h) W + w $$

    Bottom: x, of any shape.
    Top: y, which shares the memory of x.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    Caffe quirk: an `end_axis` right before `axis` joins nothing, and puts an axis of length 1 between the two.
    """

    steady = shares_memory = True

    def reshape(self, bottom, top):
        if top[0] is bottom[0]:
            raise DefinitionError("cannot run in place: give the top another name.", "top")
        shape = bottom[0].shape
        start = self.axis_of(bottom[0], self.settings.axis)
        end = self.axis_of(bottom[0], self.settings.end_axis, "end_axis")
        if end < start - 1:
            raise DefinitionError(f"end_axis must not come before axis {start}; got {end}.", "end_axis")
        top[0].reshape(*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])

    def forward(self, bottom, top):
        top[0].share_data(bottom[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom[0].share_diff(top[0])
