"""`brewbench to_onnx`: a net as an ONNX model."""

from __future__ import annotations

from collections.abc import Sequence

from . import say
from .flags import Parser, add_net_state

_EPILOG = """
Writes a deploy net, as it computes in the TEST phase, for any batch size. WEIGHTS is a .caffemodel or .h5; without it
the values are those of the net's fillers. Layers without an equivalent in ONNX are all named, and nothing is written.
"""


def run(words: Sequence[str]) -> None:
    """Write the model. Raises UsageError, NotMapped, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("to_onnx", _EPILOG)
    parser.add_argument("net", metavar="NET", help="the prototxt of a net with Input layers")
    parser.add_argument("weights", metavar="WEIGHTS", nargs="?", help="its .caffemodel or .h5")
    parser.add_argument("model", metavar="OUT", help="the .onnx file to write")
    add_net_state(parser)
    args = parser.parse(words)

    from ..onnx import to_onnx

    model = to_onnx(args.net, args.weights, level=args.level or 0, stages=args.stage)
    from ..onnx.files import save_model

    save_model(model, args.model)
    for note in model.doc_string.splitlines():
        say(f"note: {note}")
    say(f"Wrote {args.model}: {len(model.graph.node)} nodes, opset {model.opset_import[0].version}")
