"""Average precision. How well a detector ranks its detections, as one number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

VERSIONS = ("Integral", "MaxIntegral", "11point")
COLUMNS = 5  # of a row as DetectionEvaluate makes them
_LEAST = 1e-6  # a step in recall that is no larger is none

f32 = np.float32


def average_precision(scores: np.ndarray, hits: np.ndarray, positives: int, version: str = "Integral") -> float:
    """The area under the precision of a class's detections as a function of their recall, between 0 and 1.

    `scores` (K,) are the confidences of its detections, `hits` (K,) whether each is a true positive, `positives` how
    many true boxes there are. `version` says which precision belongs to a recall: "Integral" that of the detections
    up to there; "MaxIntegral" the best of any recall from the detection before on (about as PASCAL VOC from 2010 on);
    "11point" the mean of the best at recalls of 0, 0.1, ..., 1 and more (VOC 2007). 0 where there is nothing to find,
    or nothing was found.

    Raises ValueError for another version. Source: ComputeAP of SSD (weiliu89/caffe), in float32 as there; Everingham
    et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010.
    """
    if version not in VERSIONS:
        raise ValueError(f"ap_version must be one of {', '.join(VERSIONS)}; got {version!r}")
    if not len(scores) or not positives:
        return 0.0
    right = np.cumsum(np.asarray(hits, bool)[np.argsort(-np.asarray(scores), kind="stable")])
    precision = (right.astype(f32) / np.arange(1, len(right) + 1)).astype(f32)
    recall = (right.astype(f32) / f32(positives)).astype(f32)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # of this recall or a higher one
    if version == "11point":
        reached = [np.flatnonzero(recall.astype(np.float64) >= point / 10) for point in range(10, -1, -1)]
        parts = [best[at[0]] / f32(11) for at in reached if len(at)]
    else:
        steps = np.diff(recall, prepend=f32(0))
        chosen = precision if version == "Integral" else np.concatenate([best[:1], best[:-1]])
        parts = [value * step for value, step in zip(chosen, steps, strict=True) if step > _LEAST]
        if version == "MaxIntegral":
            parts.reverse()
    total = f32(0)
    for part in parts:
        total += f32(part)
    return float(total)


class Detections:
    """The rows of one output of a test net, as DetectionEvaluate makes them, gathered over its batches."""

    def __init__(self) -> None:
        self._positives: dict[int, int] = {}
        self._found: dict[int, list[tuple[float, bool]]] = defaultdict(list)

    def add(self, rows: Iterable[np.ndarray]) -> None:
        """Take in the rows (K, 5) of a batch. A detection that is neither a true nor a false positive is left out."""
        for item, label, score, right, wrong in rows:
            if item == -1:
                self._positives[int(label)] = self._positives.get(int(label), 0) + int(score)
            elif right or wrong:
                self._found[int(label)].append((float(score), bool(right)))

    def by_class(self, version: str) -> dict[int, float]:
        """The average precision of each class of which there was a detection. Raises ValueError as the function."""
        found = {}
        for label, positives in sorted(self._positives.items()):
            if label in self._found:
                scores, hits = zip(*self._found[label], strict=True)
                found[label] = average_precision(np.array(scores, f32), np.array(hits), positives, version)
        return found

    def mean(self, version: str) -> float:
        """The mean over all classes, 0 being that of a class without a detection; 0 where there is no class."""
        total = f32(0)
        for value in self.by_class(version).values():
            total += f32(value)
        return float(total / f32(len(self._positives))) if self._positives else 0.0
