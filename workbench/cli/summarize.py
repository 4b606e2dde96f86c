"""`brewbench summarize`: a net's layers as a table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from . import say
from .check import spell_finding
from .flags import Parser, add_net_state, add_stand_in, positive


def run(words: Sequence[str]) -> int:
    """Print a line for every layer; returns 1 if the net has an error. Raises UsageError, OSError."""
    parser = Parser("summarize")
    parser.add_argument("net", metavar="NET", help="the prototxt of a net")
    parser.flag("phase", choices=("TRAIN", "TEST"), default="TEST", help="phase of the net; TEST if not given")
    parser.flag("max-width", type=positive, metavar="N", help="width of a column; longer texts push the next aside")
    parser.flag("w", type=positive, dest="max_width", metavar="N", help=argparse.SUPPRESS)
    add_net_state(parser)
    add_stand_in(parser)
    args = parser.parse(words)

    from ...engine import TEST, TRAIN, check
    from ...proto.printable import printable

    phase = TRAIN if args.phase == "TRAIN" else TEST
    report = check(args.net, phase, level=args.level or 0, stages=args.stage, stand_in=args.stand_in)
    for found in report.diagnostics:
        say(spell_finding(found))
    rows: list[tuple[str, ...]] = [("layer", "type", "settings", "tops", "parameters")]
    rows += [
        (
            layer.name,
            layer.type,
            layer.summary,
            ", ".join(f"{top} {_spell(shape)}" for top, shape in zip(layer.tops, layer.top_shapes, strict=False)),
            f"{layer.count:,}" if layer.count else "",
        )
        for layer in report.layers
        if layer.included
    ]
    rows = [tuple(map(printable, row)) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    widths = [min(width, args.max_width or width) for width in widths]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        say("  ".join([*cells, row[-1].rjust(widths[-1])]).rstrip())
    say(f"{'' if report.complete else 'at least '}{report.param_count:,} parameters")
    return int(not report.ok)


def _spell(shape: Sequence[int] | None) -> str:
    return "?" if shape is None else "x".join(map(str, shape)) or "scalar"
