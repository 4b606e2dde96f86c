"""A net's work as a list of items, run as CUDA graphs as long as can be, and by layer where that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from .. import memory as memories
from ..blob import Blob
from ..memory import HOST, MODIFY, Memory, Place, computing
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


class Part:
    """Items that run as one graph, or one that runs by itself: then there is no graph."""

    def __init__(self, start: int, graph: Graph | None = None):
        self.start, self.graph = start, graph
        self.memories: list[Held] = []
        self.blobs: list[tuple[Blob, Memory, Memory]] = []  # and whose data and gradients these are
        self._moves = -1  # as counted when all was last seen to lie where it did

    def bring(self) -> bool:
        """Bring all values to where the graph expects them; False when its addresses are no longer right."""
        moves = memories.moves
        if self._moves != moves:
            if not all(held.lies_there() for held in self.memories):
                return False
            if not all(one.data_memory is data and one.diff_memory is diff for one, data, diff in self.blobs):
                return False
            self._moves = moves
        for held in self.memories:
            memory = held.memory
            if memory.pending or not held.before <= memory.valid:
                for place in held.before:
                    memory.on(place)
        return True

    def leave(self) -> None:
        """Note where the values are once the graph has run."""
        for held in self.memories:
            if held.memory.valid != held.after:
                held.memory.valid = set(held.after)


class Held:
    """Where the graph of a part expects the values of one memory, and where it leaves them."""

    def __init__(self, memory: Memory, before: set[Place], after: set[Place], device: Device):
        self.memory, self.before, self.after = memory, before, after
        places = device, *memory.layouts.values()
        self.arrays = [(place, array) for place in places if (array := memory.held(place)) is not None]

    def lies_there(self) -> bool:
        """Whether the memory has the addresses that the graph knows."""
        return all(self.memory.held(place) is array for place, array in self.arrays)


class Unfinished(Exception):
    """The items from `start` on have to be run by layer: memory or shapes are no longer what the graphs know."""

    def __init__(self, start: int, loss: float):
        super().__init__(start)
        self.start, self.loss = start, loss


class Program:
    """Items of one net in order. `work` does one while it is recorded, after `begin` for the first; `blobs` are those
    beside the net's own.

    What cannot be recorded (a user's Python layer, a layer that looks at values to know a shape) runs by itself, and
    splits the graph there. A graph knows addresses: it is good for as long as every memory stays where it is.
    """

    def __init__(
        self,
        net: Net,
        items: Iterable[Item],
        work: Callable[[Item], None],
        blobs: Callable[[], Iterable[Blob]] = tuple,
        begin: Callable[[], None] = lambda: None,
    ):
        place = net.context.place
        assert isinstance(place, Device)
        self.net, self.device, self.items = net, place, list(items)
        self._work, self._blobs, self._begin = work, blobs, begin
        self.alone = {
            index for index, layer in enumerate(net.layers) if layer.category == "python" or layer.reshapes_itself
        }
        self.apart: set[int] = set()  # the numbers of items with which another graph begins in any case
        self.broken: str | None = None  # why nothing can be captured
        self.parts: list[Part] = []
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
        crowded = False  # whether there was no room for what graphs need
        while self.broken is None:
            kept = [self._kept()]
            self._settle()
            self._begin()
            at = self.items[0]
            try:
                for (alone, _), group in groupby(enumerate(self.items), self._kind_of_part):
                    numbered = list(group)
                    if alone:
                        self.parts += [Part(number) for number, _ in numbered]
                        continue
                    before = [(memory, set(memory.valid)) for memory in self._held()]
                    with self.device.capture() as graph:
                        for _, at in numbered:
                            self._work(at)
                    part = Part(numbered[0][0], graph)
                    part.memories = [Held(memory, valid, set(memory.valid), self.device) for memory, valid in before]
                    part.blobs = [(blob, blob.data_memory, blob.diff_memory) for blob in self._all_blobs()]
                    self.parts.append(part)
                    kept.append(self._kept())
            except MemoryError as error:  # a graph has room of its own, in which nothing that is let go of is used
                self.drop()
                if crowded:
                    self.broken = f"there is no room for a graph: {error}"
                self.device.give_back_room()
                crowded = True
                continue
            except RuntimeError as error:  # NotCapturable, or what CUDA and CuPy refuse
                self.drop()
                if at.index < 0:
                    self.broken = f"{at.kind} cannot be captured: {error}"
                elif at.index not in self._suspects:
                    self._suspects.add(at.index)
                    return False
                self.alone.add(at.index)
                continue
            except BaseException:
                self.drop()  # some of the parts alone are not the program
                raise
            if not any(item.index >= 0 and item.index not in self.alone for item in self.items):
                self.drop()
                self.broken = "no layer can be captured"
                break
            for part in self.parts:
                if part.graph is not None:
                    part.graph.kept = part.graph.kept, kept
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
        loss = 0.0
        for part in self.parts:
            if part.start >= stop:
                break
            if part.graph is None:
                loss += self._run_alone(self.items[part.start])
                if not self._shapes_stand(self.items[part.start]):
                    self.drop()
                    raise Unfinished(part.start + 1, loss)
                continue
            if not part.bring():
                self.drop()
                raise Unfinished(part.start, loss)
            part.graph.launch()
            part.leave()
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

    def _settle(self) -> None:
        """Let every memory be valid on the device alone, plainly or in a layout there."""
        for memory in self._held():
            elsewhere = memory.valid <= {HOST}
            if elsewhere or memory.pending or memory.lent:
                memory.on(self.device, MODIFY)
            else:
                memory.valid.discard(HOST)

    def _held(self) -> list[Memory]:
        """Every memory of the net, and of `blobs`, that is on the device or waits for a filler, each once."""
        found: dict[int, Memory] = {}
        for blob in self._all_blobs():
            for memory in (blob.data_memory, blob.diff_memory):
                places = self.device, *memory.layouts.values()
                if memory.pending or any(memory.held(place) is not None for place in places):
                    found[id(memory)] = memory
        return list(found.values())

    def _all_blobs(self) -> list[Blob]:
        """Every blob of the net, and those beside it, each once."""
        blobs = list(self._blobs())
        for node, layer in zip(self.net.nodes, self.net.layers, strict=True):
            blobs += [*node.bottoms, *node.tops, *layer.blobs, *_blobs_in(vars(layer).values())]
        return list({id(blob): blob for blob in blobs}.values())


def _blobs_in(values: Iterable[Any]) -> Iterable[Blob]:
    """The blobs among a layer's own values, and in lists of them."""
    for value in values:
        if isinstance(value, Blob):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _blobs_in(value)
