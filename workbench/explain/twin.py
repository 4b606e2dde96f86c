"""A private net over the weights of another one, for the first image, through which everything flows back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import RLock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ...engine import Net
from ...engine.backend import Backend
from ...engine.blob import Blob
from ...engine.errors import DefinitionError
from ...proto.messages import LayerParameter, NetParameter
from .targets import Place, ancestors, index_of, input_of, is_source

KEPT = 4  # twins a net keeps: each has the activations of one image
OWN_VALUES = ("BatchNorm", "BN", "Python")  # layers that may write into their parameters as they go forward

_twins: WeakKeyDictionary[Net, OrderedDict[Any, Twin]] = WeakKeyDictionary()
_lock = RLock()

Seed = Callable[[np.ndarray], None]


class Twin:
    """The layers that lead to one top of a net, in TEST and with force_backward, as a net of their own.

    Inputs and data layers are Input layers with the values that their tops have in the net now, of the first image
    alone where the layers allow it. Parameters are the net's own memories, so that they are always those of now; of
    layers that may change them while they run forward, copies. Data, diffs and random numbers are the twin's own.
    """

    def __init__(self, net: Net, place: Place, image: Place, layers: Sequence[int], single: bool):
        self.layers = [at for at in layers if not _is_split(net, at)]
        batch = net.nodes[image[0]].tops[image[1]].shape[:1]
        self.sources: list[tuple[Place, str, bool]] = []  # which blob of the net, its name, and whether it is cut
        message = NetParameter(name=net.name, force_backward=True)
        for at in self.layers:
            node = net.nodes[at]
            message.layer.append(_input(net, at) if is_source(node) else _copy(node.entry))
            if is_source(node):
                cut = [single and top.shape[:1] == batch for top in node.tops]
                names = [net.blob_names[i] for i in node.top_ids]
                self.sources += [((at, k), name, one) for k, (name, one) in enumerate(zip(names, cut, strict=True))]
                for shape, top, one in zip(message.layer[-1].input_param.shape, node.tops, cut, strict=True):
                    shape.dim.extend((1, *top.shape[1:]) if one else top.shape)
        context = net.context
        number = getattr(context.place, "number", 0)
        self.net = Net(
            message,
            seed=context.seed,
            dtype=context.dtype,
            backend=Backend(context.backend, number, context.precision),
            trust=context.trust,
        )
        made = [at for at, node in enumerate(self.net.nodes) if node.entry.origin is not None]
        self.partners = dict(zip(self.layers, made, strict=True))
        self.output = self.net.nodes[self.partners[place[0]]].tops[place[1]]
        self.name = net.blob_names[net.nodes[place[0]].top_ids[place[1]]]
        self.image_name = net.blob_names[net.nodes[image[0]].top_ids[image[1]]]
        self.input = self.net.blobs[self.image_name]
        self.reached = self._let_flow()
        self.lock = RLock()
        self.turns: Any = None
        self.values: dict[str, np.ndarray] = {}

    def _let_flow(self) -> list[Blob]:
        """Let nothing flow back but to the image; the blobs through which it may flow."""
        image = self.net.blob_names.index(self.image_name)
        reached = {image}
        for node in self.net.nodes:
            layer: Any = node.layer
            layer.param_propagate_down = [False] * len(layer.blobs)
            node.propagate_down = [
                one in reached and j not in layer.no_gradient for j, one in enumerate(node.bottom_ids)
            ]
            node.need_backward = any(node.propagate_down)
            if node.need_backward:
                reached.update(node.top_ids)
            elif node.bottom_ids:
                reached.difference_update(node.top_ids)
        tops = [pair for node in self.net.nodes for pair in zip(node.top_ids, node.tops, strict=True)]
        return [top for one, top in tops if one in reached]

    def follow(self, net: Net) -> None:
        """Take the values that the net's inputs have now, and its parameters wherever they lie now."""
        self.turns = net.turns
        with self.turns or nullcontext():
            for (at, top), name, cut in self.sources:
                values = net.nodes[at].tops[top].look()
                self.values[name] = np.array(values[:1] if cut else values)
            for at, own in self.partners.items():
                theirs, ours = net.layers[at], self.net.layers[own]
                for source, target in zip(theirs.blobs, ours.blobs, strict=True):
                    if theirs.type in OWN_VALUES:
                        target.data[...] = source.look()
                    elif target.data_memory is not source.data_memory:
                        target.share_data(source)

    @property
    def image(self) -> np.ndarray:
        """The first image as the net has it, (C, H, W)."""
        return self.values[self.image_name][0]

    def index(self, unit: Any) -> tuple[Any, ...]:
        """The index of a unit in the values of the output for the first image. Raises ValueError."""
        return index_of(self.output.shape[1:], unit, self.name)

    def forward(self, image: np.ndarray | None = None) -> None:
        """Run forward over an image (C, H, W), or over the one that the net has."""
        for name, values in self.values.items():
            blob = self.net.blobs[name]
            if blob.shape != values.shape:
                blob.reshape(*values.shape)
            blob.data[...] = values
        if image is not None:
            if self.input.shape[1:] != image.shape:
                self.input.reshape(1, *image.shape)
            self.input.data[0] = image
        with self.turns or nullcontext():
            self.net.forward()

    def value(self, index: tuple[Any, ...]) -> float:
        """The output's value at an index, summed where it selects several."""
        values = self.output.look()
        return float((values[0] if values.ndim else values)[index].sum(dtype=np.float64))

    def seed_at(self, index: tuple[Any, ...]) -> Seed:
        """What writes the derivative of that sum into the output's diff of the first image."""

        def write(diff: np.ndarray) -> None:
            diff[index] = 1

        return write

    def backward(self, seed: Seed, end: int = 0) -> None:
        """Run back from the output to the twin's layer at `end`; `seed` fills the first image's diff, which is 0.

        Raises ValueError where the image is an index, a length or a label to the layers that read it.
        """
        if not self.flows_through(self.output):
            raise ValueError(f"blob {self.name!r} has no gradient by {self.image_name!r}")
        diff = self.output.diff
        diff[...] = 0
        seed(diff[0] if diff.ndim else diff)
        del diff
        with self.turns or nullcontext():
            self.net.backward(end=end)

    def flows_through(self, blob: Blob) -> bool:
        """Whether a blob of the twin depends on the image, and has a gradient by it."""
        return any(one is blob for one in self.reached)

    def slope(self, index: tuple[Any, ...], image: np.ndarray | None = None) -> np.ndarray:
        """The derivative of the output at an index by the image, (C, H, W), after a forward pass."""
        self.forward(image)
        self.backward(self.seed_at(index))
        return np.array(self.input.look("diff")[0])

    def blob_at(self, net: Net, place: Place) -> tuple[int, Blob] | None:
        """The twin's own layer and top at a place of the net; None where the output does not depend on it."""
        own = self.partners.get(place[0])
        return None if own is None else (own, self.net.nodes[own].tops[place[1]])


