"""Caffe's log: lines as glog writes them, and the listener that says in them what a solver does."""

from __future__ import annotations

import getpass
import logging
import os
import platform
import re
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

from google.protobuf.text_format import MessageToString

from ...engine.debug import DebugRecord, ParamNorms
from ...engine.graph import state_meets_rule
from ...engine.making import NOTICE, Making, on_making
from ...engine.net import Net
from ...engine.solver import Listener, Output, Progress, Solver, TestResult
from ...proto.messages import NetParameter
from ...proto.printable import printable
from .flags import UsageError, gpu_properties
from .terminal import shows_bars

LOG = logging.getLogger("brewbench.cli")
LOG.setLevel(logging.INFO)
LOG.propagate = False


def number(value: float) -> str:
    """A number as a C++ stream prints it: six digits, no zeros behind."""
    return f"{value:g}"


class Lines(str):
    """Text of several lines, as an argument of a log's message; in any other a line's end is spelled out."""


def text_of(message: Any) -> str:
    """A message as text, as Caffe puts it into its log."""
    text = MessageToString(message, as_utf8=True).rstrip("\n")
    return Lines(re.sub(r"(?m)(?<=: )-?\d+\.0$", lambda whole: _shortest(float(whole[0])), text))


def _shortest(value: float) -> str:
    """A whole number in a field of floats, as protobuf's C++ prints it."""
    short = f"{value:.6g}"
    return short if float(short) == value else f"{value:.9g}"


class GlogFormatter(logging.Formatter):
    """``I1123 02:02:09.351818 17647 solver.py:45] message``: level, month and day, time, process, place."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created)
        place = f"{record.filename}:{record.lineno}"
        return f"{record.levelname[0]}{time:%m%d %H:%M:%S.%f} {record.process:5} {place}] {_message_of(record)}"


def _message_of(record: logging.LogRecord) -> str:
    """The message; names in it can neither steer a terminal nor make up a line of the log."""
    words = record.args if isinstance(record.args, tuple) else ()
    shown = tuple(word if isinstance(word, Lines | int | float) else printable(str(word)) for word in words)
    return printable(str(record.msg) % shown if shown else record.getMessage(), keep="\n\t")


class _Stderr(logging.StreamHandler):
    """Writes to stderr, above the progress bar where there is one. Raises BrokenPipeError when nobody reads it."""

    def emit(self, record: logging.LogRecord) -> None:
        with self._above_bars():
            super().emit(record)

    def tell(self, text: str) -> None:
        """Write a line that is none of the log's, where it is not kept as part of the log."""
        if shows_bars(self.stream):
            with self._above_bars():
                self.stream.write(f"{text}\n")

    def _above_bars(self) -> AbstractContextManager[Any]:
        if not shows_bars(self.stream):
            return nullcontext()
        from tqdm import tqdm

        return tqdm.external_write_mode(self.stream)

    def handleError(self, record: logging.LogRecord) -> None:
        if isinstance(sys.exception(), BrokenPipeError):
            raise
        super().handleError(record)


@contextmanager
def logging_to(*paths: str | PathLike, level: int = logging.INFO) -> Iterator[None]:
    """Within it, LOG writes to stderr, and appends to files where some are given, what is of this level or above.

    A terminal also tells, once, that kernels are being made: a first run must not look frozen. The log does not: it
    has the same lines whether kernels have been made before or not, and they are Caffe's.
    """
    stderr = _Stderr()
    handlers: list[logging.Handler] = [stderr]
    told: list[Making] = []

    def tell(making: Making | None) -> None:
        if making is not None and not told:
            told.append(making)
            stderr.tell(NOTICE)

    end = on_making(tell)
    try:
        handlers += [logging.FileHandler(path, encoding="utf-8") for path in paths]
        for handler in handlers:
            handler.setFormatter(GlogFormatter())
            handler.setLevel(level)
            LOG.addHandler(handler)
        yield
    finally:
        end()
        for handler in handlers:
            LOG.removeHandler(handler)
            handler.close()


@contextmanager
def logging_as(args: Namespace) -> Iterator[None]:
    """The same as the flags -log, -log_dir and -minloglevel say, or glog's variables GLOG_log_dir, GLOG_minloglevel.

    Begins by telling the flags that the command has no use for. Raises OSError for files that cannot be written.
    """
    folder = args.log_dir or os.environ.get("GLOG_log_dir")
    level = args.minloglevel
    if level is None:
        given = os.environ.get("GLOG_minloglevel", "")
        level = int(given) if given.isdecimal() else 0
    paths = [args.log] if args.log else []
    if folder:
        paths.append(_file_in(Path(folder)))
    with logging_to(*paths, level=logging.INFO + 10 * level):
        for name in args.unused:
            LOG.warning("The flag -%s has no meaning for this command.", name)
        yield


