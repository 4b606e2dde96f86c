"""Static pictures of what a bench shows: its curves as SVG, the array it looks into as PNG, all of it as one SVG.

They go into saved notebooks, for readers without a kernel. Every text is escaped, and nothing outside is referred to.
"""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from ..proto.printable import printable
from .curves import PALETTE, Series, decimate

POINTS = 800  # of a curve
PNG_LIMIT = 200_000  # bytes
WIDTH, HEIGHT = 720, 240  # of the curves
LEFT, RIGHT, TOP, BOTTOM = 56, 52, 26, 30  # margins around the axes
INK, MUTED, LINE = "#1f2328", "#57606a", "#d0d7de"
DIVERGING = ("#053061", "#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b", "#67001f")
GREY = ("#000000", "#ffffff")
NAN_COLOUR = (255, 0, 255)
SIDE = 480  # pixels that the picture of an array is wide, about


def curves_svg(series: Sequence[Series], x_label: str = "iteration") -> str:
    """The curves over their axes, decimated so that no peak is lost; empty where there is nothing to draw."""
    shown = [(one, PALETTE[k % len(PALETTE)]) for k, one in enumerate(series) if len(one.x)]
    if not shown:
        return ""
    xs = np.concatenate([np.array(one.x) for one, _ in shown])
    across = _span(xs)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for axis in ("left", "right"):
        mine = [(one, colour) for one, colour in shown if one.axis == axis]
        if mine:
            up = _span(np.concatenate([np.array(one.y) for one, _ in mine]))
            parts += _axis(axis, up)
            for one, colour in mine:
                parts += _line(one, colour, across, up)
    parts += _ticks_below(across, x_label)
    x = float(LEFT)
    for one, colour in shown:
        label = _clean(one.label)
        parts.append(f'<path d="M{x:g} 12h16" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 20:g}" y="16" fill="{INK}">{label}</text>')
        x += 34 + 6.4 * len(one.label)
    return "".join([*parts, "</svg>"])


def _line(series: Series, colour: str, across: tuple[float, float], up: tuple[float, float]) -> list[str]:
    """A faint line through all points under a smoothed one, or a line through the points of what is not noisy."""
    x, y = np.array(series.x), np.array(series.y)
    kept = decimate(y, POINTS)
    drawn = [(y[kept], 0.35 if series.noisy else 1.0, 1.0 if series.noisy else 2.0)]
    if series.noisy:
        drawn.append((np.array(series.smooth)[kept], 1.0, 2.0))
    found = []
    for values, opacity, width in drawn:
        for run in _finite_runs(values):
            places = [(_place_x(float(x[kept[k]]), across), _place_y(float(values[k]), up)) for k in run]
            points = " ".join(f"{left:.1f},{top:.1f}" for left, top in places)
            found.append(
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
                f'opacity="{opacity:g}" stroke-linejoin="round"/>'
            )
    return found


def _finite_runs(values: np.ndarray) -> list[np.ndarray]:
    """Indices of the stretches without a gap."""
    indices = np.flatnonzero(np.isfinite(values))
    return [run for run in np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1) if len(run)]


def _span(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _place_x(value: float, span: tuple[float, float]) -> float:
    return LEFT + (value - span[0]) / (span[1] - span[0]) * (WIDTH - LEFT - RIGHT)


def _place_y(value: float, span: tuple[float, float]) -> float:
    return HEIGHT - BOTTOM - (value - span[0]) / (span[1] - span[0]) * (HEIGHT - TOP - BOTTOM)


def _ticks(span: tuple[float, float], count: int) -> list[float]:
    """Round numbers within a span, about so many."""
    rough = (span[1] - span[0]) / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * k for k in (1, 2, 5, 10) if size * k >= rough)
    first = math.ceil(span[0] / step)
    return [k * step for k in range(first, math.floor(span[1] / step + 1e-9) + 1)]


def _axis(axis: str, up: tuple[float, float]) -> list[str]:
    left = axis == "left"
    x, anchor = (LEFT - 6, "end") if left else (WIDTH - RIGHT + 6, "start")
    found = []
    for tick in _ticks(up, 4):
        y = _place_y(tick, up)
        if left:
            found.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{LINE}"/>')
        found.append(f'<text x="{x}" y="{y + 4:.1f}" text-anchor="{anchor}" fill="{MUTED}">{tick:.6g}</text>')
    return found


