"""`brewbench train`: train a net as a solver says, with Caffe's log, its signals and its snapshots."""

from __future__ import annotations

import signal
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from .flags import Parser, UsageError, add_machine, add_net_state, gpu_count, machine

_EFFECTS = ("stop", "snapshot", "none")
_EPILOG = """
Ctrl+C ends the training after the iteration at hand, with a snapshot (unless the solver says snapshot_after_train:
false); a second one ends it at once. SIGHUP takes a snapshot and goes on. A training that is resumed with -snapshot
goes on as if it had never stopped.
"""


def run(words: Sequence[str]) -> None:
    """Train. Raises UsageError, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("train", _EPILOG)
    parser.flag("solver", required=True, metavar="FILE", help="the solver's prototxt")
    parser.flag("snapshot", metavar="STATE", help="a .solverstate to resume from")
    parser.flag("weights", metavar="A,B", help="one or more .caffemodel to begin with")
    parser.flag(
        "data_restart",
        choices=("exact", "caffe"),
        default="exact",
        help="with -snapshot: go on at the row where the data stood (exact), or at the first (caffe)",
    )
    add_net_state(parser, otherwise="0, whatever the solver says,")
    parser.flag("sigint_effect", choices=_EFFECTS, default="stop", help="what Ctrl+C does; stop if not given")
    parser.flag("sighup_effect", choices=_EFFECTS, default="snapshot", help="what SIGHUP does; snapshot if not given")
    parser.flag("seed", type=int, metavar="N", help="seed of all random numbers, in place of the solver's random_seed")
    add_machine(parser)
    parser.add_log()
    parser.add_caffes_other_flags()
    args = parser.parse(words)
    if args.snapshot and args.weights:
        raise UsageError("give -snapshot to resume a training or -weights to fine-tune, but not both")

    from .log import logging_as

    with logging_as(args):
        source = _source(args)
        _choose_gpu(args, source.param)
        with machine(args) as gpus:
            _train(args, source, gpus)


def _choose_gpu(args: Namespace, param: Any) -> None:
    """Where no flag says what computes, the solver does; a warning where it wants a GPU and there is none."""
    if args.gpu is None and param.HasField("solver_mode") and param.solver_mode == param.GPU:
        from .log import LOG

        try:
            gpu_count()
        except RuntimeError as error:
            LOG.warning("solver_mode: GPU is set, but the CPU will compute: %s", error)
        else:
            args.gpu = str(param.device_id)


def _train(args: Namespace, source: Any, gpus: list[int]) -> None:
    from ...engine import get_solver
    from .log import LOG, SolverLog, log_machine, log_solver, text_of
    from .progress import SolverBar, progress_bar

    log_machine(gpus, one=False)
    param = source.param
    for line in source.upgrades:
        LOG.info("%s", line)
    LOG.info("Initializing solver from parameters: \n%s", text_of(param))
    with closing(get_solver(source)) as solver:
        log_solver(solver)
        LOG.info("Random seed: %d", solver.net.context.seed)
        solver.listeners.append(SolverLog(solver))
        if args.snapshot:
            LOG.info("Resuming from %s", args.snapshot)
            solver.restore(args.snapshot, data_restart=args.data_restart == "caffe")
        signals = signal_effects(solver, args.sigint_effect, args.sighup_effect)
        with progress_bar(param.max_iter, solver.iter) as bar, signals:
            solver.listeners.append(SolverBar(bar))
            LOG.info("Starting Optimization")
            LOG.info("Solving %s", solver.net.name)
            LOG.info("Learning Rate Policy: %s", param.lr_policy)
            finished = solver.solve()
        LOG.info("Optimization Done." if finished else "Optimization stopped early.")
    LOG.info("Optimization Done.")  # in either case, as in Caffe


def _source(args: Namespace) -> Any:
    """The solver's definition with what the flags change in it."""
    from ...engine.source import Source

    source = Source(args.solver, "solver")
    source.raise_problems()
    param = source.param
    param.train_state.level = args.level or 0  # the flag holds, given or not, as in Caffe
    if args.stage:
        param.train_state.stage.extend(args.stage)
    if args.seed is not None:
        param.random_seed = args.seed
    if args.snapshot:
        param.ClearField("weights")
    elif args.weights:
        param.weights[:] = [args.weights]
    return source


@contextmanager
def signal_effects(solver: Any, sigint: str = "stop", sighup: str = "snapshot") -> Iterator[None]:
    """Within it, SIGINT and SIGHUP ask the solver to "stop", for a "snapshot", or for nothing ("none").

    A signal that has asked to stop raises KeyboardInterrupt when it comes again.
    """

    def handler(effect: str) -> Any:
        def ask(number: int, frame: Any) -> None:
            if effect == "stop":
                signal.signal(number, signal.default_int_handler)
            if solver.request != "stop":
                solver.request = effect

        return signal.SIG_IGN if effect == "none" else ask

    wanted = {signal.SIGINT: sigint}
    if hasattr(signal, "SIGHUP"):  # not on Windows
        wanted[signal.SIGHUP] = sighup
    before = {number: signal.signal(number, handler(effect)) for number, effect in wanted.items()}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)
