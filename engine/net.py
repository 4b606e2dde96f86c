"""Net. A graph of layers that runs forward and backward; and `check`, which finds all that is wrong with one."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from math import prod
from os import PathLike, environ
from typing import Any, ClassVar
from weakref import ref

import numpy as np

from ..proto import ParseError
from ..proto.messages import NetParameter
from . import debug, files, making, rng, shapes
from .backend import Backend, backend_of
from .between import UnderWay
from .blob import Blob
from .build import Builder, Learnable, Node, make_state
from .context import Context, Seen
from .errors import DefinitionError, Diagnostic, Diagnostics, MissingFile
from .findings import without_echoes
from .fusion import Chain, find_chains, parts_inside
from .graph import PHASES
from .identity import identity_of
from .layer import LAYERS, Layer
from .layers.data._stand_in import StandInData
from .loss import loss_of_node
from .memory import HOST, WRITE, Arena, computing, refresh_lent
from .needs import MemoryWarning
from .replay import NoProgram, program_of
from .source import Definition, Source
from .stand_in import StandIns
from .trust import Trust, UserCode
from .turns import Turns, of_the_user
from .weights import copy_weights, share_weights

TRAIN, TEST = range(2)

Hook = Callable[[int], None]
Shape = tuple[int, ...]


class Net:
    """A net in one phase, ready to run.

    `definition` is the path of a prototxt, a Document, a NetParameter message, or whatever has a `to_proto()`.
    `blobs` maps names to blobs in the order of the net, `params` layer names to their parameter blobs; `inputs`
    (in the order of the text) and `outputs` (in the alphabet's, as in Caffe) are names. `seed` fixes fillers
    and every random layer; left out, it is drawn. `backend` says where to compute ("cpu", "gpu", or a Backend);
    left out, where `backend.choose` said. `trust` says whether the modules that Python layers name may be imported:
    in a program of one's own they may. Nothing is filled or allocated before it is touched.

    `stand_in` gives data layers shapes and made-up values in place of what they would read: True those whose database
    or list is not there, ``{"data": "32x3x224x224"}`` a layer by its name. See `StandIns.of`, which raises ValueError.

    `dry` is for whoever only wants to know whether the net can be built, and takes its weights: of files headers are
    read, and no values. Such a net must not run. A net that needs more memory than there is gives a MemoryWarning.

    Raises DefinitionError at the first thing that is wrong, with layer, field and line (UntrustedCode for a module
    that may not be imported); ParseError for a text that is no prototxt; OSError for a file that cannot be read;
    RuntimeError for a GPU that is not there.
    """

    fuse: ClassVar[bool] = environ.get("BREWBENCH_FUSION", "on") != "off"  # whether layers may run as one
    replay: ClassVar[bool] = environ.get("BREWBENCH_REPLAY", "on") != "off"  # whether passes may run without Python

    def __init__(
        self,
        definition: Definition,
        phase: int = TEST,
        *,
        weights: str | PathLike | None = None,
        level: int = 0,
        stages: Sequence[str] = (),
        state: Any = None,
        seed: int | None = None,
        dtype: Any = np.float32,
        backend: Backend | str | None = None,
        trust: Trust | bool = True,
        stand_in: Any = None,
        dry: bool = False,
    ):
        self.source = definition if isinstance(definition, Source) else Source(definition, "net")
        self.source.raise_problems()
        stand_ins = StandIns.of(stand_in)
        if not isinstance(stand_in, StandIns):  # as they are given for all nets of a solver
            for found in stand_ins.unknown(self.source.param.layer):
                raise ValueError(found.message)
        state = state if state is not None else make_state(self.source, phase, level, stages)
        self.state = state
        chosen = backend_of(backend)
        self.context = Context(
            phase=state.phase,
            seed=rng.fresh_seed() if seed is None else seed,
            dtype=dtype,
            place=chosen.place,
            backend=chosen.name,
            precision=chosen.precision,
            root=self.source.root,
            dry=dry,
            trust=Trust(trust) if isinstance(trust, bool) else trust,
            stand_in=stand_ins,
        )
        self.name: str = self.source.param.name
        built = Builder(self.source, state, self.context, _raise)
        if built.shortage is not None and not dry:
            warnings.warn(str(built.shortage), MemoryWarning, stacklevel=2)
        self.nodes: list[Node] = built.nodes
        self.layers: list[Layer] = [_ready(node) for node in self.nodes]
        self._device: Any = None if chosen.place is HOST else chosen.place  # which a thread has to enter
        self._whole: Any = None  # the forward pass as one, on a device
        self._program: NoProgram | None = None  # the passes as native code runs them, on the host
        self.layered = 0  # layers that a device has run forward one by one
        self.layer_names: list[str] = [node.name for node in self.nodes]
        blobs = [_known(blob) for blob in built.blobs]
        self.blobs: OrderedDict[str, Blob] = OrderedDict(zip(built.blob_names, blobs, strict=True))
        self.blob_names: list[str] = built.blob_names
        self.params: OrderedDict[str, list[Blob]] = OrderedDict(
            (layer.name, layer.blobs) for layer in self.layers if layer.blobs
        )
        self.inputs: list[str] = [built.blob_names[i] for i in built.inputs]
        self.outputs: list[str] = [built.blob_names[i] for i in built.outputs]
        self.output_weights: list[float] = self._weights_of(built.outputs)
        self.learnable: list[Learnable] = built.learnable
        self.shared = built.shared
        self._arenas: tuple[Arena, Arena] | None = None
        self._shapes: list[tuple[Shape, ...]] = [_shapes(node.bottoms) for node in self.nodes]
        self._chains: dict[int, Chain] | None = None
        self._under_way = UnderWay()
        self.turns: Turns | None = None  # those of the solver that trains or tests it
        self.settled = -1  # the count of changes of shape up to which every layer has followed
        self.before_forward: list[Hook] = []
        self.after_forward: list[Hook] = []
        self.before_backward: list[Hook] = []
        self.after_backward: list[Hook] = []
        self.debug_info: bool = self.source.param.debug_info
        self.debug_listeners: list[debug.DebugListener] = []
        if weights is not None:
            self.copy_from(weights)

    def __repr__(self) -> str:
        phase = PHASES[self.context.phase]
        return f"<Net {self.name!r}, {phase}: {len(self.layers)} layers, {self.param_count:,} parameters>"

    @property
    def phase(self) -> int:
        return self.context.phase

    @property
    def param_count(self) -> int:
        """Number of learnable values, shared ones counted once."""
        return sum(one.blob.count for one in self.learnable)

    @property
    def memory_required(self) -> int:
        """Bytes of all tops of all layers, each counted once per layer: what Caffe logs as required for data."""
        return sum(top.count * top.dtype.itemsize for node in self.nodes for top in node.tops)

    def _weights_of(self, blob_ids: Sequence[int]) -> list[float]:
        weights = {}
        for node in self.nodes:
            weights.update(zip(node.top_ids, node.loss_weights, strict=True))
        return [weights.get(blob_id, 0.0) for blob_id in blob_ids]

    # Running

    def index_of(self, layer: str) -> int:
        """The position of a layer, Split layers counted. Raises KeyError when there is none of that name."""
        try:
            return self.layer_names.index(layer)
        except ValueError:
            raise KeyError(f"net {self.name!r} has no layer {layer!r}") from None

    def forward(self, start: int = 0, end: int | None = None) -> float:
        """Run the layers `start` to `end` (the last, unless told otherwise); returns their weighted loss."""
        last = len(self.layers) - 1
        end = last if end is None else end
        whole = self.as_one() if self._device is not None and (start, end) == (0, last) else None
        if whole is not None:
            return whole.forward()
        loss = 0.0
        looked_at = bool(self.debug_info or self.before_forward or self.after_forward)
        chains = {} if looked_at else self._fused()
        index = start
        layers = range(0) if looked_at else range(start, end + 1)
        with self._pass("forward", not looked_at and (start, end) == (0, last)) as program, self._under_way(layers):
            while index <= end:
                done = program.run(index)
                if done is not None:
                    for one in program.losses:
                        loss += one
                    index = done + 1
                    continue
                chain = chains.get(index)
                if chain is not None and chain.last <= end:
                    done = self._forward_chain(chain, program)
                else:
                    with program.watched(index):
                        loss += self._forward_layer(index)
                    done = index
                index = done + 1
        if end == last:
            self.context.passes += 1
            if start == 0:
                self.settled = shapes.changes
        refresh_lent()
        return loss

    def _forward_chain(self, chain: Chain, program: NoProgram) -> int:
        """Run the layers of a chain as one, or the first of them where that is not possible; the last that has run."""
        for index in range(chain.first, chain.last + 1):
            self._follow_shapes(index)  # which may make another op
        together = chain.begin()
        done = chain.last if together else chain.first
        try:
            with program.watched(chain.first, done):
                chain.note(together)
                self._forward_layer(chain.first, chain.tops if together else None)
        finally:
            if together:
                chain.end()
        if together and chain.between is not None:
            chain.between.settle()
        return done

    @contextmanager
    def _pass(self, way: str, whole: bool) -> Iterator[NoProgram]:
        """A context for a pass, and what may run stretches of it without Python; that is given up after an error."""
        program = self.program.of_pass(whole)
        program.begin(way)
        try:
            with np.errstate(all="ignore"):  # a diverging net gives infinities and NaN, as in Caffe
                yield program
        except BaseException:
            program.forget()
            raise
        program.end()

    @property
    def program(self) -> NoProgram:
        """What of the passes runs without Python."""
        if self._program is None:
            self._program = program_of(self)
        return self._program

    def forward_backward(self) -> float:
        """Run all layers forward and backward, as `forward` and `backward` do; returns the weighted loss."""
        hooks = self.before_forward or self.after_forward or self.before_backward or self.after_backward
        loss = None if hooks or self.debug_info else self.program.both()
        if loss is None:
            loss = self.forward()
            self.backward()
        return loss

    def as_one(self) -> Any:
        """What runs the whole forward pass by a few launches on a device; None where it has to run layer by layer.

        So it has on the host, where somebody looks between two layers, and in training: there solvers do it.
        """
        looked_at = self.debug_info or self.before_forward or self.after_forward
        if self._device is None or self.context.training or looked_at:
            return None
        if self._whole is None:
            from .gpu.step import CapturedForward

            self._whole = CapturedForward(self)
        return self._whole if self._whole.possible else None

    def forward_layer(self, index: int) -> float:
        """Run one layer, after giving it new shapes where its bottoms' have changed; returns its weighted loss.

        Raises MemoryError that names the layer, or the blob a device has no room for.
        """
        with self._pass("forward", False):
            loss = self._forward_layer(index)
        refresh_lent()
        return loss

    def _forward_layer(self, index: int, tops: Sequence[Blob] | None = None) -> float:
        """Run one layer, with other tops than its own where it is the first of a chain; its weighted loss."""
        node, layer = self.nodes[index], self.layers[index]
        making.at = ref(self), index, "forward"
        if self._device is not None:
            self._device.enter()
            self.layered += 1
        self._call(self.before_forward, index)
        self._follow_shapes(index)
        try:
            with of_the_user(self.turns, node, layer) if layer.runs_user_code else computing:
                tops = node.tops if tops is None else tops
                if layer.runs_user_code or not _is_empty(tops):
                    layer.forward(node.bottoms, tops)
        except DefinitionError as error:
            raise self._located(error, node) from error.__cause__
        except MemoryError as error:
            raise self._explained(error, node, "forward") from error
        loss = loss_of_node(node) if node.adds_loss else 0.0
        if self.debug_info:
            self._tell(debug.forward_sizes(self, index))
        if self.after_forward:
            refresh_lent()
        self._call(self.after_forward, index)
        return loss

    def _call(self, hooks: list[Hook], index: int) -> None:
        if hooks:
            with of_the_user(self.turns):
                for hook in hooks:
                    hook(index)

    def _fused(self) -> dict[int, Chain]:
        """The chains of layers that may run as one."""
        if self._chains is None:
            apart = self._device is None and not self.context.training
            self._chains = find_chains(self.nodes, apart) if self.fuse else {}
            self._under_way = UnderWay([chain.between for chain in self._chains.values() if chain.between is not None])
            if self.fuse and not self.context.training:
                for index, inside in parts_inside(self.nodes).items():
                    layer: Any = self.layers[index]
                    layer.inside = inside
        return self._chains

    def _follow_shapes(self, index: int) -> None:
        """Give a layer new shapes where its bottoms' have changed."""
        if self.settled == shapes.changes and not self.layers[index].reshapes_itself:
            return
        if self.layers[index].reshapes_itself or _shapes(self.nodes[index].bottoms) != self._shapes[index]:
            self._reshape_layer(index)

    def backward(self, start: int | None = None, end: int = 0) -> None:
        """Run the layers from `start` (the last, unless told otherwise) back to `end`.

        Parameter diffs accumulate: `clear_param_diffs` first. The diff of a loss is its weight, unless somebody
        wrote another. Where `debug_info` is set, the `debug_listeners` are told of every layer, and after a whole
        pass of the norms of all parameters.
        """
        last = len(self.layers) - 1
        index = last if start is None else start
        looked_at = self.debug_info or self.before_backward or self.after_backward
        with self._pass("backward", not looked_at and (index, end) == (last, 0)) as program:
            while index >= end:
                done = program.run(index)
                if done is not None:
                    index = done - 1
                    continue
                if self.nodes[index].need_backward or looked_at:
                    with program.watched(index):
                        self._backward_layer(index)
                index -= 1
        refresh_lent()
        if self.debug_info and start is None and end == 0:
            self._tell([debug.param_norms(self)])

    def _tell(self, records: Iterable[debug.DebugRecord]) -> None:
        """Hand records to whoever listens; where nobody does, they are not made."""
        if self.debug_listeners:
            for record in records:
                for listener in self.debug_listeners:
                    listener(record)

    def backward_layer(self, index: int) -> None:
        """Run one layer backward, if it needs it."""
        with self._pass("backward", False):
            self._backward_layer(index)
        refresh_lent()

    def _backward_layer(self, index: int) -> None:
        node, layer = self.nodes[index], self.layers[index]
        making.at = ref(self), index, "backward"
        if self._device is not None:
            self._device.enter()
        self._call(self.before_backward, index)
        if node.need_backward:
            try:
                with of_the_user(self.turns, node, layer) if layer.runs_user_code else computing:
                    if layer.runs_user_code or not _is_empty(node.tops):
                        layer.backward(node.tops, node.propagate_down, node.bottoms)
                    else:
                        _clear_diffs(node)
            except DefinitionError as error:
                raise self._located(error, node) from error.__cause__
            except MemoryError as error:
                raise self._explained(error, node, "backward") from error
            if self.debug_info:
                self._tell(debug.backward_sizes(self, index))
        if self.after_backward:
            refresh_lent()
        self._call(self.after_backward, index)

    def reshape(self) -> None:
        """Carry the present shapes of the inputs through the whole net."""
        for index in range(len(self.layers)):
            self._reshape_layer(index)

    def _reshape_layer(self, index: int) -> None:
        node = self.nodes[index]
        try:
            self.layers[index].reshape(node.bottoms, node.tops)
        except DefinitionError as error:
            raise self._located(error, node) from error.__cause__
        self._shapes[index] = _shapes(node.bottoms)

    def _located(self, error: DefinitionError, node: Node) -> DefinitionError:
        origin = node.entry.origin
        line = self.source.line(origin)
        return error.at(
            layer=node.name, type=node.entry.param.type, layer_index=origin, file=self.source.file, line=line
        )

    def _explained(self, error: MemoryError, node: Node, way: str) -> MemoryError:
        """An error that names the layer; where a device has no room, the blob that found none."""
        if self._device is not None:
            from .gpu.room import explained

            return explained(self, error)
        found = Diagnostic(f"there is not enough memory to run it {way}: {error}.")
        place = {"layer": node.name, "type": node.entry.param.type, "file": self.source.file}
        return MemoryError(str(found.at(**place, line=self.source.line(node.entry.origin))))

    def close(self) -> None:
        """Stop the threads and close the files of the data layers."""
        for layer in self.layers:
            layer.close()

    # Parameters

    @property
    def arenas(self) -> tuple[Arena, Arena]:
        """All learnable data, and all their diffs, each as one flat piece of memory, in the order of `learnable`."""
        if self._arenas is None:
            blobs = [one.blob for one in self.learnable]
            self._arenas = Arena([b.data_memory for b in blobs]), Arena([b.diff_memory for b in blobs])
        return self._arenas

    def clear_param_diffs(self) -> None:
        """Set the gradient of every learnable parameter to zero."""
        if self._device is not None:
            self._device.enter()
        diffs = self.arenas[1]
        if self.context.place is not HOST:
            diffs.on(self.context.place, WRITE)[:] = 0
            return
        for memory in diffs.memories:
            memory.clear()

    def share_with(self, other: Net) -> None:
        """Use the parameters of `other` for every layer that it has too: one memory, seen by both nets.

        Which layer shares with which: see `weights.py`. Raises ValueError where shapes differ.
        """
        self._whole = None
        share_weights(self, other)

    def copy_from(self, weights: str | PathLike | Net) -> list[str]:
        """Copy the parameters of every layer that has the name of one here; returns the names that none has.

        `weights` is a `.caffemodel`, its HDF5 twin, or a Net. Where several layers share a name, see `weights.py`.
        Raises ValueError where counts or shapes differ, but for the ones that old models put in front (nothing is
        copied then), OSError or ValueError for a file that cannot be read.
        """
        with self.turns.iteration() if self.turns else nullcontext():
            return copy_weights(self, weights)

    def to_proto(self, diffs: bool = False) -> Any:
        """The net as a NetParameter message, parameter values in it, Split layers left in, as Caffe saves it."""
        message = self._definition()
        for param, blobs in zip(message.layer, self._saved_blobs(diffs), strict=True):
            param.blobs.extend(files.blob_to_proto(*arrays) for arrays in blobs)
        return message

    def save(self, path: str | PathLike, diffs: bool = False) -> None:
        """Write the parameters as Caffe does: a `.caffemodel`, or HDF5 when the name ends in ``.h5``. Atomic."""
        with self.turns or nullcontext():
            self._save(path, diffs)

    def _save(self, path: str | PathLike, diffs: bool) -> None:
        if not str(path).endswith(".h5"):
            files.write_net_weights(path, self._definition(), self._saved_blobs(diffs))
            return
        layers = []
        for place, (layer, blobs) in enumerate(zip(self.layers, self._saved_blobs(diffs), strict=True)):
            owned = [(place, index) not in self.shared for index in range(len(blobs))]
            slopes = [slope for _, slope in blobs if slope is not None] if diffs else None
            layers.append((layer.name, [values for values, _ in blobs], slopes, owned))
        files.write_net_weights_hdf5(path, layers)

    def _definition(self) -> Any:
        """The net as a NetParameter message without the values of its parameters."""
        message = NetParameter(name=self.name)
        for layer in self.layers:
            param = message.layer.add()
            param.CopyFrom(layer.param)
            param.phase = self.context.phase if not param.HasField("phase") else param.phase
            if layer.is_loss and not param.loss_weight:
                param.loss_weight.append(1)
            del param.blobs[:]
        return message

    def _saved_blobs(self, diffs: bool) -> list[list[files.SavedBlob]]:
        """For each layer its parameter blobs, data and diff (or None): views, not copies."""
        return [
            [
                (
                    blob.data_memory.on(HOST).reshape(blob.shape),
                    blob.diff_memory.on(HOST).reshape(blob.shape) if diffs else None,
                )
                for blob in layer.blobs
            ]
            for layer in self.layers
        ]


# Checking


@dataclass(frozen=True)
class LayerReport:
    """What is known of one layer of the text. A shape that cannot be inferred is None.

    `index` counts the layers of the text; an input that the text gives in the old form (`input: "data"`) is shown as
    an Input layer with a negative index. `included` says whether the layer takes part in the state checked,
    `summary` is its settings in a few words, `count` the number of its own parameters, `stand_in` what its tops hold in
    place of data, in words, `number` that of the layer among those of its name.
    """

    index: int
    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    bottom_shapes: tuple[Shape | None, ...] = ()
    top_shapes: tuple[Shape | None, ...] = ()
    param_shapes: tuple[Shape, ...] = ()
    category: str = "unknown"
    included: bool = True
    summary: str = ""
    stand_in: str = ""
    number: int = 0

    @property
    def identity(self) -> str:
        """The name, with the number behind it where other layers of that name come first."""
        return identity_of(self.name, self.number)

    @property
    def in_place(self) -> bool:
        return bool(self.bottoms) and self.tops[:1] == self.bottoms[:1]

    @property
    def count(self) -> int:
        return sum(prod(shape) for shape in self.param_shapes)


@dataclass(frozen=True)
class Report:
    """All that `check` found: every layer of the text, every blob's shape, every diagnostic in order of line.

    `code` is what a net built from the text would import for its Python layers. `missing` names the data layers whose
    source is not there, and which have no stand-in data: a net can be built with such alone.
    """

    name: str
    phase: int
    layers: tuple[LayerReport, ...] = ()
    blobs: dict[str, Shape | None] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    param_count: int = 0
    code: tuple[UserCode, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no diagnostic is an error: a net could be built, with what is `missing` there."""
        return not any(found.severity == "error" for found in self.diagnostics)

    @property
    def complete(self) -> bool:
        """Whether every shape is known; else `param_count` lacks some layers'."""
        return None not in self.blobs.values()


def check(
    definition: Definition,
    phase: int = TEST,
    *,
    level: int = 0,
    stages: Sequence[str] = (),
    state: Any = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    seen: Seen | None = None,
    stand_in: Any = None,
) -> Report:
    """Go through a whole net without running it: shapes where they can be inferred, and all that is wrong.

    No code is run that the net names: the tops of Python layers, and what depends on them, have the shapes that
    `shapes` states by the name of a blob, as in ``{"rois": (300, 5)}``, or None. `seen` is as in Context; `state`, as
    for Net, takes the place of phase, level and stages.

    A data layer whose source is not there is a warning where its settings tell the shapes, else an error. `stand_in`
    gives it shapes, as for Net.

    Never raises for what is in the text; a text that is no prototxt gives a report with that one error. Raises
    OSError for a file that cannot be read, ValueError for a `stand_in` that is none.
    """
    found = Diagnostics()
    stand_ins = StandIns.of(stand_in)
    try:
        source = definition if isinstance(definition, Source) else Source(definition, "net")
    except ParseError as error:
        path = str(error.path) if error.path else None
        return Report("", phase, diagnostics=(Diagnostic(error.message, file=path, line=error.line),))
    except DefinitionError as error:
        return Report("", phase, diagnostics=(error.diagnostic,))
    for problem in source.problems():
        found.add(problem)
    state = state if state is not None else make_state(source, phase, level, stages)
    phase = state.phase
    look = {"shapes": shapes or {}, "seen": seen, "stand_in": stand_ins}
    context = Context(phase=phase, seed=0, root=source.root, dry=True, **look)
    missing: list[str] = []

    def take(error: DefinitionError) -> None:
        found.add(error.diagnostic)
        if isinstance(error, MissingFile) and (error.field or "").endswith(".source"):
            missing.append(error.layer or "")

    built = Builder(source, state, context, take)
    missing += [node.name for node in built.nodes if isinstance(node.layer, StandInData) and not node.layer.asked]
    for warning in (*stand_ins.unknown(source.param.layer), *built.warnings):
        found.add(warning)
    found_shapes = [blob.shape if blob is not None else None for blob in built.blobs]
    code = [node.layer.code for node in built.nodes if node.layer is not None and node.layer.code is not None]
    written = [node for node in built.nodes if node.entry.origin is not None]
    inputs = [node for node in built.nodes if node.entry.origin is None and node.entry.param.type == "Input"]
    reports = [_report_of(node, found_shapes, source) for node in written]
    reports += [replace(_report_of(node, found_shapes, source), index=k - len(inputs)) for k, node in enumerate(inputs)]
    reports += [_report_of(Node(entry), [], source, included=False) for entry in built.excluded]
    for node in built.nodes:
        if node.layer is not None:
            node.layer.close()
    last = 1 << 30
    return Report(
        source.param.name,
        phase,
        tuple(sorted(reports, key=lambda one: one.index)),
        {name: shape for name, shape in zip(built.blob_names, found_shapes, strict=True)},
        tuple(sorted(without_echoes(found.found), key=lambda one: one.line if one.line is not None else last)),
        sum(one.blob.count for one in built.learnable),
        tuple(dict.fromkeys(code)),
        tuple(missing),
    )


def _report_of(node: Node, shapes: list[Shape | None], source: Source, included: bool = True) -> LayerReport:
    param = node.entry.param
    cls = LAYERS.get(param.type)
    return LayerReport(
        index=node.entry.origin or 0,
        name=param.name,
        type=param.type,
        bottoms=node.entry.bottoms,
        tops=tuple(param.top),
        bottom_shapes=tuple(shapes[i] for i in node.bottom_ids),
        top_shapes=tuple(shapes[i] for i in node.top_ids[: len(param.top)]),
        param_shapes=tuple(blob.shape for blob in node.layer.blobs) if node.layer else (),
        category=cls.category if cls else "unknown",
        included=included,
        summary=_summary(getattr(param, cls.param_field)) if cls and cls.param_field else "",
        stand_in=node.layer.stand_in if node.layer else "",
        number=node.entry.number,
    )


# How a box shows the settings that most layers share; None is left out. Any other field is shown with its name.
_TERSE = {
    "num_output": "{}",
    "kernel_size": "{}",
    "stride": "/{}",
    "pad": "pad {}",
    "batch_size": "batch {}",
    "pool": "{}",
    "operation": "{}",
    "source": None,
    "backend": None,
    "engine": None,
}


def _summary(settings: Any) -> str:
    """The plain values that a layer's own message sets, in a few words: ``20, 5x5, /1``."""
    words = []
    for descriptor, value in settings.ListFields():
        if descriptor.message_type is not None:
            continue
        shown = [_shown(descriptor, one) for one in (value if descriptor.is_repeated else [value])]
        if descriptor.name in ("kernel_size", "stride", "pad") and len(set(shown)) == 1:
            shown = [shown[0]] * (2 if descriptor.name == "kernel_size" else 1)
        form = _TERSE.get(descriptor.name, descriptor.name + " {}")
        if form is not None:
            words.append(form.format("x".join(shown)))
    return ", ".join(words)


def _shown(descriptor: Any, value: Any) -> str:
    if descriptor.enum_type is not None:
        return descriptor.enum_type.values_by_number[value].name
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


# Helpers


def _raise(error: DefinitionError) -> None:
    raise error


def _ready(node: Node) -> Layer:
    assert node.layer is not None, f"layer {node.name!r} was left out without an error"
    return node.layer


def _known(blob: Blob | None) -> Blob:
    assert blob is not None, "a blob was left unknown without an error"
    return blob


def _is_empty(tops: Sequence[Blob]) -> bool:
    """Whether there are tops, and none of them has a value: of a batch of no items, say."""
    return bool(tops) and not any(top.count for top in tops)


def _clear_diffs(node: Node) -> None:
    """The gradients that no value gives to the bottoms."""
    for bottom, wanted in zip(node.bottoms, node.propagate_down, strict=True):
        if wanted:
            bottom.diff = 0


def _shapes(blobs: Sequence[Blob]) -> tuple[Shape, ...]:
    return tuple([blob.shape for blob in blobs])
