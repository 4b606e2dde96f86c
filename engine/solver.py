"""Solver. Trains a net: step by step, with tests, snapshots and whoever listens."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib import import_module
from itertools import zip_longest
from os import PathLike
from pathlib import Path
from pkgutil import iter_modules
from time import perf_counter
from typing import Any, ClassVar, SupportsFloat, TypeVar

import numpy as np

from ..proto import ParseError
from . import files, ops, rng
from .backend import Backend, backend_of
from .blob import Blob
from .debug import DebugRecord
from .errors import DefinitionError, Diagnostic
from .memory import HOST, Arena, computing, refresh_lent
from .needs import MemoryWarning, needs_of
from .net import Net
from .ops.update import Rates, Segment
from .policy import Steps, check_policy, learning_rate
from .scaffold import (
    NetUse,
    check_snapshot_format,
    check_snapshot_prefix,
    find_file,
    snapshot_prefix,
    test_nets,
    training_net,
    weight_files,
)
from .source import Definition, Source
from .stand_in import StandIns
from .tally import check_evaluation, tally
from .trust import Trust
from .turns import Turns, give

SOLVERS: dict[str, type[Solver]] = {}


@dataclass(frozen=True)
class Output:
    """One value of a net's output blob, with the weight it has in the loss (0: none)."""

    name: str
    value: float
    weight: float = 0.0


@dataclass(frozen=True)
class Progress:
    """What is known at a display: the smoothed loss before the update of `iteration`, and the net's outputs.

    `seconds` is the time since the last display, `iterations` the number of iterations in it.
    """

    iteration: int
    loss: float
    rate: float
    outputs: tuple[Output, ...]
    seconds: float
    iterations: int


@dataclass(frozen=True)
class TestResult:
    """The mean outputs of one test net over its test_iter batches, before the update of `iteration`.

    Where detectors are tested (``eval_type: "detection"``), outputs are mean average precisions, and `classes` holds
    for each output the average precision of each class of which there was a detection.
    """

    __test__ = False  # no class of tests, whatever pytest makes of the name

    iteration: int
    net: int
    outputs: tuple[Output, ...]
    loss: float | None = None
    values: dict[str, float] = field(default_factory=dict)
    classes: dict[str, dict[int, float]] = field(default_factory=dict)


class Listener:
    """Someone who follows a solver. Every method may be overridden; all run on the solver's thread.

    Other threads wait for the end of the iteration when they ask for a blob's `data` or `diff`: so a method must not
    wait for a thread that does.

    One whose `on_gradients_ready` neither reads nor changes a blob says so by `needs_gradients`: then a device may make
    the whole iteration at once.
    """

    needs_gradients: ClassVar[bool] = True

    def on_start(self, solver: Solver) -> None:
        """An iteration begins; its gradients are zero."""

    def on_gradients_ready(self, solver: Solver) -> None:
        """The gradients of an iteration are complete, and not yet applied. The place for an all-reduce."""

    def on_advance(self, solver: Solver) -> None:
        """An iteration is done, and `solver.iter` counts it; its loss may still be on its way from a device."""

    def on_iteration(self, solver: Solver, loss: float) -> None:
        """An iteration is done: `solver.iter` counts it, `loss` is its own, not smoothed. A safe point for edits."""

    def on_display(self, solver: Solver, progress: Progress) -> None:
        """Every `display` iterations."""

    def on_test_start(self, solver: Solver, net: int) -> None:
        """A test net is about to run."""

    def on_test(self, solver: Solver, result: TestResult) -> None:
        """A test net has run."""

    def on_test_interrupted(self, solver: Solver, net: int) -> None:
        """A test net was running when somebody asked to stop."""

    def on_debug(self, solver: Solver, record: DebugRecord) -> None:
        """With debug_info: a layer of a test net has run, or of the training net in an iteration that is displayed."""

    def on_snapshot(self, solver: Solver, weights: Path, state: Path) -> None:
        """Both files of a snapshot are written."""

    def on_restore(self, solver: Solver, state: Path) -> None:
        """A snapshot has been taken up again."""


