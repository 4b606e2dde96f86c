"""`brewbench time`: how long each layer of a net takes, forward and backward."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING

from .flags import Parser, add_machine, add_net_state, add_stand_in, machine, names, positive

if TYPE_CHECKING:
    from ...engine import Net


def run(words: Sequence[str]) -> None:
    """Measure. Raises UsageError, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("time")
    parser.flag("model", required=True, metavar="FILE", help="the net's prototxt")
    parser.flag("weights", metavar="A,B", help="one or more .caffemodel; the fillers' values if not given")
    parser.flag("iterations", type=positive, default=50, metavar="N", help="number of passes; 50 if not given")
    parser.flag("phase", choices=("TRAIN", "TEST"), default="TRAIN", help="phase of the net; TRAIN if not given")
    add_net_state(parser)
    add_stand_in(parser)
    add_machine(parser)
    parser.add_log()
    parser.add_caffes_other_flags()
    args = parser.parse(words)

    from .log import logging_as

    with machine(args) as gpus, logging_as(args):
        _time(args, gpus)


def _time(args: Namespace, gpus: list[int]) -> None:
    from ...engine import TEST, TRAIN, Net
    from ...engine.backend import stopwatch
    from ..timing import pass_times
    from .log import LOG, log_machine, log_net, number
    from .progress import progress_bar

    log_machine(gpus)
    phase = TRAIN if args.phase == "TRAIN" else TEST
    with (
        closing(Net(args.model, phase, level=args.level or 0, stages=args.stage, stand_in=args.stand_in)) as net,
        progress_bar(args.iterations) as bar,
    ):
        log_net(net)
        for layer in net.layers:
            if layer.stand_in:
                LOG.info("%s: %s", layer.name, layer.stand_in)
        for file in names(args.weights or ""):
            net.copy_from(file)
        LOG.info("Performing Forward")
        LOG.info("Initial loss: %s", number(net.forward()))
        LOG.info("Performing Backward")
        net.backward()
        layers = range(len(net.layers))
        watch = stopwatch(net.context.place)
        forward, backward = [0.0 for _ in layers], [0.0 for _ in layers]  # milliseconds
        LOG.info("*** Benchmark begins ***")
        LOG.info("Testing for %d iterations.", args.iterations)
        begin = perf_counter()
        for iteration in range(1, args.iterations + 1):
            ahead, back = pass_times(net, watch)
            for index in layers:
                forward[index] += ahead[index]
                backward[index] += back[index]
            LOG.info("Iteration: %d forward-backward time: %s ms.", iteration, number(sum(ahead) + sum(back)))
            bar.update()
        total = 1000 * (perf_counter() - begin)
    LOG.info("Average time per layer: ")
    for index, name in enumerate(net.layer_names):
        LOG.info("%10s\tforward: %s ms.", name, number(forward[index] / args.iterations))
        LOG.info("%10s\tbackward: %s ms.", name, number(backward[index] / args.iterations))
    LOG.info("Average Forward pass: %s ms.", number(sum(forward) / args.iterations))
    LOG.info("Average Backward pass: %s ms.", number(sum(backward) / args.iterations))
    LOG.info("Average Forward-Backward: %s ms.", number(total / args.iterations))
    LOG.info("Total Time: %s ms.", number(total))
    LOG.info("*** Benchmark ends ***")
    _log_rates(net, [ms / args.iterations for ms in forward], [ms / args.iterations for ms in backward])


def _log_rates(net: Net, forward: list[float], backward: list[float]) -> None:
    """Which engine ran each layer, and at what rate those that are made of products."""
    from ..costs import multiply_adds_of
    from .log import LOG, number

    LOG.info("Engine and rate per layer: ")
    for node, layer, ahead, back in zip(net.nodes, net.layers, forward, backward, strict=True):
        line = ", ".join(layer.engines) or "-"
        work = 2e-6 * multiply_adds_of(node)  # million operations, so that milliseconds give GFLOP/s
        if work and ahead:
            line += f", {number(work / 1e3)} GFLOP, forward: {number(work / ahead)} GFLOP/s"
            passes = any(node.propagate_down) + any(layer.param_propagate_down)
            if passes and node.need_backward and back:
                line += f", backward: {number(passes * work / back)} GFLOP/s"
        LOG.info("%10s\tengine: %s", node.name, line)
