"""WindowData. Boxes drawn at random from images, some of them objects, the rest background."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ... import rng
from ...blob import Blob
from ...data.datum import decode_image
from ...data.transform import Transformer
from ...data.windows import Windows, cut_window, read_windows
from ...errors import DefinitionError
from ...layer import layer
from ._expected import Expected
from ._prefetching import Batch, Prefetching, Reader

_ROWS_AT_ONCE = 1024  # rows whose random numbers are drawn together


@layer("WindowData", param="window_data_param")
class WindowData(Prefetching):
    r"""Boxes of a window file, drawn at random: a share `fg_fraction` of objects, behind the rest of background.

    A box that overlaps an object by `fg_threshold` or more counts as one, below `bg_threshold` as background; there
    must be some of both. It is cut out as `crop_mode` and `context_pad` say and warped to `crop_size` of
    `transform_param`, whose `mirror` and mean (in the middle of the mean image) apply; what lies beyond the image is
    0. What is drawn depends on the seed, the layer's identity and the position in the stream of rows.

    Bottom: none.
    Top: images (N, 3, crop_size, crop_size) in blue, green, red, N being `batch_size`; labels (N,), 0 being
    background.
    Reference: Girshick et al., "Rich feature hierarchies for accurate object detection and semantic segmentation",
    CVPR 2014.
    Caffe quirk: the scale is `scale` of `window_data_param`; that of `transform_param` is ignored.
    """

    tops = 2

    @property
    def draws(self) -> bool:
        return True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        settings = self.settings
        self.check_counts()
        transformer = Transformer(self.param.transform_param, self.context, self.training, self.identity)
        size = transformer.crop
        if not size:
            raise DefinitionError("crop_size must be at least 1; got 0.", "transform_param.crop_size")
        if settings.crop_mode not in ("warp", "square"):
            raise DefinitionError(f"crop_mode can be warp or square; got {settings.crop_mode!r}.", "crop_mode")
        if 2 * settings.context_pad >= size:
            message = f"context_pad {settings.context_pad} on both sides leaves nothing of crop_size {size}."
            raise DefinitionError(message, "context_pad")
        mean: Any = transformer.mean
        if mean is not None:
            edge = (mean.shape[2] - size) // 2  # down as well as across
            if mean.shape[0] != 3 or edge < 0 or mean.shape[1] < edge + size:
                message = f"the mean image must have 3 channels and room for crop_size {size}; it is {mean.shape}."
                raise DefinitionError(message, "transform_param.mean_file")
            mean = mean[:, edge : edge + size, edge : edge + size]
        elif len(transformer.mean_values) not in (0, 1, 3):
            message = f"give mean_value once or 3 times; got {len(transformer.mean_values)}."
            raise DefinitionError(message, "transform_param.mean_value")
        elif len(transformer.mean_values):
            mean = np.broadcast_to(transformer.mean_values, (3, size, size))
        windows = self._read()
        if not 0 <= settings.fg_fraction < 2:  # a little above 1 may still be a whole batch
            raise DefinitionError(f"fg_fraction must be from 0 to 1; got {settings.fg_fraction:g}.", "fg_fraction")
        in_batch = int(np.float32(settings.batch_size) * np.float32(settings.fg_fraction))
        groups = self._group(windows, in_batch)
        self._sampling = _Sampling(settings, windows, groups, in_batch, self._root, size, mean, transformer.mirror)
        self.begin((settings.batch_size, 3, size, size))

    def expected(self) -> Expected | None:
        self.check_counts()
        size = self.param.transform_param.crop_size
        return Expected(((self.settings.batch_size, 3, size, size),), "batch_size and crop_size") if size else None

    def _read(self) -> Windows:
        source = self.settings.source
        path = self.context.find(source, "source", "window file")
        try:
            windows = read_windows(path, self.context.most_read)
        except (OSError, ValueError) as error:
            raise DefinitionError(f"{source!r} cannot be read as a window file: {error}.", "source") from error
        if not windows.names:
            raise DefinitionError(f"the window file {source!r} has no images.", "source")
        first = self.settings.root_folder + windows.names[0]
        found = self.context.find(first, "source", "image")
        self._root = Path() if found == Path(first) else self.context.root or Path()
        return windows

    def _group(self, windows: Windows, in_batch: int) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the windows that are background, and of those that show objects."""
        settings = self.settings
        objects = np.flatnonzero(windows.overlaps >= np.float32(settings.fg_threshold))
        ground = np.flatnonzero(
            (windows.overlaps < np.float32(settings.fg_threshold))
            & (windows.overlaps < np.float32(settings.bg_threshold))
        )
        if (windows.labels[objects] < 1).any():
            raise DefinitionError("a window that shows an object must have a label of at least 1.", "source")
        for field, group, what in (
            ("fg_threshold", objects, "shows an object"),
            ("bg_threshold", ground, "is background"),
        ):
            if not len(group) and not self.context.dry:
                raise DefinitionError(f"no window {what}: none has the overlap for it.", field)
        if not 0 <= in_batch <= settings.batch_size:
            raise DefinitionError(f"fg_fraction must be from 0 to 1; got {settings.fg_fraction:g}.", "fg_fraction")
        return ground, objects

    def reader(self, position: int, rank: int, ranks: int) -> Reader:
        key = self.random_key("windows")
        return _WindowReader(self._sampling, key, position, rank, ranks, self.name)


