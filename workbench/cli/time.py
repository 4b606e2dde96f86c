"""`brewbench time`: how long each layer of a net takes, forward and backward."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from contextlib import closing
from time import perf_counter

from .flags import Parser, add_machine, add_net_state, machine, positive


def run(words: Sequence[str]) -> None:
    """Measure. Raises UsageError, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("time")
    parser.flag("model", required=True, metavar="FILE", help="the net's prototxt")
    parser.flag("weights", metavar="FILE", help="a .caffemodel")
    parser.flag("iterations", type=positive, default=50, metavar="N", help="number of passes; 50 if not given")
    parser.flag("phase", choices=("TRAIN", "TEST"), default="TRAIN", help="phase of the net; TRAIN if not given")
    add_net_state(parser)
    add_machine(parser)
    args = parser.parse(words)

    from .log import logging_to

    with machine(args), logging_to():
        _time(args)


def _time(args: Namespace) -> None:
    from ...engine import TEST, TRAIN, Net
    from .log import LOG, log_net, number

    LOG.info("Use CPU.")
    phase = TRAIN if args.phase == "TRAIN" else TEST
    with closing(Net(args.model, phase, level=args.level or 0, stages=args.stage, weights=args.weights)) as net:
        log_net(net)
        LOG.info("Performing Forward")
        LOG.info("Initial loss: %s", number(net.forward()))
        LOG.info("Performing Backward")
        net.backward()
        layers = range(len(net.layers))
        forward, backward = [0.0 for _ in layers], [0.0 for _ in layers]  # milliseconds
        LOG.info("*** Benchmark begins ***")
        LOG.info("Testing for %d iterations.", args.iterations)
        begin = perf_counter()
        for iteration in range(1, args.iterations + 1):
            start = last = perf_counter()
            for index in layers:
                net.forward_layer(index)
                now = perf_counter()
                forward[index] += 1000 * (now - last)
                last = now
            for index in reversed(layers):
                net.backward_layer(index)
                now = perf_counter()
                backward[index] += 1000 * (now - last)
                last = now
            LOG.info("Iteration: %d forward-backward time: %s ms.", iteration, number(1000 * (last - start)))
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
