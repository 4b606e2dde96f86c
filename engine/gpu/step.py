"""A solver's iteration, or a net's forward pass, with a few launches from Python instead of hundreds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from ..blob import Blob
from ..loss import loss_of
from ..memory import refresh_lent
from .device import NotCapturable
from .feed import Feed, fetch
from .numbers import COUNT, FIELDS, LOSS, numbers_of
from .ops.update import Update, given
from .program import BACKWARD, FORWARD, Item, Program, Unfinished
from .room import explained

if TYPE_CHECKING:
    from ..net import Net
    from ..solver import Solver

RING = 1024  # passes whose numbers and losses are under way at the most
BEGIN, UPDATE, END = "begin", "update", "end"


class Layers:
    """The layers of a net forward, one after the other; those of a chain (see `engine/fusion.py`) as one.

    Layers that have to run by themselves (`alone`) are left out of chains.
    """

    def __init__(self, net: Net, program: Program):
        self.net, self.program = net, program
        self._done = -1  # the last layer whose work was done by one before it

    def begin(self) -> None:
        """A pass begins."""
        self._done = -1

    def skips(self, index: int) -> bool:
        """Whether the work of a layer is done already."""
        return index <= self._done

    @contextmanager
    def taking_along(self, index: int) -> Iterator[None]:
        """Let a layer do the work of those that follow it in place, if it can."""
        chain = self.net._fused().get(index)
        members = () if chain is None else range(chain.first, chain.last + 1)
        if chain is None or not self.program.alone.isdisjoint(members) or not chain.begin():
            yield
            return
        try:
            yield
        finally:
            chain.end()
        self._done = chain.last

    def forward(self, index: int) -> float:
        """Run a layer by itself, or with those that follow it; its loss."""
        self.net._follow_shapes(index)
        if self.skips(index):
            return 0.0
        with self.taking_along(index):
            return self.net.forward_layer(index)

    def record(self, index: int) -> None:
        """The same while it is recorded."""
        if not self.skips(index):
            node = self.net.nodes[index]
            with self.taking_along(index):
                self.net.layers[index].forward(node.bottoms, node.tops)


class LossToCome:
    """The loss of an iteration of `passes` passes that the device may not have finished; float() waits for it."""

    def __init__(self, step: CapturedStep, passes: int):
        self.step, self.passes = step, passes
        self.known = 0.0  # of passes that are over
        self.slots: list[int] = []  # where the device leaves the losses of the others

    def collect(self) -> None:
        """Take what the device has left, which must have finished."""
        for slot in self.slots:
            self.known += float(self.step.losses[slot])
        self.slots.clear()

    def __float__(self) -> float:
        if self.slots:
            self.step.collect()
        return self.known / self.passes


class CapturedStep:
    """The iterations of one solver, each launched as a whole, or in a few pieces; with iter_size, pass by pass.

    Data layers run before each launch, and their tops are copied to the device (feed.py). Rate, momentum, decay and
    the number of the pass are handed over in memory that both sides see, so that they may change between any two.
    The first iteration of given shapes runs layer by layer, which finds plans and room for everything; the second is
    captured. Another seed or other memory lead to another capture; whatever must see or change something in the
    middle of an iteration (`why_not`) lets it run layer by layer, with the same numbers.
    """

    def __init__(self, solver: Solver):
        self.solver, self.net = solver, solver.net
        layers = self.net.layers
        self._sources = [index for index, layer in enumerate(layers) if layer.is_source]
        forward = [index for index, layer in enumerate(layers) if not layer.is_source]
        backward = [index for index in reversed(forward) if self.net.nodes[index].need_backward]
        self._forward = [Item(FORWARD, index) for index in forward]
        items = [Item(BEGIN), *self._forward, *(Item(BACKWARD, k) for k in backward), Item(END), Item(UPDATE)]
        self.update = len(items) - 1
        self.program = Program(self.net, items, self._do, self._history, begin=lambda: self.layers.begin())
        self.layers = Layers(self.net, self.program)
        self.device = self.program.device
        self.feeds = {k: Feed(self.device, layers[k], self.net.nodes[k].tops) for k in self._sources}
        self.launched = 0  # passes
        self._key: Any = None
        self._warm: Any = None  # the shapes of which a pass has run by layer
        self._layered = -1  # what the net counted after the last pass here
        self._updated: bool | None = None  # whether the last update clipped its gradients; None before the first
        self._pending: list[LossToCome] = []
        self._slots_taken = 0  # since nothing was pending
        self._fixed = self._why_never()
        self.slots = self.device.host_array(RING * len(FIELDS), np.dtype(np.float64))
        self.losses = self.device.host_array(RING, np.dtype(np.float64))
        finalize(self, self.device.keep_until_done, self.slots, self.losses).atexit = False

    def why_not(self) -> str | None:
        """What stands against running the coming iteration as a whole; None when nothing does."""
        from ..solver import Listener

        net, param = self.net, self.solver.param
        if self._fixed or self.program.broken:
            return self._fixed or self.program.broken
        if net.before_forward or net.after_forward or net.before_backward or net.after_backward:
            return "somebody looks on between two layers"
        heard = [one for one in self.solver.listeners if one.needs_gradients]
        if any(type(one).on_gradients_ready is not Listener.on_gradients_ready for one in heard):
            return "somebody works on the gradients before the update"
        if param.debug_info:
            return "debug_info tells of every layer"
        return None

    def _why_never(self) -> str | None:
        """What stands against it for good."""
        for index in self._sources:
            if self.net.layers[index].blobs:
                return f"layer {self.net.layers[index].name!r} has parameters, and no bottoms"
        return None

    def run(self) -> Any:
        """One iteration, its gradients being clear; returns its loss."""
        passes = self.solver.param.iter_size
        loss = LossToCome(self, passes)
        self._pending.append(loss)
        for k in range(passes):
            self.solver.begin_pass(k)
            if self.program.alone and self.net.layered != self._layered:
                self.program.drop()  # a layer after which the rest runs by layer would not know what a graph keeps
            self._pass(loss, len(self.program.items) if k == passes - 1 else self.update)
            self._layered = self.net.layered
        self._updated = self._clips
        return loss

    @property
    def _clips(self) -> bool:
        return self.solver.param.clip_gradients >= 0

    def _pass(self, loss: LossToCome, stop: int) -> None:
        """The items up to `stop`, with the next batch; adds to the loss."""
        net = self.net
        fetch(net, self.feeds)
        shapes = [blob.shape for index in self._sources for blob in net.nodes[index].tops]
        if shapes != self._warm:
            self.program.drop()
            self._warm = shapes
            self._load_kernels()
            loss.known += self._by_layer(1, stop)
            return
        if self._updated != self._clips:  # an update of this kind has not been made
            loss.known += self._by_layer(1, stop)
            return
        if not self.program.captured or self._key != self._current_key():
            self._key = self._current_key()
            self.program.apart = {self.update} if self.solver.param.iter_size > 1 else set()
            if not self.program.capture():
                loss.known += self._by_layer(1, stop)
                return
        slot = self._hand_over()
        try:
            loss.known += self.program.run(stop)
        except Unfinished as halt:
            self.device.synchronize()
            begun = float(numbers_of(net.context).values[LOSS]) if halt.start else 0.0
            self.launched += halt.start >= self.update  # the device has counted it
            loss.known += begun + halt.loss + self._by_layer(max(halt.start, 1), stop)
            return
        self.launched += 1
        net.context.passes += 1
        loss.slots.append(slot)

    def _by_layer(self, start: int, stop: int) -> float:
        """The items from `start` to `stop`, as Net and Solver would do them; returns their loss."""
        loss, last = 0.0, len(self._forward)
        self.layers.begin()
        for number, item in enumerate(self.program.items[start:stop], start):
            if number == last + 1:
                self.net.context.passes += 1
            if item.kind == FORWARD:
                loss += self.layers.forward(item.index)
            elif item.kind == BACKWARD:
                self.net.backward_layer(item.index)
            elif item.kind == UPDATE:
                self.solver.apply_update()
        return loss

    def _current_key(self) -> Any:
        """What is frozen into the graph as a number, and may change."""
        param = self.solver.param
        return self.net.context.seed, param.regularization_type, self._clips, param.iter_size > 1

    def _history(self) -> list[Blob]:
        return [blob for slot in self.solver.history for blob in slot]

    def _do(self, item: Item) -> None:
        """One item, to be recorded."""
        device, dtype = self.device, self.net.context.dtype
        numbers = numbers_of(self.net.context).values
        if item.kind == BEGIN:
            device.launch("begin_step", dtype, 1, self.slots, numbers, RING)
        elif item.kind == UPDATE:
            self._do_update(numbers)
        elif item.kind == END:
            device.launch("end_step", dtype, 1, numbers, self.losses, RING)
        elif item.kind == FORWARD:
            node = self.net.nodes[item.index]
            self.layers.record(item.index)
            for top, weight in zip(node.tops, node.loss_weights, strict=True):
                if weight:
                    device.launch_rows("add_loss", dtype, 1, top.read(), top.read_diff(), numbers, top.count)
        else:
            node = self.net.nodes[item.index]
            self.net.layers[item.index].backward(node.tops, node.propagate_down, node.bottoms)

    def _do_update(self, numbers: Any) -> None:
        solver = self.solver
        if solver.param.clip_gradients >= 0:
            op = solver._update
            if not isinstance(op, Update):
                raise NotCapturable(f"the rule of {solver.type} computes on the host")
            self.device.launch("clip_scale", self.net.context.dtype, 1, op.norm_on_device(self.net.arenas[1]), numbers)
        solver.apply_scaled(1.0)

    def _load_kernels(self) -> None:
        """Launch what is launched in captured steps alone once: a kernel is loaded by its first launch."""
        device, dtype = self.device, self.net.context.dtype
        numbers_of(self.net.context)
        unused, one = device.allocate(COUNT, np.dtype(np.float64)), device.allocate(1, np.dtype(dtype))
        device.launch("begin_step", dtype, 1, self.slots, unused, RING)
        device.launch_rows("add_loss", dtype, 1, one, one, unused, 1)
        device.launch("clip_scale", dtype, 1, device.allocate(1, np.dtype(np.float64)), unused)
        device.launch("end_step", dtype, 1, unused, device.allocate(RING, np.dtype(np.float64)), RING)

    def collect(self) -> None:
        """Wait for the device, and take all losses that it has left."""
        self.device.synchronize()
        for loss in self._pending:
            loss.collect()
        del self._pending[:-1]  # the last may be that of an iteration under way
        self._slots_taken = 0

    def _hand_over(self) -> int:
        """Put the numbers of the coming pass where its graph looks for them; returns the slot."""
        solver, slot = self.solver, self.launched % RING
        if self._slots_taken == RING:
            self.collect()
        self._slots_taken += 1
        numbers = given(solver.rates, 1.0 / solver.param.iter_size, solver.param.weight_decay)
        numbers |= {"passes": self.net.context.passes, "clip": solver.param.clip_gradients}
        values = [numbers[name] for name in FIELDS]
        self.slots[slot * len(FIELDS) : (slot + 1) * len(FIELDS)] = values
        numbers_of(self.net.context).expect(values)
        return slot


class CapturedForward:
    """The forward passes of one net, its inputs being filled, each launched as a whole or in a few pieces.

    `run()` leaves the values in the blobs, as `Net.forward` does, waits for nothing and returns no loss; `forward()`
    reads that, too. The first pass of given shapes runs by layer, and so does one after somebody ran layers one by
    one: they may keep what backward needs elsewhere since. Data layers run before the launch.
    """

    def __init__(self, net: Net):
        self.net = net
        layers = net.layers
        sources = [index for index, layer in enumerate(layers) if layer.is_source]
        items = [Item(FORWARD, index) for index in range(len(layers)) if index not in sources]
        self.program = Program(net, items, self._do, begin=lambda: self.layers.begin())
        self.layers = Layers(net, self.program)
        self.feeds = {k: Feed(self.program.device, layers[k], net.nodes[k].tops) for k in sources}
        self.launched = 0
        self._seed: int | None = None
        self._warm: Any = None
        self._layered = -1  # what the net counted after the last pass here
        self._losses = [
            (top, weight)
            for node in net.nodes
            for top, weight in zip(node.tops, node.loss_weights, strict=True)
            if weight
        ]
        written = Counter(id(top.data_memory) for node in net.nodes for top in node.tops)
        self._stands = bool(items) and all(written[id(top.data_memory)] == 1 for top, _ in self._losses)

    @property
    def possible(self) -> bool:
        """Whether there is anything to capture, and no loss is overwritten before the pass ends."""
        return self._stands and not self.program.broken

    def forward(self) -> float:
        """One forward pass; returns its loss, as `Net.forward` adds it up."""
        self.run()
        return sum((loss_of(top, weight) for top, weight in self._losses), 0.0)

    def run(self) -> None:
        """One forward pass. Raises what `Net.forward` raises."""
        net = self.net
        if net.layered != self._layered:
            self._warm = None
        try:
            self._run()
        except MemoryError as error:
            raise explained(net, error) from error
        finally:
            self._layered = net.layered
        net.context.passes += 1
        refresh_lent()

    def _run(self) -> None:
        net = self.net
        fetch(net, self.feeds)
        shapes = [blob.shape for index in self.feeds for blob in net.nodes[index].tops]
        if shapes != self._warm:
            self.program.drop()
            self._warm = shapes
            return self._by_layer(0)
        if not self.program.captured or self._seed != net.context.seed:
            self._seed = net.context.seed
            if not self.program.capture():
                return self._by_layer(0)
        numbers_of(net.context).set(passes=net.context.passes)
        try:
            self.program.run()
        except Unfinished as stop:
            return self._by_layer(stop.start)
        self.launched += 1

    def _by_layer(self, start: int) -> None:
        self.layers.begin()
        for item in self.program.items[start:]:
            self.layers.forward(item.index)

    def _do(self, item: Item) -> None:
        self.layers.record(item.index)
