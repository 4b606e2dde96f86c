"""`brewbench from_onnx`: an ONNX model as a net."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Sequence

from . import say
from .flags import Parser

_EPILOG = """
Writes a deploy net and its weights that compute what the model does. Nodes without equivalent layers are all named, and
nothing is written.
"""


def run(words: Sequence[str]) -> None:
    """Write both files. Raises UsageError, NotMapped, ValueError, OSError."""
    parser = Parser("from_onnx", _EPILOG)
    parser.add_argument("model", metavar="MODEL", help="the .onnx file to read")
    parser.add_argument("net", metavar="NET", help="the prototxt to write")
    parser.add_argument("weights", metavar="WEIGHTS", help="the .caffemodel or .h5 to write")
    parser.flag("shapes", type=_shapes, metavar="NAME=1x3x224x224", help="shapes of inputs, with commas between them")
    args = parser.parse(words)

    from ...engine.atomic import atomic_path
    from ..onnx import from_onnx

    document, net = from_onnx(args.model, args.shapes)
    with atomic_path(args.net) as beside:
        net.save(args.weights)
        beside.write_text(document.text, encoding="utf-8")
    say(f"Wrote {args.net}: {len(document.layers)} layers, and {args.weights}: {net.param_count:,} parameters")


def _shapes(text: str) -> dict[str, tuple[int, ...]]:
    found = {}
    for part in filter(None, text.split(",")):
        name, _, lengths = part.rpartition("=")
        if not name or not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", lengths):
            raise ArgumentTypeError(f"must be like data=1x3x224x224; got {part!r}")
        found[name] = tuple(map(int, lengths.split("x")))
    return found