@contextmanager
def twin_of(net: Net, place: Place, input: str | None = None) -> Iterator[Twin]:
    """The twin that leads to a top of the net, with the values of now, for this thread alone meanwhile.

    Raises ValueError where the top depends on no image.
    """
    layers = ancestors(net, place[0])
    image = input_of(net, layers, input)
    shapes = tuple(top.shape for at in layers if is_source(net.nodes[at]) for top in net.nodes[at].tops)
    key = place, image, shapes
    with _lock:
        kept = _twins.setdefault(net, OrderedDict())
        twin = kept.pop(key, None) or _made(net, place, image, layers)
        kept[key] = twin
        while len(kept) > KEPT:
            kept.popitem(last=False)
    with twin.lock:
        twin.follow(net)
        yield twin


def _made(net: Net, place: Place, image: Place, layers: Sequence[int]) -> Twin:
    """A twin for the first image alone, or for the whole batch where a layer insists on its size."""
    try:
        return Twin(net, place, image, layers, single=True)
    except (DefinitionError, ValueError):
        return Twin(net, place, image, layers, single=False)


def _is_split(net: Net, at: int) -> bool:
    """Whether a layer is one that the net put in itself."""
    entry = net.nodes[at].entry
    return entry.origin is None and entry.param.type == "Split"


def _input(net: Net, at: int) -> Any:
    """An Input layer in place of what fills these tops; their shapes are yet to be filled in."""
    node = net.nodes[at]
    param = LayerParameter(name=node.name, type="Input", top=[net.blob_names[i] for i in node.top_ids])
    for _ in node.top_ids:
        param.input_param.shape.add()
    return param


def _copy(entry: Any) -> Any:
    """A layer's definition as it runs here: in TEST, whatever it says of phases, without values, losses and names."""
    param = LayerParameter()
    param.CopyFrom(entry.param)
    for field in ("phase", "include", "exclude", "loss_weight", "propagate_down", "param", "blobs", "bottom"):
        param.ClearField(field)
    param.bottom.extend(entry.bottoms)
    return param
