"""A graph as a picture: standalone SVG, for saved notebooks, exports and paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ...proto.printable import printable
from .layout import port_x

# The editor's own colours (editor.css), as a light page shows them.
COLOURS = {
    "vision": "#2f7ed8",
    "common": "#7a5fc7",
    "neuron": "#c77a12",
    "loss": "#c2409b",
    "data": "#2a9257",
    "fork": "#a05a3c",
    "python": "#1f8a9e",
    "unknown": "#7d8590",
}
ERROR, WARNING, INK, MUTED, LINE = "#d32f2f", "#e08600", "#1f2328", "#57606a", "#8c959f"
FONT = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', sans-serif"


def to_svg(graph: Mapping[str, Any]) -> str:
    """Draw a graph made by `build_graph`.  Every text is escaped; nothing outside the string is referred to."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    width, height = max(1, round(graph["width"])), max(1, round(graph["height"]))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{escape(FONT)}" role="img">',
        f"<title>Net of {len(nodes)} boxes and {len(graph['edges'])} edges</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    labelled: set[tuple[str, int]] = set()
    for edge in graph["edges"]:
        parts += _edge(edge, nodes, labelled)
    for node in nodes.values():
        parts += _node(node)
    return "\n".join([*parts, "</svg>"])


def _edge(edge: Mapping[str, Any], nodes: Mapping[str, Any], labelled: set[tuple[str, int]]) -> list[str]:
    source, target = nodes[edge["source"]], nodes[edge["target"]]
    x = source["x"] + port_x(source["w"], edge["source_port"], len(source["tops"]))
    y = source["y"] + source["h"]
    end_x = target["x"] + port_x(target["w"], edge["target_port"], len(target["bottoms"]))
    end_y = target["y"]
    points: Sequence[Sequence[float]] = edge.get("points") or ()
    if not points:
        reach = max(12.0, abs(end_y - y) / 2)
        points = ((x, y), (x, y + reach), (end_x, end_y - reach), (end_x, end_y))
    curve = " ".join(f"{px:g},{py:g}" for px, py in points[1:])
    arrow = f"M{end_x - 4:g} {end_y - 7:g}L{end_x:g} {end_y - 1:g}L{end_x + 4:g} {end_y - 7:g}"
    opacity = ' opacity="0.4"' if edge["dimmed"] else ""
    parts = [
        f'<path d="M{points[0][0]:g},{points[0][1]:g}C{curve}{arrow}" fill="none" stroke="{LINE}" '
        f'stroke-width="1.4"{opacity}/>'
    ]
    if edge["label"] and (edge["source"], edge["source_port"]) not in labelled:
        labelled.add((edge["source"], edge["source_port"]))
        parts.append(_text(x + 6, y + 14, edge["label"], 10.5, MUTED))
    return parts


def _node(node: Mapping[str, Any]) -> list[str]:
    x, y, w, h = node["x"], node["y"], node["w"], node["h"]
    colour = COLOURS[node["category"]]
    outline = ERROR if node["error"] else WARNING if node["warning"] else colour
    heavy = 2.5 if node["error"] or node["warning"] else 1
    parts = [f'<g{_opacity(node)}>', _tooltip(node)]
    if node["collapsed"]:
        parts.append(_rect(x + 5, y + 5, w, h, "#ffffff", colour, 1))
    parts += [
        _rect(x, y, w, h, "#ffffff", outline, heavy),
        f'<rect x="{x:g}" y="{y:g}" width="6" height="{h:g}" rx="3" fill="{colour}"/>',
        _text(x + 16, y + 18, shorten(node["name"], w, 7.6), 13, INK, "600"),
    ]
    kind = "" if node["collapsed"] else node["type"]
    note = f'<tspan fill="{MUTED}" dx="{6 if kind else 0}">{_clean(node["note"])}</tspan>' if node["note"] else ""
    parts.append(
        f'<text x="{x + 16:g}" y="{y + 33:g}" font-size="11.5" fill="{colour}">{_clean(kind)}{note}</text>'
    )
    for number, line in enumerate(node["lines"]):
        parts.append(_text(x + 16, y + 48 + 15 * number, shorten(line, w, 6.2), 11.5, MUTED))
    for number, strip in enumerate(node["folded"]):
        top, tint = y + node["head"] + 20 * number, COLOURS[strip["category"]]
        outline = ERROR if strip["error"] else WARNING if strip["warning"] else "none"
        parts += [
            f"<g{_opacity(strip)}>",
            _tooltip(strip),
            f'<rect x="{x + 10:g}" y="{top:g}" width="{w - 14:g}" height="18" rx="4" fill="{tint}" '
            f'fill-opacity="0.16" stroke="{outline}"/>',
            f'<text x="{x + 16:g}" y="{top + 13:g}" font-size="11" fill="{tint}">{_clean(strip["type"])}'
            f'<tspan fill="{MUTED}" dx="6">{_clean(strip["name"])}</tspan></text>',
            "</g>",
        ]
    for port in node["dangling"]:
        px = x + port_x(w, port, len(node["bottoms"]))
        parts.append(f'<path d="M{px:g} {y:g}v-14" stroke="{ERROR}" stroke-dasharray="3 3"/>')
        parts.append(_text(px, y - 18, f"{node['bottoms'][port]}?", 10.5, ERROR, anchor="middle"))
    return [*parts, "</g>"]


def shorten(text: str, width: float, letter: float) -> str:
    """Cut the middle out of a text too long for a box of this width: both ends of a layer's name tell."""
    room = max(4, int((width - 26) / letter))
    if len(text) <= room:
        return text
    return f"{text[: room // 2 - 1]}…{text[-(room - room // 2) :]}"


def _rect(x: float, y: float, w: float, h: float, fill: str, stroke: str, thick: float) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="6" fill="{fill}" '
        f'stroke="{stroke}" stroke-width="{thick}"/>'
    )


def _text(
    x: float, y: float, text: str, size: float, fill: str, weight: str = "400", anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="{anchor}">{_clean(text)}</text>'
    )


def _tooltip(thing: Mapping[str, Any]) -> str:
    said = [f"{thing['type']} {thing['name']}", *thing["details"], thing["error"], thing["warning"]]
    return f"<title>{_clean(chr(10).join(line for line in said if line))}</title>"


def _opacity(thing: Mapping[str, Any]) -> str:
    return ' opacity="0.4"' if thing["dimmed"] else ""


def _clean(text: str) -> str:
    """Escape a text for XML, which also has no way to hold most control characters."""
    return escape(printable(text, keep="\t\n"))
