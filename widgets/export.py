"""A net as a file to hand on: its drawing, its text, or a page with both."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from ..engine import Report
from ..proto import Document
from ..proto.printable import printable
from ..workbench.costs import costs
from .editor.svg import FONT, INK, LINE, MUTED, to_svg

HEAD = ("layer", "type", "shape", "parameters", "multiply-adds per image")
STYLE = f"""body {{ font-family: {FONT}; color: {INK}; max-width: 1200px; margin: 2em auto; padding: 0 1em }}
figure {{ margin: 1em 0; overflow: auto; border: 1px solid {LINE}; max-height: 90vh }}
table {{ border-collapse: collapse }} th {{ color: {MUTED} }}
th, td {{ text-align: left; padding: 2px 12px 2px 0; border-bottom: 1px solid {LINE} }} .number {{ text-align: right }}
pre {{ overflow: auto; border: 1px solid {LINE}; padding: 1em }}
"""


class Exported(NamedTuple):
    """A file to download: its name, its media type, its text."""

    name: str
    mime: str
    text: str


def export(kind: str, document: Document, report: Report, graph: Mapping[str, Any]) -> Exported:
    """A net as "svg", "html" or "prototxt"; pictures show what `graph`, made by `build_graph`, shows.

    A page refers to nothing outside itself, and no name in it is markup. Raises ValueError for another kind.
    """
    stem = printable(Path(document.path).stem if document.path else report.name or "net")
    if kind == "svg":
        return Exported(f"{stem}.svg", "image/svg+xml", to_svg(graph))
    if kind == "html":
        return Exported(f"{stem}.html", "text/html", to_html(document, report, graph))
    if kind == "prototxt":
        return Exported(f"{stem}.prototxt", "text/plain", document.text)
    raise ValueError(f"a net is exported as svg, html or prototxt; got {kind!r}")


def to_html(document: Document, report: Report, graph: Mapping[str, Any]) -> str:
    """A page of its own with the drawing, a table of the layers and the text."""
    title = escape(printable(report.name or (Path(document.path).name if document.path else "A net")))
    head = "".join(f"<th>{name}</th>" for name in HEAD)
    rows = "".join(_row(cost) for cost in costs(report, document.message))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{report.param_count:,} parameters</p>\n"
        f"<figure>{to_svg(graph)}</figure>\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
        f"<h2>Text</h2>\n<pre>{escape(printable(document.text))}</pre>\n</body>\n</html>\n"
    )


def _row(cost: Any) -> str:
    shape = "?" if cost.shape is None else " x ".join(map(str, cost.shape)) or "one value"
    work = "?" if cost.multiply_adds is None else f"{cost.multiply_adds:,}"
    cells = (escape(printable(cost.name)), escape(printable(cost.type)), shape)
    told = "".join(f"<td>{cell}</td>" for cell in cells)
    numbers = "".join(f'<td class="number">{number}</td>' for number in (f"{cost.parameters:,}", work))
    return f"<tr>{told}{numbers}</tr>\n"
