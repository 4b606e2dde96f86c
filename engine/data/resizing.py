"""What `resize_param` of transform_param does to images, and to the boxes in them. Source: SSD's im_transforms."""

from __future__ import annotations

from math import floor
from typing import Any

import numpy as np

from ...proto.messages import ResizeParameter
from ..errors import DefinitionError
from .draws import Draws
from .interpolation import resize_by

_PADS = {
    ResizeParameter.CONSTANT: "constant",
    ResizeParameter.MIRRORED: "reflect",
    ResizeParameter.REPEAT_NEAREST: "edge",
}
f32 = np.float32


class Resizing:
    """Brings images to one size, or to one that fits it, as a ResizeParameter says.

    Raises DefinitionError, on fields of ``transform_param.resize_param``, for a size of nothing.
    """

    def __init__(self, settings: Any):
        self.settings, self.mode = settings, settings.resize_mode
        for side in ("height", "width"):
            if not getattr(settings, side):
                raise DefinitionError(f"{side} must be at least 1; got 0.", f"transform_param.resize_param.{side}")
        self.height, self.width = settings.height, settings.width
        self.modes = [ResizeParameter.Interp_mode.Name(mode) for mode in settings.interp_mode] or ["LINEAR"]

    def fitted(self, height: int, width: int) -> tuple[int, int]:
        """The size (height, width) that an image is resized to, before a rim is added."""
        aspect, wanted = f32(width) / f32(height), f32(self.width) / f32(self.height)
        if self.mode == ResizeParameter.WARP:
            return self.height, self.width
        wide = aspect > wanted if self.mode == ResizeParameter.FIT_LARGE_SIZE_AND_PAD else aspect < wanted
        if wide:
            return max(floor(f32(self.width) / aspect), 1), self.width
        return self.height, max(floor(aspect * f32(self.height)), 1)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """The size (height, width) of an image that had another one."""
        if self.mode == ResizeParameter.FIT_SMALL_SIZE:
            return self.fitted(height, width)
        return self.height, self.width

    def apply(self, image: np.ndarray, draws: Draws) -> np.ndarray:
        """An image (C, H, W) of bytes, resized. Raises DefinitionError for pad values that do not go with it."""
        mode = self.modes[draws.integer(len(self.modes)) if len(self.modes) > 1 else 0]
        height, width = self.fitted(*image.shape[1:])
        image = resize_by(mode, image, height, width)
        if (height, width) == (self.height, self.width) or self.mode == ResizeParameter.FIT_SMALL_SIZE:
            return image
        above, left = (self.height - height) // 2, (self.width - width) // 2
        rim = ((0, 0), (above, self.height - height - above), (left, self.width - width - left))
        values = list(self.settings.pad_value) or [0]
        if len(values) not in (1, len(image)):
            raise DefinitionError(
                f"pad_value is given {len(values)} times; the images have {len(image)} channels.",
                "transform_param.resize_param.pad_value",
            )
        if self.settings.pad_mode != ResizeParameter.CONSTANT:
            return np.pad(image, rim, _PADS[self.settings.pad_mode])  # pyright: ignore
        out = np.empty((len(image), self.height, self.width), np.uint8)
        out[...] = np.rint(np.array(values)).clip(0, 255).reshape(-1, 1, 1)
        out[:, above : above + height, left : left + width] = image
        return out

    def move(self, boxes: np.ndarray, height: int, width: int) -> np.ndarray:
        """Where boxes (G, 4) of an image lie in the resized one, as parts of it; float32 as in SSD.

        SSD takes a wrong rim for images that are narrower than what is asked for; here it is the right one.
        """
        new, old = np.array([self.width, self.height], f32), np.array([width, height], f32)
        aspect, wanted = old[0] / old[1], new[0] / new[1]
        rim = np.zeros(2, f32)
        if self.mode == ResizeParameter.FIT_LARGE_SIZE_AND_PAD:
            if aspect > wanted:
                rim[1] = (new[1] - new[0] / aspect) / 2
            else:
                rim[0] = (new[0] - new[1] * aspect) / 2
        elif self.mode == ResizeParameter.FIT_SMALL_SIZE:
            new = np.array([new[0], new[0] / aspect] if aspect < wanted else [new[1] * aspect, new[1]], f32)
        edges = boxes.reshape(-1, 2, 2) * old * (new - 2 * rim) / old
        edges = np.stack([np.maximum(edges[:, 0], 0), np.minimum(edges[:, 1], new)], axis=1) + rim
        return (edges / new).reshape(-1, 4).astype(f32)

    def extrapolate(self, boxes: np.ndarray, height: int, width: int, crop: np.ndarray) -> np.ndarray:
        """Boxes (G, 4) of a crop as parts of `height_scale` and `width_scale`, for FIT_SMALL_SIZE."""
        scale = np.array([self.settings.width_scale, self.settings.height_scale], f32)
        if self.mode != ResizeParameter.FIT_SMALL_SIZE or not scale.all():
            return boxes
        aspect, wanted = f32(width) / f32(height), f32(self.width) / f32(self.height)
        size = [self.width, f32(self.width) / aspect] if aspect < wanted else [f32(self.height) * aspect, self.height]
        factor = np.array(size, f32) * (crop[2:] - crop[:2]) / scale
        return boxes * np.concatenate([factor, factor])
