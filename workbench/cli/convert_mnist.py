"""`brewbench convert_mnist`: make a database of MNIST's images and labels."""

from __future__ import annotations

from collections.abc import Sequence

from .flags import Parser, add_backend, require


def run(words: Sequence[str]) -> None:
    """Convert. Raises UsageError, ValueError, OSError."""
    parser = Parser("convert_mnist")
    parser.add_argument("images", metavar="IMAGES", help="an IDX file of images, plain or .gz")
    parser.add_argument("labels", metavar="LABELS", help="the IDX file of their labels")
    parser.add_argument("db", metavar="DB", help="the folder to make")
    add_backend(parser)
    parser.add_log()
    args = parser.parse(words)
    require(args.backend)

    from ...engine.data.mnist import convert_mnist
    from .log import LOG, logging_as
    from .progress import Steps, progress_bar

    def begin(total: int) -> None:
        LOG.info("Opened %s %s", args.backend, args.db)
        LOG.info("A total of %d items.", total)

    with logging_as(args), progress_bar(0, unit=" rows") as bar:
        told = Steps(bar, begin, lambda done: None)
        count = convert_mnist(args.images, args.labels, args.db, args.backend, told)
        LOG.info("Processed %d files.", count)
