"""The nets that Caffe came with: LeNet, CIFAR-10, AlexNet, CaffeNet; and Network in Network."""

from __future__ import annotations

from ._spec import AVE, Spec


def lenet(classes: int = 10, batch: int = 64) -> Spec:
    """LeCun et al., Proceedings of the IEEE 1998, in Caffe's variant with ReLU: 431,080 parameters."""
    spec = Spec("LeNet", (batch, 1, 28, 28))
    x = spec.pool("pool1", spec.convolution("conv1", spec.data, 20, 5, relu=None), 2, 2)
    x = spec.pool("pool2", spec.convolution("conv2", x, 50, 5, relu=None), 2, 2)
    x = spec.dense("ip1", x, 500, relu="relu1")
    spec.softmax(spec.dense("ip2", x, classes))
    return spec


def cifar10_quick(classes: int = 10, batch: int = 1) -> Spec:
    """Krizhevsky's quick net for CIFAR-10: 145,578 parameters."""
    spec = Spec("CIFAR10_quick", (batch, 3, 32, 32))
    x = spec.convolution("conv1", spec.data, 32, 5, pad=2, relu=None)
    x = spec.relu("relu1", spec.pool("pool1", x, 3, 2))
    x = spec.pool("pool2", spec.convolution("conv2", x, 32, 5, pad=2, relu="relu2"), 3, 2, AVE)
    x = spec.pool("pool3", spec.convolution("conv3", x, 64, 5, pad=2, relu="relu3"), 3, 2, AVE)
    spec.softmax(spec.dense("ip2", spec.dense("ip1", x, 64), classes))
    return spec


def cifar10_full(classes: int = 10, batch: int = 1) -> Spec:
    """Krizhevsky's net for CIFAR-10 with normalization within channels: 89,578 parameters."""
    within = {"local_size": 3, "alpha": 0.00005, "beta": 0.75, "norm_region": "WITHIN_CHANNEL"}
    spec = Spec("CIFAR10_full", (batch, 3, 32, 32))
    x = spec.pool("pool1", spec.convolution("conv1", spec.data, 32, 5, pad=2, relu=None), 3, 2)
    x = spec.add("norm1", "LRN", spec.relu("relu1", x), **within)
    x = spec.pool("pool2", spec.convolution("conv2", x, 32, 5, pad=2, relu="relu2"), 3, 2, AVE)
    x = spec.add("norm2", "LRN", x, **within)
    x = spec.pool("pool3", spec.convolution("conv3", x, 64, 5, pad=2, relu="relu3"), 3, 2, AVE)
    spec.softmax(spec.dense("ip1", x, classes))
    return spec


def alexnet(classes: int = 1000, batch: int = 10) -> Spec:
    """Krizhevsky, Sutskever and Hinton, NIPS 2012, on one device: 60,965,224 parameters."""
    return _alexnet("AlexNet", classes, batch, norm_first=True)


def caffenet(classes: int = 1000, batch: int = 10) -> Spec:
    """AlexNet with pooling before normalization (BVLC reference CaffeNet): 60,965,224 parameters."""
    return _alexnet("CaffeNet", classes, batch, norm_first=False)


def _alexnet(name: str, classes: int, batch: int, norm_first: bool) -> Spec:
    spec = Spec(name, (batch, 3, 227, 227))

    def shrink(number: int, x):
        if norm_first:
            return spec.pool(f"pool{number}", spec.lrn(f"norm{number}", x), 3, 2)
        return spec.lrn(f"norm{number}", spec.pool(f"pool{number}", x, 3, 2))

    x = shrink(1, spec.convolution("conv1", spec.data, 96, 11, stride=4, relu="relu1"))
    x = shrink(2, spec.convolution("conv2", x, 256, 5, pad=2, group=2, relu="relu2"))
    x = spec.convolution("conv3", x, 384, 3, pad=1, relu="relu3")
    x = spec.convolution("conv4", x, 384, 3, pad=1, group=2, relu="relu4")
    x = spec.pool("pool5", spec.convolution("conv5", x, 256, 3, pad=1, group=2, relu="relu5"), 3, 2)
    x = spec.dense("fc6", x, 4096, relu="relu6", dropout="drop6")
    x = spec.dense("fc7", x, 4096, relu="relu7", dropout="drop7")
    spec.softmax(spec.dense("fc8", x, classes))
    return spec


_NIN_RELUS = (0, 1, 2), (3, 5, 6), (7, 8, 9), (10, 11, 12)  # their numbers, stage by stage


def nin(classes: int = 1000, batch: int = 10) -> Spec:
    """Lin, Chen and Yan, "Network in Network", ICLR 2014, for ImageNet: 7,595,176 parameters."""
    spec = Spec("NIN_ImageNet", (batch, 3, 224, 224))
    x = spec.data
    stages = ((96, 11, {"stride": 4}), (256, 5, {"pad": 2}), (384, 3, {"pad": 1}), (1024, 3, {"pad": 1}))
    for number, (outputs, kernel, settings) in enumerate(stages):
        name = f"conv{number + 1}" if number < 3 else "conv4-1024"
        x = spec.convolution(name, x, outputs, kernel, relu=f"relu{_NIN_RELUS[number][0]}", **settings)
        inner = [f"cccp{2 * number + k}" for k in (1, 2)] if number < 3 else ["cccp7-1024", "cccp8-1024"]
        for k, inside in enumerate(inner):
            last = number == 3 and k == 1
            x = spec.convolution(inside, x, classes if last else outputs, 1, relu=f"relu{_NIN_RELUS[number][k + 1]}")
        if number < 3:
            x = spec.pool("pool0" if number == 0 else f"pool{2 if number == 1 else 3}", x, 3, 2)
        if number == 2:
            x = spec.dropout("drop", x)
    spec.softmax(spec.global_pool("pool4", x))
    return spec
