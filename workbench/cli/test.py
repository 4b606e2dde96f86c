"""`brewbench test`: the mean outputs of a net over some batches."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from contextlib import closing

from .flags import Parser, add_machine, add_net_state, machine, names, positive


def run(words: Sequence[str]) -> None:
    """Score. Raises UsageError, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("test")
    parser.flag("model", required=True, metavar="FILE", help="the net's prototxt")
    parser.flag("weights", required=True, metavar="A,B", help="one or more .caffemodel")
    parser.flag("iterations", type=positive, default=50, metavar="N", help="number of batches; 50 if not given")
    add_net_state(parser)
    add_machine(parser)
    parser.add_log()
    parser.add_caffes_other_flags()
    args = parser.parse(words)

    from .log import logging_as

    with machine(args) as gpus, logging_as(args):
        _test(args, gpus)


def _test(args: Namespace, gpus: list[int]) -> None:
    from ...engine import TEST, Net
    from .log import LOG, log_machine, log_net, loss_share, number
    from .progress import progress_bar

    log_machine(gpus)
    with closing(Net(args.model, TEST, level=args.level or 0, stages=args.stage)) as net:
        log_net(net)
        for file in names(args.weights):
            for name in net.copy_from(file):
                LOG.info("Ignoring source layer %s", name)
        LOG.info("Running for %d iterations.", args.iterations)
        loss = 0.0
        scores: list[list[float]] = []  # of each batch, one per element of the outputs
        with progress_bar(args.iterations, unit=" batches") as bar:
            for batch in range(args.iterations):
                loss += net.forward()
                outputs = [(name, float(value)) for name in net.outputs for value in net.blobs[name].data.flat]
                for name, score in outputs:
                    LOG.info("Batch %d, %s = %s", batch, name, number(score))
                scores.append([score for _, score in outputs])
                bar.update()
        LOG.info("Loss: %s", number(loss / args.iterations))
        weight_of = dict(zip(net.outputs, net.output_weights, strict=True))
        owners = [name for name in net.outputs for _ in range(net.blobs[name].count)]
        for name, column in zip(owners, zip(*scores, strict=True), strict=True):
            mean = sum(column) / args.iterations
            LOG.info("%s = %s%s", name, number(mean), loss_share(mean, weight_of[name]))
