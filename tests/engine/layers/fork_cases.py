"""Cases of the layers that are not BVLC's, each with a plain NumPy computation of what its fork computes.

Records have the keys of the stored cases. Tops come from the reference; diffs are its slopes, by central differences in
float64, unless a case gives a formula of its own.
"""

from __future__ import annotations

import json
from itertools import product
from math import ceil, floor, sqrt

import numpy as np

STEP = 1e-5


def record(settings, bottoms, reference, params=(), **other):
    """The case of one layer: its settings as text, the values it gets, and the function that says what it gives.

    `other`: phase, bare (bottoms without a gradient), learned (which parameters have one), backward (False, or a
    function of bottoms, params and top diffs), after (parameters after a forward pass).
    """
    bottoms = [np.asarray(array, np.float32) for array in bottoms]
    params = [np.asarray(array, np.float32) for array in params]
    exact = [array.astype(np.float64) for array in bottoms], [array.astype(np.float64) for array in params]
    tops = [np.asarray(top) for top in reference(*exact)]
    inputs = [f"b{k}" for k in range(len(bottoms))]
    shape = "".join(f" shape {{ {' '.join(f'dim: {n}' for n in array.shape)} }}" for array in bottoms)
    lines = " ".join(f'bottom: "{name}"' for name in inputs)
    names = " ".join(f'top: "t{k}"' for k in range(len(tops)))
    made = " ".join(f'top: "{name}"' for name in inputs)
    source = f'layer {{ name: "in" type: "Input" {made} input_param {{{shape} }} }}\n' if bottoms else ""
    backward = other.get("backward", True)
    learned = other.get("learned", [True] * len(params))
    result = {
        "prototxt": f'{source}layer {{ name: "l" {settings} {lines} {names} }}',
        "phase": other.get("phase", "TRAIN"),
        "names": json.dumps(
            {
                "layer": "l",
                "inputs": inputs,
                "bottoms": inputs,
                "tops": [f"t{k}" for k in range(len(tops))],
                "backward": bool(backward),
                "learned": learned,
            }
        ),
    }
    result |= {f"bottom/{k}": array for k, array in enumerate(bottoms)}
    result |= {f"param/{k}": array for k, array in enumerate(params)}
    result |= {f"top/{k}": array for k, array in enumerate(tops)}
    result |= {f"param_after/{k}": array for k, array in enumerate(other.get("after", ()))}
    if not backward:
        return result
    draw = np.random.default_rng(11)
    diffs = [draw.normal(size=top.shape).astype(np.float32) for top in tops]
    bare = other.get("bare", ())
    if backward is True:
        values = [*exact[0], *exact[1]]
        wanted = [k not in bare for k in range(len(bottoms))] + learned
        slopes = [
            slope(lambda: reference(*exact), array, diffs) if asked else np.zeros_like(array)
            for array, asked in zip(values, wanted, strict=True)
        ]
    else:
        slopes = backward(*exact, diffs)
    result |= {f"top_diff/{k}": diff for k, diff in enumerate(diffs)}
    result |= {f"bottom_diff/{k}": slopes[k] for k in range(len(bottoms)) if k not in bare}
    result |= {f"param_diff/{k}": diff for k, diff in enumerate(slopes[len(bottoms) :])}
    return result


def slope(run, array, weights):
    """The slope of the weighted sum of tops by each element of an array that `run` reads."""
    found = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        before = array[place]
        sums = []
        for moved in (before + STEP, before - STEP):
            array[place] = moved
            sums.append(sum(float((w * top).sum()) for w, top in zip(weights, run(), strict=True)))
        array[place] = before
        found[place] = (sums[0] - sums[1]) / (2 * STEP)
    return found


