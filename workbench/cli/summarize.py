"""`brewbench summarize`: a net's layers as a table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import say
from .check import spell_finding
from .flags import Parser, add_net_state, add_stand_in, positive

if TYPE_CHECKING:
    from ..weights import Tensor


def run(words: Sequence[str]) -> int:
    """Print a line for every layer or tensor; returns 1 if a net is wrong. Raises UsageError, ValueError, OSError."""
    parser = Parser("summarize")
    parser.add_argument("net", metavar="NET", help="the prototxt of a net, or a file of weights")
    parser.flag("statistics", action="store_true", help="of weights: the range, mean and deviation of each tensor")
    parser.flag("phase", choices=("TRAIN", "TEST"), default="TEST", help="phase of the net; TEST if not given")
    parser.flag("max-width", type=positive, metavar="N", help="width of a column; longer texts push the next aside")
    parser.flag("w", type=positive, dest="max_width", metavar="N", help=argparse.SUPPRESS)
    add_net_state(parser)
    add_stand_in(parser)
    args = parser.parse(words)

    from ..weights import is_weights

    if is_weights(args.net):
        _list_tensors(args.net, args.statistics)
        return 0

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
    _print_table(rows, args.max_width)
    say(f"{'' if report.complete else 'at least '}{report.param_count:,} parameters")
    return int(not report.ok)


def _list_tensors(path: str, statistics: bool) -> None:
    from ...proto.printable import printable
    from ..weights import HEAD, open_weights

    found = open_weights(path)
    head: tuple[str, ...] = HEAD[:-1]
    rows = [
        (printable(one.layer), printable(one.type), str(one.index), _spell(one.shape), str(one.dtype))
        for one in found.tensors
    ]
    ends = [f"{one.count:,}" for one in found.tensors]
    if statistics:
        head += ("lowest", "highest", "mean", "deviation", "zeros", "NaN")
        rows = [(*row, *_spell_statistics(one)) for row, one in zip(rows, found.tensors, strict=True)]
    _print_table([(*head, HEAD[-1]), *((*row, end) for row, end in zip(rows, ends, strict=True))])
    say(printable(str(found)))


def _spell_statistics(tensor: Tensor) -> tuple[str, ...]:
    told = tensor.statistics()
    figures = (told.lowest, told.highest, told.mean, told.deviation)
    return (*(f"{figure:.4g}" for figure in figures), str(told.zeros), str(told.nan))


def _print_table(rows: list[tuple[str, ...]], max_width: int | None = None) -> None:
    """Print rows in columns, the last of them set to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    widths = [min(width, max_width or width) for width in widths]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        say("  ".join([*cells, row[-1].rjust(widths[-1])]).rstrip())


def _spell(shape: tuple[int, ...] | None) -> str:
    from ...engine.stand_in import spell_shape

    return "?" if shape is None else spell_shape(shape)
