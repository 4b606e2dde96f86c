"""Upsample. An image made larger, by repeating or by a mask."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, between, first_beyond, integers, layer
from ...memory import HOST


@layer("Upsample", param="upsample_param")
class Upsample(Layer):
    r"""Puts each value where a pooling mask says, zeros elsewhere; without a mask repeats it.

    $$ y_{n,c,m_{n,c,i}} = x_{n,c,i} \quad\text{or}\quad
       y_{n,c,i,j} = x_{n,c,\lfloor i / s \rfloor, \lfloor j / s \rfloor} $$

    Bottom: x (N, C, H, W); and optionally a mask m of its shape, the second top of a MAX Pooling layer: places as
        row * width + column of y, without a gradient.
    Top: y (N, C, H s, W s); or as `scale_h` and `scale_w`, `upsample_h` and `upsample_w` say.
    Reference: Badrinarayanan, Kendall and Cipolla, PAMI 2017 (SegNet); repeating: Redmon and Farhadi, "YOLOv3", 2018.
    Fork: alexgkendall/caffe-segnet with a mask, eric612/MobileNet-YOLO without. Of values with one place the last
        stays, and each gets the whole gradient.
    """

    bottoms = between(1, 2)
    no_gradient = (1,)

    def setup(self, bottom, top):
        settings = self.settings
        given = {field: settings.HasField(field) for field in ("scale_h", "scale_w", "upsample_h", "upsample_w")}
        for height, width in (("upsample_h", "upsample_w"), ("scale_h", "scale_w")):
            if given[height] != given[width]:
                raise DefinitionError(f"{height} and {width} must be given together.", height)
        self.size = (settings.upsample_h, settings.upsample_w) if given["upsample_h"] else None
        if self.size and (len(bottom) < 2 or min(self.size) < 1):
            raise DefinitionError(f"upsample_h and upsample_w need a mask, and 1 or more: {self.size}.", "upsample_h")
        if given["scale_h"] and settings.HasField("scale"):
            raise DefinitionError("give either scale or scale_h and scale_w, not both.", "scale")
        field = "scale_h" if given["scale_h"] else "scale"
        self.scale = (settings.scale_h, settings.scale_w) if given["scale_h"] else (settings.scale,) * 2
        if min(self.scale) < 1:
            raise DefinitionError(f"{field} must be at least 1; got {min(self.scale)}.", field)
        self.less = (settings.pad_out_h, settings.pad_out_w)
        for field, less, scale in zip(("pad_out_h", "pad_out_w"), self.less, self.scale, strict=True):
            if less and (scale != 2 or len(bottom) < 2):
                raise DefinitionError(f"{field} needs a mask, and a scale of 2; got {scale}.", field)

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if len(shape) != 4:
            raise DefinitionError(f"needs a bottom of 4 axes (N, C, H, W); its shape is {shape}.", "bottom")
        if len(bottom) > 1 and bottom[1].shape != shape:
            raise DefinitionError(f"the mask must have the bottom's shape, {shape}; got {bottom[1].shape}.", "bottom")
        along = zip(shape[2:], self.scale, self.less, strict=True)
        size = self.size or tuple(length * scale - less for length, scale, less in along)
        top[0].reshape(*shape[:2], *size)
        (height, width), (down, right) = shape[2:], self.scale
        self.repeated = (shape[0] * shape[1], height, down, width, right)

    def places(self, mask, top):
        """Where each value goes: plane and place in it. Raises DefinitionError for a place outside."""
        planes, room = top.shape[0] * top.shape[1], top.shape[2] * top.shape[3]
        values = mask.read().reshape(planes, -1)
        found = integers(values, self.xp)
        wrong = first_beyond(values, found, room) if self.context.place is HOST else None
        if wrong is not None:
            message = f"the mask {self.bottom_name(1)} names {wrong}; a plane of the top has {room} places"
            raise DefinitionError(f"{message}: the scale must fit.", "bottom")
        return self.xp.arange(planes)[:, None], found

    def forward(self, bottom, top):
        out = top[0].write()
        if len(bottom) == 1:
            n, height, _, width, _ = self.repeated
            out.reshape(self.repeated)[...] = bottom[0].read().reshape(n, height, 1, width, 1)
            return
        out[...] = 0
        out = out.reshape(out.shape[0] * out.shape[1], -1)
        out[self.places(bottom[1], top[0])] = bottom[0].read().reshape(len(out), -1)

    def backward(self, top, propagate_down, bottom):
        if len(bottom) > 1 and propagate_down[1]:
            raise DefinitionError(f"a mask has no gradient to give to bottom {self.param.bottom[1]!r}.", "bottom")
        if not propagate_down[0]:
            return
        gradient, out = top[0].read_diff(), bottom[0].write_diff()
        if len(bottom) == 1:
            out[...] = gradient.reshape(self.repeated).sum(axis=(2, 4)).reshape(out.shape)
        else:
            rows = gradient.reshape(gradient.shape[0] * gradient.shape[1], -1)
            out[...] = rows[self.places(bottom[1], top[0])].reshape(out.shape)
