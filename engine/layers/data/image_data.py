"""ImageData. Images and labels from a list of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import floor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ... import rng
from ...blob import Blob
from ...data.datum import image_shape
from ...data.images import read_image, read_list
from ...data.interpolation import resize_by
from ...data.transform import Transformer
from ...errors import DefinitionError
from ...layer import layer
from ._prefetching import Batch, Prefetching, Reader, put


@layer("ImageData", param="image_data_param")
class ImageData(Prefetching):
    r"""Image files that a list names, in its order or shuffled anew for every pass, and from the start again.

    Each is resized to `new_height` x `new_width`, if they are given, or until its shorter side has the `new_dim` of a
    fork (ethanhe42/caffe-pro), then treated as `transform_param` says. Names count from `root_folder`; where that is
    relative, from the working directory or from the folder of the net's file. When several processes train together,
    row r is for the process of rank r modulo their number; in TEST each of them reads all.

    Bottom: none.
    Top: images (N, C, H, W) in blue, green, red, or grey, N being `batch_size` and the rest as the first image says;
    labels (N,). With `batch_size` 1 the images may differ in size.
    Reference: Jia et al., "Caffe: Convolutional Architecture for Fast Feature Embedding", ACM MM 2014.
    """

    tops = 2

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        settings = self.settings
        self.check_counts()
        if bool(settings.new_height) != bool(settings.new_width):
            field = "new_width" if settings.new_height else "new_height"
            raise DefinitionError("give new_height and new_width both, or neither.", field)
        if settings.new_dim and settings.new_height:
            raise DefinitionError("give new_dim, or new_height and new_width, not both.", "new_dim")
        source = self.context.find(settings.source, "source", "list of images")
        try:
            lines = self.read_lines(source)
        except (OSError, ValueError) as error:
            message = f"{settings.source!r} cannot be read as a list of images: {error}."
            raise DefinitionError(message, "source") from error
        if not lines:
            raise DefinitionError(f"the list {settings.source!r} names no image.", "source")
        first = settings.root_folder + lines[0][0]
        found = self.context.find(first, "source", "image")
        root = Path() if found == Path(first) else self.context.root or Path()
        size = (settings.new_height, settings.new_width) if settings.new_height else None
        shorter = (settings.new_dim, "CUBIC" if settings.bicubic else "LINEAR")
        self._images = Images(lines, root, settings.root_folder, settings.is_color, size, shorter)
        self._transformer = Transformer(self.param.transform_param, self.context, self.training, self.identity)
        skipped = self.first_row()
        if skipped >= len(lines) and not self.context.dry:
            message = f"rand_skip leaves out the first {skipped} images; the list {settings.source!r} has {len(lines)}."
            raise DefinitionError(message, "rand_skip")
        shape = self._transformer.shape(self._images.shape_of(0, self.context.dry))
        self.begin((settings.batch_size, *shape), skipped, self.labels_beside(shape))

    def read_lines(self, source: Path) -> list[tuple[str, Any]]:
        """The name and the label of each image. Raises ValueError for a list of something else, OSError."""
        return read_list(source, self.context.most_read)

    def labels_beside(self, shape: tuple[int, int, int]) -> tuple[int, ...] | None:
        """The shape of the labels of a batch of images (C, H, W), where it is not (N,)."""
        return None

    @property
    def draws(self) -> bool:
        return self._transformer.is_random or self.settings.shuffle or bool(self.settings.rand_skip)

    @property
    def rows(self) -> int:
        """How many images the list names."""
        return len(self._images.lines)

    def reader(self, position: int, rank: int, ranks: int) -> Reader:
        return ImageReader(*self.what_to_read(position, rank, ranks))

    def what_to_read(self, position: int, rank: int, ranks: int) -> tuple[Any, ...]:
        """What a reader of these images is made with."""
        order = None
        if self.settings.shuffle:
            order = partial(rng.permutation, len(self._images.lines), self.random_key("lines"))
        return self._images, order, self._transformer, position, rank, ranks, self.name


class Images(NamedTuple):
    """The images of a list, and how they are to be read."""

    lines: list[tuple[str, Any]]
    root: Path
    prefix: str
    color: bool
    size: tuple[int, int] | None
    shorter: tuple[int, str] = (0, "LINEAR")  # length of the shorter side, and how pixels are computed for it

    def read(self, index: int) -> np.ndarray:
        """One image (C, H, W). Raises DefinitionError when it cannot be read."""
        with self.named(index):
            image = read_image(self.path(index), self.color, self.size)
        return resize_by(self.shorter[1], image, *self.size_of(*image.shape[1:])) if self.shorter[0] else image

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """The size of an image that had another one."""
        if self.size or not self.shorter[0]:
            return self.size or (height, width)
        side = self.shorter[0]
        scale = np.float32(side) / np.float32(min(height, width))
        longer = floor(float(scale * np.float32(max(height, width))) + 0.5)
        return (longer, side) if height >= width else (side, longer)

    def shape_of(self, index: int, by_header: bool) -> tuple[int, int, int]:
        """The shape of one image, which is not resized for it, and not decoded if its header will do.

        Raises DefinitionError when it cannot be read.
        """
        with self.named(index):
            path = self.path(index)
            channels, *size = image_shape(path, self.color) if by_header else read_image(path, self.color).shape
        return channels, *self.size_of(*size)

    def path(self, index: int) -> Path:
        return self.root / (self.prefix + self.lines[index][0])

    @contextmanager
    def named(self, index: int) -> Iterator[None]:
        """Tell which image of the list it is that cannot be read."""
        try:
            yield
        except (OSError, ValueError) as error:
            raise DefinitionError(f"image {index} of the list cannot be read: {error}.", "source") from error


class ImageReader(Reader):
    """Reads the images of a list; `order`, if any, gives for each epoch the order in which they come."""

    def __init__(
        self,
        images: Images,
        order: partial[np.ndarray] | None,
        transformer: Transformer,
        position: int,
        rank: int,
        ranks: int,
        name: str,
    ):
        super().__init__(position, rank, ranks, name)
        self.images, self.order, self.transformer = images, order, transformer
        self._epoch: tuple[int, np.ndarray] = (-1, np.empty(0))

    def load(self, rows: range, batch: Batch) -> None:
        indices = [self.index_of(row) for row in rows]
        batch.labels[:] = [self.images.lines[index][1] for index in indices]
        put(self.workers.map(self.images.read, indices), rows, self.transformer, batch)

    def index_of(self, row: int) -> int:
        """The line of the image at a position in the stream of rows."""
        epoch, index = divmod(row, len(self.images.lines))
        if self.order is None:
            return index
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self.order(epoch))
        return int(self._epoch[1][index])
