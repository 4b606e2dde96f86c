"""Tile. A blob repeated."""

from __future__ import annotations

from math import prod

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("Tile", param="tile_param")
class Tile(Layer):
    r"""Repeats a blob `tiles` times along `axis`.

    $$ y = [x; x; \dots; x] $$

    Bottom: x, of any shape.
    Top: y, `tiles` times as long along `axis`.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    """

    def setup(self, bottom, top):
        if self.settings.tiles < 1:
            raise DefinitionError(f"tiles must be at least 1; got {self.settings.tiles}.", "tiles")

    def reshape(self, bottom, top):
        axis, shape, tiles = self.axis_of(bottom[0], self.settings.axis), bottom[0].shape, self.settings.tiles
        top[0].reshape(*shape[:axis], shape[axis] * tiles, *shape[axis + 1 :])
        self.matrix = (prod(shape[:axis]), 1, prod(shape[axis:]))
        self.tiled = (self.matrix[0], tiles, self.matrix[2])

    def forward(self, bottom, top):
        top[0].write().reshape(self.tiled)[...] = bottom[0].read().reshape(self.matrix)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            gradient = top[0].read_diff().reshape(self.tiled)
            gradient.sum(axis=1, keepdims=True, out=bottom[0].write_diff().reshape(self.matrix))
