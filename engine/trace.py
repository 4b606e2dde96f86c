"""Training without Python: a forward and a backward pass as one call of native code.

Where all layers but the first ones, which read data, only run drivers, both passes are written down by one writer, so
that what a layer leaves for the way back needs no look in between. Python runs the first layers each time; their tops
are where they were when the rest was written down, or Python makes the passes.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from . import shapes
from .loss import loss_of_node
from .memory import HOST, Memory, Place, refresh_lent
from .replay import MOST_WAIT, NOTHING, NoProgram, Program, Stretch, Writer

if TYPE_CHECKING:
    from .net import Net

WORTH = 8  # runs that make writing it down worth the while


class Recorder(NoProgram):
    """Tells a writer which layer comes next: from 0 to n - 1 on the way forward, then n for the last one, and on."""

    def __init__(self, writer: Writer, count: int):
        self.writer, self.count = writer, count
        self._forward = True

    def begin(self, way: str) -> None:
        self._forward = way == "forward"

    def watched(self, index: int, last: int | None = None) -> AbstractContextManager[None]:
        self.writer.mark()
        self.writer.layer = index if self._forward else 2 * self.count - 1 - index
        return NOTHING


class Trace:
    """Both passes from layer `first` on; `sources` are the memories that layers before it fill, and where."""

    def __init__(self, net: Net, first: int, writer: Writer, sources: list[tuple[Memory, set[Place]]]):
        self.net, self.first = net, first
        layers = range(first, len(net.layers))
        blobs = {
            id(blob): blob
            for index in layers
            for blob in (*net.nodes[index].bottoms, *net.nodes[index].tops, *net.layers[index].blobs)
        }
        self.sources = [(memory, places) for memory, places in sources if writer.has_touched(memory)]
        self.stretch = Stretch(layers, writer, list(blobs.values()))
        self.losses = [index for index in layers if net.nodes[index].adds_loss]
        self._scalars = self._find_scalars()
        self.drivers = set(self.stretch.calls[:, 0].tolist())

    def goes_like(self, other: Trace) -> bool:
        """Whether the same drivers are at work, but for those that pack weights, or clear, when it is time to."""
        return self.drivers <= other.drivers or other.drivers <= self.drivers

    def run(self) -> float | None:
        """The loss. None, and only the first layers have run, where Python has to run the others."""
        net = self.net
        for index in range(self.first):
            net._forward_layer(index)
        if net.settled != shapes.changes:
            return None
        for memory, places in self.sources:
            if memory.pending:
                memory.on(HOST)
            if memory.valid != places:
                return None
        taken_over = self.stretch.run()
        if taken_over is None:
            return None
        if taken_over >= 0:
            return self._by_python(taken_over)
        loss = 0.0
        if self._scalars is None:
            for index in self.losses:
                loss += loss_of_node(net.nodes[index])
        else:
            for value, weight in self._scalars:
                loss += float(value[0] * weight[0])
        net.context.passes += 1
        refresh_lent()
        return loss

    def _find_scalars(self) -> list[tuple[Any, Any]] | None:
        """Where each loss and its weight lie, in order; None where one is no single number on the host."""
        used = {(id(memory), place): buffer for memory, place, buffer in self.stretch.buffers}
        found = []
        for index in self.losses:
            node = self.net.nodes[index]
            tops = [top for top, weight in zip(node.tops, node.loss_weights, strict=True) if weight]
            pair = [used.get((id(memory), HOST)) for top in tops for memory in (top.data_memory, top.diff_memory)]
            if len(tops) != 1 or tops[0].count != 1 or any(buffer is None for buffer in pair):
                return None
            found.append((pair[0], pair[1]))
        return found

    def _by_python(self, layer: int) -> float:
        """What is left from a layer on, counted as the recorder does, which raises an error unless all is well."""
        net, count = self.net, len(self.net.layers)
        loss = 0.0
        for index in self.losses:
            if index < layer:
                loss += loss_of_node(net.nodes[index])
        if layer < count:
            loss += net.forward(layer)
            net.backward()
        else:
            net.context.passes += 1
            net.backward(2 * count - 1 - layer)
        return loss


class Traces:
    """The traces of a net: one for gradients that are cleared, one for gradients that are added to.

    Given up as soon as a pass goes otherwise.
    """

    def __init__(self, net: Net, program: Program):
        self.net, self.program = net, program
        self.found: dict[bool, Trace] = {}
        self._wait, self._plain, self._runs = 1, 0, 0
        self._never = -1  # the count of changes of shape at which it was found that it cannot be done

    def forget(self) -> None:
        """Give up all traces."""
        if self.found:
            self._wait = 1 if self._runs >= WORTH else min(2 * self._wait, MOST_WAIT)
            self._plain = self._runs = 0
        self.found.clear()

    def run(self) -> float | None:
        """Both passes, and their loss; None, and nothing done, where they are to be made one by one."""
        changes, learnable = shapes.changes, self.net.learnable
        if changes == self._never or self.net.settled != changes or not learnable:
            return None
        key = learnable[0].blob.diff_memory.cleared
        trace = self.found.get(key)
        try:
            with np.errstate(all="ignore"):
                if trace is not None:
                    return self._again(trace)
                if self._plain < self._wait:
                    self._plain += 1
                    return None
                first = self._first()
                if first is None:
                    self._never = changes
                    return None
                return self._write_down(key, first)
        except BaseException:
            self.program.forget()
            raise

    def _again(self, trace: Trace) -> float:
        loss = trace.run()
        if loss is not None:
            self._runs += 1
            return loss
        self.program.forget()
        loss = self.net.forward(trace.first)
        self.net.backward()
        return loss

    def _first(self) -> int | None:
        """The layer from which on all do nothing but run drivers; None where there is none, or others come before."""
        layers, nodes = self.net.layers, self.net.nodes
        first = next((index for index, layer in enumerate(layers) if layer.steady_now), len(layers))
        if not all(layer.steady_now and not layer.reshapes_itself for layer in layers[first:]):
            return None
        if first == len(layers) or any(node.need_backward or node.adds_loss for node in nodes[:first]):
            return None
        return first

    def _write_down(self, key: bool, first: int) -> float:
        """Make both passes by Python, and write them down."""
        net, program = self.net, self.program
        others = dict(self.found)
        program.forget()
        for index in range(first):
            net._forward_layer(index)
        writer, changes = Writer(), shapes.changes
        sources = []
        for memory in {top.data_memory for node in net.nodes[:first] for top in node.tops}:
            if memory.pending:
                memory.on(HOST)
            sources.append((memory, set(memory.valid)))
            writer.written[id(memory)] = memory
        program.recorder = Recorder(writer, len(net.layers))
        try:
            with writer.listening():
                loss = net.forward(first)
                net.backward()
                writer.mark()
        finally:
            program.recorder = None
        if writer.spoilt or shapes.changes != changes or net.settled != changes:
            self._wait, self._plain = min(2 * self._wait, MOST_WAIT), 0
            return loss
        made = Trace(net, first, writer, sources)
        self.found = {old: trace for old, trace in others.items() if trace.goes_like(made)}
        self.found[key] = made
        return loss
