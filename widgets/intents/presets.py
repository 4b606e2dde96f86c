"""Values that a new layer begins with, and those typed behind its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf import text_format

from ...engine import LAYERS, Report
from ...proto import Document

FILLERS = 'weight_filler { type: "xavier" } bias_filler { type: "constant" }'
IMAGE = (1, 3, 224, 224)

PRESETS = {
    "Clip": "min: 0 max: 6",
    "ContinuationIndicator": "time_step: 10 batch_size: 1",
    "Convolution": f"num_output: 32 pad: 1 kernel_size: 3 {FILLERS}",
    "ConvolutionDepthwise": f"num_output: 32 pad: 1 kernel_size: 3 {FILLERS}",
    "Deconvolution": f"num_output: 32 pad: 1 kernel_size: 4 stride: 2 {FILLERS}",
    "DepthwiseConvolution": f"num_output: 32 pad: 1 kernel_size: 3 {FILLERS}",
    "Embed": f"num_output: 32 input_dim: 1000 {FILLERS}",
    "Im2col": "kernel_size: 3 pad: 1",
    "InnerProduct": f"num_output: 32 {FILLERS}",
    "Interp": "zoom_factor: 2",
    "LSTM": f"num_output: 32 {FILLERS}",
    "MemoryData": "batch_size: 1 channels: 3 height: 224 width: 224",
    "Parameter": "shape { dim: 32 }",
    "Pooling": "pool: MAX kernel_size: 2 stride: 2",
    "RNN": f"num_output: 32 {FILLERS}",
    "Reorg": "stride: 2",
    "Reshape": "shape { dim: 0 dim: -1 }",
    "SPP": "pyramid_height: 3 pool: MAX",
    "Scale": "bias_term: true",
    "Tile": "tiles: 2",
}
"""By type, what its own message holds at first."""

POSITIONS = {
    "Concat": ("axis",),
    "Convolution": ("num_output", "kernel_size", "stride", "pad"),
    "ConvolutionDepthwise": ("num_output", "kernel_size", "stride", "pad"),
    "Deconvolution": ("num_output", "kernel_size", "stride", "pad"),
    "DepthwiseConvolution": ("num_output", "kernel_size", "stride", "pad"),
    "Dropout": ("dropout_ratio",),
    "DummyData": ("shape",),
    "Embed": ("num_output", "input_dim"),
    "InnerProduct": ("num_output",),
    "Input": ("shape",),
    "LRN": ("local_size",),
    "LSTM": ("num_output",),
    "Pooling": ("kernel_size", "stride", "pad"),
    "RNN": ("num_output",),
    "ReLU": ("negative_slope",),
    "Reshape": ("shape",),
    "Softmax": ("axis",),
}
"""By type, the fields that numbers typed behind its name are for."""

WANTED = {
    "AnnotatedData": "source",
    "Data": "source",
    "DetectionEvaluate": "num_classes",
    "HDF5Data": "source",
    "HDF5Output": "file_name",
    "ImageData": "source",
    "ImageLabelmapData": "source",
    "Python": "module",
    "WindowData": "source",
}
"""Beside the first of POSITIONS, the fields that only the user knows."""

SETTLED = ("Concat", "Dropout", "LRN", "Pooling", "ReLU", "Softmax")
"""Types of POSITIONS that want no value: their usual one is good enough."""


def usage(type_name: str) -> str:
    """What may be typed behind a type's name in the palette."""
    names = POSITIONS.get(type_name, ())
    return f"{type_name.lower()} {' '.join(names)}." if names else ""


def wanted_field(type_name: str) -> tuple[str, str] | None:
    """The field of a new layer that wants a value of the user first, as a path; None where none does."""
    cls = LAYERS.get(type_name)
    name = WANTED.get(type_name) or next(iter(POSITIONS.get(type_name, ())), None)
    if cls is None or cls.param_field is None or name is None or type_name in SETTLED:
        return None
    return cls.param_field, name