def numbers(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def permute(order):
    def reference(bottoms, params):
        (x,) = bottoms
        whole = list(order) + [axis for axis in range(x.ndim) if axis not in order]
        y = np.empty([x.shape[axis] for axis in whole])
        for place in np.ndindex(x.shape):
            y[tuple(place[axis] for axis in whole)] = x[place]
        return [y]

    return reference


def shuffle(group):
    def reference(bottoms, params):
        (x,) = bottoms
        dealt = [[c for c in range(x.shape[1]) if c // (x.shape[1] // group) == g] for g in range(group)]
        return [x[:, [dealt[g][k] for k in range(x.shape[1] // group) for g in range(group)]]]

    return reference


def reorg(stride, reverse=False):
    """Element by element as darknet's reorg_cpu walks the memory."""

    def reference(bottoms, params):
        (x,) = bottoms
        items, channels, height, width = x.shape
        inner, grown = channels // stride**2, (height * stride, width * stride)
        flat, out = x.reshape(items, -1), np.empty((items, x[0].size))
        for c, h, w in np.ndindex(channels, height, width):
            small = (c * height + h) * width + w
            offset, deep = divmod(c, inner)
            large = (deep * grown[0] + h * stride + offset // stride) * grown[1] + w * stride + offset % stride
            if reverse:
                out[:, large] = flat[:, small]
            else:
                out[:, small] = flat[:, large]
        shape = (inner, *grown) if reverse else (channels * stride**2, height // stride, width // stride)
        return [out.reshape(items, *shape)]

    return reference


def axpy(bottoms, params):
    factor, x, y = bottoms
    z = y.copy()
    for n, c in np.ndindex(x.shape[:2]):
        z[n, c] += factor[n, c].item() * x[n, c]
    return [z]


def relu6(slope=0.0):
    return lambda bottoms, params: [np.vectorize(lambda v: min(6.0, v if v > 0 else slope * v))(bottoms[0])]


def depthwise(stride=1, pad=0, dilation=1):
    def reference(bottoms, params):
        (x,), weight = bottoms, params[0]
        spread = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        reach = [dilation * (k - 1) + 1 for k in weight.shape[2:]]
        size = [(n - r) // stride + 1 for n, r in zip(spread.shape[2:], reach, strict=True)]
        y = np.zeros((*x.shape[:2], *size))
        for n, c, i, j in np.ndindex(y.shape):
            for a, b in np.ndindex(weight.shape[2:]):
                y[n, c, i, j] += weight[c, 0, a, b] * spread[n, c, i * stride + a * dilation, j * stride + b * dilation]
            if len(params) > 1:
                y[n, c, i, j] += params[1][c]
        return [y]

    return reference


def upsample(height, width):
    def reference(bottoms, params):
        x, mask = bottoms
        y = np.zeros((*x.shape[:2], height, width))
        for n, c, i, j in np.ndindex(x.shape):
            y[n, c, int(mask[n, c, i, j]) // width, int(mask[n, c, i, j]) % width] = x[n, c, i, j]
        return [y]

    return reference


def repeat(scale):
    def reference(bottoms, params):
        y = np.empty((*bottoms[0].shape[:2], *(scale * n for n in bottoms[0].shape[2:])))
        for n, c, i, j in np.ndindex(y.shape):
            y[n, c, i, j] = bottoms[0][n, c, i // scale, j // scale]
        return [y]

    return reference


def masks(n, c, height, width, scale):
    """Places as MAX pooling gives them: one in each window of `scale`, in a plane `scale` times as large."""
    draw = np.random.default_rng(2)
    rows = scale * np.arange(height)[:, None] + draw.integers(0, scale, (n, c, height, width))
    columns = scale * np.arange(width) + draw.integers(0, scale, (n, c, height, width))
    return rows * (scale * width) + columns


def interp(height, width, begin=0, end=0):
    def reference(bottoms, params):
        x = bottoms[0]
        x = x[:, :, begin : x.shape[2] - end, begin : x.shape[3] - end]
        y = np.zeros((*x.shape[:2], height, width))
        for i, j in np.ndindex(height, width):
            a = i * (x.shape[2] - 1) / (height - 1) if height > 1 else 0
            b = j * (x.shape[3] - 1) / (width - 1) if width > 1 else 0
            for p, q in product((floor(a), floor(a) + 1), (floor(b), floor(b) + 1)):
                share = (1 - abs(a - p)) * (1 - abs(b - q))
                if share > 1e-9:
                    y[:, :, i, j] += share * x[:, :, p, q]
        return [y]

    return reference


def pooling_down(kernel, stride):
    def reference(bottoms, params):
        (x,) = bottoms
        size = [(length - kernel) // stride + 1 for length in x.shape[2:]]
        y = np.empty((*x.shape[:2], *size))
        for n, c, i, j in np.ndindex(y.shape):
            y[n, c, i, j] = x[n, c, i * stride : i * stride + kernel, j * stride : j * stride + kernel].max()
        return [y]

    return reference


def normalize(across=True, eps=1e-10):
    def reference(bottoms, params):
        (x,), y = bottoms, np.empty_like(bottoms[0])
        for place in np.ndindex(x.shape):
            item, rest = x[place[0]], place[2:]
            length = sqrt(((item if across else item[(slice(None), *rest)]) ** 2).sum() + eps)
            y[place] = x[place] / length * (params[0].item() if params[0].ndim == 0 else params[0][place[1]])
        return [y]

    return reference


def normalize_gradient(bottoms, params, diffs):
    """SSD's, for a length at each position and a scale for each channel: the sum in it does not know the scales."""
    (x,), (scale,), (gradient,) = bottoms, params, diffs
    out, total = np.empty_like(x), np.zeros_like(scale)
    for n, i, j in np.ndindex(x.shape[0], *x.shape[2:]):
        column, given = x[n, :, i, j], gradient[n, :, i, j].astype(np.float64)
        length = sqrt((column**2).sum() + 1e-10)
        out[n, :, i, j] = scale * (given - column * (column @ given) / length**2) / length
        total += column / length * given
    return [out, total]


def batch_statistics(x):
    planes = [x[:, c].reshape(-1) for c in range(x.shape[1])]
    return np.array([p.mean() for p in planes]), np.array([p.var() for p in planes])


def bn(eps, statistics=batch_statistics):
    def reference(bottoms, params):
        (x,), y = bottoms, np.empty_like(bottoms[0])
        mean, variance = statistics(x) if callable(statistics) else (params[2].ravel(), params[3].ravel())
        for c in range(x.shape[1]):
            normal = (x[:, c] - mean[c]) / sqrt(variance[c] + eps)
            y[:, c] = params[0].ravel()[c] * normal + params[1].ravel()[c]
        return [y]

    return reference


def merged(bottoms, params):
    return [bottoms[0] * params[0] + params[1]]


def bn_values(running=True):
    """Scale, offset, and where there are any the running mean and variance."""
    found = [numbers(1, 3, 1, 1, seed=k) for k in range(3)] + [np.array([0.5, 2, 1.2]).reshape(1, 3, 1, 1)]
    return found if running else found[:2]


def followed(x, momentum):
    """The parameters of `bn_values` after a batch."""
    params = [array.astype(np.float32) for array in bn_values()]
    mean, variance = batch_statistics(x.astype(np.float32).astype(np.float64))
    for old, new in ((2, mean), (3, variance)):
        params[old] = momentum * params[old] + (1 - momentum) * new.reshape(1, 3, 1, 1)
    return params


def prior_box(boxes, image, step, offset=0.5, variance=(0.1,) * 4, clip=False):
    """`boxes`: (width, height) in pixels; `image` and `step`: (vertical, horizontal)."""

    def reference(bottoms, params):
        rows = []
        for i, j in np.ndindex(bottoms[0].shape[2:]):
            for width, height in boxes:
                x, y = (j + offset) * step[1], (i + offset) * step[0]
                edges = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
                edges = [edge / side for edge, side in zip(edges, image[::-1] * 2, strict=True)]
                rows += [min(max(edge, 0), 1) if clip else edge for edge in edges]
        return [np.array([[rows, list(variance) * (len(rows) // 4)]])]

    return reference


def intersection_over_union(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = [max(0, b[2] - b[0]) * max(0, b[3] - b[1]) for b in (one, other)]
    return width * height / (area[0] + area[1] - width * height)


def decoded(code, p, v, values):
    """The box that four numbers make of a prior box p with variances v."""
    size = [p[2] - p[0], p[3] - p[1]]
    if code == "CORNER":
        return [p[k] + v[k] * values[k] for k in range(4)]
    if code == "CORNER_SIZE":
        return [p[k] + v[k] * values[k] * size[k % 2] for k in range(4)]
    centre = [(p[k] + p[k + 2]) / 2 + v[k] * values[k] * size[k] for k in range(2)]
    half = [size[k] * np.exp(v[k + 2] * values[k + 2]) / 2 for k in range(2)]
    return [centre[0] - half[0], centre[1] - half[1], centre[0] + half[0], centre[1] + half[1]]


def detections(classes, code, shared=True, background=0, least=None, nms=0.3, top_k=-1, keep=-1, eta=1.0, raw=False):
    def reference(bottoms, params):
        location, confidence, prior = bottoms[0], bottoms[1], bottoms[2][0].reshape(2, -1, 4)
        rows = []
        for n in range(len(location)):
            scores = confidence[n].reshape(-1, classes)
            predicted = location[n].reshape(len(scores), -1, 4)
            found = []
            for c in range(classes):
                if c == background:
                    continue
                boxes = [
                    decoded(code, prior[0, p], [1] * 4 if raw else prior[1, p], predicted[p, 0 if shared else c])
                    for p in range(len(scores))
                ]
                order = sorted(range(len(scores)), key=lambda p: -scores[p, c])
                order = [p for p in order if least is None or scores[p, c] > least]
                threshold, kept = nms, []
                for p in order[: top_k if top_k >= 0 else None]:
                    if all(intersection_over_union(boxes[p], boxes[q]) <= threshold for q in kept):
                        kept.append(p)
                        if eta < 1 and threshold > 0.5:
                            threshold *= eta
                found += [(scores[p, c], [n, c, scores[p, c], *boxes[p]]) for p in kept]
            if -1 < keep < len(found):
                limit = sorted((score for score, _ in found), reverse=True)[keep - 1]
                found = [one for one in found if one[0] >= limit]
            rows += [row for _, row in found]
        return [np.array(rows or [[n] + [-1] * 6 for n in range(len(location))])[None, None]]

    return reference


def detection_bottoms(items, priors, classes, shared=True, seed=0):
    draw = np.random.default_rng(seed)
    centre, half = draw.uniform(0.2, 0.8, (priors, 2)), draw.uniform(0.1, 0.3, (priors, 2))
    boxes = np.concatenate([centre - half, centre + half], axis=1).reshape(-1)
    variance = np.tile([0.1, 0.1, 0.2, 0.2], priors)
    location = draw.normal(size=(items, priors * 4 * (1 if shared else classes)))
    return location, draw.uniform(size=(items, priors * classes)), np.stack([boxes, variance])[None]


def half_away(value):
    return floor(value + 0.5) if value >= 0 else ceil(value - 0.5)


def roi_pooling(height, width, scale):
    def reference(bottoms, params):
        x, regions = bottoms
        y = np.zeros((len(regions), x.shape[1], height, width))
        for r, region in enumerate(regions.reshape(-1, 5)):
            left, top, right, bottom = (half_away(edge * scale) for edge in region[1:])
            size = (max(bottom - top + 1, 1), max(right - left + 1, 1))
            for i, j in np.ndindex(height, width):
                rows = range(top + floor(i * size[0] / height), top + ceil((i + 1) * size[0] / height))
                columns = range(left + floor(j * size[1] / width), left + ceil((j + 1) * size[1] / width))
                pixels = [(a, b) for a in rows for b in columns if 0 <= a < x.shape[2] and 0 <= b < x.shape[3]]
                for c in range(x.shape[1]):
                    y[r, c, i, j] = max((x[int(region[0]), c, a, b] for a, b in pixels), default=0)
        return [y]

    return reference


def psroi_pooling(outputs, grid, scale):
    def reference(bottoms, params):
        x, regions = bottoms
        y = np.zeros((len(regions), outputs, grid, grid))
        for r, region in enumerate(regions.reshape(-1, 5)):
            left, top = (half_away(edge) * scale for edge in region[1:3])
            right, bottom = ((half_away(edge) + 1) * scale for edge in region[3:])
            size = [max(bottom - top, 0.1) / grid, max(right - left, 0.1) / grid]
            for c, i, j in np.ndindex(outputs, grid, grid):
                rows = range(floor(top + i * size[0]), ceil(top + (i + 1) * size[0]))
                columns = range(floor(left + j * size[1]), ceil(left + (j + 1) * size[1]))
                plane = x[int(region[0]), (c * grid + i) * grid + j]
                pixels = [
                    plane[a, b] for a in rows for b in columns if 0 <= a < x.shape[2] and 0 <= b < x.shape[3]
                ]
                y[r, c, i, j] = sum(pixels) / len(pixels) if pixels else 0
        return [y]

    return reference


REGIONS = [[0, 3, 2, 57, 41], [1, 20, 12, 28, 20], [1, -9, -6, 200, 90], [0, 44, 30, 40, 33], [0, 300, 300, 400, 400]]


def smooth_l1(sigma=1.0):
    def reference(bottoms, params):
        inside, outside = (*(bottom.ravel() for bottom in bottoms[2:]), *(np.ones(bottoms[0].size),) * 2)[:2]
        total = 0.0
        for a, b, w, v in zip(bottoms[0].ravel(), bottoms[1].ravel(), inside, outside, strict=True):
            d = abs(w * (a - b))
            total += v * (0.5 * (sigma * d) ** 2 if d < 1 / sigma**2 else d - 0.5 / sigma**2)
        return [np.array(total / len(bottoms[0]))]

    return reference


def weights(*shape, seed=0):
    return np.random.default_rng(seed).choice([0, 0.5, 1, 2], shape)


def marks(bottoms, params):
    return [np.array([[float(t > 0)] * 2 for t in range(4)])]


X, LARGE = numbers(2, 3, 4, 5), 4 * numbers(2, 3, 4, 5, seed=1)
IMAGE, FEATURES = numbers(1, 3, 60, 90), numbers(1, 2, 3, 4)
SQUARES = [(21, 21), (sqrt(21 * 45), sqrt(21 * 45))]
PRIORS = 'type: "PriorBox" prior_box_param'
DETECTION = 'type: "DetectionOutput" detection_output_param'
CONFIDENT = dict(classes=4, code="CENTER_SIZE", least=0.3, nms=0.45, top_k=9, keep=7)


def records():
    """Every case, as (type, name, record)."""
    cases = {
        ("Axpy", "channels"): record('type: "Axpy"', [numbers(2, 3, 1, 1), X, LARGE], axpy),
        ("Axpy", "flat_factor"): record('type: "Axpy"', [numbers(2, 3), X, LARGE], axpy),
        ("BN", "train"): record(
            'type: "BN" bn_param { slope_filler { value: 1 } momentum: 0.95 }',
            [LARGE],
            bn(1e-5),
            bn_values(),
            learned=[True, True, False, False],
            after=followed(LARGE, 0.95),
        ),
        ("BN", "test"): record(
            'type: "BN" bn_param { slope_filler { value: 1 } eps: 0.1 }',
            [X],
            bn(0.1, None),
            bn_values(),
            phase="TEST",
            learned=[True, True, False, False],
        ),
        ("BN", "frozen"): record(
            'type: "BN" bn_param { frozen: true }', [X], bn(1e-5, None), bn_values(), learned=[False] * 4
        ),
        ("BN", "flat"): record(
            'type: "BN" bn_param { bias_filler { value: 0 } }',
            [numbers(7, 3)],
            bn(1e-5),
            bn_values(),
            learned=[True, True, False, False],
        ),
        ("BN", "segnet_learn"): record(
            'type: "BN" bn_param { scale_filler { value: 1 } }', [X], bn(1e-9), bn_values(False), phase="TEST"
        ),
        ("BN", "segnet_inference"): record(
            'type: "BN" bn_param { bn_mode: INFERENCE }', [X], merged, bn_values(False)
        ),
        ("ContinuationIndicator", "marks"): record(
            'type: "ContinuationIndicator" continuation_indicator_param { time_step: 4 batch_size: 2 }',
            [],
            marks,
            backward=False,
        ),
        ("ConvolutionDepthwise", "padded"): record(
            'type: "ConvolutionDepthwise" convolution_param { num_output: 3 kernel_size: 3 pad: 1 stride: 2 }',
            [X],
            depthwise(2, 1),
            [numbers(3, 1, 3, 3), numbers(3)],
        ),
        ("ConvolutionDepthwise", "dilated"): record(
            'type: "ConvolutionDepthwise" '
            "convolution_param { kernel_h: 2 kernel_w: 3 dilation: 2 pad: 1 bias_term: false }",
            [X],
            depthwise(1, 1, 2),
            [numbers(3, 1, 2, 3)],
        ),
        ("CropCenter", "sides"): record(
            'type: "CropCenter" crop_center_param { crop_size: 0 crop_size: 1 crop_size: 1 crop_size: 2 }',
            [X],
            lambda bottoms, params: [np.array([[[[bottoms[0][n, 1, i, 2]] for i in (1, 2)]] for n in range(2)])],
        ),
        ("DepthwiseConvolution", "grouped"): record(
            'type: "DepthwiseConvolution" convolution_param { num_output: 3 group: 3 kernel_size: 3 pad: 1 }',
            [X],
            depthwise(1, 1),
            [numbers(3, 1, 3, 3), numbers(3)],
        ),
        ("DetectionOutput", "center_size"): record(
            f"{DETECTION} {{ num_classes: 4 code_type: CENTER_SIZE confidence_threshold: 0.3 keep_top_k: 7 "
            "nms_param { nms_threshold: 0.45 top_k: 9 } }",
            detection_bottoms(2, 12, 4),
            detections(**CONFIDENT),
            backward=False,
        ),
        ("DetectionOutput", "of_each_class"): record(
            f"{DETECTION} {{ num_classes: 3 share_location: false background_label_id: -1 }}",
            detection_bottoms(2, 8, 3, shared=False),
            detections(3, "CORNER", shared=False, background=-1),
            backward=False,
        ),
        ("DetectionOutput", "corner_size"): record(
            f"{DETECTION} {{ num_classes: 2 background_label_id: 1 code_type: CORNER_SIZE "
            "variance_encoded_in_target: true nms_param { nms_threshold: 0.9 eta: 0.7 } }",
            [0.2 * array if k == 0 else array for k, array in enumerate(detection_bottoms(1, 20, 2, seed=3))],
            detections(2, "CORNER_SIZE", background=1, nms=0.9, eta=0.7, raw=True),
            backward=False,
        ),
        ("DetectionOutput", "nothing"): record(
            f"{DETECTION} {{ num_classes: 4 confidence_threshold: 2 }}",
            detection_bottoms(3, 5, 4),
            detections(4, "CORNER", least=2),
            backward=False,
        ),
        ("Interp", "zoom"): record('type: "Interp" interp_param { zoom_factor: 2 }', [X], interp(7, 9)),
        ("Interp", "shrink"): record('type: "Interp" interp_param { shrink_factor: 2 }', [X], interp(2, 3)),
        ("Interp", "both_factors"): record(
            'type: "Interp" interp_param { shrink_factor: 2 zoom_factor: 4 }', [X], interp(5, 9)
        ),
        ("Interp", "size"): record('type: "Interp" interp_param { height: 6 width: 1 }', [X], interp(6, 1)),
        ("Interp", "cut"): record(
            'type: "Interp" interp_param { height: 5 width: 3 pad_beg: -1 pad_end: -1 }', [X], interp(5, 3, 1, 1)
        ),
        ("Interp", "second_bottom"): record('type: "Interp"', [X, numbers(1, 1, 8, 6)], interp(8, 6), bare=(1,)),
        ("Normalize", "item"): record(
            'type: "Normalize" norm_param { eps: 0.01 }', [X], normalize(eps=0.01), [np.array(1.7)]
        ),
        ("Normalize", "position"): record(
            'type: "Normalize" norm_param { across_spatial: false }', [X], normalize(False), [np.array(20.0)]
        ),
        ("Normalize", "per_channel"): record(
            'type: "Normalize" norm_param { across_spatial: false channel_shared: false }',
            [X],
            normalize(False),
            [np.array([20, 7, 3])],
            backward=normalize_gradient,
        ),
        ("Normalize", "flat"): record('type: "Normalize"', [numbers(3, 6)], normalize(), [np.array(1.0)]),
        ("Permute", "to_last"): record(
            'type: "Permute" permute_param { order: 0 order: 2 order: 3 order: 1 }', [X], permute([0, 2, 3, 1])
        ),
        ("Permute", "some"): record('type: "Permute" permute_param { order: 3 order: 0 }', [X], permute([3, 0])),
        ("Permute", "none"): record('type: "Permute"', [numbers(2, 3)], permute([])),
        ("Pooling", "ceil_mode"): record(
            'type: "Pooling" pooling_param { kernel_size: 3 stride: 2 ceil_mode: false }', [X], pooling_down(3, 2)
        ),
        ("PriorBox", "as_the_image"): record(
            f"{PRIORS} {{ min_size: 21.7 max_size: 45 aspect_ratio: 2 aspect_ratio: 2 aspect_ratio: 1 "
            "variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 }",
            [FEATURES, IMAGE],
            prior_box(
                [*SQUARES, (21 * sqrt(2), 21 / sqrt(2)), (21 / sqrt(2), 21 * sqrt(2))],
                (60, 90),
                (20, 22.5),
                variance=(0.1, 0.1, 0.2, 0.2),
            ),
            backward=False,
        ),
        ("PriorBox", "given_sizes"): record(
            f"{PRIORS} {{ min_size: 10 min_size: 20 aspect_ratio: 3 flip: false clip: true img_h: 50 img_w: 40 "
            "step: 16 offset: 0.25 variance: 0.3 }",
            [FEATURES, IMAGE],
            prior_box(
                [(m * r, m / r) for m in (10, 20) for r in (1, sqrt(3))], (50, 40), (16, 16), 0.25, (0.3,) * 4, True
            ),
            backward=False,
        ),
        ("PriorBox", "steps"): record(
            f"{PRIORS} {{ min_size: 8 img_size: 64 step_h: 20 step_w: 15 }}",
            [FEATURES, IMAGE],
            prior_box([(8, 8)], (64, 64), (20, 15)),
            backward=False,
        ),
        ("PSROIPooling", "regions"): record(
            'type: "PSROIPooling" psroi_pooling_param { spatial_scale: 0.125 output_dim: 2 group_size: 2 }',
            [numbers(2, 8, 6, 8), np.reshape(REGIONS, (5, 5, 1, 1))],
            psroi_pooling(2, 2, 0.125),
            bare=(1,),
        ),
        ("ReLU6", "plain"): record('type: "ReLU6"', [LARGE], relu6()),
        ("ReLU6", "slope"): record('type: "ReLU6" relu6_param { negative_slope: 0.1 }', [LARGE], relu6(0.1)),
        ("Reorg", "stride_2"): record('type: "Reorg" reorg_param { stride: 2 }', [numbers(2, 8, 4, 6)], reorg(2)),
        ("Reorg", "reverse"): record(
            'type: "Reorg" reorg_param { stride: 2 reverse: true }', [numbers(2, 8, 2, 3)], reorg(2, True)
        ),
        ("ROIPooling", "regions"): record(
            'type: "ROIPooling" roi_pooling_param { pooled_h: 3 pooled_w: 2 spatial_scale: 0.125 }',
            [numbers(2, 2, 6, 8), REGIONS],
            roi_pooling(3, 2, 0.125),
            bare=(1,),
        ),
        ("ShuffleChannel", "group_3"): record(
            'type: "ShuffleChannel" shuffle_channel_param { group: 3 }', [numbers(2, 6, 2, 2)], shuffle(3)
        ),
        ("SmoothL1Loss", "plain"): record('type: "SmoothL1Loss" loss_weight: 1', [X, LARGE], smooth_l1()),
        ("SmoothL1Loss", "inside"): record(
            'type: "SmoothL1Loss" loss_weight: 1', [X, LARGE, weights(*X.shape)], smooth_l1(), bare=(2,)
        ),
        ("SmoothL1Loss", "both_weights"): record(
            'type: "SmoothL1Loss" loss_weight: 1 smooth_l1_loss_param { sigma: 3 }',
            [X / 4, LARGE / 8, weights(*X.shape), weights(*X.shape, seed=1)],
            smooth_l1(3.0),
            bare=(2, 3),
        ),
        ("Upsample", "mask"): record(
            'type: "Upsample" upsample_param { scale: 2 }', [X, masks(2, 3, 4, 5, 2)], upsample(8, 10), bare=(1,)
        ),
        ("Upsample", "odd"): record(
            'type: "Upsample" upsample_param { pad_out_h: true pad_out_w: true }',
            [X[:, :, :2, :2], np.tile([[1, 4], [6, 8]], (2, 3, 1, 1))],
            upsample(3, 3),
            bare=(1,),
        ),
        ("Upsample", "size"): record(
            'type: "Upsample" upsample_param { upsample_h: 9 upsample_w: 10 }',
            [X, masks(2, 3, 4, 5, 2)],
            upsample(9, 10),
            bare=(1,),
        ),
        ("Upsample", "repeat"): record('type: "Upsample" upsample_param { scale: 3 }', [X], repeat(3)),
    }
    return [(*key, value) for key, value in cases.items()]
