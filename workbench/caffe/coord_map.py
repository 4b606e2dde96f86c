"""Coordinate maps. Where a position in one blob of a NetSpec lies in another, and how to align the two."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .net_spec import Function, Top, layers

POINTWISE = {
    "AbsVal", "BatchNorm", "Bias", "BNLL", "Clip", "Dropout", "ELU", "Eltwise", "Exp", "Log", "LRN", "MVN",
    "Power", "PReLU", "ReLU", "Scale", "Sigmoid", "Split", "Swish", "TanH", "Threshold",
}  # fmt: skip
PASS_THROUGH_LAYERS = sorted(POINTWISE)


class UndefinedMapException(Exception):
    """A layer's top has no coordinates that go with its bottom's."""


class AxisMismatchException(Exception):
    """Two maps in a row that begin at different axes."""


class CoordMapError(AssertionError, ValueError):
    """Settings that make no map, or two blobs that no cropping brings in line."""


class Map(NamedTuple):
    """From one blob to another: position i of the one is at scale * i + shift of the other.

    This holds on the axes after `axis`, which is None where a layer keeps all coordinates. `scale` and
    `shift` have one entry for all these axes, or one for each.
    """

    axis: int | None
    scale: Any
    shift: Any


SAME = Map(None, 1, 0)


def conv_params(fn: Function) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Axis, stride, extent of the kernel (dilation counted in) and pad of a layer with a sliding window.

    Raises CoordMapError for the fields that give height and width apart, and for a layer without kernel_size.
    """
    settings = _settings(fn, "pooling_param" if fn.type_name == "Pooling" else "convolution_param")
    apart = {f"{name}_{side}" for name in ("kernel", "stride", "pad") for side in "hw"} & set(settings)
    if apart:
        raise CoordMapError(
            f"a {fn.type_name} with {', '.join(sorted(apart))} has no coordinate map: "
            "use kernel_size, stride and pad"
        )
    if "kernel_size" not in settings:
        raise CoordMapError(f"a {fn.type_name} has no coordinate map without a kernel_size")
    extent = (_lengths(settings["kernel_size"]) - 1) * _lengths(settings.get("dilation", 1)) + 1
    stride, pad = _lengths(settings.get("stride", 1)), _lengths(settings.get("pad", 0))
    return settings.get("axis", 1), stride, extent, pad


def crop_params(fn: Function) -> tuple[int, np.ndarray]:
    """The first axis that a Crop layer cuts, and how much it cuts off in front."""
    settings = _settings(fn, "crop_param")
    return settings.get("axis", 2), _lengths(settings.get("offset", 0))


def _settings(fn: Function, field: str) -> dict[str, Any]:
    """What a layer was given, in its own message or beside it."""
    return {**fn.params, **fn.params.get(field, {})}


def _lengths(value: Any) -> np.ndarray:
    return np.array(value, ndmin=1)


def coord_map(fn: Function) -> Map:
    """From a layer's bottom to its top. Raises UndefinedMapException for a type that has no such map."""
    if fn.type_name in ("Convolution", "Pooling", "Im2col"):
        axis, stride, extent, pad = conv_params(fn)
        return Map(axis, 1 / stride, (pad - (extent - 1) / 2) / stride)
    if fn.type_name == "Deconvolution":
        axis, stride, extent, pad = conv_params(fn)
        return Map(axis, stride, (extent - 1) / 2 - pad)
    if fn.type_name in POINTWISE:
        return SAME
    if fn.type_name == "Crop":
        axis, offset = crop_params(fn)
        return Map(axis - 1, 1, -offset)
    raise UndefinedMapException(f"{fn.type_name} has no coordinate map")


def compose(base_map: Map, next_map: Map) -> Map:
    """`next_map`, then `base_map`. Raises AxisMismatchException when they begin at different axes."""
    axis, scale, shift = base_map
    next_axis, next_scale, next_shift = next_map
    if axis is not None and next_axis is not None and axis != next_axis:
        raise AxisMismatchException(f"one map begins after axis {axis}, the next after axis {next_axis}")
    return Map(next_axis if axis is None else axis, scale * next_scale, scale * next_shift + shift)


def inverse(coord_map: Map) -> Map:
    """The map back."""
    axis, scale, shift = coord_map
    return Map(axis, 1 / scale, -shift / scale)


def coord_map_from_to(top_from: Top, top_to: Top) -> Map:
    """The map between two blobs: from each to the blob below that both come from.

    Raises RuntimeError where layers with coordinates lead to none, AxisMismatchException.
    """
    below = _maps_below(top_from)
    for top, to in _maps_below(top_to).items():
        if top in below:
            return compose(to, inverse(below[top]))
    raise RuntimeError("no map leads from the one blob to the other: no spatial layers connect them")


def _maps_below(top: Top) -> dict[Top, Map]:
    """The maps from all blobs that a blob comes from, itself first, nearer ones before those further away."""
    maps = {top: SAME}
    waiting = [top]
    for one in waiting:
        try:
            own = coord_map(one.fn)
        except UndefinedMapException:
            continue
        bottoms = one.fn.inputs
        if one.fn.type_name == "Crop":
            bottoms = bottoms[:1]  # the second gives only its shape
        for bottom in bottoms:
            if bottom not in maps:
                maps[bottom] = compose(maps[one], own)
                waiting.append(bottom)
    return maps


def crop(top_from: Top, top_to: Top) -> Top:
    """A Crop layer that cuts the one blob so that its pixels lie on those of the other.

    Raises CoordMapError where that cannot be done, and what `coord_map_from_to` raises.
    """
    axis, scale, shift = coord_map_from_to(top_from, top_to)
    scale, shift = np.atleast_1d(scale), np.atleast_1d(shift)
    if axis is None:
        raise CoordMapError("no layer between the two blobs changes coordinates: there is nothing to crop")
    if not (scale == 1).all():
        raise CoordMapError(f"scale mismatch on crop (a = {scale})")
    if not (shift <= 0).all():
        raise CoordMapError(f"cannot crop negative offset (b = {shift})")
    if not (np.round(shift) == shift).all():
        raise CoordMapError(f"cannot crop noninteger offset (b = {shift})")
    offset = (-np.round(shift)).astype(int).tolist()
    return layers.Crop(top_from, top_to, crop_param={"axis": axis + 1, "offset": offset})
