"""Cases of MultiBoxLoss, each with a plain computation of what SSD's layer computes."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np

COMMON = runpy.run_path(str(Path(__file__).parent / "fork_cases.py"))
record, slope, decoded = COMMON["record"], COMMON["slope"], COMMON["decoded"]
intersection_over_union, detection_bottoms = COMMON["intersection_over_union"], COMMON["detection_bottoms"]


def encoded(code, box, p, v):
    """The four numbers of which `decoded` makes a box again."""
    size = [p[2] - p[0], p[3] - p[1]]
    if code == "CORNER":
        return [(box[k] - p[k]) / v[k] for k in range(4)]
    if code == "CORNER_SIZE":
        return [(box[k] - p[k]) / size[k % 2] / v[k] for k in range(4)]
    moved = [(box[k] + box[k + 2] - p[k] - p[k + 2]) / 2 / size[k] / v[k] for k in range(2)]
    return moved + [np.log((box[k + 2] - box[k]) / size[k]) / v[k + 2] for k in range(2)]


def matched(boxes, things, threshold, inside=False):
    """For each box the thing that it stands for (None: nothing, -1: left out), and its overlap with it or the next."""
    out = [inside and any(not 0 <= edge <= 1 for edge in box) for box in boxes]
    overlaps = {
        (b, t): iou
        for b, box in enumerate(boxes)
        for t, thing in enumerate(things)
        if not out[b] and (iou := intersection_over_union(box, thing)) > 1e-6
    }
    found = {b: -1 for b in range(len(boxes)) if out[b]}
    best = {b: max((iou for (x, _), iou in overlaps.items() if x == b), default=0) for b in range(len(boxes))}
    taken = set()
    while free := [pair for pair in overlaps if pair[0] not in found and pair[1] not in taken]:
        b, t = max(free, key=overlaps.get)
        found[b], best[b] = t, overlaps[b, t]
        taken.add(t)
    if threshold is not None:
        for b in range(len(boxes)):
            good = [(iou, t) for (x, t), iou in overlaps.items() if x == b and iou >= threshold]
            if b not in found and good:
                found[b] = max(good, key=lambda one: one[0])[1]
    return [found.get(b) for b in range(len(boxes))], [best[b] for b in range(len(boxes))]


def surprise(scores, named, softmax=True):
    """Cross entropy of scores with the classes that they should name; of a softmax the last of them counts."""
    if softmax:
        return np.log(np.exp(scores).sum()) - scores[named[-1]]
    return sum(np.log(1 + np.exp(-x if c in named else x)) for c, x in enumerate(scores))


def multibox(classes, code="CORNER", **other):
    """`other`: shared, threshold, prior (match priors), difficult, ratio, limit, mining, raw, inside, within, softmax,
    l2, weight, mode, sample, nms (threshold, top_k), nms_prior, agnostic."""
    get = {"shared": True, "threshold": 0.5, "prior": True, "difficult": True, "ratio": 3, "limit": 0.5} | other
    mining, softmax, raw = get.get("mining", "MAX_NEGATIVE"), get.get("softmax", True), get.get("raw")

    def of_box(prediction, target):
        distances = [abs(a - b) for a, b in zip(prediction, target, strict=True)]
        return sum(d * d / 2 if d < 1 or get.get("l2") else d - 0.5 for d in distances)

    def error(p, v, values, box):
        """The error of one prediction, and its numbers and the target as they are compared."""
        target = encoded(code, box, p, [1] * 4 if raw else v)
        edges = p if get["prior"] else decoded(code, p, [1] * 4 if raw else v, values)
        if get.get("within"):
            values = [x if 0 <= edge <= 1 else t for x, t, edge in zip(values, target, edges, strict=True)]
        if raw:
            values, target = np.divide(values, v), np.divide(target, v)
        return of_box(values, target)

    def reference(bottoms, params):
        location, scores = bottoms[0], bottoms[1]
        prior, variance = bottoms[2][0].reshape(2, -1, 4)
        of_boxes = of_scores = 0.0
        count = 0
        for n in range(len(location)):
            predicted = location[n].reshape(len(prior), -1, 4)
            score = scores[n].reshape(len(prior), classes)
            rows = [row for row in bottoms[3].reshape(-1, 8) if row[0] == n and (get["difficult"] or not row[7])]
            labels = [1 if get.get("agnostic") else int(row[1]) for row in rows]
            boxes = [
                [decoded(code, p, [1] * 4 if raw else v, x) for x in numbers]
                for p, v, numbers in zip(prior, variance, predicted, strict=True)
            ]
            pairs, best = {}, [0] * len(prior)
            for k in range(1 if get["shared"] else classes):
                mine = [t for t in range(len(rows)) if get["shared"] or get["prior"] or labels[t] == k]
                these = prior if get["prior"] else [box[k] for box in boxes]
                found, best = matched(these, [rows[t][3:7] for t in mine], get["threshold"], get.get("inside"))
                for p, t in enumerate(found):
                    if t is not None and t >= 0 and (get["shared"] or labels[mine[t]] == k):
                        pairs[p, k] = mine[t]
            out = {p for p, t in enumerate(found) if t == -1}
            named = {p: [labels[t] for (q, _), t in pairs.items() if q == p] for p, _ in pairs}
            errors = {
                (p, k): error(prior[p], variance[p], predicted[p, k], rows[t][3:7]) for (p, k), t in pairs.items()
            }
            if mining == "NONE":
                others = [p for p in range(len(prior)) if p not in named]
            else:
                loss = [surprise(score[p], named.get(p, [0]), softmax) for p in range(len(prior))]
                if mining == "HARD_EXAMPLE":
                    for (p, _), one in errors.items():
                        loss[p] += one
                    eligible, wanted = list(range(len(prior))), get["sample"] if rows else 0
                else:
                    eligible = [p for p in range(len(prior)) if p not in {*named, *out} and best[p] < get["limit"]]
                    wanted = int(len(pairs) * get["ratio"])
                order = sorted(eligible, key=lambda p: -loss[p])
                if "nms" in get:
                    kept = []
                    for p in order[: get["nms"][1]]:
                        one = [prior[q] if get.get("nms_prior") else boxes[q][0] for q in (p, *kept)]
                        if all(intersection_over_union(one[0], other) <= get["nms"][0] for other in one[1:]):
                            kept.append(p)
                    order = kept
                chosen = order[:wanted]
                others = [p for p in chosen if p not in named and p not in out]
                if mining == "HARD_EXAMPLE":
                    pairs = {pair: t for pair, t in pairs.items() if pair[0] in chosen}
            count += len(pairs)
            of_boxes += sum(errors[pair] for pair in pairs)
            background = [0] if softmax or mining != "NONE" else []
            of_scores += sum(surprise(score[p], named[p], softmax) for p in {p for p, _ in pairs})
            of_scores += sum(surprise(score[p], background, softmax) for p in others)
        size = {"VALID": count, "FULL": len(location) * len(prior), "BATCH_SIZE": len(location), "NONE": 1}
        total = get.get("weight", 1) * of_boxes + of_scores
        return [np.array(total / max(size[get.get("mode", "VALID")], 1))]

    return reference


def multibox_bottoms(items, priors, classes, shared=True, things=(), spread=1.0):
    """Predictions, scores, priors and things near some of them; `things`: item, class, prior, difficult."""
    location, _, prior = detection_bottoms(items, priors, classes, shared)
    draw = np.random.default_rng(7)
    prior[0, 0] = 0.5 + spread * (prior[0, 0] - 0.5)  # beyond the image, for a large spread
    boxes = prior[0, 0].reshape(-1, 4)
    rows = [
        [n, label, k, *(boxes[p] + draw.uniform(-0.04, 0.04, 4)), hard] for k, (n, label, p, hard) in enumerate(things)
    ]
    rows = np.array(rows or [[-1] * 8])
    return [location, draw.normal(size=(items, priors * classes)), prior, rows[None, None]]


def raw_gradient(reference, bottoms, params, diffs):
    """Of `encode_variance_in_target`: the slope, but times the variance where predictions were divided by it."""
    slopes = [slope(lambda: reference(bottoms, params), array, diffs) for array in bottoms[:2]]
    slopes[0] *= bottoms[2][0, 1]
    return slopes


THINGS = [(0, 1, 0, 0), (0, 2, 3, 0), (0, 1, 5, 1), (2, 3, 2, 0)]


def case(settings, reference, loss="", priors=12, classes=4, things=THINGS, spread=1.0, **other):
    """A record of `reference` with 3 items, whose predictions and scores alone have a gradient."""
    bottoms = multibox_bottoms(3, priors, classes, "share_location: false" not in settings, things, spread)
    text = f'type: "MultiBoxLoss" loss_weight: 1 multibox_loss_param {{ num_classes: {classes} {settings} }}'
    return record(f"{text} loss_param {{ {loss} }}", bottoms, reference, bare=(2, 3), **other)


def records():
    """Every case, as (type, name, record)."""
    in_target = multibox(2, raw=True, agnostic=True, within=True, mode="NONE")
    cases = {
        "as_ssd": case(
            "code_type: CENTER_SIZE overlap_threshold: 0.4 neg_overlap: 0.4 use_difficult_gt: false",
            multibox(4, "CENTER_SIZE", threshold=0.4, limit=0.4, difficult=False),
        ),
        "bipartite": case(
            "match_type: BIPARTITE neg_pos_ratio: 1.5 loc_weight: 0.5",
            multibox(4, threshold=None, ratio=1.5, weight=0.5, mode="BATCH_SIZE"),
            "normalization: BATCH_SIZE",
        ),
        "all_priors": case(
            "mining_type: NONE code_type: CORNER_SIZE loc_loss_type: L2",
            multibox(4, "CORNER_SIZE", mining="NONE", l2=True, mode="FULL"),
            "normalization: FULL",
        ),
        "hard_examples": case(
            "mining_type: HARD_EXAMPLE sample_size: 5 code_type: CENTER_SIZE overlap_threshold: 0.3",
            multibox(4, "CENTER_SIZE", mining="HARD_EXAMPLE", sample=5, threshold=0.3, mode="BATCH_SIZE"),
            "normalize: false",
        ),
        "predicted_boxes": case(
            "use_prior_for_matching: false code_type: CENTER_SIZE overlap_threshold: 0.2 "
            "ignore_cross_boundary_bbox: true bp_inside: true",
            multibox(4, "CENTER_SIZE", prior=False, threshold=0.2, inside=True, within=True),
        ),
        "edges_inside": case("bp_inside: true", multibox(4, within=True), spread=1.7),
        "predicted_edges_inside": case(
            "bp_inside: true use_prior_for_matching: false overlap_threshold: 0.1",
            multibox(4, within=True, prior=False, threshold=0.1),
            spread=1.7,
        ),
        "apart": case(
            "code_type: CENTER_SIZE nms_param { nms_threshold: 0.2 top_k: 4 } use_prior_for_nms: true",
            multibox(4, "CENTER_SIZE", nms=(0.2, 4), nms_prior=True),
        ),
        "sigmoids": case(
            "conf_loss_type: LOGISTIC code_type: CENTER_SIZE nms_param { nms_threshold: 0.3 top_k: 9 }",
            multibox(4, "CENTER_SIZE", softmax=False, nms=(0.3, 9)),
        ),
        "of_each_class": case(
            "share_location: false mining_type: NONE conf_loss_type: LOGISTIC",
            multibox(4, shared=False, mining="NONE", softmax=False),
            priors=8,
        ),
        "predicted_of_each_class": case(
            "share_location: false mining_type: NONE use_prior_for_matching: false code_type: CENTER_SIZE "
            "overlap_threshold: 0.2",
            multibox(4, "CENTER_SIZE", shared=False, mining="NONE", prior=False, threshold=0.2),
            priors=8,
        ),
        "predicted_of_each_class_sigmoids": case(
            "share_location: false mining_type: NONE use_prior_for_matching: false code_type: CENTER_SIZE "
            "overlap_threshold: 0.2 conf_loss_type: LOGISTIC",
            multibox(4, "CENTER_SIZE", shared=False, mining="NONE", prior=False, threshold=0.2, softmax=False),
            priors=8,
        ),
        "variance_in_target": case(
            "map_object_to_agnostic: true encode_variance_in_target: true bp_inside: true",
            in_target,
            "normalization: NONE",
            classes=2,
            spread=1.7,
            backward=lambda *given: raw_gradient(in_target, *given),
        ),
        "nothing_seen": case("", multibox(4), things=(), priors=5),
        "nothing_seen_all_priors": case("mining_type: NONE", multibox(4, mining="NONE"), things=(), priors=5),
    }
    return [("MultiBoxLoss", name, value) for name, value in cases.items()]