def _file_in(folder: Path) -> Path:
    """A new file, named as glog names it, and ``brewbench.INFO``, a link to it."""
    machine, _, _ = platform.node().partition(".")
    name = f"brewbench.{machine}.{getpass.getuser()}.log.INFO.{datetime.now():%Y%m%d-%H%M%S}.{os.getpid()}"
    path = folder / name
    path.touch()
    with suppress(OSError):  # not every system has links
        link = folder / "brewbench.INFO"
        link.unlink(missing_ok=True)
        link.symlink_to(name)
    return path


def log_machine(gpus: Sequence[int], one: bool = True) -> None:
    """Tell what computes: the CPU, or the first of the GPUs named; `one` where a command never takes more.

    Raises UsageError for more where they would be taken.
    """
    if not gpus:
        LOG.info("Use CPU.")
        return
    if not one:
        if len(gpus) > 1:
            raise UsageError(f"-gpu {','.join(map(str, gpus))}: this version trains on one GPU; name one")
        LOG.info("Using GPUs %d", gpus[0])
        LOG.info("GPU %d: %s", gpus[0], _name_of(gpus[0]))
        return
    for number in reversed(gpus[1:]):
        LOG.info("Not using GPU #%d for single-GPU function", number)
    LOG.info("Use GPU with device ID %d", gpus[0])
    LOG.info("GPU device name: %s", _name_of(gpus[0]))


def _name_of(gpu: int) -> str:
    return gpu_properties(gpu)["name"].decode()


# Nets


def log_net(net: Net) -> None:
    """Tell how a net is built: its text, then bottoms, tops, shapes and memory layer by layer."""
    for line in net.source.upgrades:
        LOG.info("%s", line)
    _log_rules(net)
    LOG.info("Initializing net from parameters: \n%s", text_of(_filtered(net)))
    memory = 0
    for place, node in enumerate(net.nodes):
        param = node.entry.param
        LOG.info("Creating layer %s", node.name)
        if param.type == "Data":
            kind = param.data_param.DB.Name(param.data_param.backend).lower()
            LOG.info("Opened %s %s", kind, param.data_param.source)
        LOG.info("Creating Layer %s", node.name)
        for blob_id in node.bottom_ids:
            LOG.info("%s <- %s", node.name, net.blob_names[blob_id])
        for blob_id in node.top_ids:
            in_place = " (in-place)" if blob_id in node.bottom_ids else ""
            LOG.info("%s -> %s%s", node.name, net.blob_names[blob_id], in_place)
        if param.type in ("Data", "ImageData", "WindowData"):
            LOG.info("output data size: %s", ",".join(map(str, node.tops[0].shape)))
        LOG.info("Setting up %s", node.name)
        for top, weight in zip(node.tops, node.loss_weights, strict=True):
            LOG.info("Top shape: %s(%d)", "".join(f"{size} " for size in top.shape), top.count)
            if weight:
                LOG.info("    with loss weight %s", number(weight))
            memory += top.count * top.dtype.itemsize
        LOG.info("Memory required for data: %d", memory)
        for (sharing, _), owner in net.shared.items():
            if sharing == place:
                words = owner.name, owner.layer, owner.index
                LOG.info("Sharing parameters '%s' owned by layer '%s', param index %d", *words)
    for node in reversed(net.nodes):
        LOG.info("%s %s backward computation.", node.name, "needs" if node.need_backward else "does not need")
    for name in net.outputs:
        LOG.info("This network produces output %s", name)
    LOG.info("Network initialization done.")


def _log_rules(net: Net) -> None:
    """Tell the rules of layers that do not hold in the net's state."""
    state = net.state
    for param in net.source.param.layer:
        for rule in param.include or param.exclude:
            if state_meets_rule(state, rule):
                break
            LOG.info("%s specified by a rule in layer %s", _difference(state, rule), param.name)


def _difference(state: Any, rule: Any) -> str:
    """The first thing, in Caffe's order and words, in which a state does not meet a rule."""
    if rule.HasField("phase") and rule.phase != state.phase:
        return f"The NetState phase ({state.phase}) differed from the phase ({rule.phase})"
    if rule.HasField("min_level") and state.level < rule.min_level:
        return f"The NetState level ({state.level}) is above the min_level ({rule.min_level})"
    if rule.HasField("max_level") and state.level > rule.max_level:
        return f"The NetState level ({state.level}) is above the max_level ({rule.max_level})"
    for stage in rule.stage:
        if stage not in state.stage:
            return f"The NetState did not contain stage '{stage}'"
    return f"The NetState contained a not_stage '{next(one for one in rule.not_stage if one in state.stage)}'"


def _filtered(net: Net) -> Any:
    """The definition of a net, of its layers those that take part."""
    written = net.source.param
    message = NetParameter()
    message.CopyFrom(written)
    message.ClearField("layer")
    message.state.CopyFrom(net.state)
    for node in net.nodes:
        if node.entry.origin is not None:  # no Split
            layer = message.layer.add()
            layer.CopyFrom(node.entry.param)
            layer.bottom[:] = node.entry.bottoms
            layer.ClearField("blobs")
    return message


