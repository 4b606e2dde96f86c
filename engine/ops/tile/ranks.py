"""The driver of accuracies: how the score of the right class ranks among those of all classes."""

from __future__ import annotations

import numpy as np

from .chances import class_of
from .drive import driver
from .vectors import array, record_view, write_float, write_int

RANKS = np.dtype(
    [(name, np.int64) for name in (
        "scores", "labels", "outer", "classes", "inner", "outer_step", "class_step", "has_ignored", "ignored", "top_k",
        "share", "shares", "sums", "found",
    )]
)  # fmt: skip
ranks_view = record_view(RANKS)


@driver
def ranks(address, begin, end):
    """One item: `share` of all labels with fewer than `top_k` rivals, and where given `shares`, those of each class.

    `found` becomes 1, and nothing else changes, where a label that counts is no class; else 0. Labels lie (outer,
    inner); `sums` is room for two numbers for each class.
    """
    d = ranks_view(address)
    last = (d.classes - 1) * d.class_step
    hits, counts = array(d.sums, d.classes), array(d.sums + 4 * d.classes, d.classes)
    if d.shares:
        for c in range(d.classes):
            hits[c] = 0
            counts[c] = 0
    right, count, wrong = 0, 0, 0
    for n in range(d.outer):
        labels = array(d.labels + 4 * n * d.inner, d.inner)
        scores = array(d.scores + 4 * n * d.outer_step, last + d.inner)
        for i in range(d.inner):
            label = class_of(labels[i])
            if d.has_ignored and label == d.ignored:
                continue
            if label < 0 or label >= d.classes:
                wrong = 1
                continue
            score = scores[label * d.class_step + i]
            rivals = -1
            for c in range(d.classes):
                rivals += scores[c * d.class_step + i] >= score
            hit = rivals < d.top_k
            right += hit
            count += 1
            if d.shares:
                hits[label] += np.float32(hit)
                counts[label] += np.float32(1)
    write_int(d.found, wrong)
    if wrong:
        return
    write_float(d.share, np.float32(right) / np.float32(max(count, 1)))
    if d.shares:
        shares = array(d.shares, d.classes)
        for c in range(d.classes):
            shares[c] = hits[c] / max(counts[c], np.float32(1))
