"""ROIPooling. The largest value of each part of a region."""

from __future__ import annotations

from math import isfinite

import numpy as np

from ...errors import DefinitionError
from ...layer import layer
from ...memory import HOST
from . import _regions


@layer("ROIPooling", param="roi_pooling_param")
class ROIPooling(_regions.Regions):
    r"""Parts each region of an image into a grid and takes the largest value of each part: one size for all regions.

    $$ y_{r,c,i,j} = \max_{(a,b) \in B_{r,i,j}} x_{n_r,c,a,b} $$

    A region's edges are rounded to pixels of x after `spatial_scale`; part (i, j) runs from floor to ceil, so that
    parts may share pixels. An empty part gives 0.

    Bottom: x (N, C, H, W); regions (R, 5), each n, left, top, right and bottom in the image's pixels, both edges
        counted in; they have no gradient.
    Top: y (R, C, pooled_h, pooled_w).
    Reference: Girshick, ICCV 2015 (Fast R-CNN).
    Fork: rbgirshick/caffe-fast-rcnn.
    """

    def setup(self, bottom, top):
        for field in ("pooled_h", "pooled_w"):
            if getattr(self.settings, field) < 1:
                raise DefinitionError(f"{field} must be at least 1; got {getattr(self.settings, field)}.", field)
        scale = self.settings.spatial_scale
        if not isfinite(scale):
            raise DefinitionError(f"spatial_scale must be finite; got {scale:g}.", "spatial_scale")

    def reshape(self, bottom, top):
        self.reshape_regions(bottom)
        self.grid = (self.settings.pooled_h, self.settings.pooled_w)
        top[0].reshape(bottom[1].shape[0], bottom[0].shape[1], *self.grid)

    def parts(self, edges, image):
        """Rows and columns of each part of a region in an image of (H, W), as pairs of begin and end."""
        left, top, right, bottom = _regions.rounded(edges * edges.dtype.type(self.settings.spatial_scale))
        found = []
        for first, last, count, length in zip((top, left), (bottom, right), self.grid, image, strict=True):
            one = edges.dtype.type(1)
            size = np.maximum(last - first + one, one) / edges.dtype.type(count)
            found.append((_regions.bins(size, count) + int(first)).clip(0, length))
        return found

    def forward(self, bottom, top):
        x, y = bottom[0].seen_from(HOST).read(), top[0].seen_from(HOST).write()
        self.where = np.full(y.shape, -1, np.int64)
        width, y[...] = x.shape[3], 0
        for region, (item, edges) in enumerate(self.regions(bottom)):
            rows, columns = self.parts(edges, x.shape[2:])
            for i, (above, below) in enumerate(rows):
                for j, (left, right) in enumerate(columns):
                    if above < below and left < right:
                        part = x[item, :, above:below, left:right]
                        place = part.reshape(len(part), -1).argmax(axis=1)
                        row, column = np.divmod(place, right - left)
                        where = (above + row) * width + left + column
                        self.where[region, :, i, j] = where
                        y[region, :, i, j] = x[item].reshape(len(part), -1)[np.arange(len(part)), where]

    def backward(self, top, propagate_down, bottom):
        self.refuse(propagate_down)
        if not propagate_down[0]:
            return
        gradient, out = top[0].seen_from(HOST).read_diff(), bottom[0].seen_from(HOST).write_diff()
        out[...] = 0
        planes = out.reshape(*out.shape[:2], -1)
        for region, (item, _) in enumerate(self.regions(bottom)):
            channel, i, j = np.nonzero(self.where[region] >= 0)
            np.add.at(planes[item], (channel, self.where[region, channel, i, j]), gradient[region, channel, i, j])
