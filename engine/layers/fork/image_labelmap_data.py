"""ImageLabelmapData. Images, and for each a map of what its pixels are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...data.datum import image_shape
from ...data.images import read_image
from ...data.kinds import refuse_binary
from ...errors import DefinitionError
from ...layer import layer
from ..data._expected import Expected
from ..data._prefetching import Batch, common_shape
from ..data.image_data import ImageData, ImageReader


@layer("ImageLabelmapData", param="image_data_param")
class ImageLabelmapData(ImageData):
    r"""Pairs of image files that a list names: an image, and a grey map of the same size, such as the edges in it.

    Images are treated as by ImageData. A map g is resized, cropped and mirrored along with its image, and becomes

    $$ l = \begin{cases} 1 & g \ge 128 \\ 0 & \text{otherwise} \end{cases} $$

    Bottom: none.
    Top: images (N, C, H, W) as of ImageData; maps l (N, 1, H, W).
    Reference: Xie and Tu, "Holistically-Nested Edge Detection", ICCV 2015.
    Fork: s9xie/hed.
    """

    def setup(self, bottom, top):
        for field in ("resize_param", "noise_param"):
            if self.param.transform_param.HasField(field):
                raise DefinitionError(f"{field} would not change the maps along.", f"transform_param.{field}")
        if self.settings.new_dim:
            raise DefinitionError("new_dim would not change the maps along.", "new_dim")
        super().setup(bottom, top)
        if self.context.dry:
            with self._images.named(0):
                image_shape(_map_of(self._images, 0), False)

    def reader(self, position, rank, ranks):
        return _PairReader(*self.what_to_read(position, rank, ranks))

    def read_lines(self, source: Path):
        refuse_binary(source)
        pairs = []
        with open(source, encoding="utf-8", errors="surrogateescape") as lines:
            for number, line in enumerate(lines, 1):
                words = line.split()
                if words and len(words) != 2:
                    shown = line.strip()[:60]
                    raise ValueError(f"{source}:{number}: expected the names of an image and of its map; got {shown!r}")
                pairs += [tuple(words)] if words else []
        return pairs

    def labels_beside(self, shape):
        return (self.settings.batch_size, 1, *shape[1:])

    def expected(self) -> Expected | None:
        found = super().expected()
        return found and found._replace(shapes=(*found.shapes, (found.shapes[0][0], 1, *found.shapes[0][2:])))


def _map_of(images, index) -> Path:
    return images.root / (images.prefix + images.lines[index][1])


class _PairReader(ImageReader):
    """Reads images and their maps."""

    def load(self, rows: range, batch: Batch) -> None:
        pairs = list(self.workers.map(self._read, (self.index_of(row) for row in rows)))
        _, height, width = common_shape([self.transformer.shape(image.shape) for image, _ in pairs], batch)
        maps = np.empty((len(pairs), 1, height, width), np.float32)
        for item, (image, grey) in enumerate(pairs):
            (top, left), turned = self.transformer.finish(image, rows[item], batch.data[item])
            cut = grey[:, top : top + height, left : left + width]
            maps[item] = (cut[:, :, ::-1] if turned else cut) >= 128
        batch.relabel(maps)

    def _read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        image = self.images.read(index)
        with self.images.named(index):
            grey = read_image(_map_of(self.images, index), False, self.images.size)
            if grey.shape[1:] != image.shape[1:]:
                raise ValueError(f"its map is {grey.shape[1:]}, the image {image.shape[1:]}")
        return image, grey
