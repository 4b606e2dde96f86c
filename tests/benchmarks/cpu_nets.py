"""What the CPU is measured with: well-known nets of Caffe, forward or in training, on weights and inputs of our own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format

from brewbench.engine import Net, check
from brewbench.proto.messages import NetParameter

sys.path.insert(0, str(Path(__file__).parent))
import gpu_nets as parts  # noqa: E402

SOLVER = """net: "net.prototxt"
base_lr: 0.0001 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 max_iter: 1000000
display: 0 test_interval: 0 snapshot: 0 snapshot_after_train: false random_seed: 1
"""
RATE, MOMENTUM, DECAY = 1e-4, 0.9, 5e-4  # what SOLVER says
LOSSES = ("SoftmaxWithLoss", "SigmoidCrossEntropyLoss", "EuclideanLoss")
PRODUCTS = ("Convolution", "InnerProduct")  # layers that multiply their input by their first parameter


def within(name: str, bottom: str) -> str:
    settings = "local_size: 3 alpha: 0.00005 beta: 0.75 norm_region: WITHIN_CHANNEL"
    return parts.layer(name, "LRN", bottom, name, f"lrn_param {{ {settings} }}")


def cifar_full(batch: int) -> str:
    """CIFAR-10 full: three convolutions, normalised within the channel."""
    return (
        parts.inputs(batch, 3, 32)
        + parts.convolution("conv1", "data", 32, 5, "pad: 2") + parts.pooling("pool1", "conv1", 3, 2)
        + parts.relu("pool1") + within("norm1", "pool1")
        + parts.convolution("conv2", "norm1", 32, 5, "pad: 2") + parts.relu("conv2")
        + parts.pooling("pool2", "conv2", 3, 2, "AVE") + within("norm2", "pool2")
        + parts.convolution("conv3", "norm2", 64, 5, "pad: 2") + parts.relu("conv3")
        + parts.pooling("pool3", "conv3", 3, 2, "AVE") + parts.product("ip1", "pool3", 10) + parts.loss("loss", "ip1")
    )  # fmt: skip


def autoencoder(batch: int) -> str:
    """Caffe's autoencoder of the digits of MNIST."""
    text = parts.layer("data", "Input", "", "data", f"input_param {{ shape {{ dim: {batch} dim: 784 }} }}")
    bottom, sizes = "data", (1000, 500, 250, 30, 250, 500, 1000, 784)
    for index, size in enumerate(sizes):
        name = "decode1" if size == 784 else f"code{index}"
        text += parts.product(name, bottom, size)
        if size not in (30, 784):
            text += parts.layer(f"{name}_sigmoid", "Sigmoid", name, name)
        bottom = name
    return text + parts.layer("loss", "SigmoidCrossEntropyLoss", "decode1 data", "loss")


def squeezenet(batch: int) -> str:
    """SqueezeNet 1.1."""
    text = (
        parts.inputs(batch, 3, 227)
        + parts.convolution("conv1", "data", 64, 3, "stride: 2") + parts.relu("conv1")
        + parts.pooling("pool1", "conv1", 3, 2)
    )  # fmt: skip
    bottom = "pool1"
    sizes = {"fire2": 16, "fire3": 16, "fire4": 32, "fire5": 32, "fire6": 48, "fire7": 48, "fire8": 64, "fire9": 64}
    for name, squeeze in sizes.items():
        for part, source, outputs, pad in (
            ("squeeze", bottom, squeeze, 0),
            ("one", f"{name}_squeeze", 4 * squeeze, 0),
            ("three", f"{name}_squeeze", 4 * squeeze, 1),
        ):
            blob = f"{name}_{part}"
            text += parts.convolution(blob, source, outputs, 1 + 2 * pad, f"pad: {pad}") + parts.relu(blob)
        text += parts.layer(name, "Concat", f"{name}_one {name}_three", name)
        bottom = name
        if name in ("fire3", "fire5"):
            bottom = f"pool_{name}"
            text += parts.pooling(bottom, name, 3, 2)
    return (
        text + parts.convolution("conv10", bottom, 1000, 1) + parts.relu("conv10")
        + parts.layer("pool10", "Pooling", "conv10", "pool10", "pooling_param { pool: AVE global_pooling: true }")
        + parts.loss("loss", "pool10")
    )  # fmt: skip


