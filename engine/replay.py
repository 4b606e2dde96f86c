"""Passes of a net that run again without Python.

In a pass like the one before it the drivers of the tile engine are called with the same records in the same order: so
the calls of one pass are written down, and from then on made by one loop in native code. A `Stretch` is that for
layers next to each other which do nothing but run drivers. It knows what it reads from outside, where everything has
to lie, and what must hold for its calls to be the right ones; where that holds no longer, Python runs the layers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import memory as memories
from . import shapes, witness
from .loss import loss_of_node
from .memory import HOST, READ, WRITE, Memory, Place, computing
from .threads import threads

if TYPE_CHECKING:
    from .blob import Blob
    from .net import Net

MOST_WAIT = 64  # passes until the next try, where what was written down keeps proving wrong
FEW = 1 << 14  # numbers in all memories that a stretch uses, up to which no thread is woken for its work
PATIENCE = 3  # passes at inference that may go by until all is prepared
NOTHING = nullcontext()


@dataclass(frozen=True)
class Check:
    """After a call: `flag`, which its driver sets, must be 0, else Python runs the layer, from where it began.

    `after` are the memories that layers before it have written, and where; `effects` how many of these are theirs.
    """

    call: int
    flag: np.ndarray
    layer: int
    after: list[tuple[Memory, tuple[Place, ...]]]
    effects: int


class Writer:
    """Writes down what layers do while they do it.

    `mark` says that all of it is right so far; `back` forgets what came after, which cannot be written down.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[int, np.ndarray, int]] = []  # address of a driver, its record, how many items
        self.kept: list[np.ndarray] = []  # what records point to
        self.reads: dict[Any, tuple[Memory, Place]] = {}  # from outside
        self.written: dict[int, Memory] = {}
        self.touched: dict[Any, tuple[Memory, Place]] = {}
        self.conditions: list[Callable[[], bool]] = []
        self.effects: list[Callable[[], Any]] = []  # what ops note down for later besides
        self.checks: list[Check] = []
        self.layer = 0  # the one that runs
        self.prepares = False  # whether an op has made something that it will keep
        self.spoilt = False
        self._fetching = False  # whether values are on their way that are read from outside
        self._thread = threading.get_ident()
        self.mark()

    def mark(self) -> None:
        """Take all that was written down until now as right."""
        self.after = [(memory, tuple(memory.valid)) for memory in self.written.values()]
        self._counts = [len(each) for each in self._lists]
        self._mark = dict(self.reads), dict(self.written), dict(self.touched)

    @property
    def _lists(self) -> tuple[list[Any], ...]:
        return self.calls, self.kept, self.conditions, self.effects, self.checks

    def back(self) -> None:
        """Forget what was written down since the last mark."""
        self.reads, self.written, self.touched = self._mark
        for each, count in zip(self._lists, self._counts, strict=True):
            del each[count:]
        self.spoilt = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within it memories, drivers and ops tell what they do."""
        with computing:
            witness.now = self
            try:
                yield
            finally:
                witness.now = None

    @property
    def deaf(self) -> bool:
        """Whether what is told now is none of the layer's."""
        return self._fetching or threading.get_ident() != self._thread

    def accessed(self, memory: Memory, place: Place, access: str) -> None:
        """Someone asks a memory for its values at a place."""
        if self.deaf:
            return
        key = id(memory), place
        self.touched[key] = memory, place
        if access != WRITE and id(memory) not in self.written and key not in self.reads:
            self.reads[key] = memory, place
            self._fetching = True
            try:
                memory.on(place, READ)
            finally:
                self._fetching = False
        if access != READ:
            self.written[id(memory)] = memory

    def converted(self, memory: Memory, place: Place) -> None:
        """Values of a memory are about to come to a place, or from it."""
        if self.deaf:
            return
        self.touched[id(memory), place] = memory, place
        self.touched[id(memory), HOST] = memory, HOST
        if place is not HOST and not place.by_drivers:
            self.spoilt = True

    def called(self, address: int, record: Any, items: int) -> None:
        """A driver is about to run."""
        if self.deaf:
            return
        from .ops.tile._op import held_at

        self.calls.append((address, record.values.copy(), items))
        self.kept += [array for value in record.known.values() if (array := held_at(value)) is not None]

    def checked(self, flag: np.ndarray) -> None:
        """A driver has set a flag that must be 0."""
        if not self.deaf:
            self.checks.append(Check(len(self.calls) - 1, flag, self.layer, self.after, self._counts[3]))

    def has_touched(self, memory: Memory) -> bool:
        """Whether one of the layers has used a memory."""
        return any(touched is memory for touched, _ in self.touched.values())

    def has_written(self, memory: Memory) -> bool:
        """Whether one of the layers has written a memory."""
        return id(memory) in self.written