def shape_of(text: str) -> tuple[int, ...]:
    """A shape typed as 1x3x224x224, or with spaces or commas between. Raises ValueError for anything else."""
    parts = [part for part in text.lower().replace("×", "x").replace("x", " ").replace(",", " ").split() if part]
    try:
        return tuple(int(part) for part in parts)
    except ValueError:
        raise ValueError(f"Expected a shape such as 1x3x224x224; found {text!r}.") from None


def fill(message: Any, args: Sequence[str], document: Document, report: Report, index: int) -> None:
    """Give a new layer the values it begins with, then those that were typed.

    `index` is its place in the text. num_output is that of the nearest layer of its type, an input has the shape of
    the net's first; a depthwise convolution has the channels of its bottom. Raises ValueError for what a field cannot
    hold.
    """
    cls = LAYERS.get(message.type)
    if cls is None or cls.param_field is None:
        if args:
            raise ValueError(f"{message.type} takes no numbers.")
        return
    preset = PRESETS.get(message.type, "")
    takes_shapes = message.type in ("Input", "DummyData")
    if not preset and not takes_shapes and not args:
        return
    param = getattr(message, cls.param_field)
    text_format.Parse(preset, param)
    if "num_output" in preset:
        param.num_output = _usual_outputs(document, message.type, index)
    if message.type in ("ConvolutionDepthwise", "DepthwiseConvolution"):
        param.num_output = param.group = _channels(report, message.bottom) or param.num_output
    if takes_shapes:
        _set_shapes(message, param, args, report)
    else:
        _take(message, param, args)


def _set_shapes(message: Any, param: Any, args: Sequence[str], report: Report) -> None:
    shapes = [shape_of(arg) for arg in args if arg] or [_usual_shape(report)]
    if len(message.top) == 1 and len(shapes) > 1:
        name = message.top[0]
        message.top[:] = [name, *(f"{name}_{k}" for k in range(1, len(shapes)))]
    for shape in shapes:
        param.shape.add(dim=shape)


def _take(message: Any, param: Any, args: Sequence[str]) -> None:
    names = POSITIONS.get(message.type, ())
    if len(args) > len(names):
        takes = f"takes {', '.join(names)}" if names else "takes no numbers"
        raise ValueError(f"{message.type} {takes}; found {' '.join(args)}.")
    for name, arg in zip(names, args, strict=False):
        field = param.DESCRIPTOR.fields_by_name[name]
        param.ClearField(name)
        if name == "shape":
            param.shape.dim.extend(shape_of(arg))
            continue
        try:
            text_format.Parse(f"{name}: {arg}", param)
        except text_format.ParseError:
            kind = "number" if field.cpp_type == field.CPPTYPE_FLOAT else "whole number"
            raise ValueError(f"{message.type}: {name} must be a {kind}; got {arg!r}.") from None
    if message.type in PRESETS and "pad: 1 kernel_size: 3" in PRESETS[message.type] and 1 < len(args) < 4:
        param.ClearField("pad")
        if pad := (param.kernel_size[0] - 1) // 2:  # the size stays, with stride 1
            param.pad.append(pad)


def _usual_outputs(document: Document, type_name: str, index: int) -> int:
    """num_output of the nearest layer of a type, those before a place first; else 32."""
    layers: Any = document.message.layer
    same = [k for k, layer in enumerate(layers) if layer.type == type_name]
    if not same:
        return 32
    nearest = max((k for k in same if k < index), default=same[0])
    return getattr(layers[nearest], LAYERS[type_name].param_field or "").num_output or 32


def _usual_shape(report: Report) -> tuple[int, ...]:
    """The shape of the net's first input; else of a colour image."""
    sources = (layer for layer in report.layers if not layer.bottoms and layer.top_shapes)
    return next((tuple(shape) for layer in sources if (shape := layer.top_shapes[0])), IMAGE)


def _channels(report: Report, bottoms: Sequence[str]) -> int:
    """The channels of the blob that a new layer reads, 0 where they are not known."""
    found = 0
    for layer in report.layers:
        for top, shape in zip(layer.tops, layer.top_shapes, strict=False):
            if bottoms and top == bottoms[0] and shape and len(shape) > 1:
                found = shape[1]
    return found
