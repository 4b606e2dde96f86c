"""Layers that slide a kernel over an image, all but pooling."""

from __future__ import annotations

from math import prod

import numpy as np

from ....engine.layers.vision import _spatial
from .graph import Graph, Value
from .table import Step, exports


def _image(graph: Graph, x: Value, axis: int) -> Value:
    """x as (N, C, lengths...), with at least one axis to slide over."""
    image = x if axis == 1 else graph.merged(x, 0, axis)
    if image.axes == 2:
        image = Value(graph.add("Unsqueeze", image.name, graph.integers([2])), (*image.shape, 1), image.free)
    return image


def _sliding(step: Step, lengths: tuple[int, ...]) -> dict[str, list[int]]:
    """Kernel, strides, pads and dilations as attributes; the padding at the end reaches as far as the last kernel."""
    found = _spreading(step)
    given = [found[name] for name in ("kernel_shape", "strides", "pads", "dilations")]
    after = []
    for length, k, s, p, d in zip(lengths, *given, strict=False):  # the first half of the pads
        (count,) = _spatial.positions((length,), (k,), (s,), (p,), (d,))
        after.append(max((count - 1) * s + d * (k - 1) + 1 - length - p, p))
    return {**found, "pads": [*found["pads"][: len(after)], *after]}


@exports("Convolution", "ConvolutionDepthwise", "DepthwiseConvolution", "Deconvolution")
def convolution(graph: Graph, step: Step) -> list[str]:
    layer, made = step.layer, []
    for x, top in zip(step.bottoms, step.tops, strict=True):
        image = _image(graph, x, layer.axis)
        lengths = image.fixed(range(2, image.axes))
        weight = step.blobs[0]
        shape = (*weight.shape, 1) if len(weight.shape) == 2 else weight.shape
        inputs = [image.name, graph.param(weight, "weight", shape)]
        inputs += [graph.param(step.blobs[1], "bias")] if layer.settings.bias_term else []
        if layer.type == "Deconvolution":
            y = graph.add("ConvTranspose", *inputs, group=step.settings.group, **_spreading(step))
        else:
            y = graph.add("Conv", *inputs, group=layer.settings.group, **_sliding(step, lengths))
        made.append(y if len(x.shape) == image.axes and layer.axis == 1 else graph.like(y, top))
    return made


def _spreading(step: Step) -> dict[str, list[int]]:
    """Kernel, strides, pads and dilations as attributes; those of one place where there is no axis to slide over."""
    geometry = {name: list(values) for name, values in step.layer.geometry.items()}
    kernel, pad = geometry["kernel"] or [1], geometry["pad"] or [0]
    return {
        "kernel_shape": kernel,
        "strides": geometry["stride"] or [1],
        "pads": [*pad, *pad],
        "dilations": geometry["dilation"] or [1],
    }


@exports("Im2col")
def im2col(graph: Graph, step: Step) -> str:
    """A convolution whose kernels each pick one place of the window of one channel."""
    image = _image(graph, step.bottoms[0], step.layer.axis)
    lengths = image.fixed(range(2, image.axes))
    (channels,) = image.fixed([1])
    kernel = step.layer.geometry["kernel"]
    places = prod(kernel)
    one_hot = np.tile(np.eye(places, dtype=np.float32), (channels, 1)).reshape(channels * places, 1, *kernel)
    y = graph.add("Conv", image.name, graph.constant(one_hot, "places"), group=channels, **_sliding(step, lengths))
    return y if step.layer.axis == 1 else graph.like(y, step.tops[0])


@exports("Crop")
def crop(graph: Graph, step: Step) -> str:
    x, top = step.bottoms[0], step.tops[0]
    return _cut(graph, x, top, [part.start or 0 for part in step.layer.part])


@exports("CropCenter")
def crop_center(graph: Graph, step: Step) -> str:
    return _cut(graph, step.bottoms[0], step.tops[0], list(step.settings.crop_size))


def _cut(graph: Graph, x: Value, top: Value, starts: list[int]) -> str:
    """The part of x that begins at `starts` and has the shape of a top; axes that stay whole may follow the batch."""
    cut = [axis for axis in range(x.axes) if x.shape[axis] != top.shape[axis] or starts[axis]]
    parts = zip(cut, x.fixed(cut), top.fixed(cut), strict=True)
    return graph.slices(x.name, [(axis, starts[axis], starts[axis] + length) for axis, _, length in parts])


@exports("Interp")
def interp(graph: Graph, step: Step) -> str:
    x, top = step.bottoms[0], step.tops[0]
    begin, (height, width) = -step.settings.pad_beg, step.layer.sizes[0]
    y = x.name
    if (height, width) != x.fixed([2, 3]):
        y = graph.slices(y, [(2, begin, begin + height), (3, begin, begin + width)])
    if top.fixed([2, 3]) == (height, width):
        return y
    return _resize(graph, y, "linear", "align_corners", sizes=top.fixed([2, 3]))


@exports("Upsample")
def upsample(graph: Graph, step: Step) -> str:
    if len(step.bottoms) == 1:
        scales = step.layer.scale
        return _resize(graph, step.x, "nearest", "asymmetric", scales=scales) if max(scales) > 1 else step.x
    x, mask, top = *step.bottoms, step.tops[0]
    planes, room = graph.merged(x, 2, 4), prod(top.fixed([2, 3]))
    places = graph.add("Cast", graph.merged(mask, 2, 4).name, to=7)
    before = graph.add("Shape", x.name, start=0, end=2)
    shape = graph.add("Concat", before, graph.integers([room], "room"), axis=0)
    empty = graph.add("Expand", graph.constant(0.0, "zero"), shape)
    return graph.like(graph.add("ScatterElements", empty, places, planes.name, axis=2), top)


def _resize(graph: Graph, x: str, mode: str, places: str, sizes=(), scales=()) -> str:
    """x with another height and width, by sizes or by scales."""
    rounding = {"nearest_mode": "floor"} if mode == "nearest" else {}
    given = graph.integers(sizes, "sizes") if sizes else graph.constant(scales, "scales")
    inputs = (x, "", "", given) if sizes else (x, "", given)
    return graph.add("Resize", *inputs, axes=[2, 3], mode=mode, coordinate_transformation_mode=places, **rounding)
