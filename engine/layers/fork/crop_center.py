"""CropCenter. The middle of a blob."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import layer
from ..vision.crop import Crop


@layer("CropCenter", param="crop_center_param")
class CropCenter(Crop):
    r"""Cuts as much off the end of each axis as off its beginning.

    $$ y_{n,c,i,j} = x_{n + s_0,\, c + s_1,\, i + s_2,\, j + s_3} $$

    Bottom: x, of any shape.
    Top: y, shorter than x by twice `crop_size` s of each axis.
    Reference: Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015, whose joined maps are cropped so.
    Fork: lltcggie/caffe, for waifu2x.
    """

    bottoms = 1
    no_gradient = ()

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