def loss_share(value: float, weight: float) -> str:
    """What an output adds to the loss, in brackets behind its value; empty where it adds nothing."""
    return f" (* {number(weight)} = {number(weight * value)} loss)" if weight else ""


# Solvers


def log_solver(solver: Solver) -> None:
    """Tell which nets a solver has made, of which files, and how they are built."""
    param = solver.param
    field = next(name for name in ("net", "net_param", "train_net", "train_net_param") if param.HasField(name))
    if field == "net":
        LOG.info("Creating training net from net file: %s", param.net)
    elif field == "train_net":
        LOG.info("Creating training net from train_net file: %s", param.train_net)
    else:
        LOG.info("Creating training net specified in %s.", field)
    log_net(solver.net)
    _log_weights(solver)
    named = ["test_net_param"] * len(param.test_net_param)
    named += [f"test_net file: {name}" for name in param.test_net]
    generic = f"net file: {param.net}" if field == "net" else "net_param"
    for index, net in enumerate(solver.test_nets):
        name = named[index] if index < len(named) else generic
        LOG.info("Creating test net (#%d) specified by %s", index, name)
        log_net(net)
        _log_weights(solver)
    LOG.info("Solver scaffolding done.")


def _log_weights(solver: Solver) -> None:
    for name, unused in solver.unused_weights.items():
        LOG.info("Finetuning from %s", name)
        for layer in unused:
            LOG.info("Ignoring source layer %s", layer)


class SolverLog(Listener):
    """Says in Caffe's words what a solver does."""

    needs_gradients = False

    def __init__(self, solver: Solver):
        self._step = solver.current_step

    def on_display(self, solver: Solver, progress: Progress) -> None:
        iteration, loss = progress.iteration, number(progress.loss)
        if iteration == solver.param.max_iter:  # after the last update
            LOG.info("Iteration %d, loss = %s", iteration, loss)
            return
        speed = number(progress.iterations / (progress.seconds or 1))
        seconds = number(round(progress.seconds, 3))
        display = solver.param.display
        LOG.info("Iteration %d (%s iter/s, %ss/%d iters), loss = %s", iteration, speed, seconds, display, loss)
        _log_outputs("Train", progress.outputs)
        self._log_step(solver)
        LOG.info("Iteration %d, lr = %s", iteration, number(progress.rate))

    def on_gradients_ready(self, solver: Solver) -> None:
        self._log_step(solver)

    def on_test_start(self, solver: Solver, net: int) -> None:
        LOG.info("Iteration %d, Testing net (#%d)", solver.iter, net)

    def on_test(self, solver: Solver, result: TestResult) -> None:
        if result.loss is not None:
            LOG.info("Test loss: %s", number(result.loss))
        if solver.param.show_per_class_result:
            for label, value in (one for of_output in result.classes.values() for one in of_output.items()):
                LOG.info("class%d: %s", label, number(value))
        _log_outputs("Test", result.outputs)

    def on_test_interrupted(self, solver: Solver, net: int) -> None:
        LOG.info("Test interrupted.")

    def on_debug(self, solver: Solver, record: DebugRecord) -> None:
        level = logging.ERROR if isinstance(record, ParamNorms) else logging.INFO  # the norms are one in Caffe's log
        LOG.log(level, "    %s", debug_line(record))

    def on_snapshot(self, solver: Solver, weights: Path, state: Path) -> None:
        kind = "HDF5" if weights.suffix == ".h5" else "binary proto"
        LOG.info("Snapshotting to %s file %s", kind, weights)
        LOG.info("Snapshotting solver state to %s file %s", kind, state)

    def on_restore(self, solver: Solver, state: Path) -> None:
        LOG.info("%sSolver: restoring history", solver.type)
        self._step = solver.current_step

    def _log_step(self, solver: Solver) -> None:
        name = {"multistep": "MultiStep", "plateau": "Plateau", "stepearly": "StepEarly"}.get(solver.param.lr_policy)
        if name and solver.current_step != self._step:
            LOG.info("%s Status: Iteration %d, step = %d", name, solver.iter, solver.current_step)
        self._step = solver.current_step


def debug_line(record: DebugRecord) -> str:
    """What debug_info tells of a layer or of all parameters."""
    if isinstance(record, ParamNorms):
        l1 = f"({number(record.data_l1)}, {number(record.diff_l1)})"
        l2 = f"({number(record.data_l2)}, {number(record.diff_l2)})"
        return f"[Backward] All net params (data, diff): L1 norm = {l1}; L2 norm = {l2}"
    blob = f"{record.role} blob {record.blob} {record.kind}"
    return f"[{record.direction}] Layer {record.layer}, {blob}: {number(record.value)}"


def _log_outputs(phase: str, outputs: tuple[Output, ...]) -> None:
    for index, output in enumerate(outputs):
        share = loss_share(output.value, output.weight)
        LOG.info("    %s net output #%d: %s = %s%s", phase, index, output.name, number(output.value), share)
