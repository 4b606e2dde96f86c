"""Annotated images: what is done to them by chance before the crop, and where the boxes in them go.

Source: the samplers, image transformations and DataTransformer of SSD (weiliu89/caffe, branch ssd).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....proto.messages import EmitConstraint
from ...data.distortion import distort, expand
from ...data.draws import Draws
from ...data.transform import Shape, Transformer
from ...errors import DefinitionError
from ._boxes import area, coverage, overlap

_TRIALS_AT_ONCE = 64
f32 = np.float32
WHOLE = np.array([0, 0, 1, 1], f32)  # the edges of an image as parts of it


@dataclass(frozen=True)
class Annotated:
    """An image (C, H, W) and what is seen in it: boxes (G, 4), and class, number and difficulty of each (G, 3)."""

    image: np.ndarray
    boxes: np.ndarray
    marks: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, groups: Any) -> Annotated:
        """From the groups of an AnnotatedDatum, in their order."""
        seen = [(group.group_label, one) for group in groups for one in group.annotation]
        boxes = [(one.bbox.xmin, one.bbox.ymin, one.bbox.xmax, one.bbox.ymax) for _, one in seen]
        marks = [(label, one.instance_id, one.bbox.difficult) for label, one in seen]
        return cls(image, np.array(boxes, f32).reshape(-1, 4), np.array(marks, f32).reshape(-1, 3))

    def within(self, part: np.ndarray, constraint: Any = None) -> Annotated:
        """What is seen in a part of the image, given by its edges (4,): boxes as parts of it, cut off at its edges.

        An EmitConstraint says which boxes still count; without one all that reach into the part.
        """
        keeps = (self.boxes[:, :2] < part[2:]).all(axis=1) & (self.boxes[:, 2:] > part[:2]).all(axis=1)
        if constraint is not None:
            keeps &= _emitted(self.boxes, part, constraint)
        moved = (self.boxes.reshape(-1, 2, 2) - part[:2]) / (part[2:] - part[:2])
        moved = moved.reshape(-1, 4).clip(0, 1).astype(f32)
        keeps &= area(moved) > 0
        return replace(self, boxes=moved[keeps], marks=self.marks[keeps])

    def cut(self, part: np.ndarray, constraint: Any = None) -> Annotated:
        """A part of the image, given by its edges (4,), with what is seen in it."""
        part = part.clip(0, 1).astype(f32)
        edges = part.reshape(2, 2) * np.array(self.image.shape[:0:-1], f32)
        (left, top), (width, height) = (edges[0].astype(int), np.maximum((edges[1] - edges[0]).astype(int), 1))
        image = self.image[:, top : top + height, left : left + width]
        return replace(self.within(part, constraint), image=image)

    def turned(self) -> Annotated:
        """The boxes turned left to right, as the image was."""
        left, top, right, bottom = self.boxes.T
        return replace(self, boxes=np.stack([1 - right, top, 1 - left, bottom], axis=1))


class Augmenter:
    """Does to annotated images by chance what `transform_param` and `batch_sampler` say; see AnnotatedData.

    Raises DefinitionError, on a field of ``transform_param`` or ``annotated_data_param``, for ranges that hold
    nothing.
    """

    def __init__(self, settings: Any, samplers: Sequence[Any], transformer: Transformer):
        self.settings, self.samplers, self.transformer = settings, samplers, transformer
        self.constraint = settings.emit_constraint if settings.HasField("emit_constraint") else None
        self.is_random = transformer.is_random or bool(samplers)
        for field in ("distort_param", "expand_param"):
            self.is_random |= settings.HasField(field)
        _check_ranges(settings)
        for index, sampler in enumerate(samplers):
            _check_sampler(sampler.sampler, f"annotated_data_param.batch_sampler.{index}.sampler")

    def prepare(self, seen: Annotated, position: int) -> tuple[Annotated, Shape]:
        """An image as comes before the crop, and the shape that it had before it was resized."""
        settings, draws = self.settings, self.transformer.draws(position)
        for field in ("distort_param", "expand_param"):
            if settings.HasField(field) and seen.image.dtype != np.uint8:
                raise DefinitionError("only images of bytes can be changed so.", f"transform_param.{field}")
        if settings.HasField("distort_param"):
            seen = replace(seen, image=distort(seen.image, settings.distort_param, draws))
        if settings.HasField("expand_param"):
            canvas = expand(seen.image, settings.expand_param, self._colour(), draws)
            if canvas is not None:
                seen = replace(seen.within(canvas[1], self.constraint), image=canvas[0])
        part = sampled(self.samplers, seen.boxes, draws)
        if part is not None:
            seen = seen.cut(part, self.constraint)
        shape: Any = seen.image.shape
        boxes, resizing = seen.boxes, self.transformer.resizing
        if resizing is not None:
            boxes = resizing.move(boxes, *shape[1:])
        return replace(seen, image=self.transformer.prepare(seen.image, draws), boxes=boxes), shape

    def finish(self, seen: Annotated, shape: Shape, position: int, out: np.ndarray) -> Annotated:
        """Crop, turn and centre what `prepare` gave into `out` (C, h, w), and move the boxes along."""
        (top, left), turned = self.transformer.finish(seen.image, position, out)
        height, width = out.shape[1:]
        sides = np.array(seen.image.shape[:0:-1] * 2, f32)
        crop = np.array([left, top, left + width, top + height], f32) / sides
        seen = seen.within(crop, self.constraint)
        if turned:
            seen = seen.turned()
        if self.transformer.resizing is None:
            return seen
        return replace(seen, boxes=self.transformer.resizing.extrapolate(seen.boxes, *shape[1:], crop))

    def _colour(self) -> np.ndarray:
        """What a canvas is filled with: (C, 1, 1), or (1, 1, 1)."""
        if self.transformer.mean is not None:
            return self.transformer.mean.mean(axis=(1, 2), keepdims=True)
        values = self.transformer.mean_values
        return values if len(values) else np.zeros((1, 1, 1))


def sampled(samplers: Sequence[Any], boxes: np.ndarray, draws: Draws) -> np.ndarray | None:
    """The edges (4,) of a part of an image, one of those that the samplers find; None where they find none."""
    found = [part for sampler in samplers if sampler.use_original_image for part in _found(sampler, boxes, draws)]
    return found[draws.integer(len(found))] if found else None


def _found(sampler: Any, boxes: np.ndarray, draws: Draws) -> list[np.ndarray]:
    """The parts that one sampler finds in its trials."""
    found: list[np.ndarray] = []
    most = sampler.max_sample if sampler.HasField("max_sample") else sampler.max_trials
    for begin in range(0, sampler.max_trials, _TRIALS_AT_ONCE):
        parts = _drawn(sampler.sampler, draws.uniforms(min(_TRIALS_AT_ONCE, sampler.max_trials - begin), 4))
        found.extend(parts[_will_do(parts, boxes, sampler.sample_constraint)])
        if len(found) >= most:
            break
    return found[:most]


def _drawn(sampler: Any, numbers: np.ndarray) -> np.ndarray:
    """The edges (T, 4) of parts, from four numbers between 0 and 1 for each."""
    scale = sampler.min_scale + (sampler.max_scale - sampler.min_scale) * numbers[:, 0]
    ratio = sampler.min_aspect_ratio + (sampler.max_aspect_ratio - sampler.min_aspect_ratio) * numbers[:, 1]
    ratio = np.minimum(np.maximum(ratio, scale**2), scale**-2.0)
    size = np.minimum(np.stack([scale * np.sqrt(ratio), scale / np.sqrt(ratio)], axis=1), 1)
    corner = (1 - size) * numbers[:, 2:]
    return np.hstack([corner, corner + size]).astype(f32)


def _will_do(parts: np.ndarray, boxes: np.ndarray, constraint: Any) -> np.ndarray:
    """Which parts (T, 4) lie to any of the boxes (G, 4) as a SampleConstraint asks.

    As in SSD, of several kinds of constraint the first that is given decides.
    """
    each = parts[:, None]
    for name, measure in (
        ("jaccard_overlap", lambda: overlap(each, boxes)),
        ("sample_coverage", lambda: coverage(each, boxes)),
        ("object_coverage", lambda: coverage(boxes, each)),
    ):
        least, most = (constraint.HasField(f"{end}_{name}") for end in ("min", "max"))
        if least or most:
            found = measure()  # (T, G)
            good = np.ones(found.shape, bool)
            if least:
                good &= found >= f32(getattr(constraint, f"min_{name}"))
            if most:
                good &= found <= f32(getattr(constraint, f"max_{name}"))
            return np.any(good, axis=1)
    return np.ones(len(parts), bool)


def _emitted(boxes: np.ndarray, part: np.ndarray, constraint: Any) -> np.ndarray:
    """Which boxes (G, 4) still count in a part of an image, as an EmitConstraint says."""
    if constraint.emit_type == EmitConstraint.MIN_OVERLAP:
        return coverage(boxes, part) > f32(constraint.emit_overlap)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.asarray(((part[:2] <= centre) & (centre <= part[2:])).all(axis=1))


def _check_ranges(settings: Any) -> None:
    distortion, place = settings.distort_param, "transform_param.distort_param"
    for name in ("brightness_delta", "hue_delta", "contrast_lower", "saturation_lower"):
        if getattr(distortion, name) < 0:
            raise DefinitionError(f"{name} must be at least 0; got {getattr(distortion, name):g}.", f"{place}.{name}")
    for name in ("contrast", "saturation"):
        least, most = (getattr(distortion, f"{name}_{end}") for end in ("lower", "upper"))
        if least > most:
            message = f"{name}_upper must be at least {name}_lower {least:g}; got {most:g}."
            raise DefinitionError(message, f"{place}.{name}_upper")
    ratio = settings.expand_param.max_expand_ratio
    if ratio < 1:
        message = f"max_expand_ratio must be at least 1; got {ratio:g}."
        raise DefinitionError(message, "transform_param.expand_param.max_expand_ratio")


def _check_sampler(sampler: Any, place: str) -> None:
    least, most = sampler.min_scale, sampler.max_scale
    if not 0 < least <= most <= 1:
        message = f"scales must be more than 0 and at most 1, the least first; got {least:g} to {most:g}."
        raise DefinitionError(message, f"{place}.min_scale")
    least, most = sampler.min_aspect_ratio, sampler.max_aspect_ratio
    if not 0 < least <= most < np.inf:
        message = f"aspect ratios must be more than 0, the least first; got {least:g} to {most:g}."
        raise DefinitionError(message, f"{place}.min_aspect_ratio")
