"""SPP. Spatial pyramid pooling."""

from __future__ import annotations

from math import prod

from ...errors import DefinitionError
from ...layer import Layer, layer
from . import _spatial
from .pooling import OPS, STOCHASTIC


@layer("SPP", param="spp_param")
class SPP(Layer):
    r"""Pools an image into 1, 4, 16, ... windows and joins the results: as many numbers whatever its size.

    $$ y = [\mathrm{pool}_{1 \times 1}(x); \mathrm{pool}_{2 \times 2}(x); \dots;
       \mathrm{pool}_{2^{h-1} \times 2^{h-1}}(x)], \quad h = \mathtt{pyramid\_height} $$

    Bottom: x (N, C, H, W).
    Top: y (N, C (4^h - 1) / 3), level after level; for a height of 1 (N, C, 1, 1).
    Reference: He, Zhang, Ren and Sun, ECCV 2014.
    """

    def setup(self, bottom, top):
        if self.settings.pyramid_height < 1:
            raise DefinitionError(
                f"pyramid_height must be at least 1; got {self.settings.pyramid_height}.", "pyramid_height"
            )

    @property
    def draws(self):
        return self.training and self.settings.pool == STOCHASTIC

    def reshape(self, bottom, top):
        if bottom[0].num_axes != 4:
            raise DefinitionError(f"needs a bottom of 4 axes (N, C, H, W); its shape is {bottom[0].shape}.", "bottom")
        shape, height = bottom[0].shape, self.settings.pyramid_height
        self.levels = [self.level(level, shape) for level in range(height)]
        if height == 1:
            top[0].reshape(*shape[:2], *self.levels[0][1].shape[2:])
        else:
            top[0].reshape(shape[0], sum(prod(pooled.shape[1:]) for _, pooled in self.levels))

    def level(self, level, shape):
        """The pooling into 2^level windows along each axis, and the blob for its result."""
        bins = 2**level
        kernel = tuple(-(-length // bins) for length in shape[2:])
        pad = tuple((k * bins - length + 1) // 2 for k, length in zip(kernel, shape[2:], strict=True))
        for k, p, length in zip(kernel, pad, shape[2:], strict=True):
            if p >= k:
                raise DefinitionError(f"pyramid_height makes {bins} windows of a length of {length}.", "pyramid_height")
        output = _spatial.windows(shape[2:], kernel, kernel, pad)
        spec = {}
        if self.settings.pool == STOCHASTIC:
            spec = dict(stream=(self.identity, level), training=self.training)
        name = OPS[self.settings.pool]
        op = self.op(name, image=shape, output=output, kernel=kernel, stride=kernel, pad=pad, **spec)
        return op, self.make_blob((*shape[:2], *output))

    def parts(self, array):
        """Each level with its part of the top."""
        start = 0
        flat = array.reshape(array.shape[0], -1)
        for pooling, pooled in self.levels:
            stop = start + prod(pooled.shape[1:])
            yield pooling, pooled, flat[:, start:stop].reshape(pooled.shape)
            start = stop

    def forward(self, bottom, top):
        out = top[0].write().reshape(bottom[0].shape[0], -1)
        start = 0
        for pooling, pooled in self.levels:
            pooling.forward(bottom[0], pooled)
            stop = start + pooled.count // len(out)
            out[:, start:stop] = pooled.read().reshape(len(out), -1)
            start = stop

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        total = 0
        for pooling, pooled, part in self.parts(top[0].read_diff()):
            pooled.write_diff()[...] = part
            pooling.backward(pooled, bottom[0])
            total = total + bottom[0].read_diff()
        bottom[0].write_diff()[...] = total
