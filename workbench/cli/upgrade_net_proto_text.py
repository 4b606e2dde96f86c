"""`brewbench upgrade_net_proto_text`: an old net's text in Caffe's present form."""

from __future__ import annotations

from collections.abc import Sequence

from .flags import Parser


def run(words: Sequence[str]) -> None:
    """Upgrade a net. Raises UsageError, ParseError, UpgradeError, OSError."""
    upgrade_text("upgrade_net_proto_text", "net", words)


def upgrade_text(command: str, kind: str, words: Sequence[str]) -> None:
    """Read one prototxt, write another, and log what changed."""
    parser = Parser(command)
    parser.add_argument("source", metavar="IN", help=f"the prototxt of a {kind}, of any age")
    parser.add_argument("target", metavar="OUT", help="the file to write")
    parser.add_log()
    args = parser.parse(words)

    from ...engine.atomic import atomic_write
    from ...engine.source import Source
    from .log import LOG, logging_as, text_of

    with logging_as(args):
        source = Source(args.source, kind)
        source.raise_problems()
        for line in source.upgrades:
            LOG.info("%s", line)
        if not source.upgrades:
            LOG.error("File already in latest proto format: %s", args.source)  # an error in Caffe's log
        with atomic_write(args.target) as file:
            file.write(f"{text_of(source.param)}\n".encode())
        LOG.info("Wrote upgraded %s text proto to %s", type(source.param).__name__, args.target)
