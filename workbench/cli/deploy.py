"""`brewbench deploy`: the deploy net of a training net."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from . import say
from .flags import Parser, positive

_EPILOG = """
Data layers become Input layers, SoftmaxWithLoss a Softmax named prob; other losses, Accuracy, auxiliary classifiers and
what only labels reach go. Layers keep their names, so that weights of the training net load.
"""


def run(words: Sequence[str]) -> None:
    """Write the net. Raises UsageError, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("deploy", _EPILOG)
    parser.add_argument("net", metavar="TRAIN", help="the prototxt of a training net")
    parser.add_argument("target", metavar="OUT", help="the prototxt to write")
    parser.flag("shape", type=_shapes, metavar="SHAPE", help="shape of the input, as in 1x3x224x224, where the net "
                "does not tell it; of several by name, as in data=1x3x224x224,rois=300x5")  # fmt: skip
    parser.flag("batch", type=positive, metavar="N", help="images at once; as in the TEST net if not given")
    args = parser.parse(words)

    from ...engine.atomic import atomic_write
    from ...proto import Document
    from ..deployment import deploy, input_blobs

    document = Document.open(args.net, "net")
    shapes: dict[str, tuple[int, ...]] = args.shape or {}
    if "" in shapes:
        shapes = dict.fromkeys(input_blobs(document), shapes[""])
    made = deploy(document, shapes=shapes, batch=args.batch)
    with atomic_write(args.target) as file:
        file.write(made.text.encode("utf-8", "surrogateescape"))
    say(f"Wrote {args.target}: {len(made.layers)} layers.")


def _shapes(text: str) -> dict[str, tuple[int, ...]]:
    """Shapes by the name of a blob, that of "" for all."""
    found = {}
    for part in text.split(","):
        name, _, shape = part.strip().rpartition("=")
        lengths = shape.lower().split("x")
        if not all(length.isdecimal() and int(length) > 0 for length in lengths):
            raise argparse.ArgumentTypeError(f"expected a shape such as 1x3x224x224; found {shape!r}")
        found[name] = tuple(map(int, lengths))
    return found