class Solver:
    """Trains a net as a SolverParameter says. Source: Caffe's Solver and SGDSolver.

    `definition` is a path, a Document or a SolverParameter; `net`, if given, takes the place of the net that it
    names (a Document being edited, say). `net` and `test_nets` are ready to run; `iter` counts the updates made.
    `param` may be changed between two iterations: rate, momentum, decay, intervals. `backend`, `trust`,
    `stand_in` and `dry` are as for Net.

    A subclass is one update rule: `rule` turns a gradient into the step to subtract, with `slots` values of
    history for every parameter.

    Raises DefinitionError with the field and line at fault, ParseError, OSError.
    """

    type: ClassVar[str] = ""
    slots: ClassVar[int] = 1
    allows_momentum: ClassVar[bool] = True
    rule: ClassVar[Callable[[Any, Any, Sequence[Any], Rates], None]]

    def __init__(
        self,
        definition: Definition,
        net: Definition | None = None,
        *,
        seed: int | None = None,
        backend: Backend | str | None = None,
        trust: Trust | bool = True,
        stand_in: Any = None,
        dry: bool = False,
    ):
        self.backend, self.trust, self.stand_in = backend_of(backend), trust, StandIns.of(stand_in)
        self.dry = dry
        self.source = definition if isinstance(definition, Source) else Source(definition, "solver")
        self.source.raise_problems()
        self.param = self.source.param
        self.iter = 0
        self.listeners: list[Listener] = []
        self.request: str | None = None  # "stop" or "snapshot", obeyed after the iteration
        self._losses: list[SupportsFloat] = []
        self.steps = Steps()  # of the rate
        self._shown = (0, perf_counter())
        try:
            self.check(self.param)
            check_snapshot_prefix(self.source)
            chosen = self._seed(seed)
            self.net = self._make_net(training_net(self.source, net), chosen)
            self.test_nets = [self._make_net(use, chosen) for use in test_nets(self.source, net)]
            check_snapshot_format(self.param, self.net)
        except DefinitionError as error:
            if error.line is None and error.layer is None:
                error.at(file=self.source.file, line=self.source.line(None, error.field))
            raise
        self._warn_of_shortage()
        data, _ = self.net.arenas
        for test_net in self.test_nets:
            test_net.share_with(self.net)
        for each in (self.net, *self.test_nets):
            each.debug_listeners.append(self._on_debug)
        self.unused_weights = {name: self._load(name) for name in weight_files(self.source)}
        self.history: list[list[Blob]] = [
            [Blob(one.blob.shape, one.blob.dtype, one.blob.place) for one in self.net.learnable]
            for _ in range(self.slots)
        ]
        self._history = [Arena([blob.data_memory for blob in slot]) for slot in self.history]
        self._segments = _segments(self.net, data)
        self._update = ops.make("update", self.net.context, rule=type(self).rule, type=self.type)
        self.turns = Turns()
        self._captured: Any = None  # the whole iteration as one graph, on a backend that can do it

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self.net.name!r} at iteration {self.iter}>"

    # Setting up

    @classmethod
    def check(cls, param: Any) -> None:
        """Raise DefinitionError for numbers that this rule cannot work with."""
        check_policy(param)
        check_evaluation(param)
        if param.iter_size == 0:
            raise DefinitionError("iter_size must not be 0: the gradient is divided by it.", "iter_size")
        if param.average_loss < 1:
            raise DefinitionError(f"average_loss must be at least 1; got {param.average_loss}.", "average_loss")
        if param.weight_decay and param.regularization_type not in ("L1", "L2"):
            message = f"regularization_type must be L1 or L2; got {param.regularization_type!r}."
            raise DefinitionError(message, "regularization_type")
        if param.momentum and not cls.allows_momentum:
            raise DefinitionError(f"{cls.type} takes no momentum; got {param.momentum:g}.", "momentum")
        if cls.type == "RMSProp" and not 0 <= param.rms_decay < 1:
            message = f"rms_decay must be at least 0 and below 1; got {param.rms_decay:g}."
            raise DefinitionError(message, "rms_decay")

    def _seed(self, seed: int | None) -> int:
        if seed is not None:
            return seed
        return self.param.random_seed if self.param.random_seed >= 0 else rng.fresh_seed()

    def _warn_of_shortage(self) -> None:
        """Warn where it is the histories, or all nets together, that need more memory than there is."""
        message = needs_of(self.net, self.slots, self.test_nets).shortage()
        if message is not None and not any(needs_of(net).shortage() for net in (self.net, *self.test_nets)):
            place = f"{self.source.file}: " if self.source.file else ""
            warnings.warn(f"{place}with what the solver keeps, {message}", MemoryWarning, stacklevel=3)

    def _load(self, name: str) -> list[str]:
        """Start all nets from a file of weights; returns the layers in it that the training net does not have."""
        path = find_file(self.source, name, "weights", "file of weights")
        for test_net in self.test_nets:
            test_net.copy_from(path)
        return self.net.copy_from(path)  # last: what the nets share is what the training net takes

    def _make_net(self, use: NetUse, seed: int) -> Net:
        source, state = use
        given: Any = {"backend": self.backend, "trust": self.trust, "stand_in": self.stand_in, "dry": self.dry}
        return Net(source, state=state, seed=seed, **given)

    @property
    def turns(self) -> Turns:
        """Who has the blobs of all nets: an iteration of this solver, or threads that read them between two."""
        return self._turns

    @turns.setter
    def turns(self, turns: Turns) -> None:
        self._turns = turns
        give(turns, (self.net, *self.test_nets))

    # Training

    @property
    def current_step(self) -> int:
        """How many drops of the rate lie behind, for the policies that count them."""
        return self.steps.passed

    @current_step.setter
    def current_step(self, passed: int) -> None:
        self.steps = replace(self.steps, passed=passed)

    @property
    def rate(self) -> float:
        """The learning rate of the coming iteration, before any lr_mult."""
        return learning_rate(self.param, self.iter, self.current_step)

    def step(self, count: int) -> None:
        """Make `count` iterations, fewer if somebody asks to stop. Starts a new window for the smoothed loss."""
        self._losses.clear()
        self._shown = (self.iter, perf_counter())
        stop = self.iter + count
        with self.turns.playing():
            while self.iter < stop:
                if not self.iterate():
                    break

    def iterate(self) -> bool:
        """One iteration; False when the training is to end here.

        Whoever wants to halt between two layers calls the three parts of this instead, and runs the net's layers
        one by one in between: the numbers are the same. Raises MemoryError that names the blob a device has no room
        for.
        """
        with self.turns.iteration():
            if self.backend.name == "cpu":
                return self._iterate()
            try:
                return self._iterate()
            except MemoryError as error:
                from .gpu.room import explained

                raise explained(self.net, error) from error

    def _iterate(self) -> bool:
        if not self.begin_iteration():
            return False
        captured = self._capture()
        if captured is not None:
            self.steps.at(self.param, self.iter)
            coming = captured.run()
            self._smooth(coming)
            self._report()
            for listener in self.listeners:
                listener.on_gradients_ready(self)
            return self._end_iteration(coming)
        loss = 0.0
        for k in range(self.param.iter_size):
            self.begin_pass(k)
            loss += self.net.forward_backward()
        return self.finish_iteration(loss)

    def begin_iteration(self) -> bool:
        """Clear the gradients, and test if it is time to; False when somebody asked to stop meanwhile."""
        param = self.param
        self.net.clear_param_diffs()
        if param.test_interval and self.iter % param.test_interval == 0:
            if self.iter > 0 or param.test_initialization:
                self.steps.tested(self.param, self.test_all())
                if self.request == "stop":
                    self.request = None
                    return False
        self.net.debug_info = param.debug_info and bool(param.display) and self.iter % param.display == 0
        for listener in self.listeners:
            listener.on_start(self)
        return True

    def _on_debug(self, record: DebugRecord) -> None:
        for listener in self.listeners:
            listener.on_debug(self, record)

    def begin_pass(self, k: int) -> None:
        """Be ready for forward and backward number `k` of the iter_size that make an iteration."""
        self.net.context.passes = self.iter * self.param.iter_size + k

    def finish_iteration(self, loss: float) -> bool:
        """Update the parameters; `loss` is the sum over all passes. False when the training is to end here."""
        loss /= self.param.iter_size
        self._smooth(loss)
        self.steps.at(self.param, self.iter, loss)
        self._report()
        for listener in self.listeners:
            listener.on_gradients_ready(self)
        self.apply_update()
        return self._end_iteration(loss)

    def _capture(self) -> Any:
        """The iteration as one graph on the device; None where it has to be run layer by layer."""
        if self.backend.name != "gpu" or self.net.debug_info or self.param.lr_policy == "plateau":
            return None  # of the last the rate of an update depends on the loss before it
        if self._captured is None:
            from .gpu.step import CapturedStep

            self._captured = CapturedStep(self)
        return self._captured if self._captured.why_not() is None else None

    def _report(self) -> None:
        """Show the iteration's loss, which may still be on its way from a device, if it is time."""
        if self.param.display and self.iter % self.param.display == 0:
            self._display()

    def _end_iteration(self, loss: SupportsFloat) -> bool:
        """Count the iteration, and tell of it; False when the training is to end here."""
        param = self.param
        request, self.request = self.request, None
        self.iter += 1
        refresh_lent()
        for listener in self.listeners:
            listener.on_advance(self)
            if type(listener).on_iteration is not Listener.on_iteration:  # looking at a loss waits for the device
                listener.on_iteration(self, float(loss))
        if request == "snapshot" or (param.snapshot and self.iter % param.snapshot == 0):
            self.snapshot()
        return request != "stop"

    @property
    def losses(self) -> tuple[SupportsFloat, ...]:
        """Those of the last average_loss iterations. A device may still be at the last ones: float() waits for it."""
        return tuple(self._losses)

    @property
    def smoothed_loss(self) -> float:
        """The mean loss of the last average_loss iterations."""
        return mean_of(self._losses)

    def _smooth(self, loss: SupportsFloat) -> None:
        if len(self._losses) >= self.param.average_loss:
            del self._losses[: len(self._losses) - self.param.average_loss + 1]
        self._losses.append(loss)

    def _display(self) -> None:
        now = perf_counter()
        iteration, then = self._shown
        self._shown = (self.iter, now)
        outputs = tuple(_outputs(self.net))
        progress = Progress(self.iter, self.smoothed_loss, self.rate, outputs, now - then, self.iter - iteration)
        for listener in self.listeners:
            listener.on_display(self, progress)

    @property
    def rates(self) -> Rates:
        """The numbers of the coming update."""
        param = self.param
        return Rates(self.rate, param.momentum, param.momentum2, param.rms_decay, param.delta, step=self.iter + 1)

    def apply_update(self) -> None:
        """Clip the gradients, then update the parameters: one pass over the arenas. The diffs become the step."""
        limit, scale = self.param.clip_gradients, 1.0
        with self.turns.iteration(), computing:
            if limit >= 0:
                norm = self.gradient_norm()
                if norm > limit:
                    scale = limit / norm
            self.apply_scaled(scale)

    def apply_scaled(self, scale: float) -> None:
        """The update by the gradients times `scale`, divided by iter_size."""
        param = self.param
        data, diff = self.net.arenas
        with np.errstate(all="ignore"):
            self._update.apply(
                data,
                diff,
                self._history,
                self._segments,
                self.rates,
                scale=scale / param.iter_size,
                decay=param.weight_decay,
                l1=param.regularization_type == "L1",
            )

    def gradient_norm(self) -> float:
        """The L2 norm of all learnable diffs together, as accumulated."""
        diff = self.net.arenas[1]
        if hasattr(self._update, "norm"):
            return self._update.norm(diff)
        g = diff.on(self.net.context.place)
        return float(g @ g) ** 0.5

    def solve(self, state: str | PathLike | None = None) -> bool:
        """Train up to max_iter, from a snapshot if one is given; returns False when it was stopped early."""
        if state is not None:
            self.restore(state)
        self.step(max(0, self.param.max_iter - self.iter))
        finished = self.iter >= self.param.max_iter
        self.conclude(finished)
        return finished

    def conclude(self, finished: bool = True) -> None:
        """What follows the last iteration: a snapshot and, where max_iter was reached, a last display and test."""
        param = self.param
        if param.snapshot_after_train and (not param.snapshot or self.iter % param.snapshot):
            self.snapshot()
        if not finished:
            return
        if param.display and self.iter % param.display == 0:
            self.net.context.passes = self.iter * param.iter_size
            self._smooth(self.net.forward())
            progress = Progress(self.iter, self.smoothed_loss, self.rate, (), 0.0, 0)
            for listener in self.listeners:
                listener.on_display(self, progress)
        if param.test_interval and self.iter % param.test_interval == 0:
            self.test_all()

    # Changing it between two iterations

    def change(self, param: Any) -> None:
        """Go on with other parameters (rate, momentum, decay, intervals, ...); nets and rule stay as they are.

        Raises DefinitionError, and keeps the old ones, when they cannot be carried out.
        """
        self.check(param)
        check_snapshot_format(param, self.net)
        if param.lr_policy != self.param.lr_policy:
            self.steps = Steps.of(self.current_step, self.iter)
        self.param = param

    def continue_from(self, other: Solver) -> None:
        """Stand where another solver stands: its iteration, the losses behind it, the passes of its nets.

        Parameters and history are not touched: whoever builds a net anew knows how they fit.
        """
        self.iter, self.steps = other.iter, replace(other.steps)
        self._losses = [float(loss) for loss in other._losses]
        self._shown, self.request = other._shown, other.request
        mine, theirs = (self.net, *self.test_nets), (other.net, *other.test_nets)
        for net, old in zip(mine, theirs, strict=False):
            net.context.passes = old.context.passes

    # Testing

    def test_all(self) -> list[TestResult]:
        """Run every test net over its test_iter batches; those after a request to stop are left out."""
        results = []
        for index in range(len(self.test_nets)):
            result = None if self.request == "stop" else self.test(index)
            if result is None:
                break
            results.append(result)
        return results

    def test(self, index: int = 0) -> TestResult | None:
        """Run one test net over its test_iter batches and average its outputs, element by element.

        With ``eval_type: "detection"`` an output, which must be of rows as DetectionEvaluate makes them, becomes the
        mean average precision of its classes. Raises DefinitionError for another output, or another `eval_type`.
        Ends early, with None, when somebody asks to stop; a snapshot is taken as soon as it is asked for.
        """
        for listener in self.listeners:
            listener.on_test_start(self, index)
        net, batches = self.test_nets[index], self.param.test_iter[index]
        net.debug_info = self.param.debug_info
        total = tally(self.param, net.outputs, net.output_weights)
        loss = 0.0
        for _ in range(batches):
            if self.request == "snapshot":
                self.request = None
                self.snapshot()
            if self.request == "stop":
                for listener in self.listeners:
                    listener.on_test_interrupted(self, index)
                return None
            self.turns.breathe()
            loss += self._forward_in_test(index)
            total.add([net.blobs[name] for name in net.outputs])
        outputs = tuple(Output(*one) for one in total.values())
        mean_loss = loss / batches if self.param.test_compute_loss and batches else None
        values = {output.name: output.value for output in reversed(outputs)}
        result = TestResult(self.iter, index, outputs, mean_loss, values, total.classes())
        for listener in self.listeners:
            listener.on_test(self, result)
        return result

    def _forward_in_test(self, index: int) -> float:
        """One batch of a test net; its loss, if it is wanted."""
        net = self.test_nets[index]
        whole = None if self.param.test_compute_loss else net.as_one()
        if whole is None:
            return net.forward()
        whole.run()
        return 0.0

    # Snapshots

    def snapshot(self, prefix: str | PathLike | None = None) -> tuple[Path, Path]:
        """Write weights and state as ``<prefix>_iter_<n>.caffemodel`` and ``.solverstate`` (or their HDF5 twins).

        `prefix` is snapshot_prefix unless another is given.
        Both are Caffe's own formats. The state carries, in a field that Caffe skips, what makes a restored run
        continue bit for bit: the random seed and the position of every data layer. Raises OSError.
        """
        hdf5 = self.param.snapshot_format == type(self.param).SnapshotFormat.Value("HDF5")
        stem = f"{prefix or snapshot_prefix(self.source)}_iter_{self.iter}"
        ending = ".h5" if hdf5 else ""
        weights, state = Path(f"{stem}.caffemodel{ending}"), Path(f"{stem}.solverstate{ending}")
        weights.parent.mkdir(parents=True, exist_ok=True)
        with self.turns:
            self.net.save(weights, diffs=self.param.snapshot_diff)
            files.write_solver_state(
                state,
                self.iter,
                str(weights),
                [blob.data_memory.on(HOST).reshape(blob.shape) for slot in self.history for blob in slot],
                self.current_step,
                extra=json.dumps(self._extra()).encode(),
            )
        for listener in self.listeners:
            listener.on_snapshot(self, weights, state)
        return weights, state

    def _extra(self) -> dict[str, Any]:
        nets = [self.net, *self.test_nets]
        return {
            "seed": self.net.context.seed,
            "nets": [data_positions(net) for net in nets],
            "passes": [net.context.passes for net in nets],  # on which chance in the test nets depends
            "seen": self.steps.seen,
        }

    def restore(self, state: str | PathLike, data_restart: bool = False) -> None:
        """Continue from a `.solverstate`: weights, history, iteration, and the rows of the data layers.

        `data_restart` begins the data again at the first row, as Caffe does. Raises OSError or ValueError for a
        file that cannot be read or does not fit; nothing is changed then.
        """
        path = Path(state)
        with self.turns.iteration():
            self._restore(path, data_restart)
        for listener in self.listeners:
            listener.on_restore(self, path)

    def _restore(self, path: Path, data_restart: bool) -> None:
        found = files.read_solver_state(path)
        blobs = [blob for slot in self.history for blob in slot]
        if len(found.history) != len(blobs):
            raise ValueError(
                f"{path}: holds {len(found.history)} blobs of history; {self.type} on this net has {len(blobs)}"
            )
        for blob, values in zip(blobs, found.history, strict=True):
            if values.size != blob.count:
                raise ValueError(f"{path}: a history of shape {values.shape} does not fit {blob.shape}")
        extra = _extra_of(found.extra, path)
        if found.learned_net:
            weights = Path(found.learned_net)
            self.net.copy_from(weights if weights.exists() else path.parent / weights.name)
        for blob, values in zip(blobs, found.history, strict=True):
            blob.data = values.reshape(blob.shape)
        self.iter, self.steps = found.iter, Steps.of(found.current_step, found.iter, extra.get("seen"))
        if extra:
            nets = [self.net, *self.test_nets]
            for net, positions, passes in zip_longest(nets, extra["nets"], extra.get("passes", [])):
                if net is None:
                    break
                net.context.seed = extra["seed"]
                for layer in net.layers:
                    if layer.position is not None:
                        layer.close()  # what it has read ahead was drawn by another seed
                if not data_restart:
                    net.context.passes = passes or 0
                    seek_data(net, positions or {})

    def close(self) -> None:
        """Stop the threads and close the files of all nets."""
        for net in (self.net, *self.test_nets):
            net.close()


