"""CropCenter. The middle of a blob."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("CropCenter", param="crop_center_param")
class CropCenter(Layer):
    r"""Cuts as much off the end of each axis as off its beginning.

    $$ y_{n,c,i,j} = x_{n + s_0,\, c + s_1,\, i + s_2,\, j + s_3} $$

    Bottom: x, of any shape.
    Top: y, shorter than x by twice `crop_size` s of each axis.
    Reference: Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015, whose joined maps are cropped so.
    Fork: lltcggie/caffe, for waifu2x.
    """

    def reshape(self, bottom, top):
        shape, cuts = bottom[0].shape, list(self.settings.crop_size)
        if len(cuts) != len(shape):
            raise DefinitionError(
                f"crop_size must be given once for each axis of the bottom {shape}; got {len(cuts)}.", "crop_size"
            )
        for length, cut in zip(shape, cuts, strict=True):
            if 2 * cut >= length:
                raise DefinitionError(f"crop_size {cut} leaves nothing of a length of {length}.", "crop_size")
        top[0].reshape(*(length - 2 * cut for length, cut in zip(shape, cuts, strict=True)))
        self.part = tuple(slice(cut, length - cut) for length, cut in zip(shape, cuts, strict=True))

    def forward(self, bottom, top):
        top[0].write()[...] = bottom[0].read()[self.part]

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            out = bottom[0].write_diff()
            out[...] = 0
            out[self.part] = top[0].read_diff()
