"""What each layer of a checked net costs and sees, from the check alone: nothing is built or touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from ..engine import LayerReport, Report
from ..proto.messages import NetParameter
from ..proto.upgrade import upgrade_net

BYTES = 4  # of a value; nets compute in float32
WINDOWS = {"Convolution": "convolution_param", "Deconvolution": "convolution_param", "Pooling": "pooling_param"}
EVERYTHING = float("inf")

Pair = tuple[float, float]


@dataclass(frozen=True)
class Entry:
    """One layer. A figure that is not known is None.

    `shape` is that of its first top. `macs` are multiplications with an addition each, for one image: the batch does
    not multiply them; 0 where the time goes into memory. `activations` are the bytes of its tops for the whole batch,
    0 where it works in place. `field` is the part of the input, in pixels (height, width), that one value of the top
    depends on, infinite where it is all of it; `stride` how many pixels lie between neighbours.
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...] | None
    parameters: int
    macs: int | None
    activations: int | None
    field: Pair | None
    stride: Pair | None


def ledger(report: Report, net: Any = None) -> list[Entry]:
    """The entries of all layers of a report that take part in its phase.

    `net` is the NetParameter that was checked, for kernels and strides; without it fields and strides are not known.
    """
    params = dict(enumerate(_layers(net))) if net is not None else {}
    seen: dict[str, tuple[Pair, Pair] | None] = {}
    entries = []
    for layer in report.layers:
        if not layer.included:
            continue
        before = [seen.get(blob) for blob in layer.bottoms]
        now = _seen_by(layer, before, params.get(layer.index)) if net is not None else None
        seen.update(dict.fromkeys(layer.tops, now))
        entries.append(
            Entry(
                layer.index,
                layer.name,
                layer.type,
                layer.top_shapes[0] if layer.top_shapes else None,
                layer.count,
                _macs(layer),
                _activations(layer),
                now and now[0],
                now and now[1],
            )
        )
    return entries


def _layers(net: Any) -> Sequence[Any]:
    """The layers of a net as today's schema has them, in the places that they have in the text."""
    if not net.layers:
        return net.layer
    upgraded = NetParameter()
    upgraded.CopyFrom(net)
    upgrade_net(upgraded)
    found = [layer for layer in upgraded.layer if not (net.input and layer.type == "Input")]
    return found if len(found) == len(net.layers) else ()


def _macs(layer: LayerReport) -> int | None:
    """Products of a forward pass of one image."""
    if layer.type not in ("Convolution", "Deconvolution", "InnerProduct", "LSTM", "RNN") or not layer.param_shapes:
        return 0 if layer.top_shapes and layer.top_shapes[0] is not None else None
    shape = (layer.bottom_shapes if layer.type == "Deconvolution" else layer.top_shapes)[0]
    if shape is None:
        return None
    if layer.type in ("LSTM", "RNN"):  # the first axis is time, the second the batch
        return shape[0] * sum(prod(one) for one in layer.param_shapes if len(one) > 1)
    weights = layer.param_shapes[0]
    if layer.type == "InnerProduct":
        return prod(shape[1:-1]) * prod(weights)
    return sum(prod(one[1:]) for one in _known(layer, layer.type == "Deconvolution")) * prod(weights[1:])


def _known(layer: LayerReport, bottoms: bool) -> Iterable[Sequence[int]]:
    return [one for one in (layer.bottom_shapes if bottoms else layer.top_shapes) if one is not None]


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
