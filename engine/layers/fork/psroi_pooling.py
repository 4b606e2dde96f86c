"""PSROIPooling. The mean of each part of a region, of channels that are that part's."""

from __future__ import annotations

import numpy as np

from ...errors import DefinitionError
from ...layer import layer
from ...memory import HOST
from . import _regions

LEAST = 0.1  # what a region's sides are at least


@layer("PSROIPooling", param="psroi_pooling_param")
class PSROIPooling(_regions.Regions):
    r"""Parts each region into a g by g grid; part (i, j) is the mean of channels that stand for that part alone.

    $$ y_{r,c,i,j} = \frac{1}{|B_{r,i,j}|} \sum_{(a,b) \in B_{r,i,j}} x_{n_r,\,(c g + i) g + j,\,a,b},
       \quad g = \mathtt{group\_size} $$

    A region's edges are rounded to pixels of the image and then scaled; part (i, j) runs from floor to ceil. An empty
    part gives 0.

    Bottom: x (N, output_dim g^2, H, W); regions (R, 5), each n, left, top, right and bottom in the image's pixels,
        both edges counted in; they have no gradient.
    Top: y (R, output_dim, g, g).
    Reference: Dai, Li, He and Sun, NIPS 2016 (R-FCN).
    Fork: daijifeng001/caffe-rfcn.
    """

    def setup(self, bottom, top):
        settings = self.settings
        for field in ("spatial_scale", "output_dim", "group_size"):
            if getattr(settings, field) <= 0:
                raise DefinitionError(f"{field} must be more than 0; got {getattr(settings, field):g}.", field)

    def reshape(self, bottom, top):
        self.reshape_regions(bottom)
        outputs, grid = self.settings.output_dim, self.settings.group_size
        if bottom[0].shape[1] != outputs * grid * grid:
            raise DefinitionError(
                f"needs output_dim * group_size * group_size = {outputs * grid * grid} channels; "
                f"the bottom's shape is {bottom[0].shape}.",
                "bottom",
            )
        top[0].reshape(bottom[1].shape[0], outputs, grid, grid)
        self.grouped = (bottom[0].shape[0], outputs, grid, grid, *bottom[0].shape[2:])

    def parts(self, bottom):
        """Region, row and column of each part that is not empty, with the index of its pixels in the grouped x."""
        grid, scale = self.settings.group_size, bottom[1].dtype.type(self.settings.spatial_scale)
        for region, (item, edges) in enumerate(self.regions(bottom)):
            first, last = _regions.rounded(edges[:2]) * scale, (_regions.rounded(edges[2:]) + 1) * scale
            size = np.maximum(last - first, scale.dtype.type(LEAST)) / scale.dtype.type(grid)
            columns, rows = (
                _regions.bins(size[k], grid, first[k]).clip(0, length) for k, length in enumerate(self.grouped[:3:-1])
            )
            for i, (above, below) in enumerate(rows):
                for j, (left, right) in enumerate(columns):
                    if above < below and left < right:
                        yield region, i, j, (item, slice(None), i, j, slice(above, below), slice(left, right))

    def forward(self, bottom, top):
        x, y = bottom[0].seen_from(HOST).read().reshape(self.grouped), top[0].seen_from(HOST).write()
        y[...] = 0
        for region, i, j, pixels in self.parts(bottom):
            y[region, :, i, j] = x[pixels].mean(axis=(1, 2))

    def backward(self, top, propagate_down, bottom):
        self.refuse(propagate_down)
        if not propagate_down[0]:
            return
        gradient, out = top[0].seen_from(HOST).read_diff(), bottom[0].seen_from(HOST).write_diff()
        out[...] = 0
        out = out.reshape(self.grouped)
        for region, i, j, pixels in self.parts(bottom):
            part = out[pixels]
            part += (gradient[region, :, i, j] / (part.shape[1] * part.shape[2]))[:, None, None]
