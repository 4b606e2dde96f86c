"""Modules: groups of layers that published nets repeat, made from a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..proto.messages import LayerParameter

Layers = list[Any]  # LayerParameters, in the order of the text


@dataclass(frozen=True)
class Module:
    """A kind of module: `make(name, bottom, *numbers)` gives its layers, of which the last writes its top.

    `numbers` names what may be given, `usual` holds the values that stand for what is not; `help` is one sentence.
    """

    make: Callable[..., Layers]
    numbers: tuple[str, ...]
    usual: tuple[int, ...]
    help: str

    def layers(self, name: str, bottom: str, given: Sequence[int] = ()) -> Layers:
        """The layers of a module of this kind. Raises ValueError for numbers that are too many or too small."""
        if len(given) > len(self.numbers):
            raise ValueError(f"Expected {' '.join(self.numbers)}; found {len(given)} numbers.")
        for what, number in zip(self.numbers, given, strict=False):
            if number < 1:
                raise ValueError(f"{what} must be at least 1; got {number}.")
        return self.make(name, bottom, *given, *self.usual[len(given) :])


def _layer(kind: str, name: str, bottoms: Sequence[str], top: str) -> Any:
    return LayerParameter(name=name, type=kind, bottom=list(bottoms), top=[top])


def _conv(name: str, bottom: str, outputs: int, kernel: int, stride: int = 1, bias: bool = True) -> Any:
    """A convolution that keeps height and width where its stride is 1."""
    layer: Any = _layer("Convolution", name, [bottom], name)
    param = layer.convolution_param
    param.num_output = outputs
    if not bias:
        param.bias_term = False
    if kernel > 1:
        param.pad.append(kernel // 2)
    param.kernel_size.append(kernel)
    if stride > 1:
        param.stride.append(stride)
    param.weight_filler.type = "xavier"
    if bias:
        param.bias_filler.type = "constant"
    return layer


def _relu(name: str, blob: str) -> Any:
    return _layer("ReLU", name, [blob], blob)


def _conv_relu(name: str, bottom: str, outputs: int, kernel: int) -> Layers:
    group, _, own = name.rpartition("/")
    return [_conv(name, bottom, outputs, kernel), _relu(f"{group}/relu_{own}", name)]


def _conv_bn_scale(name: str, bottom: str, outputs: int, kernel: int, stride: int = 1) -> Layers:
    """A convolution without an offset of its own, which the Scale has, and both normalisations in place."""
    scale: Any = _layer("Scale", f"{name}_scale", [name], name)
    scale.scale_param.bias_term = True
    return [
        _conv(name, bottom, outputs, kernel, stride, bias=False),
        _layer("BatchNorm", f"{name}_bn", [name], name),
        scale,
    ]


def inception(name: str, bottom: str, c1: int, c3r: int, c3: int, c5r: int, c5: int, pool: int) -> Layers:
    """GoogLeNet's module: 1x1, 3x3 and 5x5 convolutions and a pooled branch, joined along the channels.

    (N, C, H, W) becomes (N, c1 + c3 + c5 + pool, H, W). Reference: Szegedy et al., CVPR 2015, figure 2b.
    """
    pooled: Any = _layer("Pooling", f"{name}/pool", [bottom], f"{name}/pool")
    pooled.pooling_param.kernel_size = 3
    pooled.pooling_param.stride = pooled.pooling_param.pad = 1
    ends = [f"{name}/1x1", f"{name}/3x3", f"{name}/5x5", f"{name}/pool_proj"]
    return [
        *_conv_relu(ends[0], bottom, c1, 1),
        *_conv_relu(f"{name}/3x3_reduce", bottom, c3r, 1),
        *_conv_relu(ends[1], f"{name}/3x3_reduce", c3, 3),
        *_conv_relu(f"{name}/5x5_reduce", bottom, c5r, 1),
        *_conv_relu(ends[2], f"{name}/5x5_reduce", c5, 5),
        pooled,
        *_conv_relu(ends[3], f"{name}/pool", pool, 1),
        _layer("Concat", f"{name}/output", ends, f"{name}/output"),
    ]


def fire(name: str, bottom: str, squeeze: int, expand1: int, expand3: int) -> Layers:
    """SqueezeNet's module: few channels by a 1x1 convolution, then more by 1x1 and 3x3 ones, joined.

    (N, C, H, W) becomes (N, expand1 + expand3, H, W). Reference: Iandola et al., 2016, figure 1.
    """
    ends = [f"{name}/expand1x1", f"{name}/expand3x3"]
    return [
        *_conv_relu(f"{name}/squeeze1x1", bottom, squeeze, 1),
        *_conv_relu(ends[0], f"{name}/squeeze1x1", expand1, 1),
        *_conv_relu(ends[1], f"{name}/squeeze1x1", expand3, 3),
        _layer("Concat", f"{name}/concat", ends, f"{name}/concat"),
    ]


def _joined(name: str, shortcut: str, branch: str) -> Layers:
    return [_layer("Eltwise", name, [shortcut, branch], name), _relu(f"{name}_relu", name)]


def residual(name: str, bottom: str, outputs: int, stride: int) -> Layers:
    """ResNet's block of two 3x3 convolutions, beside a 1x1 convolution as the shortcut.

    (N, C, H, W) becomes (N, outputs, H / stride, W / stride). Reference: He et al., CVPR 2016, figure 5 left.
    """
    a, b, side = f"{name}_branch2a", f"{name}_branch2b", f"{name}_branch1"
    return [
        *_conv_bn_scale(side, bottom, outputs, 1, stride),
        *_conv_bn_scale(a, bottom, outputs, 3, stride),
        _relu(f"{a}_relu", a),
        *_conv_bn_scale(b, a, outputs, 3),
        *_joined(name, side, b),
    ]


def bottleneck(name: str, bottom: str, inner: int, outputs: int, stride: int) -> Layers:
    """ResNet's block of 1x1, 3x3 and 1x1 convolutions, beside a 1x1 convolution as the shortcut.

    (N, C, H, W) becomes (N, outputs, H / stride, W / stride). Reference: He et al., CVPR 2016, figure 5 right.
    """
    a, b, c, side = f"{name}_branch2a", f"{name}_branch2b", f"{name}_branch2c", f"{name}_branch1"
    return [
        *_conv_bn_scale(side, bottom, outputs, 1, stride),
        *_conv_bn_scale(a, bottom, inner, 1, stride),
        _relu(f"{a}_relu", a),
        *_conv_bn_scale(b, a, inner, 3),
        _relu(f"{b}_relu", b),
        *_conv_bn_scale(c, b, outputs, 1),
        *_joined(name, side, c),
    ]


def conv_bn_scale_relu(name: str, bottom: str, outputs: int, kernel: int, stride: int) -> Layers:
    """A convolution, normalised and rectified in place.

    (N, C, H, W) becomes (N, outputs, H / stride, W / stride), for odd kernels. Reference: Ioffe & Szegedy, ICML 2015.
    """
    return [*_conv_bn_scale(name, bottom, outputs, kernel, stride), _relu(f"{name}_relu", name)]


MODULES = {
    "inception": Module(
        inception, ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj"), (64, 96, 128, 16, 32, 32),
        "GoogLeNet's module: 1x1, 3x3, 5x5 convolutions and a pooled branch, joined.",
    ),
    "fire": Module(
        fire, ("squeeze", "expand1x1", "expand3x3"), (16, 64, 64),
        "SqueezeNet's module: few channels, then 1x1 and 3x3 convolutions, joined.",
    ),
    "residual": Module(
        residual, ("outputs", "stride"), (64, 1), "ResNet's block of two 3x3 convolutions with a shortcut."
    ),
    "bottleneck": Module(
        bottleneck, ("inner", "outputs", "stride"), (64, 256, 1),
        "ResNet's block of 1x1, 3x3 and 1x1 convolutions with a shortcut.",
    ),
    "conv-bn-scale-relu": Module(
        conv_bn_scale_relu, ("outputs", "kernel", "stride"), (64, 3, 1),
        "A convolution, normalised and rectified in place.",
    ),
}  # fmt: skip
"""The modules on offer, by the name of their kind."""
