"""Residual nets for ImageNet, and MobileNet."""

from __future__ import annotations

from typing import Any

from ..caffe.net_spec import Top
from ._spec import Spec

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Bottlenecks in each of the four stages, by depth."""

MOBILE = ((32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2),
          *(((512, 512, 1),) * 5), (512, 1024, 2), (1024, 1024, 1))  # fmt: skip
"""Of each pair of layers of MobileNet: channels, outputs, stride."""

PLACES = ("2_1", "2_2", "3_1", "3_2", "4_1", "4_2", *(f"5_{k}" for k in range(1, 7)), "6")
"""What the pairs are called."""


def resnet(depth: int = 50, classes: int = 1000, batch: int = 1) -> Spec:
    """He, Zhang, Ren and Sun, CVPR 2016, with 50, 101 or 152 layers: 25.6, 44.5 and 60.2 million weights learned.

    With 50 layers the first convolution has a bias, as in the authors' release. Raises ValueError for another depth.
    """
    if depth not in BLOCKS:
        raise ValueError(f"a residual net has a depth of 50, 101 or 152; got {depth!r}")
    spec = Spec(f"ResNet-{depth}", (batch, 3, 224, 224))
    first = {"num_output": 64, "kernel_size": 7, "stride": 2, "pad": 3, "bias_term": depth == 50}
    x = spec.add("conv1", "Convolution", spec.data, **first)
    x = _in_place(spec, x, "bn_conv1", "scale_conv1", "conv1_relu")
    x = spec.pool("pool1", x, 3, 2)
    for stage, (count, width) in enumerate(zip(BLOCKS[depth], (64, 128, 256, 512), strict=True), start=2):
        for number in range(count):
            letter = "abcdef"[number] if count <= 6 else f"b{number}" if number else "a"
            x = _bottleneck(spec, f"{stage}{letter}", x, width, number == 0, 2 if number == 0 and stage > 2 else 1)
    x = spec.pool("pool5", x, 7, 1, "AVE")
    spec.softmax(spec.dense("fc1000", x, classes))
    return spec


def _bottleneck(spec: Spec, place: str, x: Top, width: int, widens: bool, stride: int) -> Top:
    def layer(branch: str, bottom: Top, outputs: int, kernel: int, step: int = 1, relu: bool = True) -> Top:
        name = f"{place}_{branch}"
        return _normalized(spec, f"res{name}", name, bottom, outputs, kernel, step, kernel // 2, relu)

    short = layer("branch1", x, 4 * width, 1, stride, relu=False) if widens else x
    inside = layer("branch2a", x, width, 1, stride)
    inside = layer("branch2b", inside, width, 3)
    inside = layer("branch2c", inside, 4 * width, 1, relu=False)
    return spec.relu(f"res{place}_relu", spec.add(f"res{place}", "Eltwise", short, inside))


def _normalized(
    spec: Spec, name: str, suffix: str, x: Top, outputs: int, kernel: int, stride: int, pad: int, relu: bool = True
) -> Top:
    """A convolution with BatchNorm and Scale, and a ReLU, in place."""
    settings = {"num_output": outputs, "kernel_size": kernel, "stride": stride, "pad": pad, "bias_term": False}
    x = spec.add(name, "Convolution", x, **settings)
    return _in_place(spec, x, f"bn{suffix}", f"scale{suffix}", f"{name}_relu" if relu else None)


def _in_place(spec: Spec, x: Top, norm: str, scale: str, relu: str | None) -> Top:
    x = spec.add(norm, "BatchNorm", x, in_place=True)
    x = spec.add(scale, "Scale", x, in_place=True, bias_term=True)
    return x if relu is None else spec.relu(relu, x)


def mobilenet(classes: int = 1000, batch: int = 1) -> Spec:
    """Howard et al., 2017, of width 1 for 224 x 224: 4.2 million weights learned."""
    spec = Spec("MOBILENET", (batch, 3, 224, 224))

    def layer(name: str, x: Top, outputs: int, kernel: int, **settings: Any) -> Top:
        x = spec.add(name, "Convolution", x, num_output=outputs, kernel_size=kernel, bias_term=False, **settings)
        return _in_place(spec, x, f"{name}/bn", f"{name}/scale", f"relu{name.removeprefix('conv')}")

    x = layer("conv1", spec.data, 32, 3, stride=2, pad=1)
    for place, (channels, outputs, stride) in zip(PLACES, MOBILE, strict=True):
        x = layer(f"conv{place}/dw", x, channels, 3, stride=stride, pad=1, group=channels)
        x = layer(f"conv{place}/sep", x, outputs, 1)
    x = spec.add("fc7", "Convolution", spec.global_pool("pool6", x), num_output=classes, kernel_size=1)
    spec.softmax(x)
    return spec