AnySolver = TypeVar("AnySolver", bound=type[Solver])


def solver(name: str, momentum: bool = True) -> Callable[[AnySolver], AnySolver]:
    """Register an update rule as solver type `name`; `momentum=False` refuses the field."""

    def register(cls: AnySolver) -> AnySolver:
        cls.type, cls.allows_momentum = name, momentum
        SOLVERS[name] = cls
        return cls

    return register


def get_solver(
    definition: Definition,
    net: Definition | None = None,
    *,
    seed: int | None = None,
    backend: Backend | str | None = None,
    trust: Trust | bool = True,
    stand_in: Any = None,
    dry: bool = False,
) -> Solver:
    """The solver that a definition asks for by its `type`. Raises DefinitionError for an unknown one."""
    source = definition if isinstance(definition, Source) else Source(definition, "solver")
    given: Any = {"seed": seed, "backend": backend, "trust": trust, "stand_in": stand_in, "dry": dry}
    return _solver_class(source)(source, net, **given)


def check_solver(definition: Definition) -> list[Diagnostic]:
    """What is wrong with a solver's own fields; the nets it names are for `check`.

    Never raises for what is in the text. Raises OSError for a file that cannot be read.
    """
    try:
        source = definition if isinstance(definition, Source) else Source(definition, "solver")
    except ParseError as error:
        return [Diagnostic(error.message, file=error.path, line=error.line)]
    except DefinitionError as error:
        return [error.diagnostic]
    found = source.problems()
    try:
        _solver_class(source).check(source.param)
    except DefinitionError as error:
        found.append(error.at(file=source.file, line=source.line(None, error.field)).diagnostic)
    return found


