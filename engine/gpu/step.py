"""A solver's iteration as one CUDA graph: forward, backward and update with a single launch from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..blob import Blob
from ..memory import MODIFY, Memory
from .device import Device, Graph, NotCapturable
from .numbers import FIELDS, numbers_of
from .ops.update import given

if TYPE_CHECKING:
    from ..solver import Solver

RING = 1024  # iterations whose numbers and losses are under way at the most


class LossToCome:
    """The loss of an iteration that the device may not have finished; float() waits for it."""

    def __init__(self, step: CapturedStep, slot: int):
        self.step, self.slot = step, slot
        self._value: float | None = None

    def __float__(self) -> float:
        if self._value is None:
            self.step.device.synchronize()
            self._value = float(self.step.losses[self.slot])
        return self._value


class CapturedStep:
    """The iterations of one solver, each launched as a whole.

    Data layers run before each launch, and their tops are copied to the device. Rate, momentum, decay and the number
    of the pass are handed over in memory that both sides see, so that they may change between any two iterations.
    The first iteration of given shapes runs layer by layer, which finds plans and room for everything; the second is
    captured. Another seed or other memory lead to another capture; whatever must see or change something in the
    middle of an iteration (`why_not`) lets it run layer by layer.
    """

    def __init__(self, solver: Solver):
        place = solver.net.context.place
        assert isinstance(place, Device)
        self.solver, self.net, self.device = solver, solver.net, place
        self.broken: str | None = None  # why it could not be captured
        self.graph: Graph | None = None
        self.launched = 0
        self._key: Any = None
        self._warm: Any = None  # the shapes of which an iteration has run by layer
        self._failures = 0
        self._memories: list[tuple[Memory, Any]] = []
        self._pending: list[LossToCome] = []
        self._fixed = self._why_never()
        layers = self.net.layers
        self._sources = [index for index, layer in enumerate(layers) if layer.is_source]
        self._others = [index for index, layer in enumerate(layers) if not layer.is_source]
        self.slots = place.host_array(RING * len(FIELDS), np.dtype(np.float64))
        self.losses = place.host_array(RING, np.dtype(np.float64))

    def why_not(self) -> str | None:
        """What stands against running the coming iteration as a whole; None when nothing does."""
        from ..solver import Listener

        net, param = self.net, self.solver.param
        if self._fixed or self.broken:
            return self._fixed or self.broken
        if net.before_forward or net.after_forward or net.before_backward or net.after_backward:
            return "somebody looks on between two layers"
        if any(type(one).on_gradients_ready is not Listener.on_gradients_ready for one in self.solver.listeners):
            return "somebody works on the gradients before the update"
        if param.iter_size != 1 or param.clip_gradients >= 0 or param.debug_info:
            return "iter_size, clip_gradients and debug_info take several passes"
        return None

    def _why_never(self) -> str | None:
        """What stands against it for good."""
        for layer in self.net.layers:
            if layer.category == "python" or layer.reshapes_itself or (layer.is_source and layer.blobs):
                return f"layer {layer.name!r} ({layer.type}) has to run by itself"
        return None

    def run(self) -> Any:
        """One iteration, its gradients being clear; returns its loss."""
        net = self.net
        net.context.passes = self.solver.iter
        for index in self._sources:
            net.forward_layer(index)
        shapes = [blob.shape for index in self._sources for blob in net.nodes[index].tops]
        if shapes != self._warm:
            self.graph, self._warm = None, shapes
            return self._run_by_layer()
        if self.graph is None or self._key != self._current_key() or not self._bring():
            try:
                self._capture()
            except (NotCapturable, self.device.errors) as error:
                self.graph = None
                self._failures += 1
                if self._failures > 1:  # the first may only have lacked what running by layer makes
                    self.broken = f"it cannot be captured: {error}"
                return self._run_by_layer()
        return self._launch()

    def _run_by_layer(self) -> float:
        """The rest of an iteration whose data are there already, as Net and Solver would do it."""
        loss = sum(self.net.forward_layer(index) for index in self._others)
        self.net.context.passes += 1
        self.net.backward()
        self.solver.apply_update()
        return loss

    def _current_key(self) -> Any:
        """What is frozen into the graph as a number, and may change."""
        return self.net.context.seed, self.solver.param.regularization_type

    def _capture(self) -> None:
        net, device = self.net, self.device
        for memory in self._held_memories():
            memory.on(device, MODIFY)
        numbers = numbers_of(net.context).values
        dtype = net.context.dtype
        with device.capture() as graph:
            device.launch("begin_step", dtype, 1, self.slots, numbers, RING)
            for index in self._others:
                node = net.nodes[index]
                net.layers[index].forward(node.bottoms, node.tops)
                for top, weight in zip(node.tops, node.loss_weights, strict=True):
                    if weight:
                        device.launch_rows("add_loss", dtype, 1, top.read(), top.read_diff(), numbers, top.count)
            for index in reversed(self._others):
                node = net.nodes[index]
                if node.need_backward:
                    net.layers[index].backward(node.tops, node.propagate_down, node.bottoms)
            self.solver.apply_update()
            device.launch("end_step", dtype, 1, numbers, self.losses, RING)
        graph.kept = graph.kept, dict(net.context.scratch), [dict(vars(layer)) for layer in net.layers]
        self.graph, self._key = graph, self._current_key()
        self._memories = [(memory, memory.held(device)) for memory in self._held_memories()]

    def _held_memories(self) -> list[Memory]:
        """Every memory of the net and the solver that is on the device, each once."""
        found: dict[int, Memory] = {}
        blobs = [blob for slot in self.solver.history for blob in slot]
        for node, layer in zip(self.net.nodes, self.net.layers, strict=True):
            own = [value for value in vars(layer).values() if isinstance(value, Blob)]
            blobs += [*node.bottoms, *node.tops, *layer.blobs, *own]
        for blob in blobs:
            for memory in (blob.data_memory, blob.diff_memory):
                if memory.held(self.device) is not None or memory.pending:
                    found[id(memory)] = memory
        return list(found.values())

    def _bring(self) -> bool:
        """Bring to the device what was written elsewhere; False when memory is no longer what the graph knows."""
        here = {self.device}
        for memory, array in self._memories:
            if memory.held(self.device) is not array:
                return False
            if memory.valid != here or memory.pending:
                memory.on(self.device, MODIFY)
        return True

    def _launch(self) -> LossToCome:
        solver, slot = self.solver, self.launched % RING
        if len(self._pending) == RING:
            for loss in self._pending:
                float(loss)
            self._pending.clear()
        numbers = given(solver.rates, 1.0, solver.param.weight_decay)
        numbers["passes"] = solver.iter
        self.slots[slot * len(FIELDS) : (slot + 1) * len(FIELDS)] = [numbers[name] for name in FIELDS]
        assert self.graph is not None
        self.graph.launch()
        self.launched += 1
        self.net.context.passes += 1
        loss = LossToCome(self, slot)
        self._pending.append(loss)
        return loss
