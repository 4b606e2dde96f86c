"""What transform_param does to the images of a batch: crop, mirror, subtract the mean, scale."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import files, rng
from ..context import Context
from ..errors import DefinitionError
from ..making import telling
from ..numpy_names import numpys_own_names
from .draws import Draws
from .lmdb_file import LMDB
from .noise import check_noise, disturb
from .resizing import Resizing
from .rows import Rows

if TYPE_CHECKING:
    from .fast import Walk

Shape = tuple[int, int, int]  # channels, height, width

_ROWS_AT_ONCE = 1024  # rows whose random numbers are drawn together


class Transformer:
    """Caffe's DataTransformer, a batch at a time.

    $$ y = (x - \\mathtt{mean}) \\cdot \\mathtt{scale} $$

    over a crop of x, and over the same crop of the mean image; mirrored last. In TRAIN the crop lies anywhere, in
    TEST in the middle; `mirror` turns about half of the images, in both phases. SSD's `resize_param` and `noise_param`
    come before. What falls to an image depends on the seed, the layer's identity and the image's position in the
    stream of rows alone. Settings are a TransformationParameter.

    Raises DefinitionError, on fields of ``transform_param``, for settings that contradict each other and a mean
    file that cannot be read.
    """

    def __init__(self, settings: Any, context: Context, training: bool, layer: str):
        self.crop: int = settings.crop_size
        self.cut = _cut_of(settings)  # height and width of the crop, 0 where there is none
        self.mirror: bool = settings.mirror
        self.training = training
        self.scale = np.dtype(context.dtype).type(settings.scale)
        self.color: bool | None = True if settings.force_color else False if settings.force_gray else None
        self.mean: np.ndarray | None = None  # (C, H, W)
        self.mean_values = np.array(settings.mean_value, context.dtype).reshape(-1, 1, 1)  # (C or 1 or 0, 1, 1)
        self._context, self._layer = context, layer
        self._drawn: tuple[tuple[int, int], np.ndarray] = ((-1, -1), np.empty((0, 4), np.uint32))
        self.resizing = Resizing(settings.resize_param) if settings.HasField("resize_param") else None
        self.noise = settings.noise_param if settings.HasField("noise_param") else None
        if self.noise is not None:
            check_noise(self.noise)
        if settings.force_color and settings.force_gray:
            raise DefinitionError("force_color and force_gray exclude each other.", "transform_param.force_gray")
        if settings.HasField("mean_file"):
            if settings.mean_value:
                raise DefinitionError("give mean_file or mean_value, not both.", "transform_param.mean_value")
            path = context.find(settings.mean_file, "transform_param.mean_file", "mean file")
            try:
                mean = files.read_blob(path, shape_only=context.dry)
            except (OSError, ValueError) as error:
                raise DefinitionError(str(error), "transform_param.mean_file") from error
            if mean.ndim < 3 or mean.size != np.prod(mean.shape[-3:]):
                raise DefinitionError(
                    f"the mean file must hold one image; its shape is {mean.shape}.", "transform_param.mean_file"
                )
            mean = mean.reshape(mean.shape[-3:])
            self.mean = mean if context.dry else mean.astype(context.dtype)  # (C, H, W)

    def shape(self, shape: Shape) -> Shape:
        """The shape of an image after the transformation.

        Raises DefinitionError when an image of that shape cannot be cropped or has no mean.
        """
        channels, height, width = shape = self.prepared_shape(shape)
        if self.cut[0] > height or self.cut[1] > width:
            field, cut = ("crop_size", f"{self.crop}") if self.crop else ("crop_h", f"{self.cut[0]} x {self.cut[1]}")
            raise DefinitionError(
                f"{field} {cut} is larger than the image, which is {height} x {width}.", f"transform_param.{field}"
            )
        if self.mean is not None and self.mean.shape != shape:
            raise DefinitionError(
                f"the mean image has the shape {self.mean.shape}, the images {shape}.", "transform_param.mean_file"
            )
        if len(self.mean_values) not in (0, 1, channels):
            raise DefinitionError(
                f"mean_value is given {len(self.mean_values)} times; the images have {channels} channels.",
                "transform_param.mean_value",
            )
        return (channels, self.cut[0] or height, self.cut[1] or width)

    def prepared_shape(self, shape: Shape) -> Shape:
        """The shape of an image after what comes before the crop."""
        return shape if self.resizing is None else (shape[0], *self.resizing.size(*shape[1:]))

    def prepare(self, image: np.ndarray, draws: Draws) -> np.ndarray:
        """An image (C, H, W) resized and disturbed, as comes before the crop.

        Raises DefinitionError for an image of other than bytes.
        """
        if self.resizing is None and self.noise is None:
            return image
        if image.dtype != np.uint8:
            field = "resize_param" if self.resizing else "noise_param"
            raise DefinitionError("only images of bytes can be resized or disturbed.", f"transform_param.{field}")
        if self.resizing is not None:
            image = self.resizing.apply(image, draws)
        return image if self.noise is None else disturb(image, self.noise, draws)

    def draws(self, position: int) -> Draws:
        """The random numbers of the row at a position, but for those of crop and mirror."""
        return Draws(rng.key(self._context.seed, self._layer, "prepare"), position)

    def apply_to_rows(
        self, rows: Sequence[bytes | memoryview] | Walk, positions: range, out: np.ndarray, labels: np.ndarray
    ) -> bool:
        """Do to the images of serialised Datums what `apply` does, and take their labels, all in one pass.

        The rows are given, or a way to walk to those at the positions. False, and nothing is certain of `out`
        (N, C, h, w) and `labels` (N,), where that cannot be done: a Datum is unsound, of floats or encoded, its image
        does not lead to the shape of `out`, a row cannot be read, or what is compiled for this cannot be had.
        `from_datum` and `apply` then do it, or tell what is wrong.
        """
        channels = out.shape[1]
        float32 = out.dtype == labels.dtype == self.mean_values.dtype == np.float32
        plain = self.resizing is None and self.noise is None and self.cut == (self.crop, self.crop)
        if not plain or not float32 or len(self.mean_values) not in (0, 1, channels):
            return False
        fast = _compiled()
        if fast is None:
            return False
        mean = self.mean
        if mean is None:
            mean = np.zeros((channels, 1, 1), np.float32)
            if len(self.mean_values):
                mean[:] = self.mean_values
        elif len(mean) != channels:
            return False
        words = self._draw(positions) if self.is_random else np.zeros((len(labels), 4), np.uint32)
        anywhere = bool(self.training and self.crop)
        settings = (self.crop, anywhere, self.mirror, mean, self.mean is not None, self.scale)
        given: Any = rows
        if isinstance(given, fast.Walk):
            return given.fill(positions, words, *settings, labels, out)
        return fast.fill(given, words, *settings, labels, out)

    @property
    def is_random(self) -> bool:
        """Whether chance has a part in it."""
        return bool(self.mirror or (self.training and any(self.cut)))

    def apply(self, images: Sequence[np.ndarray], positions: Sequence[int], out: np.ndarray) -> None:
        """Transform images (C, H, W), each at its position in the stream of rows, into `out` (N, C, h, w).

        Raises DefinitionError when an image's shape does not lead to that of `out`.
        """
        shapes = {image.shape for image in images}
        for shape in shapes:
            result = self.shape(shape)
            if result != out.shape[1:]:
                raise DefinitionError(
                    f"an image of shape {shape} cannot join a batch of shape {out.shape}; without crop_size, "
                    "images of different sizes need batch_size 1.",
                    "batch_size",
                )
        images = [self.prepare(image, self.draws(row)) for image, row in zip(images, positions, strict=True)]
        if len({image.shape for image in images}) == 1 and not self.is_random:
            shape = images[0].shape
            batch = np.concatenate(images).reshape(len(images), *shape)  # (N, C, H, W)
            self._centre(batch, self._middle(shape), out)
            return
        words = self._draw(positions) if self.is_random else np.zeros((len(images), 4), np.uint32)
        for image, drawn, target in zip(images, words, out, strict=True):
            corner, turned = self._place(image.shape, drawn)
            self._centre(image, corner, target[:, :, ::-1] if turned else target)

    def finish(self, image: np.ndarray, position: int, out: np.ndarray) -> tuple[tuple[int, int], bool]:
        """Crop, turn, centre and scale a prepared image into `out` (C, h, w); where the crop lies, and if it turned."""
        corner, turned = self._place(image.shape, self._draw([position])[0])
        self._centre(image, corner, out[:, :, ::-1] if turned else out)
        return corner, turned

    def _place(self, shape: Shape, drawn: np.ndarray) -> tuple[tuple[int, int], bool]:
        """The upper left corner of the crop of an image, and whether the image is turned."""
        turn, down, right, _ = (int(word) for word in drawn)
        corner = self._middle(shape)
        if self.training and any(self.cut):
            corner = (down % (shape[1] - self.cut[0] + 1), right % (shape[2] - self.cut[1] + 1))
        return corner, bool(self.mirror and turn % 2)

    def _centre(self, x: np.ndarray, corner: tuple[int, int], out: np.ndarray) -> None:
        """Crop images (..., C, H, W) at a corner, subtract the mean there, scale."""
        rows = slice(corner[0], corner[0] + out.shape[-2])
        columns = slice(corner[1], corner[1] + out.shape[-1])
        x = x[..., rows, columns]
        if self.mean is not None:
            np.subtract(x, self.mean[:, rows, columns], out=out, dtype=out.dtype)
        elif len(self.mean_values):
            np.subtract(x, self.mean_values, out=out, dtype=out.dtype)
        else:
            np.multiply(x, self.scale, out=out, dtype=out.dtype)
            return
        if self.scale != 1:
            out *= self.scale

    def _middle(self, shape: Shape) -> tuple[int, int]:
        if not any(self.cut):
            return (0, 0)
        return ((shape[1] - self.cut[0]) // 2, (shape[2] - self.cut[1]) // 2)

    def _draw(self, positions: Sequence[int]) -> np.ndarray:
        """Four random words for each row at these positions: (rows, 4)."""
        stream = positions[0] // _ROWS_AT_ONCE
        if isinstance(positions, range) and positions[-1] // _ROWS_AT_ONCE == stream:
            start, stop = (row - stream * _ROWS_AT_ONCE for row in (positions.start, positions.stop))
            return np.ascontiguousarray(self._words(stream)[start : stop : positions.step])
        streams, rows = np.divmod(np.asarray(positions), _ROWS_AT_ONCE)
        words = np.empty((len(rows), 4), np.uint32)
        for stream in np.unique(streams):
            these = streams == stream
            words[these] = self._words(int(stream))[rows[these]]
        return words

    def _words(self, stream: int) -> np.ndarray:
        """The random words of all rows that are drawn together: (rows, 4)."""
        seed = self._context.seed
        if self._drawn[0] != (seed, stream):
            words = rng.bits(4 * _ROWS_AT_ONCE, rng.key(seed, self._layer, "transform"), stream)
            self._drawn = ((seed, stream), words.reshape(-1, 4))
        return self._drawn[1]


def _cut_of(settings: Any) -> tuple[int, int]:
    """Height and width of the crop. Raises DefinitionError where they are given in two ways, or one alone."""
    sides = (settings.crop_h, settings.crop_w)
    if settings.crop_size and any(sides):
        raise DefinitionError("give crop_size, or crop_h and crop_w, not both.", "transform_param.crop_h")
    if any(sides) and not all(sides):
        field = "crop_w" if sides[0] else "crop_h"
        raise DefinitionError("give crop_h and crop_w both, or neither.", f"transform_param.{field}")
    return sides if any(sides) else (settings.crop_size, settings.crop_size)


def walk(source: Rows) -> Walk | None:
    """A way to the rows of a database for `apply_to_rows`, which ends with it; None where there is none."""
    fast = _compiled() if isinstance(source, LMDB) else None
    try:
        return fast.Walk(source) if fast else None
    except ValueError:
        return None


@cache
def _compiled() -> Any:
    """`fast`, compiled; None where that is not possible, of which a warning is given."""
    try:
        with numpys_own_names(), telling():
            from . import fast
    except Exception as error:  # numba is not there, does not know this Python or NumPy, or cannot compile here
        reason = f"{type(error).__name__}: {error}"
        warnings.warn(f"rows are transformed by plain NumPy, which is slower ({reason})", RuntimeWarning, stacklevel=2)
        return None
    return fast
