"""`brewbench trainable`: the training net of a deploy net, with a solver for it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from . import say
from .flags import Parser

_EPILOG = """
The input becomes data layers for TRAIN and TEST, the Softmax a SoftmaxWithLoss beside an Accuracy; weights without a
filler get one, since they would stay 0.
"""


def run(words: Sequence[str]) -> None:
    """Write the net, and a solver if asked for. Raises UsageError, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("trainable", _EPILOG)
    parser.add_argument("net", metavar="DEPLOY", help="the prototxt of a deploy net")
    parser.add_argument("target", metavar="OUT", help="the prototxt to write")
    parser.flag("data", metavar="TYPE", default="Data",
                help="Data, ImageData, HDF5Data or DummyData; the first if not given")  # fmt: skip
    parser.flag("loss", metavar="TYPE", default="SoftmaxWithLoss",
                help="SoftmaxWithLoss, SigmoidCrossEntropyLoss or EuclideanLoss; the first if not given")  # fmt: skip
    parser.flag("source", type=_words, default=[], metavar="TRAIN,TEST", help="databases or lists that are read")
    parser.flag("batch", type=_sizes, metavar="N,N",
                help="images at once in TRAIN, TEST; 64,100 if not given")  # fmt: skip
    parser.flag("solver", metavar="FILE", help="write a solver for it, too")
    args = parser.parse(words)

    from ...engine.atomic import atomic_write
    from ...proto import Document
    from ..training_net import BATCH, solver_text, trainable

    document = Document.open(args.net, "net")
    made = trainable(document, data=args.data, loss=args.loss, sources=args.source, batch=args.batch or BATCH)
    with atomic_write(args.target) as file:
        file.write(made.text.encode("utf-8", "surrogateescape"))
    say(f"Wrote {args.target}: {len(made.layers)} layers.")
    if args.solver:
        with atomic_write(args.solver) as file:
            file.write(solver_text(args.target, Path(args.target).stem).encode("utf-8", "surrogateescape"))
        say(f"Wrote {args.solver}.")


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",")]
    if len(words) > 2:
        raise argparse.ArgumentTypeError(f"expected one source for TRAIN, one for TEST; found {text!r}")
    return words


def _sizes(text: str) -> list[int]:
    sizes = text.split(",")
    if len(sizes) != 2 or not all(size.strip().isdecimal() for size in sizes):
        raise argparse.ArgumentTypeError(f"expected two numbers, as in 64,100; found {text!r}")
    return [int(size) for size in sizes]