def normalised(name: str, bottom: str, outputs: int, kernel: int, rest: str = "") -> str:
    """A convolution without bias, its channels normalised, scaled and shifted in place."""
    return (
        parts.convolution(name, bottom, outputs, kernel, f"{rest} bias_term: false")
        .replace("param { lr_mult: 2 decay_mult: 0 }", "")
        + parts.layer(f"bn_{name}", "BatchNorm", name, name)
        + parts.layer(f"scale_{name}", "Scale", name, name, "scale_param { bias_term: true }")
    )  # fmt: skip


def resnet50(batch: int) -> str:
    """ResNet-50 of He et al. as published for Caffe: the stride is in a block's first convolution."""
    text = (
        parts.inputs(batch, 3, 224) + normalised("conv1", "data", 64, 7, "stride: 2 pad: 3") + parts.relu("conv1")
        + parts.pooling("pool1", "conv1", 3, 2)
    )  # fmt: skip
    bottom = "pool1"
    for stage, (count, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 2):
        for block in range(count):
            name, stride = f"res{stage}{'abcdef'[block]}", f"stride: {2 if stage > 2 and not block else 1}"
            shortcut = bottom
            if not block:
                shortcut = f"{name}_1"
                text += normalised(shortcut, bottom, 4 * width, 1, stride)
            text += normalised(f"{name}_2a", bottom, width, 1, stride) + parts.relu(f"{name}_2a")
            text += normalised(f"{name}_2b", f"{name}_2a", width, 3, "pad: 1") + parts.relu(f"{name}_2b")
            text += normalised(f"{name}_2c", f"{name}_2b", 4 * width, 1)
            text += parts.layer(name, "Eltwise", f"{shortcut} {name}_2c", name) + parts.relu(name)
            bottom = name
    return text + parts.pooling("pool5", bottom, 7, 1, "AVE") + parts.product("fc", "pool5", 1000) + parts.loss(
        "loss", "fc"
    )


def lstm(batch: int, steps: int = 20, size: int = 256) -> str:
    """One LSTM over sequences that begin at the first step."""
    sequence = f"shape {{ dim: {steps} dim: {batch} dim: {size} }}"
    settings = f'num_output: {size} weight_filler {{ type: "xavier" }}'
    return (
        parts.layer("data", "Input", "", "data", f"input_param {{ {sequence} }}")
        + parts.layer("marks", "Input", "", "marks", f"input_param {{ shape {{ dim: {steps} dim: {batch} }} }}")
        + parts.layer("label", "Input", "", "label", f"input_param {{ {sequence} }}")
        + parts.layer("lstm", "LSTM", "data marks", "lstm", f"recurrent_param {{ {settings} }}")
        + parts.layer("loss", "EuclideanLoss", "lstm label", "loss")
    )


@dataclass(frozen=True)
class Workload:
    """A net at a batch size: forward alone (`f`), or forward, backward and update (`t`)."""

    net: str
    kind: str
    batch: int
    make: Callable[[int], str]
    output: str  # the blob that is asked for, going forward

    @property
    def name(self) -> str:
        return f"{self.net} {self.kind}{self.batch}"

    @property
    def training(self) -> bool:
        return self.kind == "t"

    def message(self) -> Any:
        """The net as a NetParameter. It holds no Dropout, so that what engines compute can be compared.

        Going forward it holds only what leads to the output.
        """
        whole = text_format.Parse(self.make(self.batch), NetParameter())
        kept, needed = [], {self.output}
        for one in reversed(whole.layer):
            if one.type != "Dropout" and (self.training or needed.intersection(one.top)):
                kept.append(one)
                needed.update(one.bottom)
        return NetParameter(name=self.net, layer=reversed(kept))


def _workloads() -> Iterator[Workload]:
    for kind, batch in (("f", 64), ("t", 64)):
        yield Workload("LeNet", kind, batch, parts.lenet, "ip2")
    for kind in "ft":
        yield Workload("CIFAR-quick", kind, 100, parts.cifar_quick, "ip2")
    for kind in "ft":
        yield Workload("CIFAR-full", kind, 100, cifar_full, "ip1")
    for kind in "ft":
        yield Workload("autoencoder", kind, 100, autoencoder, "decode1")
    for kind, batch in (("f", 1), ("f", 10), ("t", 16)):
        yield Workload("CaffeNet", kind, batch, parts.caffenet, "fc8")
    yield Workload("SqueezeNet", "f", 1, squeezenet, "pool10")
    for kind, batch in (("f", 1), ("t", 8)):
        yield Workload("GoogLeNet", kind, batch, parts.googlenet, "out")
    yield Workload("ResNet-50", "f", 1, resnet50, "fc")
    for kind in "ft":
        yield Workload("LSTM", kind, 32, lstm, "lstm")


