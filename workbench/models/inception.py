"""GoogLeNet, and SqueezeNet: nets of modules whose branches are concatenated."""

from __future__ import annotations

from ..caffe.net_spec import Top
from ._spec import AVE, Spec

# Of each inception module: outputs of 1x1; 3x3 reduced, 3x3; 5x5 reduced, 5x5; behind the pooling.
INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def googlenet(classes: int = 1000, batch: int = 10) -> Spec:
    """Szegedy et al., CVPR 2015, without its auxiliary classifiers: 6,998,552 parameters."""
    spec = Spec("GoogleNet", (batch, 3, 224, 224))
    x = spec.convolution("conv1/7x7_s2", spec.data, 64, 7, pad=3, stride=2, relu="conv1/relu_7x7")
    x = spec.lrn("pool1/norm1", spec.pool("pool1/3x3_s2", x, 3, 2))
    x = spec.convolution("conv2/3x3_reduce", x, 64, 1, relu="conv2/relu_3x3_reduce")
    x = spec.convolution("conv2/3x3", x, 192, 3, pad=1, relu="conv2/relu_3x3")
    x = spec.pool("pool2/3x3_s2", spec.lrn("conv2/norm2", x), 3, 2)
    for name, outputs in INCEPTION.items():
        x = _inception(spec, f"inception_{name}", x, outputs)
        if name in ("3b", "4e"):
            x = spec.pool(f"pool{int(name[0])}/3x3_s2", x, 3, 2)
    x = spec.dropout("pool5/drop_7x7_s1", spec.pool("pool5/7x7_s1", x, 7, 1, AVE), 0.4)
    spec.softmax(spec.dense("loss3/classifier", x, classes))
    return spec


def _inception(spec: Spec, name: str, x: Top, outputs: tuple[int, ...]) -> Top:
    one, reduced3, three, reduced5, five, pooled = outputs

    def convolution(part: str, bottom: Top, count: int, kernel: int, pad: int = 0) -> Top:
        settings = {"pad": pad} if pad else {}
        return spec.convolution(f"{name}/{part}", bottom, count, kernel, relu=f"{name}/relu_{part}", **settings)

    branches = [
        convolution("1x1", x, one, 1),
        convolution("3x3", convolution("3x3_reduce", x, reduced3, 1), three, 3, 1),
        convolution("5x5", convolution("5x5_reduce", x, reduced5, 1), five, 5, 2),
        convolution("pool_proj", spec.pool(f"{name}/pool", x, 3, 1, pad=1), pooled, 1),
    ]
    return spec.add(f"{name}/output", "Concat", *branches)


def squeezenet(version: str = "1.0", classes: int = 1000, batch: int = 1) -> Spec:
    """Iandola et al., 2016: 1,248,424 parameters in version 1.0, 1,235,496 in 1.1. Raises ValueError for another."""
    if version not in ("1.0", "1.1"):
        raise ValueError(f"SqueezeNet is of version 1.0 or 1.1; got {version!r}")
    old = version == "1.0"
    spec = Spec(f"SqueezeNet v{version}", (batch, 3, 227, 227))
    outputs, kernel = (96, 7) if old else (64, 3)
    x = spec.pool("pool1", spec.convolution("conv1", spec.data, outputs, kernel, stride=2, relu="relu_conv1"), 3, 2)
    for number in range(2, 10):
        squeezed = 16 * (number // 2)
        x = _fire(spec, f"fire{number}", x, squeezed, 4 * squeezed)
        if number in ((4, 8) if old else (3, 5)):
            x = spec.pool(f"pool{number}", x, 3, 2)
    x = spec.dropout("drop9", x)
    x = spec.convolution("conv10", x, classes, 1, relu="relu_conv10", **({"pad": 1} if old else {}))
    spec.softmax(spec.global_pool("pool10", x))
    return spec


def _fire(spec: Spec, name: str, x: Top, squeezed: int, expanded: int) -> Top:
    x = spec.convolution(f"{name}/squeeze1x1", x, squeezed, 1, relu=f"{name}/relu_squeeze1x1")
    branches = [
        spec.convolution(f"{name}/expand1x1", x, expanded, 1, relu=f"{name}/relu_expand1x1"),
        spec.convolution(f"{name}/expand3x3", x, expanded, 3, pad=1, relu=f"{name}/relu_expand3x3"),
    ]
    return spec.add(f"{name}/concat", "Concat", *branches)
