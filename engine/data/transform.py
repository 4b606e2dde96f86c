"""What transform_param does to the images of a batch: crop, mirror, subtract the mean, scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import files, rng
from ..context import Context
from ..errors import DefinitionError

Shape = tuple[int, int, int]  # channels, height, width

_ROWS_AT_ONCE = 1024  # rows whose random numbers are drawn together


class Transformer:
    """Caffe's DataTransformer, a batch at a time.

    $$ y = (x - \\mathtt{mean}) \\cdot \\mathtt{scale} $$

    over a crop of x, and over the same crop of the mean image; mirrored last. In TRAIN the crop lies anywhere, in
    TEST in the middle; `mirror` turns about half of the images, in both phases. What falls to an image depends on
    the seed, the layer's name and the image's position in the stream of rows alone. Settings are a
    TransformationParameter.

    Raises DefinitionError, on fields of ``transform_param``, for settings that contradict each other and a mean
    file that cannot be read.
    """

    def __init__(self, settings: Any, context: Context, training: bool, layer: str):
        self.crop: int = settings.crop_size
        self.mirror: bool = settings.mirror
        self.training = training
        self.scale = np.dtype(context.dtype).type(settings.scale)
        self.color: bool | None = True if settings.force_color else False if settings.force_gray else None
        self.mean: np.ndarray | None = None  # (C, H, W)
        self.mean_values = np.array(settings.mean_value, context.dtype).reshape(-1, 1, 1)  # (C or 1 or 0, 1, 1)
        self._context, self._layer = context, layer
        self._drawn: tuple[tuple[int, int], np.ndarray] = ((-1, -1), np.empty((0, 4), np.uint32))
        if settings.force_color and settings.force_gray:
            raise DefinitionError("force_color and force_gray exclude each other.", "transform_param.force_gray")
        if settings.HasField("mean_file"):
            if settings.mean_value:
                raise DefinitionError("give mean_file or mean_value, not both.", "transform_param.mean_value")
            path = context.find(settings.mean_file, "transform_param.mean_file", "mean file")
            try:
                mean = files.read_blob(path)
            except (OSError, ValueError) as error:
                raise DefinitionError(str(error), "transform_param.mean_file") from error
            if mean.ndim < 3 or mean.size != np.prod(mean.shape[-3:]):
                raise DefinitionError(
                    f"the mean file must hold one image; its shape is {mean.shape}.", "transform_param.mean_file"
                )
            self.mean = mean.reshape(mean.shape[-3:]).astype(context.dtype)  # (C, H, W)

    def shape(self, shape: Shape) -> Shape:
        """The shape of an image after the transformation.

        Raises DefinitionError when an image of that shape cannot be cropped or has no mean.
        """
        channels, height, width = shape
        if self.crop > min(height, width):
            raise DefinitionError(
                f"crop_size {self.crop} is larger than the image, which is {height} x {width}.",
                "transform_param.crop_size",
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
        return (channels, self.crop or height, self.crop or width)

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
        random = self.mirror or (self.training and self.crop)
        if len(shapes) == 1 and not random:
            shape = images[0].shape
            batch = np.concatenate(images).reshape(len(images), *shape)  # (N, C, H, W)
            self._centre(batch, self._middle(shape), out)
            return
        for image, position, target in zip(images, positions, out, strict=True):
            top, left = self._middle(image.shape)
            if random:
                turn, down, right, _ = (int(word) for word in self._draw(position))
                if self.training and self.crop:
                    top = down % (image.shape[1] - self.crop + 1)
                    left = right % (image.shape[2] - self.crop + 1)
                if self.mirror and turn % 2:
                    target = target[:, :, ::-1]
            self._centre(image, (top, left), target)

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
        if not self.crop:
            return (0, 0)
        return ((shape[1] - self.crop) // 2, (shape[2] - self.crop) // 2)

    def _draw(self, position: int) -> np.ndarray:
        """Four random words for the row at a position."""
        stream, row = divmod(position, _ROWS_AT_ONCE)
        seed = self._context.seed
        if self._drawn[0] != (seed, stream):
            words = rng.bits(4 * _ROWS_AT_ONCE, rng.key(seed, self._layer, "transform"), stream)
            self._drawn = ((seed, stream), words.reshape(-1, 4))
        return self._drawn[1][row]
