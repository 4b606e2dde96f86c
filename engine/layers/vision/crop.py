"""Crop. A part of one blob, as large as another."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("Crop", param="crop_param")
class Crop(Layer):
    r"""Cuts the axes from `axis` on to the lengths of a second blob, beginning at `offset`.

    $$ y_{n,c,i,j} = x_{n,c,\,i + o_1,\,j + o_2} $$

    Bottom: x; and a blob of as many axes, of which only the lengths count.
    Top: y, of the lengths of x before `axis` and of the second bottom from there on.
    Reference: Long, Shelhamer and Darrell, CVPR 2015.
    """

    bottoms = 2
    no_gradient = (1,)

    def reshape(self, bottom, top):
        shape, wanted = bottom[0].shape, bottom[1].shape
        axis, given = self.axis_of(bottom[0], self.settings.axis), list(self.settings.offset)
        if len(wanted) != len(shape):
            raise DefinitionError(f"bottoms must have as many axes; got {shape} and {wanted}.", "bottom")
        cut = len(shape) - axis
        if len(given) not in (0, 1, cut):
            raise DefinitionError(f"offset must be given once, or for each of {cut} axes; got {len(given)}.", "offset")
        offsets = (given or [0]) * (cut if len(given) < 2 else 1)
        for length, part, offset in zip(shape[axis:], wanted[axis:], offsets, strict=True):
            if offset + part > length:
                raise DefinitionError(f"offset {offset} and length {part} reach beyond a length of {length}.", "offset")
        top[0].reshape(*shape[:axis], *wanted[axis:])
        self.part = (slice(None),) * axis + tuple(
            slice(offset, offset + part) for offset, part in zip(offsets, wanted[axis:], strict=True)
        )

    def forward(self, bottom, top):
        top[0].write()[...] = bottom[0].read()[self.part]

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            out = bottom[0].write_diff()
            out[...] = 0
            out[self.part] = top[0].read_diff()
