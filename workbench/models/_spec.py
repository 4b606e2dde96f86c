"""What the builders share: a NetSpec in which every layer is named, and the runs of layers that nets repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..caffe.net_spec import NetSpec, Top, layers

MAX, AVE = "MAX", "AVE"  # as PoolingParameter has them


class Spec:
    """A deploy net under construction. `data` is its input, of this shape."""

    def __init__(self, name: str, shape: Sequence[int], data: str = "data"):
        self.name = name
        self.net = NetSpec()
        self.data = self.add(data, "Input", shape={"dim": list(shape)})

    def add(self, name: str, kind: str, *bottoms: Top, **settings: Any) -> Top:
        """A layer with one top of its own name, or of its bottom's with `in_place`."""
        top = getattr(layers, kind)(*bottoms, **settings)
        self.net[name] = top
        return top

    def convolution(self, name: str, x: Top, outputs: int, kernel: int, *, relu: str | None, **settings: Any) -> Top:
        """A convolution, with a ReLU in place where it is named."""
        x = self.add(name, "Convolution", x, num_output=outputs, kernel_size=kernel, **settings)
        return x if relu is None else self.relu(relu, x)

    def dense(self, name: str, x: Top, outputs: int, *, relu: str | None = None, dropout: str | None = None) -> Top:
        """An InnerProduct, with ReLU and Dropout (0.5) in place where they are named."""
        x = self.add(name, "InnerProduct", x, num_output=outputs)
        x = x if relu is None else self.relu(relu, x)
        return x if dropout is None else self.dropout(dropout, x)

    def relu(self, name: str, x: Top) -> Top:
        return self.add(name, "ReLU", x, in_place=True)

    def dropout(self, name: str, x: Top, ratio: float = 0.5) -> Top:
        return self.add(name, "Dropout", x, in_place=True, dropout_ratio=ratio)

    def pool(self, name: str, x: Top, kernel: int, stride: int = 1, kind: str = MAX, **settings: Any) -> Top:
        return self.add(name, "Pooling", x, pool=kind, kernel_size=kernel, stride=stride, **settings)

    def global_pool(self, name: str, x: Top) -> Top:
        """The mean of each map."""
        return self.add(name, "Pooling", x, pool=AVE, global_pooling=True)

    def lrn(self, name: str, x: Top) -> Top:
        """Across five channels, with the constants of AlexNet."""
        return self.add(name, "LRN", x, local_size=5, alpha=0.0001, beta=0.75)

    def softmax(self, x: Top, name: str = "prob") -> Top:
        return self.add(name, "Softmax", x)

    def to_proto(self) -> Any:
        """The NetParameter."""
        net = self.net.to_proto()
        net.name = self.name
        return net
