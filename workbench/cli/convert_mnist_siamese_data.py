"""`brewbench convert_mnist_siamese_data`: make a database of random pairs of MNIST's images."""

from __future__ import annotations

from collections.abc import Sequence

from .flags import Parser, backend, require

_EPILOG = """
There are as many pairs as images. The two images of a pair are the channels of its row; its label is 1 where both show
the same digit, else 0.
"""


def run(words: Sequence[str]) -> None:
    """Convert. Raises UsageError, ValueError, OSError."""
    parser = Parser("convert_mnist_siamese_data", _EPILOG)
    parser.add_argument("images", metavar="IMAGES", help="an IDX file of images, plain or .gz")
    parser.add_argument("labels", metavar="LABELS", help="the IDX file of their labels")
    parser.add_argument("db", metavar="DB", help="the folder to make")
    parser.flag("backend", type=backend, default="leveldb", metavar="NAME", help="leveldb (if not given) or lmdb")
    parser.flag("seed", type=int, metavar="N", help="draw the same pairs each time")
    parser.add_log()
    args = parser.parse(words)
    require(args.backend)

    from ...engine.data.mnist import convert_mnist_pairs
    from .log import LOG, logging_as
    from .progress import Steps, progress_bar

    def begin(total: int) -> None:
        LOG.info("A total of %d items.", total)

    with logging_as(args), progress_bar(0, unit=" rows") as bar:
        told = Steps(bar, begin, lambda done: None)
        count = convert_mnist_pairs(args.images, args.labels, args.db, args.backend, args.seed, told)
        LOG.info("Processed %d files.", count)
