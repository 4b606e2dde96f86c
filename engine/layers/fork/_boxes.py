"""Boxes as the layers of SSD have them: left, upper, right and lower edge, as parts of the image."""

from __future__ import annotations

from typing import Any

import numpy as np

CORNER, CENTER_SIZE, CORNER_SIZE = range(1, 4)  # PriorBoxParameter.CodeType


def prior_boxes(blob: Any) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and variances (P, 4), of values (1, 2, 4 P) as PriorBox makes them."""
    boxes, variances = blob[0].reshape(2, -1, 4)
    return boxes, variances


def decode(code: int, predicted: np.ndarray, prior: np.ndarray, variance: np.ndarray | None) -> np.ndarray:
    """Boxes (..., 4) from predictions and prior boxes of shapes that go together; no variance: it is in the target."""
    if variance is not None:
        predicted = variance * predicted
    if code == CORNER:
        return prior + predicted
    size = prior[..., 2:] - prior[..., :2]
    if code == CORNER_SIZE:
        return prior + predicted * np.concatenate([size, size], axis=-1)
    centre = (prior[..., :2] + prior[..., 2:]) / 2 + predicted[..., :2] * size
    half = np.exp(predicted[..., 2:]) * size / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def encode(code: int, boxes: np.ndarray, prior: np.ndarray, variance: np.ndarray | None) -> np.ndarray:
    """What `decode` makes the boxes (..., 4) of."""
    size = prior[..., 2:] - prior[..., :2]
    if code == CENTER_SIZE:
        moved = (boxes[..., :2] + boxes[..., 2:]) / 2 - (prior[..., :2] + prior[..., 2:]) / 2
        grown = np.log((boxes[..., 2:] - boxes[..., :2]) / size)
        target = np.concatenate([moved / size, grown], axis=-1)
    elif code == CORNER_SIZE:
        target = (boxes - prior) / np.concatenate([size, size], axis=-1)
    else:
        target = boxes - prior
    return target if variance is None else target / variance


def area(boxes: np.ndarray) -> np.ndarray:
    """Width times height; 0 for a box turned inside out."""
    width, height = np.moveaxis(boxes[..., 2:] - boxes[..., :2], -1, 0)
    return np.where((width < 0) | (height < 0), 0, width * height)


def common_area(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The area that boxes have in common, of shapes that go together."""
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    width, height = np.moveaxis(sides, -1, 0)
    return np.where((width > 0) & (height > 0), width * height, 0)


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes of shapes that go together; 0 for a box turned inside out."""
    common = common_area(one, other)
    union = area(one) + area(other) - common
    return np.where(common > 0, common / np.where(common > 0, union, 1), 0)


def overlap_in_pixels(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes in pixels, whose sides reach from the first pixel to the last.

    Fork quirk: boxes that lie apart have one pixel in common.
    """
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    width, height = np.moveaxis(np.where((sides < 0).any(axis=-1, keepdims=True), 0, sides) + 1, -1, 0)
    sizes = [np.prod(boxes[..., 2:] - boxes[..., :2] + 1, axis=-1) for boxes in (one, other)]
    common = width * height
    return common / (sizes[0] + sizes[1] - common)


def coverage(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The share of the first box that the second covers."""
    common = common_area(one, other)
    return np.where(common > 0, common / np.where(common > 0, area(one), 1), 0)
