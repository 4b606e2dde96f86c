"""The nets that the GPU is measured with, written as prototxt: shapes and settings of the well-known ones of Caffe."""

from __future__ import annotations

from collections.abc import Callable


def layer(name: str, kind: str, bottoms: str, tops: str, settings: str = "") -> str:
    """One layer; `bottoms` and `tops` are names with spaces between."""
    blobs = [f'bottom: "{one}"' for one in bottoms.split()] + [f'top: "{one}"' for one in tops.split()]
    rates = "param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }"
    if "bias_term: false" in settings:
        rates = "param { lr_mult: 1 decay_mult: 1 }"
    learns = f" {rates}" if kind in ("Convolution", "InnerProduct", "Scale") else ""
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(blobs)}{learns} {settings} }}\n'


def image(batch: int, channels: int, size: int) -> str:
    shape = f"dim: {batch} dim: {channels} dim: {size} dim: {size}"
    return layer("data", "Input", "", "data", f"input_param {{ shape {{ {shape} }} }}")


def inputs(batch: int, channels: int, size: int) -> str:
    data = image(batch, channels, size)
    return data + layer("label", "Input", "", "label", f"input_param {{ shape {{ dim: {batch} }} }}")


def convolution(name: str, bottom: str, outputs: int, kernel: int, rest: str = "", top: str = "") -> str:
    settings = f'num_output: {outputs} kernel_size: {kernel} {rest} weight_filler {{ type: "xavier" }}'
    return layer(name, "Convolution", bottom, top or name, f"convolution_param {{ {settings} }}")


def product(name: str, bottom: str, outputs: int) -> str:
    settings = f'num_output: {outputs} weight_filler {{ type: "xavier" }}'
    return layer(name, "InnerProduct", bottom, name, f"inner_product_param {{ {settings} }}")


def pooling(name: str, bottom: str, kernel: int, stride: int, kind: str = "MAX", pad: int = 0) -> str:
    settings = f"pool: {kind} kernel_size: {kernel} stride: {stride} pad: {pad}"
    return layer(name, "Pooling", bottom, name, f"pooling_param {{ {settings} }}")


def global_pooling(name: str, bottom: str) -> str:
    return layer(name, "Pooling", bottom, name, "pooling_param { pool: AVE global_pooling: true }")


def normalised(name: str, bottom: str, outputs: int, kernel: int, rest: str = "") -> str:
    """A convolution without a bias, batch normalisation, and a learned scale and offset."""
    settings = "scale_param { bias_term: true }"
    return (
        convolution(name, bottom, outputs, kernel, f"{rest} bias_term: false")
        + layer(f"bn_{name}", "BatchNorm", name, name) + layer(f"scale_{name}", "Scale", name, name, settings)
    )  # fmt: skip


def relu(blob: str) -> str:
    return layer(f"relu_{blob}", "ReLU", blob, blob)


def norm(name: str, bottom: str) -> str:
    return layer(name, "LRN", bottom, name, "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")


def dropout(blob: str, ratio: float = 0.5) -> str:
    return layer(f"drop_{blob}", "Dropout", blob, blob, f"dropout_param {{ dropout_ratio: {ratio} }}")


def loss(name: str, bottom: str, weight: float = 1.0) -> str:
    return layer(name, "SoftmaxWithLoss", f"{bottom} label", name, f"loss_weight: {weight}")


def lenet(batch: int) -> str:
    """LeNet as in Caffe's MNIST example."""
    return (
        inputs(batch, 1, 28)
        + convolution("conv1", "data", 20, 5) + pooling("pool1", "conv1", 2, 2)
        + convolution("conv2", "pool1", 50, 5) + pooling("pool2", "conv2", 2, 2)
        + product("ip1", "pool2", 500) + relu("ip1") + product("ip2", "ip1", 10) + loss("loss", "ip2")
    )  # fmt: skip


