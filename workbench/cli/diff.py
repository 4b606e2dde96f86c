"""`brewbench diff`: what differs between two nets, or two files of weights."""

from __future__ import annotations

from collections.abc import Sequence

from . import say
from .flags import Parser, UsageError

_EPILOG = """
A line that begins with + is a layer of the second net alone, with - one of the first alone, with ~ one that differs, as
the lines below it say. The exit status is 0 where nothing differs, 1 where something does.
"""
WEIGHTS = (".caffemodel", ".h5")


def run(words: Sequence[str]) -> int:
    """Print the differences. Raises UsageError, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("diff", _EPILOG)
    parser.add_argument("before", metavar="BEFORE", help="a prototxt, .caffemodel or .caffemodel.h5")
    parser.add_argument("after", metavar="AFTER", help="another of the same kind")
    args = parser.parse(words)

    from ...proto.printable import printable
    from ..compare import compare, compare_weights, spell

    kinds = [path.endswith(WEIGHTS) for path in (args.before, args.after)]
    if kinds[0] != kinds[1]:
        raise UsageError("a net and a file of weights have nothing to compare")
    found = (compare_weights if kinds[0] else compare)(args.before, args.after)
    for line in (line for change in found for line in spell(change)):
        say(printable(line))
    return int(bool(found))
