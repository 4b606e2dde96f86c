"""Builder. The layers of a net while it is being made, each set up as it is added, so that every shape is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....engine import DefinitionError, layer_class
from ....engine.blob import Blob
from ....engine.context import Context
from ....engine.net import TEST
from ....proto.messages import LayerParameter, NetParameter
from ..errors import Unmapped
from ..names import rename, unique

Pads = tuple[tuple[int, ...], tuple[int, ...]]  # before and after, of the axes from the third on


@dataclass(frozen=True)
class Tensor:
    """A value of the model that is a blob of the net; `pads` are zeros around it that no layer has added yet."""

    blob: str
    shape: tuple[int, ...]
    pads: Pads | None = None

    @property
    def axes(self) -> int:
        return len(self.shape)


class Builder:
    """Layers with their parameters' values, in the order in which they are added.

    `scope` is the name of the node at work, and begins the names of its layers; `reserved` are blobs' names that only
    `rename` gives.
    """

    def __init__(self, name: str, reserved: Sequence[str] = ()):
        self.net = NetParameter(name=name)
        self.values: list[list[np.ndarray]] = []
        self.scope = ""
        self._blobs = set(reserved)
        self._layers: set[str] = set()
        self._context = Context(phase=TEST, seed=0, dry=True)

    def input(self, name: str, shape: Sequence[int]) -> Tensor:
        """An Input layer."""
        param = self.net.layer.add(name=unique(name, self._layers), type="Input", top=[name])
        param.input_param.shape.add(dim=shape)
        self.values.append([])
        return Tensor(param.top[0], tuple(shape))

    def add(self, type: str, *bottoms: Tensor, values: Sequence[Any] = (), tops: int = 1, **settings: Any) -> Any:
        """Add a layer; returns its top, or a list of them where they are several.

        `values` are those of its parameters, `settings` the fields of messages of its LayerParameter, by message.
        Raises Unmapped where the layer cannot be so.
        """
        given = [self.plain(one) for one in bottoms]
        name = unique(self.scope or type, self._layers)
        made = [unique(f"{name}/{k}" if tops > 1 else name, self._blobs) for k in range(tops)]
        param = LayerParameter(name=name, type=type, bottom=[one.blob for one in given], top=made)
        for message, fields in settings.items():
            own = getattr(param, message)
            own.SetInParent()
            for field, value in fields.items():
                if field == "shape":
                    own.shape.dim.extend(value)
                elif isinstance(value, list | tuple):
                    getattr(own, field).extend(value)
                else:
                    setattr(own, field, value)
        shapes = self._shapes(param, given, values)
        self.net.layer.add().CopyFrom(param)
        self.values.append([np.asarray(one, np.float32) for one in values])
        found = [Tensor(blob, shape) for blob, shape in zip(made, shapes, strict=True)]
        return found if tops > 1 else found[0] if found else None

    def parameter(self, values: np.ndarray) -> Tensor:
        """A constant as a blob of the net."""
        return self.add("Parameter", values=[values], parameter_param={"shape": values.shape})

    def _shapes(self, param: Any, bottoms: list[Tensor], values: Sequence[Any]) -> list[tuple[int, ...]]:
        """The shapes of a layer's tops, after setting it up. Raises Unmapped."""
        layer = layer_class(param.type)(param, self._context)
        inside, outside = [Blob(one.shape) for one in bottoms], [Blob() for _ in param.top]
        try:
            layer.setup(inside, outside)
            layer.reshape(inside, outside)
        except (DefinitionError, ValueError) as error:
            raise Unmapped(f"a layer {param.type} cannot be so: {error}") from None
        for blob, value in zip(layer.blobs, values, strict=True):
            if blob.shape != np.shape(value):
                raise Unmapped(f"a layer {param.type} has a parameter of shape {blob.shape}, not {np.shape(value)}")
        return [blob.shape for blob in outside]

    def plain(self, x: Tensor) -> Tensor:
        """x with its zeros around it, by a convolution that moves each channel."""
        if x.pads is None:
            return x
        before, after = x.pads
        pad = [max(a, b) for a, b in zip(before, after, strict=True)]
        kernel = [1 + abs(a - b) for a, b in zip(before, after, strict=True)]
        weight = np.zeros((x.shape[1], 1, *kernel), np.float32)
        weight[(slice(None), 0, *(p - b for p, b in zip(pad, before, strict=True)))] = 1
        return self.add(
            "Convolution",
            Tensor(x.blob, x.shape),
            values=[weight],
            convolution_param={
                "num_output": x.shape[1],
                "group": x.shape[1],
                "kernel_size": kernel,
                "pad": pad,
                "bias_term": False,
            },
        )

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """x in another shape; the first length is the batch where both have it, else what follows from the others."""
        if tuple(shape) == x.shape and x.pads is None:
            return x
        lengths = [int(n) for n in shape]
        if x.shape and lengths:
            lengths[0] = 0 if lengths[0] == x.shape[0] else -1
        return self.add("Reshape", x, reshape_param={"shape": lengths})

    def rename(self, old: str, new: str) -> None:
        """Give a blob that the net makes one of the reserved names."""
        rename((names for layer in self.net.layer for names in (layer.bottom, layer.top)), old, new)
