"""Where a position in one blob of a net in the V1 format lies in another, for its CROP layers."""

from __future__ import annotations

from collections.abc import Iterator
from math import copysign, floor
from typing import Any

from .messages import ConvolutionParameter, NetParameter, PoolingParameter, V1LayerParameter

Pair = tuple[float, float]  # of the vertical and of the horizontal axis
Map = tuple[Pair, Pair]  # scale and shift: position i of a blob is scale * i + shift in another

_SAME: Map = ((1.0, 1.0), (0.0, 0.0))
_SLIDING: dict[int, str] = {
    V1LayerParameter.CONVOLUTION: "convolution_param",
    V1LayerParameter.POOLING: "pooling_param",
}
_MIXING = {V1LayerParameter.FLATTEN, V1LayerParameter.IM2COL, V1LayerParameter.INNER_PRODUCT}


def crop_offsets(net: NetParameter) -> Iterator[tuple[V1LayerParameter, tuple[int, int] | None]]:
    """Each CROP layer with the offset (vertical, horizontal) that brings its bottoms in line. Source: longjon/caffe.

    None where no one offset does: nothing below is common to both bottoms, or their scales differ.
    """
    maps: dict[str, dict[str, Map]] = {}  # for each blob the maps to all that lies below it
    for layer in net.layers:
        offset = None
        if layer.type == V1LayerParameter.CROP and len(layer.bottom) == 2:
            offset = _offset(*({**maps.get(name, {}), name: _SAME} for name in layer.bottom))
        if layer.type == V1LayerParameter.CROP:
            yield layer, offset
        step = _map_of(layer, offset)
        read = list(layer.bottom) if layer.type != V1LayerParameter.CROP else layer.bottom[:1]
        below: dict[str, Map] = {}
        if step is not None:
            for name in read:
                for ancestor, known in {**maps.get(name, {}), name: _SAME}.items():
                    below[ancestor] = _after(step, known)
        for name in layer.top:
            if name in layer.bottom:  # in place: a later layer that names it means this one
                maps[name] = {ancestor: known for ancestor, known in below.items() if ancestor != name}
            else:
                maps[name] = below


def _offset(first: dict[str, Map], second: dict[str, Map]) -> tuple[int, int] | None:
    """Where in the first blob the second begins, by what both come from."""
    for ancestor, (scale, shift) in first.items():
        if ancestor in second and second[ancestor][0] == scale:
            other = second[ancestor][1]
            rows, columns = (_nearest((b - a) / s) for a, b, s in zip(shift, other, scale, strict=True))
            return (rows, columns) if min(rows, columns) >= 0 else None
    return None


def _map_of(layer: V1LayerParameter, offset: tuple[int, int] | None) -> Map | None:
    """From a layer's top to its bottom; None where a position in the one is at none in the other."""
    if layer.type == V1LayerParameter.CROP:
        return ((1.0, 1.0), (float(offset[0]), float(offset[1]))) if offset else None
    if layer.type in _MIXING or not layer.bottom:
        return None
    if layer.type == V1LayerParameter.DECONVOLUTION:
        stride, edge = _window(layer.convolution_param)
        scale = (1 / stride[0], 1 / stride[1])
        return scale, (-edge[0] * scale[0], -edge[1] * scale[1])
    if layer.type in _SLIDING:
        return _window(getattr(layer, _SLIDING[layer.type]))
    return _SAME


def _window(settings: ConvolutionParameter | PoolingParameter) -> tuple[Pair, Pair]:
    """The stride of a sliding window, and the distance of its centre from its first pixel but for the pad."""
    kernel, stride, pad = (
        _sides(settings, name, short, default)
        for name, short, default in (("kernel_size", "kernel", 1), ("stride", "stride", 1), ("pad", "pad", 0))
    )
    dilation = list(getattr(settings, "dilation", ())) or [1]
    extent = [(side - 1) * by for side, by in zip(kernel, (dilation * 2)[:2], strict=True)]
    return stride, (extent[0] / 2 - pad[0], extent[1] / 2 - pad[1])


def _sides(settings: Any, name: str, short: str, default: int) -> Pair:
    if settings.HasField(f"{short}_h") and settings.HasField(f"{short}_w"):
        return getattr(settings, f"{short}_h"), getattr(settings, f"{short}_w")
    value = getattr(settings, name)
    values = list(value) if hasattr(value, "extend") else [value]
    values = (values or [default]) * 2
    return (values[0], values[1])


def _after(step: Map, known: Map) -> Map:
    """A map, and from there another one."""
    (scale, shift), (further, beyond) = step, known
    return (
        (scale[0] * further[0], scale[1] * further[1]),
        (shift[0] * further[0] + beyond[0], shift[1] * further[1] + beyond[1]),
    )


def _nearest(value: float) -> int:
    """The nearest whole number, halves away from zero as C rounds them."""
    return int(copysign(floor(abs(value) + 0.5), value))