class _Sampling(NamedTuple):
    """All that is fixed about the windows and what becomes of them."""

    settings: Any
    windows: Windows
    groups: tuple[np.ndarray, np.ndarray]  # background, objects
    objects: int  # how many of a batch
    root: Path
    size: int
    mean: np.ndarray | None  # (3, size, size)
    mirror: bool


class _Drawn(NamedTuple):
    """A window drawn for a place in a batch."""

    window: int
    mirror: bool
    out: np.ndarray  # (3, size, size)


class _WindowReader(Reader):
    def __init__(self, what: _Sampling, key: tuple[int, int], position: int, rank: int, ranks: int, name: str):
        super().__init__(position, rank, ranks, name)
        self.what, self.key = what, key
        self._words: tuple[int, np.ndarray] = (-1, np.empty(0, np.uint32))
        self._kept: dict[int, bytes] = {}  # files of images, where they are to be kept

    def load(self, rows: range, batch: Batch) -> None:
        what = self.what
        drawn = []
        for index, row in enumerate(rows):
            is_object = index >= len(rows) - what.objects
            group = what.groups[is_object]
            which, turn = self._draw(row)
            window = int(group[which % len(group)])
            batch.labels[index] = what.windows.labels[window] if is_object else 0
            drawn.append(_Drawn(window, what.mirror and turn % 2 == 1, batch.data[index]))
        self.workers.map(self._put, drawn)

    def _draw(self, row: int) -> tuple[int, int]:
        """Two random words for the row at a position: which window, and whether it is mirrored."""
        stream, place = divmod(row, _ROWS_AT_ONCE)
        if self._words[0] != stream:
            self._words = (stream, rng.bits(2 * _ROWS_AT_ONCE, self.key, stream))
        which, turn = self._words[1][2 * place : 2 * place + 2]
        return int(which), int(turn)

    def _put(self, drawn: _Drawn) -> None:
        """Cut a window out of its image and put it into its place in the batch."""
        what, settings = self.what, self.what.settings
        index = int(what.windows.images[drawn.window])
        name = settings.root_folder + what.windows.names[index]
        try:
            part, row, column = cut_window(
                decode_image(self._content(index, what.root / name), True),
                what.windows.boxes[drawn.window],
                what.size,
                settings.context_pad,
                settings.crop_mode == "square",
                drawn.mirror,
            )
        except (OSError, ValueError) as error:
            message = f"window {drawn.window} of the window file, in {name}: {error}."
            raise DefinitionError(message, "source") from error
        out = drawn.out
        place = (slice(None), slice(row, row + part.shape[1]), slice(column, column + part.shape[2]))
        out[:] = 0
        out[place] = part
        if what.mean is not None:
            out[place] -= what.mean[place]
        out *= out.dtype.type(settings.scale)

    def _content(self, index: int, path: Path) -> bytes:
        content = self._kept.get(index)
        if content is None:
            content = path.read_bytes()
            if self.what.settings.cache_images:
                self._kept[index] = content
        return content
