"""`brewbench convert_mnist`: make a database of MNIST's images and labels."""

from __future__ import annotations

from collections.abc import Sequence

from .flags import Parser


def run(words: Sequence[str]) -> None:
    """Convert. Raises UsageError, ValueError, OSError."""
    parser = Parser("convert_mnist")
    parser.add_argument("images", metavar="IMAGES", help="an IDX file of images, plain or .gz")
    parser.add_argument("labels", metavar="LABELS", help="the IDX file of their labels")
    parser.add_argument("db", metavar="DB", help="the folder to make")
    parser.flag("backend", default="lmdb", metavar="NAME", help="kind of database; lmdb, the only one so far")
    args = parser.parse(words)

    from ...engine.data.mnist import convert_mnist
    from .log import LOG, logging_to
    from .progress import progress_bar

    with logging_to(), progress_bar(0, unit=" rows") as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        count = convert_mnist(args.images, args.labels, args.db, args.backend, show)
        LOG.info("Processed %d files.", count)
