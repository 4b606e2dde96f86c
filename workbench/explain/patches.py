"""The parts of a data set that a unit answers to most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from .fields import field_of
from .running import Progress, Stopped, asked, whole_number
from .targets import ancestors, input_of, net_of, top_of
from .twin import Twin, twin_of

Array = np.ndarray


class TopPatches(NamedTuple):
    """The strongest answers of a unit, the strongest first; k is the number found.

    `values` (k,) are the unit's; `images` (k,) the numbers of the images; `positions` (k, 2) row and column in the
    layer's map; `patches` the parts (C, h, w) of the images that the unit sees there; `boxes` (k, 4) where those lie:
    y0, y1, x0, x1, ends exclusive.
    """

    values: Array
    images: Array
    positions: Array
    patches: list[Array]
    boxes: Array


def top_patches(
    net: Any,
    layer: str,
    unit: Any,
    images: Iterable[Any],
    k: int = 9,
    *,
    input: str | None = None,
    progress: Progress | None = None,
    stop: Any = None,
) -> TopPatches:
    """The `k` images of a data set that a unit of a layer answers to most, and the patch of each that it sees.

    `images` (n, C, H, W), or any iterable of (C, H, W), are in the values of the input blob. An image counts once, with
    the largest value that the unit has anywhere in it, as in `net.blobs` after a pass: with a ReLU that runs in place.
    Of equal values the first image, and the first position, comes first. A patch is the receptive field of its
    position, cut at the image's edge; a layer without rows and columns sees all of it.

    Raises ValueError as `gradient` does, for an image of another shape and for `k` below 1; Stopped.
    Reference: Zeiler and Fergus, ECCV 2014; Girshick, Donahue, Darrell and Malik, CVPR 2014, section 3.1.
    """
    net, k, wants_stop = net_of(net), whole_number(k, "k"), asked(stop)
    place = top_of(net, layer)
    total = len(images) if hasattr(images, "__len__") else 0  # type: ignore[arg-type]
    best: list[tuple[float, int, tuple[int, int], Array]] = []
    with twin_of(net, place, input) as twin:
        index = twin.index(unit)
        for number, image in enumerate(images):
            if wants_stop():
                raise Stopped(f"stopped after {number} images")
            image = np.asarray(image, twin.image.dtype)
            if image.shape != twin.image.shape:
                raise ValueError(f"image {number} is {image.shape}; the input takes {twin.image.shape}")
            value, position = _strongest(twin, index, image)
            if len(best) < k or value > best[-1][0]:
                best.append((value, number, position, image.copy()))
                best.sort(key=lambda one: -one[0])
                del best[k:]
            if progress is not None:
                progress(number + 1, max(total, number + 1))
    layers = ancestors(net, place[0])
    source, blob_id = input_of(net, layers, input), net.nodes[place[0]].top_ids[place[1]]
    boxes = [field_of(net, layers, source, blob_id, position) for _, _, position, _ in best]
    return TopPatches(
        np.array([value for value, *_ in best], np.float64),
        np.array([number for _, number, *_ in best], np.int64),
        np.array([position for _, _, position, _ in best], np.int64).reshape(-1, 2),
        [image[..., y0:y1, x0:x1] for (*_, image), (y0, y1, x0, x1) in zip(best, boxes, strict=True)],
        np.array(boxes, np.int64).reshape(-1, 4),
    )


def _strongest(twin: Twin, index: tuple[Any, ...], image: Array) -> tuple[float, tuple[int, int]]:
    """The largest value of a unit for an image, and where; NaN counts as the least."""
    twin.forward(image)
    answer = np.asarray(twin.output.look()[0][index])
    answer = np.where(np.isnan(answer), -np.inf, answer)
    if answer.ndim == 2:
        row, column = divmod(int(answer.argmax()), answer.shape[1])
        return float(answer[row, column]), (row, column)
    if len(index) == 3:  # one position
        return float(answer), (index[1], index[2])
    return float(answer.max()), (0, 0)
