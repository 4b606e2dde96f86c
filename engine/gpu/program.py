"""A net's work as a list of items, run as CUDA graphs as long as can be, and by layer where that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..blob import Blob
from ..memory import MODIFY, Memory, computing
from .device import Device, Graph

if TYPE_CHECKING:
    from ..net import Net

FORWARD, BACKWARD = "forward", "backward"
CHANGES = 3  # how often a layer may change its tops' shapes before the program is given up


@dataclass(frozen=True)
class Item:
    """A layer's forward or backward pass, or a piece of work of another name."""

    kind: str
    index: int = -1


class Unfinished(Exception):
    """The items from `start` on have to be run by layer: memory or shapes are no longer what the graphs know."""

    def __init__(self, start: int, loss: float):
        super().__init__(start)
        self.start, self.loss = start, loss


class Program:
    """Items of one net in order. `work` does one while it is recorded; `blobs` are those beside the net's own.

    What cannot be recorded (a user's Python layer, a layer that looks at values to know a shape) runs by itself, and
    splits the graph there. A graph knows addresses: it is good for as long as every memory stays where it is.
    """

    def __init__(
        self,
        net: Net,
        items: Iterable[Item],
        work: Callable[[Item], None],
        blobs: Callable[[], Iterable[Blob]] = tuple,
    ):
        place = net.context.place
        assert isinstance(place, Device)
        self.net, self.device, self.items = net, place, list(items)
        self._work, self._blobs = work, blobs
        self.alone = {
            index for index, layer in enumerate(net.layers) if layer.category == "python" or layer.reshapes_itself
        }
        self.apart: set[int] = set()  # the numbers of items with which another graph begins in any case
        self.broken: str | None = None  # why nothing can be captured
        self.parts: list[tuple[int, Graph | None]] = []  # where each begins; None where an item runs by itself
        self._memories: list[tuple[Memory, Any]] = []
        self._suspects: set[int] = set()  # layers that could not be recorded once
        self._shapes: dict[int, list[tuple[int, ...]]] = {}  # of the tops of layers that run by themselves
        self._changes = 0

    @property
    def captured(self) -> bool:
        return bool(self.parts)

    def drop(self) -> None:
        """Forget the graphs, once they have run."""
        if self.parts and not self.device.capturing:
            self.device.synchronize()
        self.parts = []

    def capture(self) -> bool:
        """Record everything that can be; False when the items have to run by layer, for good if `broken` says why.

        They must have done so once, so that plans are found and memory is there. A layer that cannot be recorded may
        only have lacked these: it gets a second try, after another run by layer.
        """
        with computing:
            return self._capture()

    def _capture(self) -> bool:
        self.drop()
        while self.broken is None:
            kept = [self._kept()]
            for memory in self._held():
                memory.on(self.device, MODIFY)
            at = self.items[0]
            try:
                for (alone, _), group in groupby(enumerate(self.items), self._kind_of_part):
                    numbered = list(group)
                    if alone:
                        self.parts += [(number, None) for number, _ in numbered]
                        continue
                    with self.device.capture() as graph:
                        for _, at in numbered:
                            self._work(at)
                    self.parts.append((numbered[0][0], graph))
                    kept.append(self._kept())
            except RuntimeError as error:  # NotCapturable, or what CUDA and CuPy refuse
                self.drop()
                if at.index < 0:
                    self.broken = f"{at.kind} cannot be captured: {error}"
                elif at.index not in self._suspects:
                    self._suspects.add(at.index)
                    return False
                self.alone.add(at.index)
                continue
            if not any(item.index >= 0 and item.index not in self.alone for item in self.items):
                self.drop()
                self.broken = "no layer can be captured"
                break
            for _, graph in self.parts:
                if graph is not None:
                    graph.kept = graph.kept, kept
            self._memories = [(memory, memory.held(self.device)) for memory in self._held()]
            self._shapes = {index: self._tops(index) for index in self.alone}
            return True
        return False

    def _kind_of_part(self, pair: tuple[int, Item]) -> tuple[bool, int]:
        """Whether an item runs by itself, and how many breaks lie before it."""
        number, item = pair
        return item.index in self.alone, sum(number >= one for one in self.apart)

    def _kept(self) -> Any:
        """What graphs may know the addresses of, beside blobs."""
        return dict(self.net.context.scratch), [dict(vars(layer)) for layer in self.net.layers]

    def run(self, stop: int | None = None) -> float:
        """Do all items, or those before `stop`, one of `apart`; returns the loss of those that ran by themselves.

        Raises Unfinished.
        """
        self.device.enter()
        with computing:
            return self._run(len(self.items) if stop is None else stop)

    def _run(self, stop: int) -> float:
        loss, moved = 0.0, True
        for start, graph in self.parts:
            if start >= stop:
                break
            if graph is None:
                loss += self._run_alone(self.items[start])
                if not self._shapes_stand(self.items[start]):
                    self.drop()
                    raise Unfinished(start + 1, loss)
                moved = True
                continue
            if moved and not self._bring():
                self.drop()
                raise Unfinished(start, loss)
            graph.launch()
            moved = False
        return loss

    def _run_alone(self, item: Item) -> float:
        if item.kind == FORWARD:
            return self.net.forward_layer(item.index)
        self.net.backward_layer(item.index)
        return 0.0

    def _shapes_stand(self, item: Item) -> bool:
        """Whether a layer that ran by itself gave its tops the shapes that the graphs know."""
        if item.kind != FORWARD or self._tops(item.index) == self._shapes[item.index]:
            return True
        self._changes += 1
        if self._changes > CHANGES:
            name = self.net.nodes[item.index].name
            self.broken = f"layer {name!r} gives its tops another shape from pass to pass"
        return False

    def _tops(self, index: int) -> list[tuple[int, ...]]:
        return [blob.shape for blob in self.net.nodes[index].tops]

    def _held(self) -> list[Memory]:
        """Every memory of the net, and of `blobs`, that is on the device or waits for a filler, each once."""
        found: dict[int, Memory] = {}
        blobs = list(self._blobs())
        for node, layer in zip(self.net.nodes, self.net.layers, strict=True):
            blobs += [*node.bottoms, *node.tops, *layer.blobs, *_blobs_in(vars(layer).values())]
        for blob in blobs:
            for memory in (blob.data_memory, blob.diff_memory):
                if memory.held(self.device) is not None or memory.pending:
                    found[id(memory)] = memory
        return list(found.values())

    def _bring(self) -> bool:
        """Bring to the device what was written elsewhere; False when memory is no longer what the graphs know."""
        here = {self.device}
        for memory, array in self._memories:
            if memory.held(self.device) is not array:
                return False
            if memory.valid != here or memory.pending:
                memory.on(self.device, MODIFY)
        return True


def _blobs_in(values: Iterable[Any]) -> Iterable[Blob]:
    """The blobs among a layer's own values, and in lists of them."""
    for value in values:
        if isinstance(value, Blob):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _blobs_in(value)
