"""The receptive field: the part of the input on which one position of a blob depends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...engine.blob import Blob
from ...engine.build import Node
from .running import whole_number
from .targets import Place, ancestors, blob_of, input_of, net_of

Span = tuple[int, int]  # of rows or columns, the end exclusive
Box = tuple[Span, Span]

CROSS_CHANNEL = 0  # LRN's norm_region ACROSS_CHANNELS
ONE_TO_ONE = ("Axpy", "BN", "BatchNorm", "Bias", "Eltwise", "ReLU6", "Scale", "ShuffleChannel", "Split")


def receptive_field(net: Any, blob: str, y: int, x: int, *, input: str | None = None) -> tuple[int, int, int, int]:
    """The part of the input that the values of a blob at row `y`, column `x` depend on: (y0, y1, x0, x1), in pixels.

    Ends are exclusive, as in ``image[:, y0:y1, x0:x1]``; what a window covers of padding is left out. Where ways
    of different fields lead to the blob, it is the smallest box around all; all four are 0 where windows see nothing
    but padding. Only geometry counts: kernels, strides, padding and dilation, not the weights. A blob without rows and
    columns, and all behind a layer that mixes all positions (an inner product, say), depends on the whole image; such
    a blob has position 0, 0 alone.

    Raises ValueError for a blob or position that is not there, and where no image leads to it.
    Reference: Dumoulin and Visin, "A Guide to Convolution Arithmetic for Deep Learning", arXiv 1603.07285, 2016.
    """
    net = net_of(net)
    at, top = blob_of(net, blob)
    layers = ancestors(net, at)
    image = input_of(net, layers, input)
    lengths = _lengths(net.nodes[at].tops[top])
    place = whole_number(y, "y", 0), whole_number(x, "x", 0)
    for number, length, name in zip(place, lengths, "yx", strict=True):
        if number >= length:
            size = f"{lengths[0]} x {lengths[1]}"
            raise ValueError(f"{name} {number} is beyond blob {blob!r}, which has {size} positions")
    return field_of(net, layers, image, net.nodes[at].top_ids[top], place)


def field_of(
    net: Any, layers: Sequence[int], image: Place, blob_id: int, place: Sequence[int]
) -> tuple[int, int, int, int]:
    """The same for a blob by its id, and the layers that lead to it."""
    first = (place[0], place[0] + 1), (place[1], place[1] + 1)
    wanted: dict[int, list[Box]] = {blob_id: [first]}
    source = net.nodes[image[0]].top_ids[image[1]]
    for at in reversed(layers):
        node = net.nodes[at]
        if not node.bottom_ids:
            continue
        tops = [(k, wanted.pop(one)) for k, one in enumerate(node.top_ids) if one in wanted]
        for k, boxes in tops:
            for j, (bottom, one) in enumerate(zip(node.bottoms, node.bottom_ids, strict=True)):
                found = _below(node, k, j, _around(boxes))
                inside = None if found is None else _clipped(found, _lengths(bottom))
                if inside is not None and all(start < end for start, end in inside):
                    wanted.setdefault(one, []).append(inside)
    if source not in wanted:
        return 0, 0, 0, 0
    (y0, y1), (x0, x1) = _around(wanted[source])
    return y0, y1, x0, x1


def _lengths(blob: Blob) -> tuple[int, int]:
    """Rows and columns; 1 each where the blob has none."""
    return (blob.shape[2], blob.shape[3]) if blob.num_axes == 4 else (1, 1)


def _around(boxes: Sequence[Box]) -> Box:
    """The smallest box around all that are not empty."""
    rows, columns = zip(*boxes, strict=True)
    return _hull(rows), _hull(columns)


def _hull(spans: Iterable[Span]) -> Span:
    starts, ends = zip(*spans, strict=True)
    return min(starts), max(ends)


def _clipped(box: Box, lengths: Sequence[int]) -> Box:
    def within(span: Span, length: int) -> Span:
        return min(max(span[0], 0), length), max(min(span[1], length), 0)

    return within(box[0], lengths[0]), within(box[1], lengths[1])


def _below(node: Node, top: int, bottom: int, box: Box) -> Box | None:
    """The part of a bottom that a box of a top depends on; None where it is none of its values."""
    layer: Any = node.layer
    kind, source, target = layer.type, node.bottoms[bottom], node.tops[top]
    if bottom in layer.no_gradient and kind in ("Crop", "CropCenter", "Interp"):
        return None  # only its lengths count
    if source.num_axes != 4 or target.num_axes != 4:
        return _everything(source)
    if kind in ("Convolution", "ConvolutionDepthwise", "DepthwiseConvolution", "Im2col"):
        return _windows(box, **layer.geometry) if layer.axis == 1 else _everything(source)
    if kind == "Pooling":
        return _windows(box, layer.kernel or source.shape[2:], layer.stride, layer.pad, (1, 1))
    if kind == "Deconvolution":
        return _spread(box, **layer.geometry) if layer.axis == 1 else _everything(source)
    if kind == "LRN":
        reach = 0 if layer.settings.norm_region == CROSS_CHANNEL else layer.settings.local_size // 2
        return _grown(box, reach)
    if kind == "Crop":
        offsets = [part.start or 0 for part in layer.part]
        offsets = [*offsets, *[0] * (4 - len(offsets))][2:]
        return _shifted(box, offsets[0], offsets[1])
    if kind in ("Concat", "Slice"):
        return _along_axis(node, top, bottom, box)
    if kind == "Softmax" and layer.axis_of(source, layer.settings.axis) == 1:
        return box
    one_to_one = layer.category == "neuron" or kind in ONE_TO_ONE
    return box if one_to_one and source.shape[2:] == target.shape[2:] else _everything(source)


def _everything(blob: Blob) -> Box:
    height, width = _lengths(blob)
    return (0, height), (0, width)


def _windows(box: Box, kernel: Any, stride: Any, pad: Any, dilation: Any) -> Box:
    """What windows at these positions cover."""
    rows, columns = (
        (start * s - p, (end - 1) * s - p + d * (k - 1) + 1)
        for (start, end), k, s, p, d in zip(box, kernel, stride, pad, dilation, strict=True)
    )
    return rows, columns


def _spread(box: Box, kernel: Any, stride: Any, pad: Any, dilation: Any) -> Box:
    """The positions whose windows reach into the box."""
    rows, columns = (
        (-(-(start + p - d * (k - 1)) // s), (end - 1 + p) // s + 1)
        for (start, end), k, s, p, d in zip(box, kernel, stride, pad, dilation, strict=True)
    )
    return rows, columns


def _grown(box: Box, reach: int) -> Box:
    (y0, y1), (x0, x1) = box
    return (y0 - reach, y1 + reach), (x0 - reach, x1 + reach)


def _shifted(box: Box, down: int, right: int) -> Box:
    (y0, y1), (x0, x1) = box
    return (y0 + down, y1 + down), (x0 + right, x1 + right)


def _along_axis(node: Node, top: int, bottom: int, box: Box) -> Box:
    """Pieces that lie one behind the other, along channels, rows or columns."""
    layer: Any = node.layer
    joined = layer.type == "Concat"
    dim = "concat_dim" if joined else "slice_dim"
    axis = layer.axis_of(node.bottoms[0], getattr(layer.settings, dim if layer.settings.HasField(dim) else "axis"))
    before = node.bottoms[:bottom] if joined else node.tops[:top]
    offset = sum(piece.shape[axis] for piece in before) * (-1 if joined else 1)
    return _shifted(box, offset if axis == 2 else 0, offset if axis == 3 else 0)