class Stretch:
    """The calls of some layers next to each other, in the order in which these run."""

    def __init__(self, layers: Sequence[int], writer: Writer, blobs: Sequence[Blob]):
        self.layers = frozenset(layers)
        self.first, self.last = layers[0], layers[-1]
        self.kept = [*writer.kept, *(record for _, record, _ in writer.calls)]
        rows = [(address, record.__array_interface__["data"][0], items, 0) for address, record, items in writer.calls]
        self.calls = np.array(rows, np.int64).reshape(-1, 4)
        self.checks = writer.checks
        for check in self.checks:
            self.calls[check.call, 3] = check.flag.__array_interface__["data"][0]
        self.reads, self.writes = list(writer.reads.values()), writer.after
        self.conditions, self.effects, self.prepares = writer.conditions, writer.effects, writer.prepares
        self.buffers = [(memory, place, memory.held(place)) for memory, place in writer.touched.values()]
        self.alone = sum(memory.count for memory, _ in writer.touched.values()) <= FEW
        self.blobs = [(blob, blob.data_memory, blob.diff_memory) for blob in blobs]
        self.threads, self.moves = threads(), memories.moves

    def holds(self) -> bool:
        """Whether the calls are those that the layers would make now."""
        if self.threads != threads():
            return False
        if self.moves != memories.moves:
            if any(memory.held(place) is not buffer for memory, place, buffer in self.buffers):
                return False
            if any(blob.data_memory is not data or blob.diff_memory is not diff for blob, data, diff in self.blobs):
                return False
            self.moves = memories.moves
        return all(condition() for condition in self.conditions)

    def run(self) -> int | None:
        """Make the calls; None, and nothing done, where they are not the right ones any more.

        Else the layer that Python has to run because a check of its calls failed: it and all that follows are as they
        were before. -1 where none did.
        """
        from .ops.tile.drive import run_all

        with computing:
            if not self.holds():
                return None
            for memory, place in self.reads:
                if place not in memory.valid or memory.pending:
                    memory.on(place, READ)
            for memory, _ in self.writes:
                if memory.watchers:
                    memory.tell_watchers()
            run_all(self.calls, self.alone)
            writes, effects, layer = self.writes, self.effects, -1
            for check in self.checks:
                if check.flag[0]:
                    writes, effects, layer = check.after, effects[: check.effects], check.layer
                    break
            for memory, places in writes:
                memory.was_written(places)
            for effect in effects:
                effect()
        return layer


class NoProgram:
    """All is left to Python. `losses` are those of the layers of the stretch that was run last."""

    losses: Sequence[float] = ()

    def of_pass(self, whole: bool) -> NoProgram:
        """What runs a pass, over the `whole` net or a part of it."""
        return self

    def both(self) -> float | None:
        """Run both passes, forward and backward; their loss, or None where nothing was run."""
        return None

    def forget(self) -> None:
        """Give up what was written down."""

    def begin(self, way: str) -> None:
        """A pass begins, "forward" or "backward"."""

    def end(self) -> None:
        """The pass is at its end."""

    def run(self, index: int) -> int | None:
        """Run the stretch that begins with this layer; its last layer, or None where nothing was run."""
        return None

    def watched(self, index: int, last: int | None = None) -> AbstractContextManager[None]:
        """A context in which Python runs a layer, and with it those up to `last` that are fused to it."""
        return NOTHING