def _ticks_below(across: tuple[float, float], label: str) -> list[str]:
    y = HEIGHT - BOTTOM
    found = [f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="{MUTED}"/>']
    for tick in _ticks(across, 6):
        x = _place_x(tick, across)
        found.append(f'<text x="{x:.1f}" y="{y + 14}" text-anchor="middle" fill="{MUTED}">{tick:.6g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [*found, f'<text x="{middle:g}" y="{HEIGHT - 3}" text-anchor="middle" fill="{MUTED}">{_clean(label)}</text>']


def array_png(frame: Mapping[str, Any], data: bytes) -> bytes:
    """What an array view shows, as a PNG of at most PNG_LIMIT bytes; empty where it shows nothing.

    `frame` and `data` are the message that draws it in the page (see `ArrayView.frame`).
    """
    if frame.get("shape") is None:
        return b""
    if frame["shown"] == "tiles":
        pixels = _tiles(frame, np.frombuffer(data, np.uint8))
    else:
        pixels = _bars(frame, np.frombuffer(data, np.float32 if frame["shown"] == "bars" else np.uint32))
    return _png(pixels)


def _tiles(frame: Mapping[str, Any], levels: np.ndarray) -> np.ndarray:
    """The tiles in rows, a pixel apart, in colours: (height, width, 3) of uint8."""
    count, height, width, channels = (frame[name] for name in ("count", "height", "width", "channels"))
    tiles = levels.reshape(count, height, width, channels)
    columns = frame["columns"] or min(count, max(1, SIDE // (max(width, 16) + 1)))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, 3), 255, np.uint8)
    table = _table(GREY if frame["settings"]["map"] == "grey" else DIVERGING)
    for k, tile in enumerate(tiles):
        y, x = k // columns * (height + 1), k % columns * (width + 1)
        sheet[y : y + height, x : x + width] = tile if channels == 3 else table[tile[..., 0]]
    return sheet


def _table(stops: Sequence[str]) -> np.ndarray:
    """The colours of levels 0 to 254, and of NaN as the last: (256, 3) of uint8."""
    colours = np.array([[int(stop[k : k + 2], 16) for k in (1, 3, 5)] for stop in stops], np.float64)
    places = np.linspace(0, len(stops) - 1, 255)
    table = np.stack([np.interp(places, np.arange(len(stops)), colours[:, k]) for k in range(3)], 1)
    return np.vstack([np.rint(table), [NAN_COLOUR]]).astype(np.uint8)


def _bars(frame: Mapping[str, Any], values: np.ndarray) -> np.ndarray:
    """Bars from zero, two pixels each at least: (height, width, 3) of uint8."""
    heights = np.nan_to_num(values.astype(np.float64))
    low, high = (0.0, float(heights.max(initial=0))) if frame["shown"] == "histogram" else (frame["low"], frame["high"])
    tall, wide = 160, max(2, SIDE // max(1, len(heights)))
    scale = (tall - 1) / ((high - low) or 1)
    rows = np.arange(tall)[::-1, None] / scale + low
    inside = ((rows >= 0) & (rows <= heights)) | ((rows < 0) & (rows >= heights))
    return np.where(np.repeat(inside, wide, 1)[..., None], *np.array([[34, 131, 199], [255, 255, 255]], np.uint8))


def _png(pixels: np.ndarray) -> bytes:
    """A PNG: small pictures enlarged by whole factors, large ones reduced until they fit the limit."""
    from PIL import Image

    image = Image.fromarray(pixels)
    factor = max(1, min(SIDE // image.width, SIDE // image.height))
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    longest = 2 * SIDE
    while True:
        if max(image.size) > longest:
            share = longest / max(image.size)
            smaller = max(1, round(image.width * share)), max(1, round(image.height * share))
            image = image.resize(smaller, Image.Resampling.BOX)
        file = io.BytesIO()
        image.save(file, "PNG", optimize=True)
        if file.tell() <= PNG_LIMIT:
            return file.getvalue()
        longest = max(image.size) * 3 // 4


def composed(net: str, curves: str, array: bytes, title: str) -> str:
    """One SVG of the drawing of a net, the curves below it, and below these the picture of an array with its title."""
    parts = [(svg, *_size(svg)) for svg in (net, curves) if svg]
    if array:
        from PIL import Image

        width, height = Image.open(io.BytesIO(array)).size
        url = f"data:image/png;base64,{base64.b64encode(array).decode()}"
        look = f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}"'
        text = f'<text x="8" y="16" {look}>{_clean(title)}</text>'
        image = f'<image x="8" y="24" width="{width}" height="{height}" href="{url}" image-rendering="pixelated"/>'
        parts.append((f"<g>{text}{image}</g>", width + 16, height + 32))
    if len(parts) == 1 and net:
        return net
    wide, y, placed = max((part[1] for part in parts), default=1), 0, []
    for svg, _, height in parts:
        placed.append(f'<g transform="translate(0 {y})">{svg}</g>')
        y += height + 12
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{y or 1}" viewBox="0 0 {wide} {y or 1}">'
    return "\n".join([head, f'<rect width="{wide}" height="{y}" fill="#ffffff"/>', *placed, "</svg>"])


def _size(svg: str) -> tuple[int, int]:
    found = re.search(r'width="(\d+)" height="(\d+)"', svg)
    return (int(found[1]), int(found[2])) if found else (1, 1)


def _clean(text: str) -> str:
    return escape(printable(text))
