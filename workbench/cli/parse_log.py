"""`brewbench parse_log`: the numbers of a training log as two tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import say
from .flags import Parser


def run(words: Sequence[str]) -> None:
    """Write LOG.train and LOG.test, each where the log has lines for it. Raises UsageError, ValueError, OSError."""
    parser = Parser("parse_log")
    parser.add_argument("log", metavar="LOG", help="a log of brewbench train, or of caffe train")
    parser.add_argument("folder", metavar="FOLDER", nargs="?", help="where to write; beside the log if not given")
    parser.flag("delimiter", default=",", metavar="C", help="what stands between two values; a comma if not given")
    parser.switch("verbose", help="print the paths of the tables")
    args = parser.parse(words)

    from ...engine.atomic import atomic_write
    from ..training_log import parse_log, table_text

    path = Path(args.log)
    with path.open(encoding="utf-8", errors="replace") as lines:
        try:
            log = parse_log(lines)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    folder = Path(args.folder) if args.folder else path.parent
    for ending, rows in (("train", log.train), ("test", log.test)):
        target = folder / f"{path.name}.{ending}"
        if not rows:  # as Caffe's parse_log.py has it, a file that is there already stays
            if args.verbose:
                say(f"{target} is not written: the log has no outputs of a {ending} net")
            continue
        with atomic_write(target) as file:
            file.write(table_text(rows, args.delimiter).encode())
        if args.verbose:
            say(target)