WORKLOADS = {one.name: one for one in _workloads()}


def pooled(size: int, kernel: int, stride: int, pad: int) -> tuple[int, int]:
    """How many windows Caffe's pooling has along an axis, and what has to be added behind it for them."""
    count = -((size + 2 * pad - kernel) // -stride) + 1
    if pad and (count - 1) * stride >= size + pad:
        count -= 1
    return count, (count - 1) * stride + kernel - size - pad


def window(one: Any, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Kernel, stride and pad of a Convolution or Pooling layer here: all of them square."""
    if one.type == "Convolution":
        p = one.convolution_param
        return p.kernel_size[0], p.stride[0] if p.stride else 1, p.pad[0] if p.pad else 0
    p = one.pooling_param
    return (shape[2], 1, 0) if p.global_pooling else (p.kernel_size, p.stride, p.pad)


def draw_weights(net: Net) -> None:
    """Give every parameter values under which nothing vanishes or explodes, biases and statistics included."""
    draw = np.random.default_rng(2)
    for layer in net.layers:
        for index, blob in enumerate(layer.blobs):
            shape = blob.shape
            if layer.param.type == "BatchNorm":  # mean, variance, and the weight of both
                values = (draw.normal(0, 0.2, shape), draw.uniform(0.5, 1.5, shape), np.ones(shape))[index]
            elif layer.param.type == "Scale":
                values = draw.uniform(0.3, 0.7, shape) if index == 0 else draw.normal(0, 0.1, shape)
            elif len(shape) == 1:
                values = draw.normal(0, 0.1, shape)
            else:
                gain = 2 if layer.param.type == "Convolution" else 1
                values = draw.normal(0, (gain / prod(shape[1:])) ** 0.5, shape)
            blob.data = values.astype(np.float32)


def draw_inputs(net: Net) -> dict[str, np.ndarray]:
    """Values for the inputs of a net, by name: pixels, classes, marks of sequences."""
    draw = np.random.default_rng(3)
    found: dict[str, np.ndarray] = {}
    for layer in net.layers:
        if layer.param.type != "Input":
            continue
        (name,) = layer.param.top
        shape = net.blobs[name].shape
        if name == "marks":
            values = np.ones(shape)
            values[0] = 0
        elif name == "label" and len(shape) == 1:
            values = draw.integers(0, 10, shape)
        elif name == "data" and len(shape) == 2:
            values = draw.random(shape)
        else:
            values = draw.standard_normal(shape)
        found[name] = values.astype(np.float32)
    return found


@dataclass(frozen=True)
class Cost:
    """What a workload cannot do without: GFLOP of its products, and GB that are read or written at least once."""

    gflop: float
    gbyte: float


def cost(work: Workload) -> Cost:
    """Products count three times in training (forward and both gradients), those of the first layer twice.

    Every blob that is not written in place is written once and read once, in training the same again as a diff.
    Parameters are read once; in training twice, and the update reads and writes weight, gradient and history.
    """
    report = check(work.message(), 0 if work.training else 1)
    flop, first = 0.0, True
    for one in report.layers:
        top = one.top_shapes[0]
        if not one.param_shapes or top is None:
            continue
        if one.type in PRODUCTS:
            each = 2 * prod(top) * prod(one.param_shapes[0][1:])
        elif one.type == "LSTM":
            each = 2 * top[0] * top[1] * sum(prod(shape) for shape in one.param_shapes if len(shape) == 2)
        else:
            continue
        backward = 2.0
        if first:  # the input has no gradient; of an LSTM, its own state has one
            backward = 1.5 if one.type == "LSTM" else 1.0
        flop += each * (1 + backward if work.training else 1)
        first = False
    blobs = sum(prod(shape) for name, shape in report.blobs.items() if shape and "_split_" not in name)
    if work.training:
        return Cost(flop / 1e9, 4 * (4 * blobs + 8 * report.param_count) / 1e9)
    return Cost(flop / 1e9, 4 * (2 * blobs + report.param_count) / 1e9)
