"""Costs of a net, layer by layer: parameters, multiply-adds, activation memory, receptive field, stride."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from ..engine import LayerReport, Report
from ..engine.build import Node
from ..proto.messages import NetParameter
from ..proto.upgrade import upgrade_net

BYTES = 4  # of a value; nets compute in float32
WINDOWS = {
    "Convolution": "convolution_param", "ConvolutionDepthwise": "convolution_param",
    "Deconvolution": "convolution_param", "Pooling": "pooling_param",
}  # fmt: skip
RECURRENT = ("LSTM", "RNN")
PRODUCTS = ("Convolution", "ConvolutionDepthwise", "Deconvolution", "InnerProduct", *RECURRENT)
"""Types that are made of matrix products; the time of the others goes into memory."""
EVERYTHING = float("inf")

Pair = tuple[float, float]
Shape = Sequence[int]


@dataclass(frozen=True)
class Cost:
    """Costs of one layer. A figure that is not known is None.

    `shape` is that of its first top. `parameters` is their number, shared ones counted where they are used.
    `multiply_adds` are multiplications with an addition each, of a forward pass of one image: the batch does not
    multiply them; 0 where the time goes into memory. `activations` are the bytes of its tops for the whole batch, 0
    where it works in place. `receptive_field` is the part of the input, in pixels (height, width), that one value of
    the top depends on, infinite where it is all of it; `stride` how many pixels lie between neighbours.
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...] | None
    parameters: int
    multiply_adds: int | None
    activations: int | None
    receptive_field: Pair | None
    stride: Pair | None


def costs(report: Report, net: Any = None) -> list[Cost]:
    """The costs of all layers of a report that take part in its phase: from the check alone, nothing is built.

    `net` is the NetParameter that was checked, for kernels and strides; without it receptive fields and strides are
    not known.
    """
    params = dict(enumerate(_layers(net))) if net is not None else {}
    seen: dict[str, tuple[Pair, Pair] | None] = {}
    found = []
    for layer in report.layers:
        if not layer.included:
            continue
        before = [seen.get(blob) for blob in layer.bottoms]
        now = _seen_by(layer, before, params.get(layer.index)) if net is not None else None
        seen.update(dict.fromkeys(layer.tops, now))
        shape = layer.top_shapes[0] if layer.top_shapes else None
        found.append(
            Cost(
                layer.index, layer.name, layer.type, shape, layer.count, _per_image(layer), _activations(layer),
                now and now[0], now and now[1],
            )
        )  # fmt: skip
    return found


def multiply_adds_of(node: Node) -> int:
    """Multiplications with an addition each, of a forward pass of the whole batch through a layer of a built net."""
    layer: Any = node.layer
    bottoms, tops = [blob.shape for blob in node.bottoms], [blob.shape for blob in node.tops]
    return _multiply_adds(layer.type, bottoms, tops, [blob.shape for blob in layer.blobs])


def _multiply_adds(type: str, bottoms: Sequence[Shape], tops: Sequence[Shape], weights: Sequence[Shape]) -> int:
    """Those of the whole batch, by the shapes of a layer's bottoms, tops and parameters."""
    if type not in PRODUCTS or not weights or not tops:
        return 0
    if type in RECURRENT:  # the first axis is time, the second the batch
        return prod(tops[0][:2]) * sum(prod(one) for one in weights if len(one) > 1)
    if type == "InnerProduct":
        return prod(tops[0][:-1]) * prod(weights[0])
    return sum(map(prod, bottoms if type == "Deconvolution" else tops)) * prod(weights[0][1:])


def _layers(net: Any) -> Sequence[Any]:
    """The layers of a net as today's schema has them, in the places that they have in the text."""
    if not net.layers:
        return net.layer
    upgraded = NetParameter()
    upgraded.CopyFrom(net)
    upgrade_net(upgraded)
    found = [layer for layer in upgraded.layer if not (net.input and layer.type == "Input")]
    return found if len(found) == len(net.layers) else ()


def _per_image(layer: LayerReport) -> int | None:
    """Products of a forward pass of one image."""
    bottoms = [shape for shape in layer.bottom_shapes if shape is not None]
    tops = [shape for shape in layer.top_shapes if shape is not None]
    if not tops or layer.top_shapes[0] is None or (layer.type == "Deconvolution" and not bottoms):
        return None if layer.top_shapes else 0
    images = tops[0][1 if layer.type in RECURRENT else 0] if len(tops[0]) > 1 else 1
    return _multiply_adds(layer.type, bottoms, tops, layer.param_shapes) // max(images, 1)


def _activations(layer: LayerReport) -> int | None:
    if any(shape is None for shape in layer.top_shapes):
        return None
    own = [shape for top, shape in zip(layer.tops, layer.top_shapes, strict=False) if top not in layer.bottoms]
    return BYTES * sum(prod(shape) for shape in own if shape is not None)


def _seen_by(layer: LayerReport, before: Sequence[tuple[Pair, Pair] | None], param: Any) -> tuple[Pair, Pair] | None:
    """Field and stride of a layer's tops, by those of its bottoms. Source: the arithmetic of windows over windows."""
    if not layer.bottoms:
        image = bool(layer.top_shapes) and layer.top_shapes[0] is not None and len(layer.top_shapes[0]) == 4
        return ((1.0, 1.0), (1.0, 1.0)) if image else None
    known = [one for one in before if one is not None]
    if not known:
        return None
    fields, strides = [one[0] for one in known], [one[1] for one in known]
    field = max(h for h, _ in fields), max(w for _, w in fields)
    stride = max(h for h, _ in strides), max(w for _, w in strides)
    if layer.type in ("InnerProduct", "SPP", "Reduction", "LSTM", "RNN", "MVN"):
        return (EVERYTHING, EVERYTHING), stride
    if layer.type not in WINDOWS or param is None:
        return field, stride
    settings = getattr(param, WINDOWS[layer.type])
    if layer.type == "Pooling" and settings.global_pooling:
        return (EVERYTHING, EVERYTHING), stride
    (kh, kw), (sh, sw) = _pair(settings, "kernel", "kernel_size", 1), _pair(settings, "stride", "stride", 1)
    dh, dw = _pair(settings, "", "dilation", 1) if layer.type != "Pooling" else (1, 1)
    eh, ew = dh * (kh - 1) + 1, dw * (kw - 1) + 1
    if layer.type == "Deconvolution":  # every value of the top lies under so many of the bottom
        rows, columns = ceil(eh / sh), ceil(ew / sw)
        field = field[0] + (rows - 1) * stride[0], field[1] + (columns - 1) * stride[1]
        return field, (stride[0] / sh, stride[1] / sw)
    return (field[0] + (eh - 1) * stride[0], field[1] + (ew - 1) * stride[1]), (stride[0] * sh, stride[1] * sw)


def _pair(settings: Any, stem: str, name: str, otherwise: int) -> tuple[int, int]:
    """Height and width of a setting that is written once for both, once each, or as `stem`_h and `stem`_w."""
    if stem and settings.HasField(f"{stem}_h"):
        return getattr(settings, f"{stem}_h"), getattr(settings, f"{stem}_w")
    value = getattr(settings, name)
    values = list(value) if hasattr(value, "append") else [value] if settings.HasField(name) else []
    if not values:
        return otherwise, otherwise
    return values[0], values[-1]
