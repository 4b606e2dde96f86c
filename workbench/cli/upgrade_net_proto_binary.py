"""`brewbench upgrade_net_proto_binary`: an old net's binary file, weights and all, in Caffe's present form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .flags import Parser


def run(words: Sequence[str]) -> None:
    """Upgrade a binary net. Raises UsageError, UpgradeError, ValueError, OSError."""
    parser = Parser("upgrade_net_proto_binary")
    parser.add_argument("source", metavar="IN", help="a NetParameter in binary form: a .caffemodel of any age")
    parser.add_argument("target", metavar="OUT", help="the file to write")
    parser.add_log()
    args = parser.parse(words)

    from google.protobuf.message import DecodeError

    from ...engine.atomic import atomic_write
    from ...proto.messages import NetParameter
    from ...proto.upgrade import upgrade_net
    from .log import LOG, logging_as

    net = NetParameter()
    try:
        net.ParseFromString(Path(args.source).read_bytes())
    except DecodeError as error:
        raise ValueError(f"{args.source}: is not a binary NetParameter, or is cut short: {error}") from None
    with logging_as(args):
        report = upgrade_net(net)
        for line in report:
            LOG.info("%s", line)
        if not report:
            LOG.error("File already in latest proto format: %s", args.source)  # an error in Caffe's log
        with atomic_write(args.target) as file:
            file.write(net.SerializeToString())
        LOG.info("Wrote upgraded NetParameter binary proto to %s", args.target)