def cifar_quick(batch: int) -> str:
    """CIFAR-10 quick."""
    return (
        inputs(batch, 3, 32)
        + convolution("conv1", "data", 32, 5, "pad: 2") + pooling("pool1", "conv1", 3, 2) + relu("pool1")
        + convolution("conv2", "pool1", 32, 5, "pad: 2") + relu("conv2") + pooling("pool2", "conv2", 3, 2, "AVE")
        + convolution("conv3", "pool2", 64, 5, "pad: 2") + relu("conv3") + pooling("pool3", "conv3", 3, 2, "AVE")
        + product("ip1", "pool3", 64) + product("ip2", "ip1", 10) + loss("loss", "ip2")
    )  # fmt: skip


def caffenet(batch: int) -> str:
    """The reference CaffeNet: AlexNet with pooling before normalisation."""
    return (
        inputs(batch, 3, 227)
        + convolution("conv1", "data", 96, 11, "stride: 4") + relu("conv1")
        + pooling("pool1", "conv1", 3, 2) + norm("norm1", "pool1")
        + convolution("conv2", "norm1", 256, 5, "pad: 2 group: 2") + relu("conv2")
        + pooling("pool2", "conv2", 3, 2) + norm("norm2", "pool2")
        + convolution("conv3", "norm2", 384, 3, "pad: 1") + relu("conv3")
        + convolution("conv4", "conv3", 384, 3, "pad: 1 group: 2") + relu("conv4")
        + convolution("conv5", "conv4", 256, 3, "pad: 1 group: 2") + relu("conv5") + pooling("pool5", "conv5", 3, 2)
        + product("fc6", "pool5", 4096) + relu("fc6") + dropout("fc6")
        + product("fc7", "fc6", 4096) + relu("fc7") + dropout("fc7")
        + product("fc8", "fc7", 1000) + loss("loss", "fc8")
    )  # fmt: skip


# Of each inception module: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection.
INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def inception(name: str, bottom: str) -> str:
    one, reduce3, three, reduce5, five, pool = INCEPTION[name]

    def step(part: str, source: str, outputs: int, kernel: int, pad: int = 0) -> str:
        return convolution(f"{name}_{part}", source, outputs, kernel, f"pad: {pad}") + relu(f"{name}_{part}")

    return (
        step("1x1", bottom, one, 1)
        + step("3x3r", bottom, reduce3, 1) + step("3x3", f"{name}_3x3r", three, 3, 1)
        + step("5x5r", bottom, reduce5, 1) + step("5x5", f"{name}_5x5r", five, 5, 2)
        + pooling(f"{name}_pool", bottom, 3, 1, pad=1) + step("proj", f"{name}_pool", pool, 1)
        + layer(name, "Concat", " ".join(f"{name}_{part}" for part in ("1x1", "3x3", "5x5", "proj")), name)
    )  # fmt: skip


def auxiliary(name: str, bottom: str) -> str:
    return (
        pooling(f"{name}_pool", bottom, 5, 3, "AVE")
        + convolution(f"{name}_conv", f"{name}_pool", 128, 1) + relu(f"{name}_conv")
        + product(f"{name}_fc", f"{name}_conv", 1024) + relu(f"{name}_fc") + dropout(f"{name}_fc", 0.7)
        + product(f"{name}_out", f"{name}_fc", 1000) + loss(name, f"{name}_out", 0.3)
    )  # fmt: skip


def googlenet(batch: int) -> str:
    """GoogLeNet with its two auxiliary losses."""
    text = (
        inputs(batch, 3, 224)
        + convolution("conv1", "data", 64, 7, "stride: 2 pad: 3") + relu("conv1")
        + pooling("pool1", "conv1", 3, 2) + norm("norm1", "pool1")
        + convolution("conv2r", "norm1", 64, 1) + relu("conv2r")
        + convolution("conv2", "conv2r", 192, 3, "pad: 1") + relu("conv2")
        + norm("norm2", "conv2") + pooling("pool2", "norm2", 3, 2)
    )  # fmt: skip
    bottom = "pool2"
    for name in INCEPTION:
        text += inception(name, bottom)
        bottom = name
        if name in ("3b", "4e"):
            bottom = f"pool{name}"
            text += pooling(bottom, name, 3, 2)
        if name in ("4a", "4d"):
            text += auxiliary(f"loss{name}", name)
    text += pooling("pool5", bottom, 7, 1, "AVE") + dropout("pool5", 0.4)
    return text + product("out", "pool5", 1000) + loss("loss", "out")


