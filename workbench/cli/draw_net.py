"""`brewbench draw_net`: a net as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from . import say
from .flags import Parser, UsageError

_EPILOG = """
The ending of OUTPUT_IMAGE says what is written: png, svg and jpg always; pdf, ps, gif and the like where Graphviz
itself is installed; raw is the text that Graphviz draws from, dot the same with every place in it.
"""


def run(words: Sequence[str]) -> None:
    """Draw. Raises UsageError, ParseError, UpgradeError, ValueError, OSError."""
    parser = Parser("draw_net", _EPILOG)
    parser.add_argument("net", metavar="NET", help="the prototxt of a net")
    parser.add_argument("image", metavar="OUTPUT_IMAGE", help="the file to write")
    parser.flag("rankdir", default="LR", metavar="DIR", help="direction: LR (if not given), TB, RL or BT")
    parser.flag("phase", default="ALL", metavar="PHASE", help="TRAIN, TEST, or ALL layers (if not given)")
    parser.switch("display_lrm", help="show the rates of layers that learn, where they are not zero")
    args = parser.parse(words)
    phases = {"TRAIN": 0, "TEST": 1, "ALL": None}
    if args.phase.upper() not in phases:
        raise UsageError(f"argument -phase: can be TRAIN, TEST or ALL; got {args.phase!r}")
    if args.rankdir.upper() not in ("LR", "TB", "RL", "BT"):
        raise UsageError(f"argument -rankdir: can be LR, TB, RL or BT; got {args.rankdir!r}")

    from ...proto import Document
    from ..caffe.draw import draw_net_to_file

    net = Document.open(args.net, "net").message
    if not net.layer and not net.layers:
        raise ValueError(f"{args.net}: is not a net, or has no layers")
    say(f"Drawing net to {args.image}")
    draw_net_to_file(net, args.image, args.rankdir.upper(), phases[args.phase.upper()], args.display_lrm)