def _solver_class(source: Source) -> type[Solver]:
    from . import solvers

    for module in iter_modules(solvers.__path__):
        import_module(f"{solvers.__name__}.{module.name}")
    name = source.param.type
    if name not in SOLVERS:
        near = get_close_matches(name, SOLVERS, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        message = f"unknown solver type {name!r}; {hint}Known types: {', '.join(sorted(SOLVERS))}."
        raise DefinitionError(message, "type", file=source.file, line=source.line(None, "type"))
    return SOLVERS[name]


def _extra_of(content: bytes, path: Path) -> dict[str, Any]:
    """What `_extra` made, read back; empty in a file of Caffe's. Raises ValueError, with the path, if damaged."""
    if not content:
        return {}
    extra: dict[str, Any] = {}
    try:
        extra = json.loads(content)
        sound = isinstance(extra["seed"], int) and all(isinstance(one, dict) for one in extra["nets"])
        sound &= all(isinstance(one, int) for one in extra.get("passes", []))
        Steps.of(0, 0, extra.get("seen"))
    except (ValueError, KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise ValueError(f"{path}: what Brewbench adds to a solver state is damaged")
    return extra


def data_positions(net: Net) -> dict[str, Any]:
    """Where each data layer of a net stands, by its identity: what `seek_data` takes."""
    return {layer.identity: layer.position for layer in net.layers if layer.position is not None}


def seek_data(net: Net, positions: dict[str, Any]) -> None:
    """Let the data layers of these identities continue from these positions."""
    for layer in net.layers:
        if layer.identity in positions:
            layer.seek(positions[layer.identity])


def _outputs(net: Net) -> list[Output]:
    return [
        Output(name, float(value), weight)
        for name, weight in zip(net.outputs, net.output_weights, strict=True)
        for value in net.blobs[name].data_memory.on(HOST)
    ]


def mean_of(losses: Sequence[SupportsFloat]) -> float:
    """The mean of some losses; 0 of none."""
    return sum(map(float, losses)) / len(losses) if losses else 0.0


def _segments(net: Net, data: Arena) -> list[Segment]:
    """The parameters in order, neighbours of equal multipliers as one."""
    segments: list[Segment] = []
    for one in net.learnable:
        start, stop = data.span_of(one.blob.data_memory)
        last = segments[-1] if segments else None
        if last and (last.lr_mult, last.decay_mult) == (one.lr_mult, one.decay_mult):
            segments[-1] = Segment(last.start, stop, last.lr_mult, last.decay_mult)
        else:
            segments.append(Segment(start, stop, one.lr_mult, one.decay_mult))
    return segments