# Of each stage of ResNet-50: how many blocks, and the channels inside them; four times as many come out.
STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))


def block(name: str, bottom: str, channels: int, stride: int, first: bool) -> str:
    """Three convolutions, and the input added to what they give; where shapes differ it is projected."""
    step = f"stride: {stride}"
    text = (
        normalised(f"{name}a", bottom, channels, 1, step) + relu(f"{name}a")
        + normalised(f"{name}b", f"{name}a", channels, 3, "pad: 1") + relu(f"{name}b")
        + normalised(f"{name}c", f"{name}b", 4 * channels, 1)
    )  # fmt: skip
    if first:
        text += normalised(f"{name}p", bottom, 4 * channels, 1, step)
        bottom = f"{name}p"
    return text + layer(name, "Eltwise", f"{bottom} {name}c", name) + relu(name)


def resnet50(batch: int) -> str:
    """ResNet-50, with the stride in the first convolution of a block, as its authors have it in Caffe."""
    text = inputs(batch, 3, 224) + normalised("conv1", "data", 64, 7, "stride: 2 pad: 3") + relu("conv1")
    text += pooling("pool1", "conv1", 3, 2)
    bottom = "pool1"
    for number, (blocks, channels) in enumerate(STAGES, 2):
        for k in range(blocks):
            name = f"res{number}{'abcdef'[k]}"
            text += block(name, bottom, channels, 2 if k == 0 and number > 2 else 1, k == 0)
            bottom = name
    return text + global_pooling("pool5", bottom) + product("fc1000", "pool5", 1000) + loss("loss", "fc1000")


# Of each fire module of SqueezeNet 1.1: squeeze, and each half of expand.
FIRE = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}


def fire(number: int, bottom: str) -> str:
    squeeze, expand = FIRE[number]
    name = f"fire{number}"
    return (
        convolution(f"{name}_squeeze", bottom, squeeze, 1) + relu(f"{name}_squeeze")
        + convolution(f"{name}_1x1", f"{name}_squeeze", expand, 1) + relu(f"{name}_1x1")
        + convolution(f"{name}_3x3", f"{name}_squeeze", expand, 3, "pad: 1") + relu(f"{name}_3x3")
        + layer(name, "Concat", f"{name}_1x1 {name}_3x3", name)
    )  # fmt: skip


def squeezenet(batch: int) -> str:
    """SqueezeNet 1.1, to be asked and not trained."""
    text = image(batch, 3, 227) + convolution("conv1", "data", 64, 3, "stride: 2") + relu("conv1")
    text += pooling("pool1", "conv1", 3, 2)
    bottom = "pool1"
    for number in FIRE:
        text += fire(number, bottom)
        bottom = f"fire{number}"
        if number in (3, 5):
            bottom = f"pool{number}"
            text += pooling(bottom, f"fire{number}", 3, 2)
    text += dropout(bottom) + convolution("conv10", bottom, 1000, 1) + relu("conv10")
    return text + global_pooling("pool10", "conv10") + layer("prob", "Softmax", "pool10", "prob")


ASKED = ("SqueezeNet",)  # forward only, in the TEST phase; the others are trained
NETS: dict[str, tuple[Callable[[int], str], int]] = {
    "LeNet": (lenet, 64),
    "CIFAR-quick": (cifar_quick, 100),
    "CaffeNet": (caffenet, 256),
    "GoogLeNet": (googlenet, 128),
    "ResNet-50": (resnet50, 128),
    "SqueezeNet": (squeezenet, 1),
}
