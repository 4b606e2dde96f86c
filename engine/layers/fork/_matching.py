"""Which box stands for which thing, and which boxes count: what SSD does before it computes its loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....proto.messages import MultiBoxLossParameter
from ._boxes import area, overlap

NOTHING, LEFT_OUT = -1, -2  # in place of a thing's number
LEAST = 1e-6  # an overlap that is no more than this is none
SMALLEST = 1e-5  # the area below which a box is passed over by `apart`


def match(
    boxes: np.ndarray, things: np.ndarray, threshold: float | None = None, inside: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """For each of P boxes the number of the thing (of G) that it stands for, or NOTHING; and its largest overlap.

    First each thing gets a box, the pair that overlaps most first; then every other box goes to the thing that it
    overlaps most, from `threshold` on (None: to none). `inside` leaves out boxes that reach beyond the image.
    """
    found = np.full(len(boxes), NOTHING)
    if not len(things):
        return found, np.zeros(len(boxes), boxes.dtype)
    overlaps = overlap(boxes[:, None], things)  # (P, G)
    overlaps[overlaps <= LEAST] = 0
    if inside:
        beyond = ((boxes < 0) | (boxes > 1)).any(axis=1)
        found[beyond], overlaps[beyond] = LEFT_OUT, 0
    best = overlaps.max(axis=1)
    free = overlaps.copy()
    for _ in things:
        box, thing = np.unravel_index(free.argmax(), free.shape)
        if not free[box, thing] > 0:
            break
        found[box] = thing
        free[box], free[:, thing] = 0, 0
    if threshold is not None:
        rest = (found == NOTHING) & (best > 0) & (best >= best.dtype.type(threshold))
        found[rest] = overlaps[rest].argmax(axis=1)
    return found, best


def mine(settings: Any, found: np.ndarray, best: np.ndarray, loss: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The numbers of the boxes without a thing that count, by what `match` gave; `found` loses those that do not.

    MAX_NEGATIVE takes those of largest loss (P,) that overlap nothing much; HARD_EXAMPLE those among the boxes of
    largest loss, with a thing or without. `boxes` are compared where `nms_param` is given.
    """
    if settings.mining_type == MultiBoxLossParameter.MAX_NEGATIVE:
        eligible = (found == NOTHING) & (best < best.dtype.type(settings.neg_overlap))
        count = int(np.float32((found > NOTHING).sum()) * np.float32(settings.neg_pos_ratio))
    else:
        eligible, count = np.ones(len(found), bool), settings.sample_size
    if settings.HasField("nms_param") and settings.nms_param.nms_threshold > 0:
        chosen = apart(boxes, loss, eligible, settings.nms_param)[:count]
    else:
        chosen = hardest(loss, eligible)[:count]
    taken = np.zeros(len(found), bool)
    taken[chosen] = True
    others = np.flatnonzero(taken & (found == NOTHING))
    if settings.mining_type == MultiBoxLossParameter.HARD_EXAMPLE:
        found[~taken & (found > NOTHING)] = NOTHING
    return others


def hardest(loss: np.ndarray, eligible: np.ndarray) -> np.ndarray:
    """The numbers of the eligible boxes, the largest loss first."""
    numbers = np.flatnonzero(eligible)
    return numbers[np.argsort(-loss[numbers], kind="stable")]


def apart(boxes: np.ndarray, loss: np.ndarray, eligible: np.ndarray, nms: Any) -> np.ndarray:
    """The numbers of the eligible boxes that overlap none of a larger loss too far, the largest loss first.

    An unset `top_k` is 0 here, as in SSD's own code: then none is kept.
    """
    rest = hardest(loss, eligible)
    if nms.top_k > -1:
        rest = rest[: nms.top_k]
    rest = rest[area(boxes[rest]) >= SMALLEST]
    kept: list[int] = []
    while len(rest):
        kept.append(int(rest[0]))
        rest = rest[1:][overlap(boxes[rest[0]], boxes[rest[1:]]) <= nms.nms_threshold]
    return np.array(kept, int)
