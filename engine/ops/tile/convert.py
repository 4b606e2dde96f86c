"""From plain arrays to private layouts, and back."""

from __future__ import annotations

import numpy as np

from .drive import Record, driver
from .layout import Blocked
from .target import lanes
from .vectors import array, record_view

V = lanes()
FIELDS = ("plain", "laid", "channels", "blocks", "height", "width", "image", "block", "row")
IMAGES = np.dtype([(name, np.int64) for name in FIELDS])
images = record_view(IMAGES)


@driver
def from_plain(address, begin, end):
    d = images(address)
    plane = d.height * d.width
    for item in range(begin, end):
        n, b = item // d.blocks, item % d.blocks
        full = min(V, d.channels - b * V)
        source = array(d.plain + 4 * (n * d.channels + b * V) * plane, full * plane)
        for h in range(d.height):
            target = array(d.laid + 4 * (n * d.image + b * d.block + h * d.row), d.width * V)
            for v in range(full):
                at = v * plane + h * d.width
                for w in range(d.width):
                    target[w * V + v] = source[at + w]
            if full < V:
                for w in range(d.width):
                    for v in range(full, V):
                        target[w * V + v] = np.float32(0)


@driver
def to_plain(address, begin, end):
    d = images(address)
    plane = d.height * d.width
    for item in range(begin, end):
        n, b = item // d.blocks, item % d.blocks
        full = min(V, d.channels - b * V)
        target = array(d.plain + 4 * (n * d.channels + b * V) * plane, full * plane)
        for h in range(d.height):
            source = array(d.laid + 4 * (n * d.image + b * d.block + h * d.row), d.width * V)
            for v in range(full):
                at = v * plane + h * d.width
                for w in range(d.width):
                    target[at + w] = source[w * V + v]


def _record(host: np.ndarray, place: Blocked) -> Record:
    _, channels, height, width = place.shape
    plain = host.__array_interface__["data"][0]
    values = plain, place.first, channels, place.blocks, height, width, place.image, place.block, place.row
    return Record(IMAGES, **dict(zip(FIELDS, values, strict=True)))


def plain_to_blocked(host: np.ndarray, place: Blocked) -> None:
    """Fill the blocked layout; its halo is zero already."""
    from_plain.run(_record(host, place), place.shape[0] * place.blocks)


def blocked_to_plain(place: Blocked, host: np.ndarray) -> None:
    """Fill the plain array (N, C, H, W)."""
    to_plain.run(_record(host, place), place.shape[0] * place.blocks)


TURN_FIELDS = ("source", "rows", "columns", "source_row", "target", "target_row")
TURN = np.dtype([(name, np.int64) for name in TURN_FIELDS])
turn = record_view(TURN)
SQUARE = 32  # rows and columns turned at once, so that both sides stay in the cache


@driver
def turn_over(address, begin, end):
    d = turn(address)
    for item in range(begin, end):
        last_column = min(d.columns, (item + 1) * SQUARE)
        source = array(d.source, d.rows * d.source_row)
        target = array(d.target, d.columns * d.target_row)
        for first_row in range(0, d.rows, SQUARE):
            last_row = min(d.rows, first_row + SQUARE)
            for c in range(item * SQUARE, last_column):
                for r in range(first_row, last_row):
                    target[c * d.target_row + r] = source[r * d.source_row + c]


def _address(array: np.ndarray | int) -> int:
    return array if isinstance(array, int) else array.__array_interface__["data"][0]


def transpose(
    source: np.ndarray | int, rows: int, columns: int, source_row: int, target: np.ndarray | int, target_row: int
) -> None:
    """target (columns, rows) = source (rows, columns), turned. Row strides count floats."""
    values = _address(source), rows, columns, source_row, _address(target), target_row
    turn_over.run(Record(TURN, **dict(zip(TURN_FIELDS, values, strict=True))), -(-columns // SQUARE))
