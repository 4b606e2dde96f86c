"""`brewbench compute_image_mean`: average the images of a database."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from .flags import Parser, add_backend

_REPORT_EVERY = 10_000


def run(words: Sequence[str]) -> None:
    """Average. Raises UsageError, DefinitionError, ValueError, OSError."""
    parser = Parser("compute_image_mean")
    parser.add_argument("db", metavar="INPUT_DB", help="a database of images of one size")
    parser.add_argument("file", metavar="OUTPUT_FILE", nargs="?", help="the .binaryproto to write, for mean_file")
    add_backend(parser)
    parser.add_log()
    args = parser.parse(words)

    from .log import logging_as

    with logging_as(args):
        _average(args)


def _average(args: Namespace) -> None:
    from ...engine.data.imageset import channel_means, compute_image_mean
    from .log import LOG, number
    from .progress import Steps, progress_bar

    def begin(total: int) -> None:
        LOG.info("Opened %s %s", args.backend, args.db)
        LOG.info("Starting iteration")

    with progress_bar(0, unit=" images") as bar:
        told = Steps(bar, begin, lambda done: LOG.info("Processed %d files.", done), _REPORT_EVERY)
        mean = compute_image_mean(args.db, args.file, backend=args.backend, progress=told)
    if args.file:
        LOG.info("Write to %s", args.file)
    LOG.info("Number of channels: %d", len(mean))
    for channel, value in enumerate(channel_means(mean)):
        LOG.info("mean_value channel [%d]: %s", channel, number(value))