class Program(NoProgram):
    """What of a net's passes is written down: stretches of the way forward and of the way back.

    A pass is written down when the one before it went the same way by Python. As soon as Python runs a layer of a
    stretch after all, everything is given up: what its op remembers for the way back may be different now.
    """

    def __init__(self, net: Net):
        from .trace import Traces

        self.net = net
        self.stretches: dict[str, dict[int, Stretch]] = {}
        self._wait, self._worked, self._tries = 1, True, 0
        self.traces = Traces(net, self)
        self.recorder: NoProgram | None = None  # what writes both passes down
        self.forget()
        self._way = "forward"
        self._writer: Writer | None = None
        self._covered: list[int] = []
        self._found: dict[int, Stretch] | None = None  # where the pass is being written down
        self._changes = 0

    def forget(self) -> None:
        if self.stretches:
            self._wait = 1 if self._worked else min(2 * self._wait, MOST_WAIT)
            self._worked = False
        self.stretches.clear()
        self.traces.forget()
        self._plain = {"forward": 0, "backward": 0}  # passes by Python since
        self._found = self._writer = None

    def of_pass(self, whole: bool) -> NoProgram:
        if self.recorder is not None:
            return self.recorder
        if whole:
            return self
        self.forget()
        return NoProgram()

    def both(self) -> float | None:
        return self.traces.run()

    def begin(self, way: str) -> None:
        self.traces.forget()
        self._way, self._writer, self._changes = way, None, shapes.changes
        ready = way not in self.stretches and self._plain[way] >= self._wait
        self._found = {} if ready and (way == "forward" or "forward" in self.stretches) else None

    def end(self) -> None:
        self._close()
        if self._changes != shapes.changes:
            self.forget()
        elif self._found is not None and not self._too_early():
            self.stretches[self._way] = self._found
        elif self._way not in self.stretches:
            self._plain[self._way] += 1
        self._found = None

    def _too_early(self) -> bool:
        """Whether ops were still preparing at inference what they will keep: then the next pass is written down."""
        assert self._found is not None
        preparing = not self.net.context.training and any(one.prepares for one in self._found.values())
        self._tries = self._tries + 1 if preparing else 0
        return 0 < self._tries <= PATIENCE

    def run(self, index: int) -> int | None:
        stretch = self.stretches.get(self._way, {}).get(index)
        if stretch is None:
            return None
        taken_over = stretch.run() if self.net.settled == shapes.changes else None
        if taken_over != -1:
            self.forget()
        if taken_over is None or taken_over == stretch.first:
            return None
        self._worked = True
        last = stretch.last if taken_over < 0 else taken_over - (1 if self._way == "forward" else -1)
        if self._way == "forward":
            done = range(index, last + 1)
            self.losses = [loss_of_node(self.net.nodes[one]) for one in done if self.net.nodes[one].adds_loss]
        return last

    def watched(self, index: int, last: int | None = None) -> AbstractContextManager[None]:
        if self._found is None:
            if any(index in one.layers for one in self.stretches.get(self._way, {}).values()):
                self.forget()
            return NOTHING
        if not self.net.layers[index].steady_now:
            self._close()
            return NOTHING
        return self._written_down(range(index, (index if last is None else last) + 1))

    @contextmanager
    def _written_down(self, layers: range) -> Iterator[None]:
        writer = self._writer
        if writer is None:
            writer, self._covered = Writer(), []
            self._writer = writer
        writer.layer = layers[0]
        with writer.listening():
            yield
        if writer.spoilt:
            writer.back()
            self._close()
        else:
            writer.mark()
            self._covered.extend(layers)

    def _close(self) -> None:
        """End the stretch that is being written down, if there is one."""
        writer, covered, self._writer = self._writer, self._covered, None
        if writer is None or not covered or self._found is None:
            return
        blobs = {}
        for index in covered:
            node = self.net.nodes[index]
            for blob in (*node.bottoms, *node.tops, *self.net.layers[index].blobs):
                blobs[id(blob)] = blob
        self._found[covered[0]] = Stretch(covered, writer, list(blobs.values()))


def program_of(net: Net) -> NoProgram:
    """What may run a net's passes: a Program on the host, where kernels can be made."""
    from .ops import PREFERENCE
    from .ops.tile._op import ready

    able = net.replay and net.context.place is HOST and "tile" in PREFERENCE[net.context.backend]
    return Program(net) if able and ready() else NoProgram()
