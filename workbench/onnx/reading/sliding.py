"""Operators that slide a kernel over an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....engine.layers.vision import _spatial
from ..errors import Unmapped
from .builder import Builder, Tensor
from .table import Call, reads


def _geometry(call: Call, x: Tensor, kernel: tuple[int, ...]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Strides, dilations, and the pads before and after, of each axis from the third on."""
    axes = len(kernel)
    strides, dilations = list(call.get("strides") or [1] * axes), list(call.get("dilations") or [1] * axes)
    pads = list(call.get("pads") or [0] * 2 * axes)
    auto = call.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        before, after = [], []
        for length, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True):
            total = max((-(-length // s) - 1) * s + d * (k - 1) + 1 - length, 0)
            small, large = total // 2, total - total // 2
            before.append(small if auto == "SAME_UPPER" else large)
            after.append(total - before[-1])
        return strides, dilations, before, after
    if auto == "VALID":
        pads = [0] * 2 * axes
    if min(pads) < 0 or len(pads) != 2 * axes:
        raise Unmapped(f"pads {pads} are negative, or not two for each axis")
    return strides, dilations, pads[:axes], pads[axes:]


def _merged(x: Tensor, before: list[int], after: list[int]) -> tuple[Tensor, list[int], list[int]]:
    """x without the zeros around it, and all padding."""
    if x.pads is None:
        return x, before, after
    bare = Tensor(x.blob, (*x.shape[:2], *(n - a - b for n, a, b in zip(x.shape[2:], *x.pads, strict=True))))
    return (
        bare,
        [a + b for a, b in zip(x.pads[0], before, strict=True)],
        [a + b for a, b in zip(x.pads[1], after, strict=True)],
    )


@reads("Conv")
def conv(b: Builder, call: Call) -> Tensor:
    x, weight, bias = call.x(), call.needed(1), call.constant(2)
    kernel = weight.shape[2:]
    strides, dilations, before, after = _geometry(call, x, kernel)
    x, before, after = _merged(x, before, after)
    if before != after:
        lengths = zip(x.shape[2:], before, after, strict=True)
        padded = (*x.shape[:2], *(length + p + q for length, p, q in lengths))
        x, before = Tensor(x.blob, padded, (tuple(before), tuple(after))), [0] * len(before)
    settings = {"num_output": weight.shape[0], "kernel_size": list(kernel), "stride": strides, "pad": before,
                "dilation": dilations, "group": call.get("group", 1), "bias_term": bias is not None}  # fmt: skip
    values = [weight] if bias is None else [weight, bias.reshape(-1)]
    return b.add("Convolution", x, values=values, convolution_param=_short(settings))


@reads("ConvTranspose")
def conv_transpose(b: Builder, call: Call) -> Tensor:
    x, weight, bias = call.x(), call.needed(1), call.constant(2)
    kernel, group = weight.shape[2:], call.get("group", 1)
    strides, dilations, before, after = _geometry(call, x, kernel)
    extra = call.get("output_padding") or [0] * len(kernel)
    if call.get("output_shape") or call.get("auto_pad", "NOTSET") != "NOTSET":
        raise Unmapped("its output_shape or auto_pad has no equivalent")
    if before != after or any(extra):
        raise Unmapped(f"pads {before} and {after} differ, or output_padding {list(extra)} is not 0")
    settings = {"num_output": weight.shape[1] * group, "kernel_size": list(kernel), "stride": strides, "pad": before,
                "dilation": dilations, "group": group, "bias_term": bias is not None}  # fmt: skip
    values = [weight] if bias is None else [weight, bias.reshape(-1)]
    return b.add("Deconvolution", x, values=values, convolution_param=_short(settings))


def _short(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings without those that say what holds anyway, and one number in place of equal ones."""
    plain = {"stride": 1, "pad": 0, "dilation": 1, "group": 1, "bias_term": True}
    found = {}
    for name, value in settings.items():
        if isinstance(value, list) and len(set(value)) == 1:
            value = value[:1]
        if name not in plain or value not in (plain[name], [plain[name]]):
            found[name] = value
    return found


@reads("MaxPool", "AveragePool")
def pool(b: Builder, call: Call) -> Tensor:
    x, average = call.x(), call.op == "AveragePool"
    kernel = tuple(call.get("kernel_shape") or ())
    if x.axes != 4:
        return _along_one_axis(b, call, x)
    strides, dilations, before, after = _geometry(call, x, kernel)
    if call.outputs > 1 or any(d != 1 for d in dilations):
        raise Unmapped("its indices, or its dilations, have no equivalent")
    if x.pads is not None:  # zeros, which count in a maximum
        x = b.plain(x)
    counts = [_count(*along, bool(call.get("ceil_mode", 0))) for along in
              zip(x.shape[2:], kernel, strides, before, after, strict=True)]  # fmt: skip
    mode = _rounding(x.shape[2:], kernel, strides, before, counts)
    if mode is None:
        raise Unmapped(f"Caffe's rounding does not give {' x '.join(map(str, counts))} windows with pads {before}")
    settings = {"pool": 1 if average else 0, **_sides("kernel", kernel), **_sides("stride", strides, 1),
                **_sides("pad", before, 0), **({"round_mode": 1} if mode else {})}  # fmt: skip
    y = b.add("Pooling", x, pooling_param=settings)
    if not average:
        return y
    inside = bool(call.get("count_include_pad", 0))
    shares = _shares(x.shape[2:], counts, kernel, strides, before, after, inside)
    if (shares == 1).all():
        return y
    return b.add("Scale", y, values=[shares], scale_param={"axis": 2, "num_axes": 2})


def _count(length: int, k: int, s: int, p: int, q: int, ceil: bool) -> int:
    """How many windows ONNX has along an axis: none starts in the padding at the end."""
    room = length + p + q - k
    count = (-(-room // s) if ceil else room // s) + 1
    return count - 1 if ceil and (count - 1) * s >= length + p else count


def _rounding(lengths: Any, kernel: Any, strides: Any, pads: Any, counts: list[int]) -> bool | None:
    """Whether Caffe gives as many windows by rounding down (True) or up (False); None where by neither."""
    for floor in (False, True):
        try:
            if list(_spatial.windows(lengths, kernel, strides, pads, floor)) == counts:
                return floor
        except ValueError:
            continue
    return None


def _sides(name: str, values: Any, otherwise: int | None = None) -> dict[str, int]:
    """A setting for height and width in the fields of Pooling."""
    height, width = values
    if height != width:
        return {f"{name}_h": height, f"{name}_w": width}
    return {} if height == otherwise else {f"{name}_size" if name == "kernel" else name: height}


def _shares(lengths: Any, counts: Any, kernel: Any, strides: Any, before: Any, after: Any, inside: bool) -> np.ndarray:
    """Caffe's divisor of each window's sum over that of ONNX, (H', W')."""
    divisors = []
    for length, count, k, s, p, q in zip(lengths, counts, kernel, strides, before, after, strict=True):
        start = np.arange(count) * s - p
        caffes = np.minimum(start + k, length + p) - start
        # ONNX: what lies in the image, or in the image and the padding on both sides.
        low, high = (-p, length + q) if inside else (0, length)
        divisors.append((caffes, np.minimum(start + k, high) - np.maximum(start, low)))
    caffes, theirs = (np.multiply.outer(*pair) for pair in zip(*divisors, strict=True))
    return (caffes / theirs).astype(np.float32)


def _along_one_axis(b: Builder, call: Call, x: Tensor) -> Tensor:
    """Pooling of (N, C, L) as of an image of height 1."""
    if x.axes != 3 or len(call.get("kernel_shape") or ()) != 1:
        raise Unmapped(f"pools over {x.axes - 2} axes; Pooling takes 2")
    pads = call.get("pads") or [0, 0]
    changed = {"kernel_shape": [1, *call.get("kernel_shape")], "strides": [1, *(call.get("strides") or [1])],
               "dilations": [1, *(call.get("dilations") or [1])], "pads": [0, pads[0], 0, pads[1]]}  # fmt: skip
    image = b.reshape(x, (*x.shape[:2], 1, x.shape[2]))
    y = pool(b, Call(call.op, [image], {**call.attributes, **changed}, call.outputs, call.opset))
    assert isinstance(y, Tensor)
    return b.reshape(y, (*y.shape[:2], y.shape[3]))


@reads("GlobalAveragePool", "GlobalMaxPool")
def global_pool(b: Builder, call: Call) -> Tensor:
    x = b.plain(call.x())
    image = x if x.axes == 4 else b.reshape(x, (*x.shape[:2], 1, int(np.prod(x.shape[2:]))))
    method = int(call.op == "GlobalAveragePool")
    y = b.add("Pooling", image, pooling_param={"pool": method, "global_pooling": True})
    return y if x.axes == 4 else b.reshape(y, (*x.shape[:2], *(1,) * (x.axes - 2)))


@reads("Pad")
def pad(b: Builder, call: Call) -> Tensor:
    x, pads = call.x(), call.given("pads", 1)
    value = call.constant(2)
    value = call.get("value", 0.0) if value is None else value.reshape(-1)[0]
    if call.get("mode", "constant") != "constant" or value != 0:
        raise Unmapped("only zeros can be around an image")
    named = call.constant(3)
    axes = range(x.axes) if named is None else [int(axis) % x.axes for axis in named.reshape(-1)]
    both = np.zeros((2, x.axes), int)
    both[:, list(axes)] = np.reshape(pads, (2, -1))
    if not both.any():
        return x
    if both.min() < 0 or both[:, :2].any() or x.axes < 3:
        raise Unmapped(f"pads {list(map(int, pads))} cut off, or go around items or channels")
    x = b.plain(x)
    before, after = (tuple(int(n) for n in side) for side in both[:, 2:])
    shape = (*x.shape[:2], *(n + p + q for n, p, q in zip(x.shape[2:], before, after, strict=True)))
    return Tensor(x.blob, shape, (before, after))


@reads("LRN")
def lrn(b: Builder, call: Call) -> Tensor:
    size = call.get("size")
    if size % 2 == 0:
        raise Unmapped(f"a size of {size} is even; LRN takes odd ones")
    settings = {"local_size": size, "alpha": call.get("alpha", 1e-4), "beta": call.get("beta", 0.75)}
    return b.add("LRN", call.x(), lrn_param={**settings, "k": call.get("bias", 1.0)})


@reads("Resize", "Upsample")
def resize(b: Builder, call: Call) -> Tensor:
    x, mode = b.plain(call.x()), call.get("mode", "nearest")
    size = _size(call, x)
    if size == list(x.shape[2:]):
        return x
    where = call.get("coordinate_transformation_mode", "half_pixel" if call.op == "Resize" and call.opset > 10 else "")
    if mode == "linear" and where == "align_corners":
        return b.add("Interp", x, interp_param={"height": size[0], "width": size[1]})
    scales = [n // m for n, m in zip(size, x.shape[2:], strict=True)]
    whole = all(n == m * s for n, m, s in zip(size, x.shape[2:], scales, strict=True))
    rounding = call.get("nearest_mode", "round_prefer_floor")
    repeats = where in ("asymmetric", "") and (rounding == "floor" or call.opset < 11)
    repeats = repeats or (where == "half_pixel" and rounding.startswith("round_prefer"))
    if mode != "nearest" or not whole or not repeats:
        raise Unmapped(f"mode {mode} with {where or 'its'} coordinates to {size} has no equivalent")
    same = scales[0] == scales[1]
    settings = {"scale": scales[0]} if same else {"scale_h": scales[0], "scale_w": scales[1]}
    return b.add("Upsample", x, upsample_param=settings)


def _size(call: Call, x: Tensor) -> list[int]:
    """(height, width) of what Resize or Upsample makes. Raises Unmapped."""
    places = {"scales": 1} if call.op == "Upsample" or call.opset < 11 else {"sizes": 3, "scales": 2}
    if x.axes != 4:
        raise Unmapped(f"resizes {x.axes - 2} axes; layers take height and width")
    named = [int(axis) % 4 for axis in call.get("axes") or range(4)]
    for name, index in places.items():
        values = call.given(name, index)
        if values:
            full = list(x.shape) if name == "sizes" else [1.0] * 4
            for axis, value in zip(named, values, strict=True):
                full[axis] = value
            whole = full if name == "sizes" else [int(n * s) for n, s in zip(x.shape, full, strict=True)]
            if whole[1] != x.shape[1]:
                raise Unmapped("resizes the channels")
            return [int(n) for n in whole[2:]]
    raise Unmapped("gives neither sizes nor scales")


@reads("MaxRoiPool")
def roi_pool(b: Builder, call: Call) -> Tensor:
    height, width = call.get("pooled_shape")
    settings = {"pooled_h": height, "pooled_w": width, "spatial_scale": call.get("spatial_scale", 1.0)}
    return b.add("ROIPooling", call.x(), call.x(1), roi_pooling_param=settings)
