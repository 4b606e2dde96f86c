"""`brewbench check`: all that is wrong with nets and solvers, at once."""

from __future__ import annotations

import json
import warnings
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from . import say
from .flags import Parser, add_net_state, add_stand_in


def run(words: Sequence[str]) -> int:
    """Print every finding about the files; returns 1 if one of them is an error, else 0. Raises UsageError."""
    parser = Parser("check")
    parser.add_argument("files", nargs="*", metavar="FILE", help="prototxt files of nets or solvers")
    parser.switch("types", help="list the layer types that are known, each with a sentence, and check nothing")
    parser.switch("json", help="print JSON")
    parser.flag("phase", choices=("TRAIN", "TEST"), help="phase of the nets; both if not given")
    add_net_state(parser)
    add_stand_in(parser)
    args = parser.parse(words)
    if args.types:
        return _list_types(args.json)
    if not args.files:
        parser.print_help()
        return 1
    results = [_check(file, args) for file in args.files]
    if args.json:
        say(json.dumps([asdict(result) | {"ok": result.ok} for result in results], indent=2))
    else:
        for result in results:
            _print(result)
    return int(not all(result.ok for result in results))


@dataclass
class _Result:
    """What was found in a file. `summary` says what the file is, where it could be read."""

    file: str
    summary: str = ""
    diagnostics: list[Any] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not any(found.severity == "error" for found in self.diagnostics)

    def add(self, found: Iterable[Any]) -> None:
        self.diagnostics += [one for one in found if one not in self.diagnostics]


def _print(result: _Result) -> None:
    for found in result.diagnostics:
        say(spell_finding(found))
    if result.ok:
        say(f"{result.file}: {result.summary}: ok")


def spell_finding(found: Any) -> str:
    """A diagnostic in a line, a warning as such."""
    warning = "" if found.severity == "error" else f"{found.severity}: "
    return str(replace(found, message=warning + found.message))


def _list_types(as_json: bool) -> int:
    """Print the known layer types in their order, each with the family it belongs to and what it does."""
    from ...engine.layer import LAYERS, load_layers

    load_layers()
    rows = [
        {"type": name, "category": cls.category, "summary": (cls.__doc__ or "").partition("\n")[0]}
        for name, cls in sorted(LAYERS.items(), key=lambda item: item[0].lower())
    ]
    if as_json:
        say(json.dumps(rows, indent=2))
        return 0
    widths = [max(len(row[key]) for row in rows) for key in ("type", "category")]
    for row in rows:
        say(f"{row['type']:{widths[0]}}  {row['category']:{widths[1]}}  {row['summary']}".rstrip())
    return 0


def _check(file: str, args: Namespace) -> _Result:
    from ...engine import DefinitionError, Diagnostic
    from ...engine.source import Source
    from ...proto import Document, ParseError

    result = _Result(file)
    try:
        document = Document.open(file)
        if document.kind == "solver":
            _check_solver(Source(document, "solver"), args.stand_in, result)
        else:
            _check_net(document, args, result)
    except ParseError as error:
        result.add([Diagnostic(error.message, file=file, line=error.line)])
    except DefinitionError as error:
        result.add([error.diagnostic])
    except (OSError, ValueError) as error:
        result.add([Diagnostic(str(error).removeprefix(f"{file}: "), file=file)])
    return result


def _check_net(document: Any, args: Namespace, result: _Result) -> None:
    from ...engine import TEST, TRAIN, check

    phases = [TRAIN, TEST] if args.phase is None else [TRAIN if args.phase == "TRAIN" else TEST]
    state = {"level": args.level or 0, "stages": args.stage, "stand_in": args.stand_in}
    reports = [check(document, one, **state) for one in phases]
    # A net may be meant for one phase alone: it has no layer in the other that would feed it.
    fed = [report for report in reports if any(one.included and not one.bottoms for one in report.layers)]
    for report in fed or reports:
        result.add(report.diagnostics)
    layers = sum(any(layer.included for layer in same) for same in zip(*(one.layers for one in reports), strict=True))
    largest = max(reports, key=lambda report: report.param_count)
    count = f"{'' if largest.complete else 'at least '}{largest.param_count:,}"
    result.summary = f"net {reports[0].name!r}, {layers} layers, {count} parameters"


def _check_solver(source: Any, stand_in: Any, result: _Result) -> None:
    """The solver's own fields, and its nets in the states in which it uses them."""
    from ...engine import Diagnostic, check, check_solver, get_solver
    from ...engine.needs import MemoryWarning
    from ...engine.scaffold import check_scaffold
    from ...engine.stand_in import StandIn, StandIns

    result.summary = f"solver {source.param.type}"
    result.add(source.problems())
    reports = [check(net, state=state, stand_in=stand_in) for net, state in _nets_of(source, result)]
    for report in reports:
        result.add(report.diagnostics)
    if not result.ok:
        return
    if any(report.code for report in reports):  # which a look does not run
        result.add(check_solver(source))
        check_scaffold(source)
    else:
        given = StandIns.of(stand_in)  # what is missing beside them, the checks have told
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", MemoryWarning)
            get_solver(source, stand_in=replace(given, missing=given.missing or StandIn()), dry=True).close()
        result.add(Diagnostic(str(one.message), "warning") for one in told)


def _nets_of(source: Any, result: _Result) -> Iterator[tuple[Any, Any]]:
    """A solver's nets, each with the state in which it is used; what names none is told when the solver is made."""
    from ...engine import DefinitionError, Diagnostic
    from ...engine.scaffold import test_nets, training_net
    from ...proto import ParseError

    for named in (lambda: [training_net(source)], lambda: test_nets(source)):
        try:
            yield from named()
        except ParseError as error:
            result.add([Diagnostic(error.message, file=error.path, line=error.line)])
        except DefinitionError:
            continue
