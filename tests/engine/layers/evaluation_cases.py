"""Cases of DetectionEvaluate, each with a plain computation of what SSD's layer computes."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np

COMMON = runpy.run_path(str(Path(__file__).parent / "fork_cases.py"))
record, intersection_over_union = COMMON["record"], COMMON["intersection_over_union"]


def boxes(count, seed, spread=0.25):
    """Boxes that overlap often: corners around a few places."""
    chance = np.random.RandomState(seed)
    corner = chance.choice([0.1, 0.3, 0.5], (count, 2)) + spread * chance.rand(count, 2)
    return np.hstack([corner, corner + 0.2 + spread * chance.rand(count, 2)])


def detections(count, seed, images=3, classes=4):
    """Rows of DetectionOutput: item, class from 1 on, confidence, box."""
    chance = np.random.RandomState(seed)
    items = np.sort(chance.randint(0, images, count))
    labels, scores = chance.randint(1, classes, count), chance.permutation(count) / count
    return np.hstack([np.stack([items, labels, scores], axis=1), boxes(count, seed + 1)])[None, None]


def truth(count, seed, images=3, classes=4):
    """Rows of AnnotatedData: item, class, number, box, difficult."""
    chance = np.random.RandomState(seed)
    items = np.sort(chance.randint(0, images, count))
    labels, difficult = chance.randint(1, classes, count), chance.randint(0, 2, count)
    head = np.stack([items, labels, np.arange(count)], axis=1)
    return np.hstack([head, boxes(count, seed + 1), difficult[:, None]])[None, None]


def evaluated(classes, threshold=0.5, difficult=True):
    def reference(found, true):
        found, true = found[0, 0].tolist(), true[0, 0].tolist()
        rows = []
        for label in range(1, classes):
            here = [row for row in true if row[1] == label and (difficult or not row[7])]
            rows.append([-1, label, len(here), -1, -1])
        kept = [row for row in found if row[0] != -1]
        for item, label in sorted({(row[0], row[1]) for row in kept}):
            meant = [row for row in true if row[:2] == [item, label]]
            mine = [row for row in kept if row[:2] == [item, label]]
            if meant:
                mine.sort(key=lambda row: -row[2])
            met = set()
            for row in mine:
                overlaps = [intersection_over_union(row[3:], one[3:7]) for one in meant]
                best = overlaps.index(max(overlaps)) if meant else None
                if best is None or overlaps[best] < threshold:
                    mark = [0, 1]
                elif meant[best][7] and not difficult:
                    mark = [0, 0]
                else:
                    mark = [0, 1] if best in met else [1, 0]
                    met.add(best)
                rows.append([*row[:3], *mark])
        rows += [[0] * 5] * (classes - 1 + len(found) - len(rows))
        return [np.array(rows)[None, None]]

    return lambda bottoms, params: reference(*bottoms)


def records():
    """Type, name and record of each case."""
    some = [detections(40, 3), truth(15, 7)]
    none = [np.where(np.arange(7) > 0, -1, detections(3, 1)), truth(4, 2)]
    left_out = [detections(12, 5), np.concatenate([truth(5, 9), -np.ones((1, 1, 2, 8))], axis=2)]
    left_out[0][0, 0, 4:8, 0] = -1
    kind = 'type: "DetectionEvaluate" detection_evaluate_param { num_classes: 4'
    for name, settings, bottoms, asked in (
        ("all", "", some, {}),
        ("loose", "overlap_threshold: 0.2", some, {"threshold": 0.2}),
        ("without_difficult", "evaluate_difficult_gt: false overlap_threshold: 0.3", some,
         {"threshold": 0.3, "difficult": False}),
        ("nothing_found", "", none, {}),
        ("rows_left_out", "overlap_threshold: 0.3", left_out, {"threshold": 0.3}),
    ):  # fmt: skip
        yield "DetectionEvaluate", name, record(f"{kind} {settings} }}", bottoms, evaluated(4, **asked), backward=False)
